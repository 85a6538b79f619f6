"""`tradewind get orphans`: topics that outlived their Brokers."""

import json

import typer

from tradewind import runtime
from tradewind.cli.output import Output
from tradewind.cli.tables import table
from tradewind.config import Settings
from tradewind.ports import EventLog


def get(settings: Settings, namespace: str, output: Output) -> None:
    """Topics of Brokers that are gone from the cluster, and that could not be deleted with them."""

    async def work(log: EventLog) -> list[tuple[str, str, str, str]]:
        found = await runtime.orphans(settings, log)
        rows = ((topic, owner.broker.namespace, owner.broker.name, owner.uid) for topic, owner in found.items())
        return [row for row in rows if namespace in ("", row[1])]

    rows = runtime.once(settings, work)
    if output is Output.JSON:
        names = ("topic", "namespace", "broker", "uid")
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
    elif rows:
        typer.echo(table(("TOPIC", "NAMESPACE", "BROKER", "UID"), rows))
        typer.echo(
            "Their Brokers are gone.  Whoever needs their events no longer deletes them: kafka-topics.sh --delete."
        )

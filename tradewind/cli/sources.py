"""`tradewind get sources`."""

import json
import time
from collections.abc import Collection

import typer

from tradewind import runtime
from tradewind.cli.output import Output
from tradewind.cli.source_rows import Row, as_text, held_row, place, row
from tradewind.cli.triggers import plan_of
from tradewind.config import Settings
from tradewind.ports import EventLog
from tradewind.sources.positions import View
from tradewind.trigger_dispatcher.outside import whole


async def view_of(log: EventLog, topic: str) -> View:
    """What the sources' topic holds; nothing where it is not there, as no sources process has run yet."""
    view = View()
    if (info := (await log.topics([topic])).get(topic)) is not None:
        async for record in whole(log, info):
            if record.key is not None:
                view.apply(record.key, record.value)
    return view


def get(settings: Settings, namespace: str, output: Output) -> None:
    """How each source that is declared stands, whoever runs it."""
    plan = plan_of(settings, sources=True)
    wanted = [(kind, one) for (kind, name), one in sorted(plan.sources.items()) if namespace in ("", name.namespace)]
    held = [(key, why) for key, why in plan.held.items() if namespace in ("", key[1].namespace)]

    async def work(log: EventLog) -> tuple[list[Row], Collection[str]]:
        view = await view_of(log, settings.sources_topic)
        members = await log.members(settings.sources_group)
        rows = [row(kind, one, view, members) for kind, one in wanted]
        return sorted([*rows, *(held_row(*key, why) for key, why in held)], key=place), members

    rows, members = runtime.once(settings, work)
    if not members:
        group = settings.sources_group
        typer.echo(f"warning: no sources process is a member of the group {group}: nothing runs", err=True)
    if output is Output.JSON:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        typer.echo(as_text(rows, time.time()))
    else:
        typer.echo("No sources found.", err=True)

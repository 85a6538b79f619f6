"""`tradewind get eventtypes`: what there is to subscribe to."""

import json

import typer

from tradewind import runtime
from tradewind.cli import catalogue
from tradewind.cli.output import Output
from tradewind.config import Settings
from tradewind.ports import EventLog
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.view import View


def get(settings: Settings, namespace: str, output: Output) -> None:
    """The types of events that EventTypes declare, and those that were seen at Brokers that have them noted."""
    resources = runtime.manifests(settings)
    plan = runtime.planned(settings, resources)

    async def work(log: EventLog) -> View:
        return await outside.view_of(log, settings.cursors_topic)

    rows = catalogue.rows(resources, plan, runtime.once(settings, work).types, namespace)
    if output is Output.JSON:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        typer.echo(catalogue.as_text(rows))
    else:
        typer.echo("No EventTypes found.", err=True)

"""`tradewind pause`, `resume` and `get triggers`."""

import getpass
import json
import os
import socket
import time
from collections.abc import Collection, Mapping

import typer

from tradewind import runtime
from tradewind.cli import naming
from tradewind.cli.output import Output
from tradewind.cli.standing import Row, as_text, row
from tradewind.config import Settings
from tradewind.plan import Plan
from tradewind.ports import Bounds, EventLog
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.cursors import PartitionId, PauseRecord


def who() -> str:
    """Who gives this command, for the records that say so; a container's user may have no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def plan_of(settings: Settings, *, sources: bool = False) -> Plan:
    """What the manifests ask for; of a cluster, its Triggers or its `sources`.  Raises InvalidManifest."""
    return runtime.planned(settings, runtime.manifests(settings, sources=sources))


def pause(settings: Settings, trigger: NamespacedName, why: str) -> None:
    """Pause a Trigger of the manifests."""
    naming.known_trigger(plan_of(settings), trigger, where="TRIGGER")

    async def work(log: EventLog) -> PauseRecord | None:
        there = (await outside.view_of(log, settings.cursors_topic)).paused.get(trigger)
        if there is None:
            await outside.pause(log, settings.cursors_topic, trigger, PauseRecord(who(), time.time(), why))
        return there

    there = runtime.once(settings, work)
    if there is None:
        typer.echo(f"trigger/{trigger.name} paused")
        return
    because = f": {there.why}" if there.why else ""
    typer.echo(f"trigger/{trigger.name} is paused already, by {there.who}{because}")


def resume(settings: Settings, trigger: NamespacedName) -> None:
    """Resume a Trigger, also one that the manifests hold no longer."""

    async def work(log: EventLog) -> bool:
        there = trigger in (await outside.view_of(log, settings.cursors_topic)).paused
        if there:
            await outside.pause(log, settings.cursors_topic, trigger, None)
        return there

    if not runtime.once(settings, work):
        naming.known_trigger(plan_of(settings), trigger, where="TRIGGER")
        typer.echo(f"trigger/{trigger.name} is not paused")
        return
    typer.echo(f"trigger/{trigger.name} resumed")


def get(settings: Settings, namespace: str, output: Output) -> None:
    """Where each Trigger of the manifests stands."""
    plan = plan_of(settings)
    triggers = [one for name, one in sorted(plan.triggers.items()) if namespace in ("", name.namespace)]

    async def work(log: EventLog) -> tuple[list[Row], Collection[str]]:
        view = await outside.view_of(log, settings.cursors_topic)
        members = await log.members(settings.dispatcher_group)
        topics = await log.topics({one.topic for one in triggers})
        known: dict[str, Mapping[PartitionId, Bounds]] = {}
        for name, topic in topics.items():
            bounds = await outside.bounds_of(log, topic)
            known[name] = {PartitionId(topic.id, at.partition): one for at, one in bounds.items()}
        return [row(one, view, known.get(one.topic, {}), members) for one in triggers], members

    rows, members = runtime.once(settings, work)
    if not members:
        group = settings.dispatcher_group
        typer.echo(f"warning: no dispatcher is a member of the group {group}: nothing is delivered", err=True)
    if output is Output.JSON:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        typer.echo(as_text(rows, time.time()))
    else:
        typer.echo("No Triggers found.", err=True)

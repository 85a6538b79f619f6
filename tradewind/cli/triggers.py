"""`tradewind pause`, `resume` and `get triggers`."""

import getpass
import json
import os
import socket
import time
from collections.abc import Mapping
from typing import TypedDict

import typer

from tradewind import runtime
from tradewind.cli import naming
from tradewind.cli.output import Output
from tradewind.cli.tables import table
from tradewind.config import Settings
from tradewind.plan import Plan, TriggerPlan
from tradewind.ports import Bounds, EventLog, TopicInfo
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.cursors import PartitionId, PauseRecord, View


def who() -> str:
    """Who gives this command, for the records that say so; a container's user may have no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def plan_of(settings: Settings) -> Plan:
    """What the manifests ask for.  Raises InvalidManifest."""
    return runtime.planned(settings, runtime.manifests(settings))


def pause(settings: Settings, trigger: NamespacedName, why: str) -> None:
    """Pause a Trigger of the manifests."""
    naming.known_trigger(plan_of(settings), trigger, where="TRIGGER")

    async def work(log: EventLog) -> bool:
        there = trigger in (await outside.view_of(log, settings.cursors_topic)).paused
        if not there:
            await outside.pause(log, settings.cursors_topic, trigger, PauseRecord(who(), time.time(), why))
        return there

    unchanged = runtime.once(settings, work)
    typer.echo(f"trigger/{trigger.name} {'is paused already' if unchanged else 'paused'}")


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


class Row(TypedDict):
    """One Trigger."""

    namespace: str
    name: str
    broker: str
    state: str
    owed: int
    behind: int
    paused: Mapping[str, object] | None


def get(settings: Settings, namespace: str, output: Output) -> None:
    """Where each Trigger of the manifests stands."""
    plan = plan_of(settings)
    triggers = [one for name, one in sorted(plan.triggers.items()) if namespace in ("", name.namespace)]

    async def work(log: EventLog) -> list[Row]:
        view = await outside.view_of(log, settings.cursors_topic)
        topics = await log.topics({one.topic for one in triggers})
        bounds = {name: await outside.bounds_of(log, topic) for name, topic in topics.items()}
        ends = {at: one for found in bounds.values() for at, one in found.items()}
        places = {at: PartitionId(topics[at.topic].id, at.partition) for at in ends}
        known = {places[at]: one for at, one in ends.items()}
        return [_row(one, view, topics.get(one.topic), known) for one in triggers]

    rows = runtime.once(settings, work)
    if output is Output.JSON:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        columns = ("NAMESPACE", "NAME", "BROKER", "STATE", "OWED", "BEHIND")
        cells = ([r["namespace"], r["name"], r["broker"], r["state"], r["owed"], r["behind"]] for r in rows)
        typer.echo(table(columns, cells))
    else:
        typer.echo("No Triggers found.", err=True)


def _row(trigger: TriggerPlan, view: View, topic: TopicInfo | None, known: Mapping[PartitionId, Bounds]) -> Row:
    """`behind` counts records that the dispatchers have not looked at for this Trigger."""
    paused, owed, behind, unserved = view.paused.get(trigger.name), 0, 0, topic is None
    for here, bounds in known.items():
        if topic is None or here.topic_id != topic.id:
            continue
        state = view.state(trigger.name, here)
        if state is None:
            unserved = True
            continue
        owed += len(state.owed)
        behind += max(0, bounds.end - max(bounds.start, state.next))
    shown = "Paused" if paused else "Unserved" if unserved else "Ready"
    told = {"who": paused.who, "since": paused.since, "why": paused.why} if paused else None
    name = trigger.name
    return Row(
        namespace=name.namespace, name=name.name, broker=trigger.broker.name, state=shown, owed=owed, behind=behind,
        paused=told,
    )  # fmt: skip

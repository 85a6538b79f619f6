"""Where a Trigger stands, as `tradewind get triggers` says it.  Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypedDict

from tradewind.cli.tables import age, table
from tradewind.plan import TriggerPlan
from tradewind.ports import Bounds
from tradewind.trigger_dispatcher.cursors import OpenCircuit, PartitionId, StatusRecord
from tradewind.trigger_dispatcher.view import View

COLUMNS = ("NAMESPACE", "NAME", "BROKER", "STATE", "OWED", "RETRYING", "BEHIND", "ALARMS")


class Circuit(TypedDict):
    """A target that is taken for down."""

    target: str
    address: str
    since: float
    why: str


class Blocked(TypedDict):
    """A key that holds up the whole Trigger on a partition; None is the lack of one."""

    partition: int
    key: str | None
    since: float


class Raised(TypedDict):
    """An alarm of one kind on a partition."""

    alarm: str
    partition: int
    last: float
    times: int
    gone: int


class Row(TypedDict):
    """One Trigger; times are seconds since the epoch.

    `retrying` are those owed that wait for a retry; `behind` counts records that the dispatchers have not looked at
    for it.
    """

    namespace: str
    name: str
    broker: str
    state: str
    owed: int
    retrying: int
    behind: int
    paused: Mapping[str, object] | None
    circuits: Sequence[Circuit]
    blocked: Sequence[Blocked]
    alarms: Sequence[Raised]


def row(trigger: TriggerPlan, view: View, here: Mapping[PartitionId, Bounds], members: Collection[str]) -> Row:
    """What is known of a Trigger: `here` are the partitions of its topic, none where that is not there, `members` the
    slots of the dispatchers that are."""
    name, paused = trigger.name, view.paused.get(trigger.name)
    owed = retrying = behind = 0
    unserved = not here
    said: dict[PartitionId, StatusRecord] = {}
    for at, bounds in sorted(here.items()):
        said[at] = view.status(name, at, members)
        state = view.state(name, at)
        if state is None:
            unserved = True
            continue
        owed += len(state.owed)
        retrying += sum(entry.recorded for entry in state.owed)
        behind += max(0, bounds.end - max(bounds.start, state.next))
    found = Row(
        namespace=name.namespace,
        name=name.name,
        broker=trigger.broker.name,
        state="",
        owed=owed,
        retrying=retrying,
        behind=behind,
        paused={"who": paused.who, "since": paused.since, "why": paused.why} if paused else None,
        circuits=_circuits(circuit for record in said.values() for circuit in record.circuits),
        blocked=[
            Blocked(partition=at.partition, key=record.blocked.key, since=record.blocked.since)
            for at, record in said.items()
            if record.blocked
        ],
        alarms=[
            Raised(alarm=what, partition=at.partition, last=alarm.last, times=alarm.times, gone=alarm.gone)
            for at, record in said.items()
            for what, alarm in sorted(record.alarms.items())
        ],
    )
    found["state"] = _state(found, unserved=unserved)
    return found


def _state(found: Row, *, unserved: bool) -> str:
    if found["paused"]:
        return "Paused"
    if unserved:
        return "Unserved"
    if found["blocked"]:
        return "Blocked"
    return "Probing" if any(circuit["target"] == "subscriber" for circuit in found["circuits"]) else "Ready"


def _circuits(said: Iterable[OpenCircuit]) -> Sequence[Circuit]:
    """Each address once: a dispatcher says it on each of its partitions, and others have circuits of their own."""
    first: dict[tuple[str, str], OpenCircuit] = {}
    for one in said:
        key = one.target.value, one.address
        if key not in first or one.since < first[key].since:
            first[key] = one
    return [
        Circuit(target=target, address=address, since=one.since, why=one.why)
        for (target, address), one in sorted(first.items())
    ]


def as_text(rows: Sequence[Row], now: float) -> str:
    """A table of the Triggers, and a line for whatever else there is to say of one."""
    cells = [
        (
            *(one["namespace"], one["name"], one["broker"], one["state"], one["owed"], one["retrying"], one["behind"]),
            sum(alarm["times"] for alarm in one["alarms"]),
        )
        for one in rows
    ]
    lines = [f"{one['namespace']}/{one['name']}: {line}" for one in rows for line in _details(one, now)]
    return "\n".join([table(COLUMNS, cells), *([""] if lines else []), *lines])


def _details(one: Row, now: float) -> Iterable[str]:
    if paused := one["paused"]:
        since, why = age(now - float(str(paused["since"]))), f": {paused['why']}" if paused["why"] else ""
        yield f"paused for {since} by {paused['who']}{why}"
    for circuit in one["circuits"]:
        what = "circuit open" if circuit["target"] == "subscriber" else "circuit to the dead-letter sink open"
        yield f"{what} for {age(now - circuit['since'])}, {circuit['address']}: {circuit['why']}"
    for blocked in one["blocked"]:
        key = "an event without a key" if blocked["key"] is None else f"key {blocked['key']}"
        since = age(now - blocked["since"])
        yield f"{key} waits for a retry and holds up all of partition {blocked['partition']}, for {since}"
    for alarm in one["alarms"]:
        times = f", {alarm['times']} times" if alarm["times"] > 1 else ""
        gone = f": {alarm['gone']} events gone, at the most" if alarm["gone"] else ""
        yield f"{alarm['alarm']} on partition {alarm['partition']}{times}, last {age(now - alarm['last'])} ago{gone}"

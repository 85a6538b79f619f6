"""How a source stands, as `tradewind get sources` says it.  Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict

from tradewind.cli.tables import age, table
from tradewind.plan import SourcePlan
from tradewind.resources.model import NamespacedName
from tradewind.sources.positions import SourceKey, StatusRecord, View

COLUMNS = ("NAMESPACE", "KIND", "NAME", "SINK", "STATE", "LAST EVENT", "OWNER")
UNSERVED = "Unserved"
"""No sources process runs it."""
HELD = "Held"
"""It cannot run."""


class Process(TypedDict):
    """A process that runs the source, by its slot; times are seconds since the epoch."""

    slot: str
    state: str
    since: float
    connected: float | None
    event: float | None
    error: str
    error_at: float | None
    in_flight: int


class Row(TypedDict):
    """One source.  `processes` are those that run it: one, or all where it is of a kind that runs everywhere."""

    namespace: str
    kind: str
    name: str
    sink: str
    state: str
    position: object
    processes: Sequence[Process]


def row(kind: str, source: SourcePlan, view: View, members: Collection[str]) -> Row:
    """What is known of a source; `members` are the slots of the sources processes that are there."""
    key = SourceKey(kind, source.source.metadata.name)
    uid = source.source.metadata.uid
    said = [status for status in view.statuses.get(key, {}).values() if status.uid == uid]
    said.sort(key=lambda status: status.slot)
    there = [status for status in said if status.slot in members]
    return Row(
        namespace=key.name.namespace,
        kind=kind,
        name=key.name.name,
        sink=f"broker:{source.broker}" if source.broker else source.sink.url or f"nowhere: {source.sink.why}",
        state=_state(there),
        position=view.position(key, source.source.metadata.uid),
        processes=[_process(status) for status in there],
    )


def held_row(kind: str, name: NamespacedName, why: str) -> Row:
    """A source that is there and cannot run."""
    sink = f"nowhere: {why}"
    return Row(namespace=name.namespace, kind=kind, name=name.name, sink=sink, state=HELD, position=None, processes=[])


def place(one: Row) -> tuple[str, str, str]:
    """Where it stands among others."""
    return one["kind"], one["namespace"], one["name"]


def _process(status: StatusRecord) -> Process:
    return Process(
        slot=status.slot,
        state=status.state,
        since=status.since,
        connected=status.connected,
        event=status.event,
        error=status.error,
        error_at=status.error_at,
        in_flight=status.in_flight,
    )


def _state(there: Sequence[StatusRecord]) -> str:
    """Of several processes the first that is not well speaks for all."""
    states = [status.state for status in there]
    return next((state for state in states if state != "Ready"), "Ready") if states else UNSERVED


def as_text(rows: Sequence[Row], now: float) -> str:
    """A table of the sources, and a line for whatever else there is to say of one."""
    cells = [
        (
            *(one["namespace"], one["kind"], one["name"], one["sink"], one["state"]),
            _last(one, now),
            ", ".join(process["slot"] for process in one["processes"]),
        )
        for one in rows
    ]
    lines = [f"{one['kind']} {one['namespace']}/{one['name']}: {line}" for one in rows for line in _details(one, now)]
    return "\n".join([table(COLUMNS, cells), *([""] if lines else []), *lines])


def _last(one: Row, now: float) -> str:
    events = [process["event"] for process in one["processes"] if process["event"] is not None]
    return f"{age(now - max(events))} ago" if events else ""


def _details(one: Row, now: float) -> Iterable[str]:
    for process in one["processes"]:
        if one["kind"] == "ContainerSource" and process["connected"] is not None:
            yield f"running for {age(now - process['connected'])} in {process['slot']}"
        if process["state"] not in ("Ready", "Ended"):
            yield f"{process['state']} for {age(now - process['since'])} in {process['slot']}"
        if process["error"] and process["error_at"] is not None:
            yield f"last error {age(now - process['error_at'])} ago: {process['error']}"

"""The types of events that there are: those that EventTypes declare, and those that dispatchers noted.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from tradewind.cli.tables import table
from tradewind.plan import Plan
from tradewind.resources.model import EventType, NamespacedName, Resource
from tradewind.trigger_dispatcher.cursors import TypeRecord

COLUMNS = ("NAMESPACE", "BROKER", "TYPE", "SOURCE", "SCHEMA", "KNOWN", "DESCRIPTION")
DECLARED = "declared"
SEEN = "seen"


class Row(TypedDict):
    """A type and source at a Broker; texts are empty where nothing is said."""

    namespace: str
    broker: str
    type: str
    source: str
    schema: str
    known: list[str]
    """`declared` by an EventType, `seen` flowing, or both."""
    description: str


def rows(
    resources: Iterable[Resource], plan: Plan, noted: Mapping[NamespacedName, Mapping[str, TypeRecord]], namespace: str
) -> list[Row]:
    """All of them, or those of a namespace's Brokers.  What Brokers left that are gone is none."""
    found: dict[tuple[NamespacedName, str, str], Row] = {}
    for one in resources:
        if isinstance(one, EventType):
            ref, own = one.reference, one.metadata.name
            broker = NamespacedName(ref.namespace, ref.name) if ref is not None and ref.kind == "Broker" else None
            at = broker or NamespacedName(own.namespace, "")
            found[at, one.type, one.source or ""] = Row(
                namespace=at.namespace,
                broker=at.name,
                type=one.type,
                source=one.source or "",
                schema=one.schema or "",
                known=[DECLARED],
                description=one.description or "",
            )
    for broker, types in noted.items():
        there = plan.brokers.get(broker)
        for record in types.values():
            if there is None or there.uid != record.uid:
                continue
            row = found.setdefault(
                (broker, record.type, record.source),
                Row(
                    namespace=broker.namespace,
                    broker=broker.name,
                    type=record.type,
                    source=record.source,
                    schema=record.schema,
                    known=[],
                    description="",
                ),
            )
            row["known"].append(SEEN)
    return [row for (at, _, _), row in sorted(found.items()) if namespace in ("", at.namespace)]


def as_text(found: Sequence[Row]) -> str:
    """A table of them."""
    return table(COLUMNS, map(_cells, found))


def _cells(row: Row) -> Sequence[str]:
    known = ",".join(row["known"])
    return row["namespace"], row["broker"], row["type"], row["source"], row["schema"], known, row["description"]

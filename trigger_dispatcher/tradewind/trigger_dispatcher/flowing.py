"""The types of events that flow through a Broker, each noted once: what EventTypes are made of (knative-eventing §2.6).

    event ──note──► known?  ──no──► fresh ──to_write──► a record among the cursors ──absorb──► known
                      └── as many as are kept, or too long: left out, and counted

A type is known with its source.  What is known is what the cursors topic holds of this very Broker, whoever wrote it,
and what is on its way there; so a process that starts anew writes nothing again, and what was removed there is written
when it is seen again.  This is a catalogue: a type that was seen once, just before a process died, may be missing in it
until its next event.
"""

from collections.abc import Iterator, Mapping

from tradewind.plan import BrokerPlan
from tradewind.resources import event_types
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import TypeRecord

MOST = 1000
"""Types that are kept for a Broker.  Whoever puts an order's number into `type` or `source` has one for each event;
this many are more than people look through, and some 500 KB in the memory of every dispatcher."""

LONGEST = 2048
"""Characters of type, source and schema together; what is longer names no type that anybody would look for."""


class Flowing:
    """What is known to flow through one Broker."""

    __slots__ = ("_digests", "_fresh", "_full", "_known", "_refused", "broker", "left_out", "uid")

    def __init__(self, plan: BrokerPlan) -> None:
        self.broker = plan.name
        self.uid = plan.uid
        self.left_out = 0
        """Events of types that are not kept, since this process began."""
        self._known: set[tuple[str, str]] = set()
        self._digests: set[str] = set()
        """Of what is known.  Two that have one (as `ab` of `c` and `a` of `bc`) are one, as they are in Knative."""
        self._fresh: dict[str, TypeRecord] = {}
        self._refused: dict[str, TypeRecord] = {}
        self._full = False

    def note(self, attributes: Mapping[str, str]) -> None:
        """An event with these attributes flows.  Called for every one: what is known costs a look into a set."""
        key = (attributes["type"], attributes["source"])
        if key not in self._known:
            self._first(*key, attributes.get("dataschema", ""))

    def _first(self, type: str, source: str, schema: str) -> None:
        if self._full or len(self._known) >= MOST or len(type) + len(source) + len(schema) > LONGEST:
            self.left_out += 1
            return
        self._known.add((type, source))
        digest = event_types.digest(self.broker, type, source)
        if digest not in self._digests:
            self._digests.add(digest)
            self._fresh[digest] = TypeRecord(type, source, schema, self.uid)

    @property
    def fresh(self) -> bool:
        """Whether there is anything that may have to be written."""
        return bool(self._fresh)

    def absorb(self, held: Mapping[str, TypeRecord]) -> None:
        """What the cursors topic holds for the Broker's name now, by digest: it, and what is fresh, is known."""
        ours = {digest: record for digest, record in held.items() if record.uid == self.uid}
        for digest in self._fresh.keys() & ours.keys():
            del self._fresh[digest]
        self._full = len(ours) >= MOST
        if self._full:
            self.left_out += len(self._fresh)
            self._fresh.clear()
        known = {**ours, **self._fresh, **self._refused}
        self._known = {(one.type, one.source) for one in known.values()}
        self._digests = set(known)

    def to_write(self, held: Mapping[str, TypeRecord]) -> list[tuple[str, TypeRecord]]:
        """The records to write now, by digest, so that no more are held than are kept; they stay fresh."""
        ours = sum(record.uid == self.uid for record in held.values())
        return list(self._fresh.items())[: max(0, MOST - ours)]

    def refused(self, digest: str) -> None:
        """The log never takes this record: it counts as known, so that it is not asked again for each event."""
        self._refused[digest] = self._fresh.pop(digest)
        self.left_out += 1


def adopted(before: Mapping[str, Flowing], brokers: Mapping[NamespacedName, BrokerPlan]) -> Mapping[str, Flowing]:
    """By topic, of the Brokers that are switched on; what is known of one that was before stays known."""
    now: dict[str, Flowing] = {}
    for plan in brokers.values():
        if plan.event_types:
            old = before.get(plan.topic.name)
            same = old is not None and (old.broker, old.uid) == (plan.name, plan.uid)
            now[plan.topic.name] = old if old is not None and same else Flowing(plan)
    return now


def gone(
    held: Mapping[NamespacedName, Mapping[str, TypeRecord]], brokers: Mapping[NamespacedName, BrokerPlan]
) -> Iterator[tuple[NamespacedName, str]]:
    """What the cursors topic holds of Brokers that are not there (any more): Broker and digest.

    Of one that was switched off it stays: nothing is noted any more, and nothing forgotten.
    """
    for name, types in held.items():
        plan = brokers.get(name)
        for digest, record in types.items():
            if plan is None or plan.uid != record.uid:
                yield name, digest

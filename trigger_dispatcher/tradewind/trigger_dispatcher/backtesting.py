"""What a changed filter would gain and lose of the events that are stored.  Pure.

    record ──the attributes that either filter looks at──► neither takes it: nearly always, and all that is done
                                                     └──► the whole event ──both filters──► gained, lost, or as before

An event that was redriven is for its Trigger alone, and no filter is asked; what is no event nobody gets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tradewind.events import kafka, stored
from tradewind.filters.cel import Activation
from tradewind.filters.compiling import Matches, compiled, compiled_with_data
from tradewind.filters.names import names
from tradewind.filters.tree import AnyOf, Filter, by_attributes, sees_data
from tradewind.ports import Bounds, Record, TopicPartition
from tradewind.trigger_dispatcher.addressed import addressee

NOTHING = AnyOf(())
"""The filter of a Trigger that is not there yet."""

_NOBODY_LOOKS = Activation({})


class Change(NamedTuple):
    """A stored event that the changed filter takes and the other does not, or the other way round."""

    partition: int
    offset: int
    time: float
    """When it was stored (wall clock)."""
    id: str
    source: str
    type: str


@dataclass(slots=True)
class Difference:
    """What came of it for one Trigger."""

    before: int = 0
    """Events that the filter takes as it is."""
    after: int = 0
    """Events that the changed filter takes."""
    gained: int = 0
    lost: int = 0
    gains: list[Change] = field(default_factory=list)
    """The first of those gained."""
    losses: list[Change] = field(default_factory=list)
    """The first of those lost."""


class Backtest:
    """One Trigger's filters, as it is and changed, asked of records as they are told."""

    def __init__(self, before: Filter, after: Filter, *, show: int, max_data_bytes: int) -> None:
        self.found = Difference()
        self._show = show
        self._max_data_bytes = max_data_bytes
        self._may = _either(before, after)
        self._sees_data = sees_data(before) or sees_data(after)
        self._before, self._after = compiled_with_data(before), compiled_with_data(after)
        wanted = names(before) | names(after) | {"datacontenttype"}
        self._headers = {_header(name): name for name in wanted}

    def tell(self, records: Iterable[Record]) -> None:
        """The next records."""
        headers, may = self._headers, self._may
        for record in records:
            try:
                attributes = {headers[name]: held.decode() for name, held in record.headers if name in headers}
            except UnicodeDecodeError:  # no event
                continue
            if may(attributes) or _is_structured(attributes):
                self._ask(record)

    def _ask(self, record: Record) -> None:
        if addressee(record.headers) is not None or (event := stored.event(record.headers, record.value)) is None:
            return
        activation = _NOBODY_LOOKS
        if self._sees_data:
            activation = Activation(event.attributes, event.data, max_data_bytes=self._max_data_bytes)
        before, after = (asked(event.attributes, activation) for asked in (self._before, self._after))
        found = self.found
        found.before += before
        found.after += after
        if before is after:
            return
        change = Change(record.partition, record.offset, record.timestamp, event.id, event.source, event.type)
        found.gained += after
        found.lost += before
        listed = found.gains if after else found.losses
        if len(listed) < self._show:
            listed.append(change)


def _either(before: Filter, after: Filter) -> Matches:
    """Whether one of them may take an event with these attributes."""
    return compiled(AnyOf((by_attributes(before), by_attributes(after))))


def _header(name: str) -> str:
    return kafka.CONTENT_TYPE if name == "datacontenttype" else kafka.PREFIX + name


def _is_structured(attributes: Mapping[str, str]) -> bool:
    return attributes.get("datacontenttype", "")[: len(kafka.FAMILY)].lower().encode() == kafka.FAMILY


def newest(bounds: Mapping[TopicPartition, Bounds], limit: int) -> dict[TopicPartition, Bounds]:
    """The newest `limit` offsets of these, of each partition as large a part."""
    total, parts, before = sum(one.end - one.start for one in bounds.values()), {}, 0
    if total <= limit:
        return dict(bounds)
    for at, one in bounds.items():  # what the parts are rounded by, the next one has more: together they are `limit`
        upto = before + one.end - one.start
        parts[at] = one._replace(start=one.end - (upto * limit // total - before * limit // total))
        before = upto
    return parts


class Covered:
    """Which offsets were read, in order on each partition."""

    def __init__(self, bounds: Mapping[TopicPartition, Bounds]) -> None:
        self._bounds = bounds
        self._next = {at: one.start for at, one in bounds.items()}
        self.records = 0

    def tell(self, records: Iterable[Record]) -> None:
        """The next records."""
        for record in records:
            self._next[TopicPartition(record.topic, record.partition)] = record.offset + 1
            self.records += 1

    def whole(self) -> None:
        """All was read: what had no record was a hole."""
        self._next = {at: one.end for at, one in self._bounds.items()}

    @property
    def offsets(self) -> int:
        """How many."""
        return sum(end - self._bounds[at].start for at, end in self._next.items())

    def stretches(self) -> list[tuple[int, int, int]]:
        """Partition, first offset and the one behind the last, of each partition of which something was read."""
        found = ((at.partition, self._bounds[at].start, end) for at, end in self._next.items())
        return sorted(one for one in found if one[1] < one[2])

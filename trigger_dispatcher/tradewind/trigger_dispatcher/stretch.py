"""A stretch of a partition as it was read: what will be asked for again is kept, so that it is not read again.

    [start ............ end)        records from `start` on; the log was seen up to `end`, holes included
         ▲ forget(below)

Stretches are a bounded memory of the log and decide nothing, as long as they are forgotten when the log is cut: what is
dropped is read again.
"""

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from operator import attrgetter
from typing import Generic, TypeVar

from tradewind.ports import Record

Place = TypeVar("Place", bound=Hashable)

_OFFSET = attrgetter("offset")


class Stretch:
    """Records of one partition, in the order of their offsets, and where they begin and end."""

    def __init__(self, start: int, end: int, records: Sequence[Record]) -> None:
        self.start = start
        self.end = end
        self.records = list(records)
        self.bytes = sum(map(weight, records))

    def holds(self, offset: int) -> bool:
        """Whether a reader at this offset finds what comes next here."""
        return self.start <= offset < self.end

    def since(self, offset: int) -> Sequence[Record]:
        """The records from this offset on."""
        return self.records[bisect_left(self.records, offset, key=_OFFSET) :]

    def record(self, offset: int) -> Record | None:
        """The record at this offset; None where the log holds none there."""
        place = bisect_left(self.records, offset, key=_OFFSET)
        found = self.records[place] if place < len(self.records) else None
        return found if found is not None and found.offset == offset else None

    def forget(self, below: int) -> None:
        """Nobody asks for what lies below any more."""
        if below > self.start:
            passed = bisect_left(self.records, below, key=_OFFSET)
            self.bytes -= sum(map(weight, self.records[:passed]))
            del self.records[:passed]
            self.start = below


class Stretches(Generic[Place]):
    """One stretch for each partition, `most` bytes together: what was asked for longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Place, Stretch] = {}

    def at(self, place: Place, offset: int) -> Stretch | None:
        """The stretch that holds this offset, if it is kept."""
        stretch = self._kept.get(place)
        if stretch is None or not stretch.holds(offset):
            return None
        self._kept[place] = self._kept.pop(place)
        return stretch

    def keep(self, place: Place, stretch: Stretch) -> None:
        """Keep this one in place of what was kept there."""
        self.drop(place)
        self._kept[place] = stretch
        while len(self._kept) > 1 and sum(kept.bytes for kept in self._kept.values()) > self._most:
            del self._kept[next(iter(self._kept))]

    def drop(self, place: Place) -> None:
        """Keep none here."""
        self._kept.pop(place, None)


def weight(record: Record) -> int:
    """Bytes a record holds, near enough to bound what is kept."""
    return len(record.value or b"") + sum(len(name) + len(value) for name, value in record.headers)

"""The equation of a Trigger on a partition: what came in is accounted for, record by record.

    in = before its start ∪ unknown ∪ filtered out ∪ settled ∪ dead letters ∪ left ∪ owed ∪ behind

              first         decided                     next             end
    ── before ──┼── unknown ──┼── filtered · settled ────┼──── behind ────┤   owed, dead, left: anywhere from `first` on

Which of these a record is, its offset says, what the Trigger owes, and its dead letters; only between `filtered` and
`settled` the filter decides, and only where it is the one that decided then: of what another filter took or left, which
of the two it was is not known.  Nothing of the records is kept: a stretch of any length may be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a Trigger stands on a partition, by the cursors and the dead letters."""

    next: int
    """Below it every record is settled or owed."""
    first: int = 0
    """Where it was pinned: what lies below was never its own."""
    owed: Mapping[int, float] = field(default_factory=dict)
    """When each owed offset is due (wall clock); 0 for one that does not wait."""
    dead: frozenset[int] = frozenset()
    """Offsets whose event is a dead letter."""
    left: frozenset[int] = frozenset()
    """Offsets whose dead letter was redriven or discarded."""
    decided: int = 0
    """From where on the filter as it is now has decided; at `next` or above where it has decided nothing."""


@dataclass(slots=True)
class Tally:
    """How many records are what to one Trigger."""

    read: int = 0
    before: int = 0
    unknown: int = 0
    """Settled or filtered out by another filter."""
    filtered: int = 0
    settled: int = 0
    dead: int = 0
    left: int = 0
    owed: int = 0
    waiting: int = 0
    """Of those owed: that wait for a retry."""
    behind: int = 0
    matching: int = 0
    """Of those behind: that its filter takes."""
    oldest: float | None = None
    """When the oldest owed event was stored (wall clock)."""
    due: float | None = None
    """When the first that waits is due (wall clock)."""

    @property
    def accounted(self) -> int:
        """The right side of the equation."""
        return (
            self.before + self.unknown + self.filtered + self.settled + self.dead + self.left + self.owed + self.behind
        )

    def add(self, other: "Tally") -> None:
        """Count another partition to it."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.oldest = min((t for t in (self.oldest, other.oldest) if t is not None), default=None)
        self.due = min((t for t in (self.due, other.due) if t is not None), default=None)


_COUNTS = ("read", "before", "unknown", "filtered", "settled", "dead", "left", "owed", "waiting", "behind", "matching")


class _Edge(StrEnum):
    """Where something changes for a Trigger."""

    FIRST = "first"
    DECIDED = "decided"
    NEXT = "next"


class Stretch:
    """The Triggers of one partition while its records are told in order."""

    def __init__(self, standings: Mapping[NamespacedName, Standing]) -> None:
        self._standings = standings
        self._tallies = {name: Tally() for name in standings}
        self._seen: dict[NamespacedName, set[int]] = {name: set() for name in standings}
        self._ahead: dict[NamespacedName, int] = dict.fromkeys(standings, 0)
        """Owed offsets that lie beyond `next`."""
        self._read = 0
        self._marked: dict[int, list[NamespacedName]] = {}
        """Triggers to which an offset is something whatever its filter says."""
        self._early: dict[NamespacedName, int] = dict.fromkeys(standings, 0)
        """What is known of offsets that another filter decided about."""
        self._edges: list[tuple[int, NamespacedName, _Edge]] = []
        """Offsets at which something changes for a Trigger; last first."""
        self._below: dict[tuple[NamespacedName, _Edge], int] = {}
        for name, standing in standings.items():
            for offset in {*standing.owed, *standing.dead, *standing.left}:
                self._marked.setdefault(offset, []).append(name)
            upto = max(standing.first, standing.next)
            decided = min(max(standing.first, standing.decided), upto)
            places = {_Edge.FIRST: standing.first, _Edge.DECIDED: decided, _Edge.NEXT: upto}
            self._edges += [(offset, name, edge) for edge, offset in places.items()]
        self._edges.sort(reverse=True)

    def tell(self, offset: int, time: float, matched: Iterable[NamespacedName], *, addressed: bool = False) -> None:
        """The next record: where it lies, when it was stored, and the Triggers whose filter takes it.

        `addressed` is one that is for the only Trigger that matches, and no filter was asked.
        """
        self._pass(offset)
        self._read += 1
        for name in {*matched, *self._marked.get(offset, ())}:
            if name in self._standings:
                self._count(name, offset, time, addressed)

    def _pass(self, offset: int) -> None:
        while self._edges and self._edges[-1][0] <= offset:
            _, name, edge = self._edges.pop()
            self._below[name, edge] = self._read

    def _count(self, name: NamespacedName, offset: int, time: float, addressed: bool) -> None:
        standing, tally = self._standings[name], self._tallies[name]
        if offset in standing.owed:
            self._seen[name].add(offset)
            tally.owed += 1
            tally.oldest = time if tally.oldest is None else min(tally.oldest, time)
            self._ahead[name] += offset >= standing.next
            self._early[name] += standing.first <= offset < min(standing.decided, standing.next)
        elif offset < standing.first:
            pass
        elif offset >= standing.next:
            tally.matching += 1
        elif offset in standing.dead:
            tally.dead += 1
            self._early[name] += offset < standing.decided
        elif offset in standing.left:
            tally.left += 1
            self._early[name] += offset < standing.decided
        elif addressed or offset >= standing.decided:
            tally.settled += 1
            self._early[name] += offset < standing.decided

    def ended(self) -> Mapping[NamespacedName, Tally]:
        """The sums, once every record was told."""
        for _, name, edge in self._edges:
            self._below[name, edge] = self._read
        for name, tally in self._tallies.items():
            looked_at = self._below[name, _Edge.NEXT]
            tally.read, tally.before = self._read, self._below[name, _Edge.FIRST]
            tally.unknown = self._below[name, _Edge.DECIDED] - tally.before - self._early[name]
            tally.behind = self._read - looked_at - self._ahead[name]
            others = tally.unknown + tally.settled + tally.dead + tally.left + tally.owed - self._ahead[name]
            tally.filtered = looked_at - tally.before - others
            dues = [due for due in self._standings[name].owed.values() if due]
            tally.waiting, tally.due = len(dues), min(dues, default=None)
        return self._tallies

    def faults(self, name: NamespacedName, *, before: Bounds, after: Bounds) -> list[str]:
        """What does not add up, each with its offsets; `before` and `after` are the log's bounds as they were before
        the cursors were read, and after."""
        standing = self._standings[name]
        lost = sorted(standing.owed.keys() - self._seen[name] - standing.dead)
        found = [f"owes {_offsets(lost)}, which the log does not hold and no dead letter names"] if lost else []
        if standing.next < before.start:
            gone = f"{standing.next}–{before.start - 1}"
            found.append(f"stands at {standing.next}, and retention has taken {gone} before it looked at them")
        if standing.next > after.end:
            found.append(f"stands at {standing.next}, and the log ends at {after.end}")
        return found


MOST_SHOWN = 20


def _offsets(offsets: list[int]) -> str:
    shown = ", ".join(map(str, offsets[:MOST_SHOWN]))
    more = len(offsets) - MOST_SHOWN
    return f"offsets {shown} and {more} more" if more > 0 else f"offset{'s' * (len(offsets) > 1)} {shown}"

"""The equation of a Trigger on a partition: what came in is accounted for, record by record.

    in = before its start ∪ filtered out ∪ settled ∪ dead letters ∪ left ∪ owed ∪ behind

                first                                   next                  end
    ─── before ──┼── filtered · settled · dead · left ───┼───── behind ────────┤     owed: anywhere from `first` on

Which of these a record is, its offset says, what the Trigger owes, and its dead letters; only between `filtered` and
`settled` the filter decides, as it is now.  Nothing of the records is kept: a stretch of any length may be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Tally:
    """How many records are what to one Trigger."""

    read: int = 0
    before: int = 0
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
        return self.before + self.filtered + self.settled + self.dead + self.left + self.owed + self.behind

    def add(self, other: "Tally") -> None:
        """Count another partition to it."""
        for name in ("read", "before", "filtered", "settled", "dead", "left", "owed", "waiting", "behind", "matching"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.oldest = min((t for t in (self.oldest, other.oldest) if t is not None), default=None)
        self.due = min((t for t in (self.due, other.due) if t is not None), default=None)


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
        self._edges: list[tuple[int, NamespacedName, bool]] = []
        """Offsets at which something changes for a Trigger: where it was pinned (True), and its `next`; last first."""
        self._below: dict[tuple[NamespacedName, bool], int] = {}
        for name, standing in standings.items():
            for offset in {*standing.owed, *standing.dead, *standing.left}:
                self._marked.setdefault(offset, []).append(name)
            self._edges += [(standing.first, name, True), (max(standing.first, standing.next), name, False)]
        self._edges.sort(reverse=True)

    def tell(self, offset: int, time: float, matched: Iterable[NamespacedName]) -> None:
        """The next record: where it lies, when it was stored, and the Triggers whose filter takes it."""
        self._pass(offset)
        self._read += 1
        for name in {*matched, *self._marked.get(offset, ())}:
            if name in self._standings:
                self._count(name, offset, time)

    def _pass(self, offset: int) -> None:
        while self._edges and self._edges[-1][0] <= offset:
            _, name, first = self._edges.pop()
            self._below[name, first] = self._read

    def _count(self, name: NamespacedName, offset: int, time: float) -> None:
        standing, tally = self._standings[name], self._tallies[name]
        if offset in standing.owed:
            self._seen[name].add(offset)
            tally.owed += 1
            tally.oldest = time if tally.oldest is None else min(tally.oldest, time)
            self._ahead[name] += offset >= standing.next
        elif offset < standing.first:
            pass
        elif offset >= standing.next:
            tally.matching += 1
        elif offset in standing.dead:
            tally.dead += 1
        elif offset in standing.left:
            tally.left += 1
        else:
            tally.settled += 1

    def ended(self) -> Mapping[NamespacedName, Tally]:
        """The sums, once every record was told."""
        for _, name, first in self._edges:
            self._below[name, first] = self._read
        for name, tally in self._tallies.items():
            looked_at = self._below[name, False]
            tally.read, tally.before = self._read, self._below[name, True]
            tally.behind = self._read - looked_at - self._ahead[name]
            others = tally.settled + tally.dead + tally.left + tally.owed - self._ahead[name]
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

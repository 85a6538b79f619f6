"""What one Trigger owes on one partition: matched, not yet settled (DESIGN §5).

        owe(offset)                     settle(offset)
    ──► owed ──► tried ──► refused ──► … ──► gone
                             │ wait
                             ▼
                   a record of its own in the cursors topic

Laws that live here:
    1. A match binds: an owed offset stays owed until it is settled, whatever the filter says later.
    2. Offsets below `next` are ignored, from whichever reader they come.
    3. Settled only grows.
    4. An attached Ledger has no work for records that do not match: the shared reader's position speaks for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tradewind.delivery.journey import BEGUN, Journey

NOTHING: Mapping[int, int] = MappingProxyType({})
"""Of each Ledger that waits for no other partitions: there may be tens of thousands."""


@dataclass(slots=True)
class Owed:
    """One owed offset and how far its way has gone."""

    offset: int
    journey: Journey = BEGUN
    due: float = 0.0
    """Wall-clock seconds before which it is not tried again."""
    unwritten: bool = False
    """Its record in the cursors topic is missing or older than this."""
    recorded: bool = False
    """It has a record of its own that is stored; until then the cursor's record lists it."""
    saved: bool = False
    """It is on its way to the dead letters, because retention comes near it: no lane runs it any more."""
    marked: bool = False
    """A record of its own may lie in the cursors topic, stored or not: settling it takes a tombstone."""


class Ledger:
    """`next` and what is owed, of one (Trigger, partition), and whether the cursors topic knows."""

    __slots__ = (
        "after",
        "attached",
        "changed",
        "decided",
        "deleted",
        "earliest",
        "filter",
        "first",
        "next",
        "owed",
        "partitions",
        "since",
        "start",
        "tombstones",
    )

    def __init__(
        self,
        next_offset: int,
        owed: Iterable[Owed] = (),
        *,
        partitions: int,
        earliest: bool = False,
        since: float = 0.0,
        deleted: float | None = None,
        first: int = -1,
        start: str = "",
        after: Mapping[int, int] | None = None,
        filter: str = "",
        decided: int = -1,
    ) -> None:
        self.next = next_offset
        """Below it every record is settled or owed.  While attached, the shared reader's position counts if higher."""
        self.attached = False
        self.owed: dict[int, Owed] = {entry.offset: entry for entry in owed}
        self.tombstones: dict[int, None] = {}
        """Settled offsets whose own record must still be removed from the cursors topic; no set, which is larger."""
        self.partitions = partitions
        """Partitions the topic had when the Trigger was pinned: one beyond it was added later."""
        self.earliest = earliest
        """The Trigger began at the start of this topic, and so does on every partition of it."""
        self.since = since
        """When the Trigger was first pinned on this topic; on a partition that comes to it later it starts there."""
        self.deleted = deleted
        """When the Trigger was seen to be gone, in wall-clock seconds; None while it is there."""
        self.first = first
        """The offset it was pinned at: what lies below was never its own.  -1 where that is not known."""
        self.start = start
        """What its annotation said of where it starts when it was last there."""
        self.after = after or NOTHING
        """Until the Trigger has settled what other partitions hold below these offsets, it does not begin here."""
        self.filter = filter
        """Digest of the filter that decides about what lies from `decided` on; empty where that is not known."""
        self.decided = decided
        self.changed = True
        """The cursor's record in the topic is missing or older than this state."""

    def match(self, offset: int, *, room: bool) -> Owed | None:
        """A record matched: what is owed from now on.  A Trigger without room stops before the record, to catch up."""
        if room:
            return self.owe(offset)
        if self.attached:
            self.detach(offset)
        else:
            self.advance(offset)
        return None

    def owe(self, offset: int) -> Owed | None:
        """The record at `offset` matched; None where it is ignored because it is settled or owed already."""
        if offset < self.next or offset in self.owed:
            return None
        entry = self.owed[offset] = Owed(offset)
        self.changed = True
        return entry

    def advance(self, to: int) -> None:
        """Every record below `to` was looked at by a catch-up reader."""
        if to > self.next:
            self.next = to
            self.changed = True

    def attach(self) -> None:
        """From now on the shared reader's position speaks for this Trigger."""
        self.attached = True
        self.changed = True

    def begin(self) -> None:
        """What was before it on other partitions is settled."""
        self.after = NOTHING
        self.changed = True

    def detach(self, at: int) -> None:
        """The shared reader speaks no longer: its record at `at` and all after it are this Trigger's to catch up."""
        if self.attached:
            self.attached = False
            self.next = max(self.next, at)
            self.changed = True

    def wait(self, offset: int, journey: Journey, due: float) -> None:
        """An attempt failed and will be repeated at `due`."""
        entry = self.owed.get(offset)
        if entry:
            entry.journey, entry.due = journey, due
            entry.unwritten = entry.marked = True
            self.tombstones.pop(offset, None)  # of an earlier life, before the Trigger started anew further down

    def settle(self, offset: int) -> None:
        """The outcome of `offset` is durable; nothing where it was settled before."""
        entry = self.owed.pop(offset, None)
        if entry:
            self.changed = True
            if entry.marked:
                self.tombstones[offset] = None

    def unrecorded(self) -> tuple[int, ...]:
        """Owed offsets that the cursor's own record must list, ascending."""
        return tuple(sorted(o for o, entry in self.owed.items() if not entry.recorded))

"""A partition that this process owns: the shared reader's position, the Ledgers on it, and what must be written when.

    takeover ──► record / catch up / settle … ──► flush, every second:

        round 1   retries()   records of waiting retries, tombstones of settled ones      ┐ each round only after the
        round 2   cursors()   every Ledger that changed; the reader's position is frozen   │ one before it is
        round 3   reader()    the frozen position                                          ┘ acknowledged

Round 3 after round 2 is law 5: a reader's record must never speak for a Trigger whose last word is missing.  A write
that failed may still arrive late, so after a failure the owner takes a new name (`renew`): records under the old one
are then spoken for no longer, and can only repeat.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import (
    CursorRecord,
    OwedRecord,
    PartitionId,
    ReaderRecord,
    cursor_key,
    encode,
    owed_key,
    reader_key,
)
from tradewind.trigger_dispatcher.ledger import Ledger, Owed
from tradewind.trigger_dispatcher.retention import Weights
from tradewind.trigger_dispatcher.view import Write

KEPT = 86400.0
"""Seconds that the place of a deleted Trigger is kept (DESIGN §5)."""


OVERTAKEN = "retention has overtaken the cursor"
"""What an alarm says of records that were gone before a Trigger looked at them."""


class Pending(NamedTuple):
    """One record to be written to the cursors topic, and whose it is."""

    key: bytes
    value: bytes | None
    trigger: NamespacedName | None = None
    offset: int | None = None


class Alarm(NamedTuple):
    """Something the log did that costs or repeats events: said loudly, never passed over."""

    what: str
    trigger: NamespacedName | None
    was: int
    now: int

    @property
    def gone(self) -> int:
        """Offsets that were passed over, at most so many of them records."""
        return max(0, self.now - self.was)


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of a partition when it is taken over."""

    identity: PartitionId
    topic: str
    partitions: int
    """How many the topic has, as far as is known: counted when it is taken over, and when a Trigger is new on it."""
    bounds: Bounds
    external: bool
    """The topic is the user's own: what lies on it already was not written for our Triggers."""


class OwnedPartition:
    """All state of one owned partition.  Pure: whoever holds it reads, writes and waits."""

    def __init__(self, ground: Ground, *, owner: str, seen: int, position: int) -> None:
        self.identity = ground.identity
        self.topic = ground.topic
        self.ground = ground
        self.owner = owner
        self.seen = seen
        self.position = position
        """The offset the shared reader takes next."""
        self.ledgers: dict[NamespacedName, Ledger] = {}
        self.served: set[NamespacedName] = set()
        """Triggers whose pin is stored and whose Worker has taken up what is owed here; no reader serves another."""
        self.before: Mapping[str, str] = {}
        """What the owner before had in force when this one took over: what it says later is not of this partition."""
        self.unreadable: set[int] = set()
        """Offsets of records that are no events and are not yet kept in the dead-letter topic."""
        self.alarms: list[Alarm] = []
        """Those that were told of in the log, and are not counted yet, nor stand in a status."""
        self.weights: Weights | None = None
        """Counts bytes, where the topic keeps so many and not more."""
        self._frozen = -1
        self._written = -1

    @property
    def settled_position(self) -> int:
        """The position a reader's record may state: it passes no unreadable record that is not kept yet."""
        return min(self.unreadable, default=self.position)

    def serves(self, trigger: NamespacedName) -> bool:
        """Whether the shared reader serves this Trigger here."""
        ledger = self.ledgers.get(trigger)
        return ledger is not None and ledger.attached

    def effective_next(self, trigger: NamespacedName) -> int:
        """Below it every record is settled or owed, the shared reader's word counted."""
        ledger = self.ledgers[trigger]
        return max(ledger.next, self.position) if ledger.attached else ledger.next

    def decide(self, trigger: NamespacedName, filter: str) -> None:
        """The filter of this digest decides about every record from here on; what lies below is decided."""
        ledger = self.ledgers[trigger]
        if ledger.filter != filter:
            ledger.filter, ledger.decided = filter, self.effective_next(trigger)
            ledger.changed = True

    def lags(self, behind: int) -> bool:
        """Whether the reader, or a Trigger that is served, stands or owes something below this offset."""
        served = (self.ledgers[name] for name in self.served)
        return self.position < behind or any(
            (not ledger.attached and ledger.next < behind) or min(ledger.owed, default=behind) < behind
            for ledger in served
        )

    def try_attach(self, trigger: NamespacedName) -> bool:
        """Attach a Trigger that has caught up with the shared reader."""
        ledger = self.ledgers[trigger]
        if not ledger.attached and not ledger.after and ledger.next >= self.position:
            ledger.attach()
        return ledger.attached

    def retire(self, trigger: NamespacedName, *, now: float) -> None:
        """The Trigger is gone: its place is kept, and the reader speaks for it no longer."""
        ledger = self.ledgers[trigger]
        self.served.discard(trigger)
        ledger.detach(self.position)
        if ledger.deleted is None:
            ledger.deleted = now
            ledger.changed = True

    def revive(self, trigger: NamespacedName, *, now: float, start: str = "") -> bool:
        """The Trigger is there (again): whether it goes on at its kept place; False asks for a new pin.

        `start` is what its annotation says now.  A Trigger that was deleted starts anew where that is something else
        than when it was last there.  To be there again with the same words says nothing new: a manifest that is taken
        away and applied unchanged, by a script or an editor, must not replay a day of events each time; nor does one
        that says nothing.  While the Trigger is there a change of the annotation moves nothing, and is remembered.
        """
        ledger = self.ledgers.get(trigger)
        if ledger is None:
            return False
        if ledger.deleted is not None:
            if not goes_on(ledger, now=now, start=start):
                return False
            ledger.deleted = None
            ledger.changed = True
        if ledger.start != start:
            ledger.start = start
            ledger.changed = True
        return True

    def pin(
        self,
        trigger: NamespacedName,
        offset: int,
        *,
        since: float,
        earliest: bool = False,
        after: Mapping[int, int] | None = None,
        start: str = "",
    ) -> None:
        """The Trigger starts here, or (`earliest`) at the start of every partition of this topic.

        `since` is when it was first pinned on this topic; it begins `after` it has settled that much of others;
        `start` is what its annotation says.

        What a Ledger of it from before its deletion still owed below `offset` is forgotten; what it owed from there on
        stays owed, with its attempts.
        """
        old = self.ledgers.get(trigger)
        owed = [entry for entry in old.owed.values() if entry.offset >= offset] if old else []
        ledger = Ledger(
            offset,
            owed,
            partitions=self.ground.partitions,
            earliest=earliest,
            since=since,
            first=offset,
            start=start,
            after=after,
        )
        self.ledgers[trigger] = ledger
        if old:
            forgotten = {o for o, entry in old.owed.items() if entry.marked and o < offset}
            ledger.tombstones = old.tombstones | dict.fromkeys(forgotten)

    def truncated(self, bounds: Bounds, *, asked_at: int) -> list[Alarm]:
        """Bring every position into the log as it is now, and say which were not.

        `asked_at` is the reader's position when the bounds were asked for: what it has read since, the log holds.
        """
        alarms = []
        if self.position != asked_at:
            bounds = bounds._replace(end=max(bounds.end, self.position))
        if not bounds.start <= self.position <= bounds.end:
            to = min(max(self.position, bounds.start), bounds.end)
            alarms.append(_alarm(None, self.position, to))
            self.position = to
        for name, ledger in self.ledgers.items():
            at = self.effective_next(name)
            if not bounds.start <= at <= bounds.end:
                to = min(max(at, bounds.start), bounds.end)
                alarms.append(_alarm(name, at, to))
                ledger.next, ledger.attached, ledger.changed = to, False, True
        return alarms

    def retries(self) -> list[Pending]:
        """Round 1."""
        pending = []
        for name, ledger in self.ledgers.items():
            for entry in ledger.owed.values():
                if entry.unwritten:
                    entry.unwritten = False
                    pending.append(self._retry(name, entry))
            for offset in ledger.tombstones:
                pending.append(Pending(owed_key(name, self.identity, offset), None, name, offset))
        return pending

    def cursors(self) -> Iterator[Pending]:
        """Round 2: what has changed by now, each as it is when its turn comes; and the position that round 3 may state.

        Thousands may change in one second, and each takes some 500 bytes until it is stored.
        """
        self._frozen = self.settled_position
        changed = [name for name, ledger in self.ledgers.items() if ledger.changed]
        return (self.cursor(name) for name in changed)

    def cursor(self, trigger: NamespacedName) -> Pending:
        """A Trigger's cursor as it is now.  A pin is written alone, before anything else is done with it."""
        ledger = self.ledgers[trigger]
        ledger.changed = False
        return Pending(cursor_key(trigger, self.identity), self._cursor(trigger), trigger)

    def reader(self, *, now: float) -> Pending | None:
        """Round 3, if the position has moved."""
        if self._frozen == self._written:
            return None
        self._written = self._frozen
        record = ReaderRecord(self._frozen, self.owner, self.seen, now)
        return Pending(reader_key(self.identity), encode(record))

    def told(self) -> None:
        """More was told to be in force: the reader's record says that we own the partition still, if nothing moves."""
        self._written = -1

    def acknowledged(self, pending: Pending) -> None:
        """A record of round 1 is stored."""
        if pending.trigger is None or pending.offset is None:
            return
        ledger = self.ledgers[pending.trigger]
        if pending.value is None:
            ledger.tombstones.pop(pending.offset, None)
        elif (entry := ledger.owed.get(pending.offset)) and not entry.recorded:
            entry.recorded = True
            ledger.changed = True

    def failed(self, pending: Pending) -> None:
        """A record may or may not be stored: it will be written again."""
        if pending.trigger is None:
            self._written = -1
        elif pending.offset is None:
            self.ledgers[pending.trigger].changed = True
        elif pending.value is not None and (entry := self.ledgers[pending.trigger].owed.get(pending.offset)):
            entry.unwritten = True

    def renew(self, owner: str) -> None:
        """Go on under a new name, after a failed write; every attached Trigger is written again under it."""
        self.owner = owner
        self._written = -1
        for ledger in self.ledgers.values():
            ledger.changed = ledger.changed or ledger.attached

    def rewrite(self) -> None:
        """Nothing of what was stored is there any more: all of it is written again.

        What was `seen` lay on a cursors topic that is no more: on this one nothing is known of others' late records.
        """
        self.seen = -1
        self._written = -1
        for ledger in self.ledgers.values():
            ledger.changed = True
            ledger.tombstones.clear()
            for entry in ledger.owed.values():
                entry.unwritten = entry.unwritten or entry.recorded or entry.marked
                entry.recorded = False  # a cursor may be written before its record is: a round may be under way

    def overwritten(self, write: Write) -> None:
        """Another process wrote on one of our keys, late: ours is written again.

        A waiting retry that we do not owe is left as it is.  It may be another owner's match that we never made; taking
        it for settled could skip it, while leaving it can at most repeat it after the next take-over.
        """
        if write.owner == self.owner:
            return
        if write.trigger is None:
            self._written = -1
        elif ledger := self.ledgers.get(write.trigger):
            if write.offset is None:
                ledger.changed = True
            elif entry := ledger.owed.get(write.offset):
                entry.unwritten = entry.marked = True
                ledger.tombstones.pop(write.offset, None)  # of an earlier life: it would take away what is written anew

    def _retry(self, name: NamespacedName, entry: Owed) -> Pending:
        journey = entry.journey
        record = OwedRecord(journey.attempts, entry.due, self.owner, journey.phase, journey.failure)
        return Pending(owed_key(name, self.identity, entry.offset), encode(record), name, entry.offset)

    def _cursor(self, trigger: NamespacedName) -> bytes:
        """It says by itself how far the Trigger has come: a reader's record that is lost, or of another name than this
        one's, must not cost what has been settled since the Trigger was attached, hours ago perhaps."""
        ledger = self.ledgers[trigger]
        return encode(
            CursorRecord(
                next=self.effective_next(trigger),
                owner=self.owner,
                topic=self.topic,
                partitions=ledger.partitions,
                attached=ledger.attached,
                earliest=ledger.earliest,
                since=ledger.since,
                owed=ledger.unrecorded(),
                deleted=ledger.deleted,
                first=ledger.first,
                start=ledger.start,
                after=ledger.after or None,
                filter=ledger.filter,
                decided=ledger.decided,
            )
        )


def goes_on(place: Ledger | CursorRecord, *, now: float, start: str) -> bool:
    """Whether a Trigger whose annotation says `start` has this place still, if it is applied now (`revive`)."""
    return place.deleted is None or not (expired(place.deleted, now=now) or start not in ("", place.start))


def expired(deleted: float | None, *, now: float) -> bool:
    """Whether the place of a Trigger that was deleted at this moment is kept no longer."""
    return deleted is not None and now - deleted > KEPT


def _alarm(trigger: NamespacedName | None, was: int, now: int) -> Alarm:
    what = OVERTAKEN if now > was else "the log ends before the cursor"
    return Alarm(what, trigger, was, now)

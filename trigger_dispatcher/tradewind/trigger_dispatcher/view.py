"""The state that the records of the cursors topic add up to, as far as somebody has read it.

Law 5: a reader's record speaks only for attached cursors written by the same owner, or lying at or below the offset
`seen` to which that owner had read when it took over.  For any other the cursor's own `next` counts.  Old state can
therefore only repeat, never skip.  A Trigger whose cursor cannot be read begins at the start of the log (takeover).
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from tradewind.delivery.journey import Journey
from tradewind.plan import TriggerPlan
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import (
    CursorRecord,
    ForceRecord,
    OwedRecord,
    PartitionId,
    PauseRecord,
    ReaderRecord,
    Since,
    StatusRecord,
    TypeRecord,
    decode,
    identity_of,
    slot_of,
)
from tradewind.trigger_dispatcher.ledger import Ledger, Owed


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A cursor record and the offset at which it lies in its partition of the cursors topic."""

    record: CursorRecord
    at: int


class Write(NamedTuple):
    """Whose key somebody wrote: what a follower tells the owner of that partition."""

    partition: PartitionId
    owner: str
    trigger: NamespacedName | None = None
    offset: int | None = None


class Pause(NamedTuple):
    """A Trigger was paused or resumed: what a follower tells its own process."""

    trigger: NamespacedName
    paused: bool


class Said(NamedTuple):
    """What a member has in force was written, by itself or by another."""

    member: str


class State(NamedTuple):
    """What the topic says of a (Trigger, partition)."""

    next: int
    owed: tuple[Owed, ...]
    record: CursorRecord


class View:
    """All state, as the records read so far add up to it."""

    def __init__(self) -> None:
        self.readers: dict[PartitionId, ReaderRecord] = {}
        self.cursors: dict[PartitionId, dict[NamespacedName, Stored]] = {}
        self._deleted: dict[NamespacedName, dict[PartitionId, CursorRecord]] = {}
        """Those of them of Triggers that were deleted."""
        self.owed: dict[PartitionId, dict[NamespacedName, dict[int, OwedRecord]]] = {}
        self.force: dict[str, ForceRecord] = {}
        self._since: dict[str, Mapping[str, Since]] = {}
        """What each of them says of since when."""
        self.paused: dict[NamespacedName, PauseRecord] = {}
        self.statuses: dict[PartitionId, dict[NamespacedName, StatusRecord]] = {}
        """As they lie there; `status` says what of them counts."""
        self.types: dict[NamespacedName, dict[str, TypeRecord]] = {}
        """What flows through each Broker, by digest."""
        self.types_changed: set[NamespacedName] = set()
        """Brokers of which that has changed since whoever asks took this set away."""
        self.elsewhere: set[PartitionId] = set()
        """What of their state is known lay on a cursors topic that is no more, and no owner has written it again."""
        self.unreadable: dict[PartitionId, set[NamespacedName]] = {}
        """Triggers whose cursor lies there and cannot be read."""

    def moved(self) -> None:
        """The records that come now are of another cursors topic, to which each owner writes what it knows."""
        self.elsewhere = {*self.readers, *self.cursors}
        self.statuses.clear()  # so that each owner finds what it has to say missing

    def apply(self, key: bytes, value: bytes | None, at: int) -> Write | Pause | Said | None:
        """Add one record that lies at offset `at`; says whose key it was, or who paused, if anybody's."""
        try:
            kind, *words = key.decode().split("/")
            match kind, words:
                case "reader", [topic_id, partition]:
                    return self._reader(PartitionId(topic_id, int(partition)), value)
                case "cursor", [namespace, name, topic_id, partition]:
                    trigger = _named(namespace, name)
                    return self._cursor(trigger, PartitionId(topic_id, int(partition)), value, at)
                case "owed", [namespace, name, topic_id, partition, offset]:
                    trigger = NamespacedName(namespace, name)
                    return self._owed(trigger, PartitionId(topic_id, int(partition)), int(offset), value)
                case "force", [member]:
                    return self._force(member, value)
                case "status", [namespace, name, topic_id, partition]:
                    self._status(NamespacedName(namespace, name), PartitionId(topic_id, int(partition)), value)
                case "pause", [namespace, name]:
                    return self._pause(NamespacedName(namespace, name), value)
                case "type", [namespace, name, digest]:
                    self._type(NamespacedName(namespace, name), digest, value)
        except (ValueError, msgspec.MsgspecError):
            self._note_unreadable(key)
        return None

    def _note_unreadable(self, key: bytes) -> None:
        match key.decode(errors="replace").split("/"):
            case ["cursor", namespace, name, topic_id, partition] if partition.isdecimal():
                here = PartitionId(topic_id, int(partition))
                self.unreadable.setdefault(here, set()).add(NamespacedName(namespace, name))
                self.cursors.get(here, {}).pop(NamespacedName(namespace, name), None)
                self._note_deleted(NamespacedName(namespace, name), here, None)

    def _reader(self, partition: PartitionId, value: bytes | None) -> Write | None:
        if value is None:
            self.readers.pop(partition, None)
            return None
        record = self.readers[partition] = decode(value, ReaderRecord)
        self.elsewhere.discard(partition)  # it is written after all others
        return Write(partition, record.owner)

    def _cursor(self, trigger: NamespacedName, partition: PartitionId, value: bytes | None, at: int) -> Write | None:
        here = self.cursors.setdefault(partition, {})
        if value is None:
            here.pop(trigger, None)
            self._note_deleted(trigger, partition, None)
            return Write(partition, "", trigger)  # an owner that still has it writes it again
        record = decode(value, CursorRecord)
        self.unreadable.get(partition, set()).discard(trigger)
        here[trigger] = Stored(record, at)
        self._note_deleted(trigger, partition, record)
        return Write(partition, record.owner, trigger)

    def _note_deleted(self, trigger: NamespacedName, partition: PartitionId, record: CursorRecord | None) -> None:
        if record is not None and record.deleted is not None:
            self._deleted.setdefault(trigger, {})[partition] = record
        elif trigger in self._deleted:
            self._deleted[trigger].pop(partition, None)
            if not self._deleted[trigger]:
                del self._deleted[trigger]

    def _owed(self, trigger: NamespacedName, partition: PartitionId, offset: int, value: bytes | None) -> Write | None:
        here = self.owed.setdefault(partition, {}).setdefault(trigger, {})
        if value is None:
            here.pop(offset, None)
            return None
        record = here[offset] = decode(value, OwedRecord)
        return Write(partition, record.owner, trigger, offset)

    def _force(self, member: str, value: bytes | None) -> Said:
        if value is None:
            self.force.pop(member, None)
            self._since.pop(member, None)
        else:
            record = self.force[member] = decode(value, ForceRecord)
            self._since[member] = dict(zip(record.triggers, record.since, strict=False))
        return Said(member)

    def _pause(self, trigger: NamespacedName, value: bytes | None) -> Pause:
        if value is None:
            self.paused.pop(trigger, None)
        else:
            self.paused[trigger] = decode(value, PauseRecord)
        return Pause(trigger, value is not None)

    def _status(self, trigger: NamespacedName, partition: PartitionId, value: bytes | None) -> None:
        here = self.statuses.setdefault(partition, {})
        if value is None:
            here.pop(trigger, None)
        else:
            here[trigger] = decode(value, StatusRecord)

    def _type(self, broker: NamespacedName, digest: str, value: bytes | None) -> None:
        here = self.types.setdefault(broker, {})
        self.types_changed.add(broker)
        if value is not None:
            here[digest] = decode(value, TypeRecord)
        else:
            here.pop(digest, None)
            if not here:
                del self.types[broker]

    def status(self, trigger: NamespacedName, partition: PartitionId, members: Collection[str]) -> StatusRecord:
        """A Trigger's status on a partition.

        What its owner says of circuits and keys counts while the shared reader's record is his, too, and he is one of
        the group's `members`: a dispatcher that is gone cannot take back what it said.
        """
        record = self.statuses.get(partition, {}).get(trigger, StatusRecord())
        owner = reader.owner if (reader := self.readers.get(partition)) else ""
        if record.owner == owner and slot_of(owner) in members:
            return record
        return StatusRecord(alarms=record.alarms)

    def state(self, trigger: NamespacedName, partition: PartitionId) -> State | None:
        """Where a Trigger stands on a partition; None where no cursor says."""
        stored = self.cursors.get(partition, {}).get(trigger)
        if stored is None:
            return None
        record = stored.record
        waiting = self.owed.get(partition, {}).get(trigger, {})
        fresh = (Owed(offset) for offset in record.owed if offset not in waiting)
        return State(
            effective_next(stored, self.readers.get(partition)),
            (*fresh, *(_waiting(offset, kept) for offset, kept in waiting.items())),
            record,
        )

    def known(self, trigger: NamespacedName, topic: str) -> Mapping[PartitionId, CursorRecord]:
        """Every cursor of a Trigger on a topic of this name, whichever id the topic had."""
        return {
            partition: here[trigger].record
            for partition, here in self.cursors.items()
            if trigger in here and here[trigger].record.topic == topic
        }

    def in_force(self, trigger: NamespacedName, partition: PartitionId) -> str | None:
        """The generation of a Trigger that a partition's last owner had told to be in force when it still served it: it
        had pinned the Trigger there before.

        What it has told later may be of other partitions.  A generation says of which topic the Trigger was.
        """
        return self.all_in_force(partition).get(str(trigger))

    def all_in_force(self, partition: PartitionId) -> Mapping[str, str]:
        """As `in_force`, of every Trigger that it had."""
        reader = self.readers.get(partition)
        if reader is None or (force := self.force.get(slot := slot_of(reader.owner))) is None:
            return {}
        later = {name for name, since in self._since[slot].items() if reader.at and since.here > reader.at}
        return {name: generation for name, generation in force.triggers.items() if name not in later}

    def told(self, trigger: TriggerPlan, *, gone: float = 0.0) -> float | None:
        """Since when, as anybody says, a Trigger has been told to be in force, be there a place for it or not.

        What was told before it was deleted, perhaps by a dispatcher that is gone, is not of this one.  `gone` is when
        we last saw it deleted: cursors may not say so yet.
        """
        deleted = max(gone, self.deleted(trigger.name, trigger.topic))
        said = (self.since(member, trigger) for member in self.force)
        return min((since.told for since in said if since is not None and since.told > deleted), default=None)

    def deleted(self, trigger: NamespacedName, topic: str) -> float:
        """When a Trigger was last seen to be gone, as far as cursors on a topic of this name say; 0 where none does."""
        records = self._deleted.get(trigger, {}).values()
        return max((record.deleted or 0.0 for record in records if record.topic == topic), default=0.0)

    def since(self, member: str, trigger: TriggerPlan) -> Since | None:
        """Since when a member says that this Trigger is in force; None where it does not, or not since when."""
        since = self._since.get(member, {}).get(str(trigger.name))
        return since if since is not None and since.identity == identity_of(trigger) else None

    def served(self, topic_id: str) -> bool:
        """Whether a shared reader has ever written how far it came on this topic."""
        return any(partition.topic_id == topic_id for partition in self.readers)


def effective_next(stored: Stored, reader: ReaderRecord | None) -> int:
    """Law 5: the cursor's own `next`, or the reader's position where it may speak for it."""
    cursor = stored.record
    if reader is None or not cursor.attached:
        return cursor.next
    if cursor.owner == reader.owner or stored.at <= reader.seen:
        return max(cursor.next, reader.position)
    return cursor.next


def ledger_of(state: State) -> Ledger:
    """The Ledger that continues a stored state, detached: whoever owns the partition attaches it where it may."""
    record = state.record
    return Ledger(
        state.next,
        state.owed,
        partitions=record.partitions,
        earliest=record.earliest,
        since=record.since,
        deleted=record.deleted,
        first=record.first,
        start=record.start,
        after=record.after,
        filter=record.filter,
        decided=record.decided,
    )


@lru_cache(10_000)
def _named(namespace: str, name: str) -> NamespacedName:
    """One for all partitions of a Trigger."""
    return NamespacedName(namespace, name)


def _waiting(offset: int, record: OwedRecord) -> Owed:
    journey = Journey(record.phase, record.attempts, record.error)
    return Owed(offset, journey, record.due, recorded=True, marked=True)

"""Cursors: the records of the compacted topic `tradewind.cursors`, and the state they add up to (DESIGN §5).

    key                                        value
    reader/<topic id>/<partition>              position, owner, seen, at
    cursor/<ns>/<name>/<topic id>/<partition>  next, attached, owed, owner, topic, partitions, earliest, since, deleted,
                                               first, start, after, filter, decided
    owed/<ns>/<name>/<topic id>/<partition>/<offset>   attempts, due, phase, error, owner; null when settled
    force/<member>                             generation of each Trigger the member has in force; since when it is told
    pause/<ns>/<name>                          who paused the Trigger, when and why; null when it is resumed
    status/<ns>/<name>/<topic id>/<partition>  open circuits, blocked key, owner; alarms; null when there is nothing
    type/<ns>/<broker>/<digest>                type, source, schema, uid of the Broker; null when it is to be forgotten

Law 5: a reader's record speaks only for attached cursors written by the same owner, or lying at or below the offset
`seen` to which that owner had read when it took over.  For any other the cursor's own `next` counts.  Old state can
therefore only repeat, never skip.  A Trigger whose cursor cannot be read begins at the start of the log (takeover).
"""

import zlib
from collections.abc import Collection, Iterable, Mapping
from itertools import compress, zip_longest
from typing import NamedTuple, TypeVar

import msgspec

from tradewind.delivery.journey import Failure, Journey, Phase
from tradewind.plan import TriggerPlan
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.ledger import Ledger, Owed

VERSION = 1
"""Of the values.  A value of a later version is not read."""


class PartitionId(NamedTuple):
    """A partition of a topic by Kafka's id of it: a topic made again under the same name has another."""

    topic_id: str
    partition: int


class ReaderRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the shared reader of a partition has come."""

    position: int
    owner: str
    seen: int
    at: float = 0.0
    """When this was written, in wall-clock seconds; 0 where that is not known."""
    v: int = VERSION


class CursorRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a Trigger stands on a partition; `owed` lists what has no record of its own."""

    next: int
    owner: str
    topic: str
    partitions: int
    attached: bool = False
    owed: tuple[int, ...] = ()
    earliest: bool = False
    since: float = 0.0
    """When the Trigger was first pinned on this topic, or told to be in force: wall-clock seconds, 0 where that is not
    known."""
    deleted: float | None = None
    first: int = -1
    """The offset the Trigger was pinned at; -1 where that is not known."""
    start: str = ""
    """What its annotation `tradewind.dev/start` said when it was last there (canonical)."""
    filter: str = ""
    """Digest of the filter that decides about what lies from `decided` on; empty where that is not known."""
    decided: int = -1
    after: Mapping[int, int] = msgspec.field(default_factory=dict)
    """The partition was added, and an ordered Trigger begins on it once it has settled what others hold below these."""
    v: int = VERSION


class OwedRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A retry that waits: failed attempts so far, when it is due (wall clock), and what the last one said."""

    attempts: int
    due: float
    owner: str
    phase: Phase = Phase.SUBSCRIBER
    error: Failure | None = None
    v: int = VERSION


class Since(msgspec.Struct, frozen=True, array_like=True):
    """Since when a Trigger has been told to be in force, whatever was changed of it: wall-clock seconds."""

    identity: int
    """Which Trigger of the name it is (`identity_of`)."""
    told: float
    """By this member or by another before it: whoever has written an event since then counts on it."""
    here: float
    """By this member: since then it has pinned the Trigger on whatever it owns."""


class ForceRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The generation of each Trigger that a member has in force, by `namespace/name`."""

    triggers: Mapping[str, str]
    since: tuple[Since, ...] = ()
    """In the order of `triggers`; empty where an earlier version wrote it."""
    v: int = VERSION

    def of(self, triggers: Iterable[TriggerPlan]) -> "ForceRecord":
        """What it says of these very Triggers, of whatever generation."""
        wanted = {str(trigger.name): identity_of(trigger) for trigger in triggers}
        kept = [
            name in wanted and (since is None or since.identity == wanted[name])
            for name, since in zip_longest(self.triggers, self.since)
        ]
        return ForceRecord(dict(compress(self.triggers.items(), kept)), tuple(compress(self.since, kept)))


class PauseRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Trigger is paused: nothing of it is started, whatever the manifests say, until the record is gone."""

    who: str
    since: float
    """Wall-clock seconds."""
    why: str = ""
    v: int = VERSION


class OpenCircuit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A target of a Trigger that is taken for down: only single events ask whether it is well again."""

    target: Phase
    address: str
    since: float
    """Wall-clock seconds."""
    why: str = ""
    """What the attempt came to that opened it."""


class BlockedKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key (None: the lack of one) that waits for a retry, and that too many events are behind to take any more."""

    key: str | None
    since: float
    """Wall-clock seconds."""


class AlarmStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alarm of one kind: when it was raised last, how often, and how many offsets were passed over in all."""

    last: float
    times: int = 1
    gone: int = 0


class StatusRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a partition's owner says of a Trigger there: circuits and key as they are with him (`owner`), and the alarms
    that were raised there, whoever owned it."""

    owner: str = ""
    circuits: tuple[OpenCircuit, ...] = ()
    blocked: BlockedKey | None = None
    alarms: Mapping[str, AlarmStatus] = msgspec.field(default_factory=dict)
    v: int = VERSION


class TypeRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events of this type and source flow through a Broker (`resources.event_types.FlowingType`)."""

    type: str
    source: str
    schema: str = ""
    uid: str = ""
    v: int = VERSION


Value = ReaderRecord | CursorRecord | OwedRecord | ForceRecord | PauseRecord | StatusRecord | TypeRecord

GENERAL = 0
"""The partition of the cursors topic for what belongs to no Broker's partition: `force`, `pause` and `type`."""


def slot_of(owner: str) -> str:
    """The member of the group that an owner is, or was: its name is new with each life, and after each failed write."""
    return owner.rpartition(":")[0]


def identity_of(trigger: TriggerPlan) -> int:
    """Tells a Trigger from others that had its name."""
    return zlib.crc32("/".join(trigger.identity).encode())


def reader_key(partition: PartitionId) -> bytes:
    """The key of a shared reader's record."""
    return f"reader/{partition.topic_id}/{partition.partition}".encode()


def cursor_key(trigger: NamespacedName, partition: PartitionId) -> bytes:
    """The key of a Trigger's cursor."""
    return f"cursor/{trigger}/{partition.topic_id}/{partition.partition}".encode()


def owed_key(trigger: NamespacedName, partition: PartitionId, offset: int) -> bytes:
    """The key of a waiting retry."""
    return f"owed/{trigger}/{partition.topic_id}/{partition.partition}/{offset}".encode()


def force_key(member: str) -> bytes:
    """The key of what a member has in force."""
    return f"force/{member}".encode()


def pause_key(trigger: NamespacedName) -> bytes:
    """The key of a Trigger's pause."""
    return f"pause/{trigger}".encode()


def status_key(trigger: NamespacedName, partition: PartitionId) -> bytes:
    """The key of a Trigger's status on a partition."""
    return f"status/{trigger}/{partition.topic_id}/{partition.partition}".encode()


def type_key(broker: NamespacedName, digest: str) -> bytes:
    """The key of what flows through a Broker, by its digest (`event_types.digest`)."""
    return f"type/{broker}/{digest}".encode()


def cursor_partition(partition: PartitionId, count: int) -> int:
    """The partition of the cursors topic that holds all state of a Broker's partition."""
    return zlib.crc32(f"{partition.topic_id}/{partition.partition}".encode()) % count


_encode = msgspec.json.Encoder().encode


def encode(value: Value) -> bytes:
    """A value as it is stored: compact JSON."""
    return _encode(value)


class Stored(NamedTuple):
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
        self.unreadable: dict[PartitionId, set[NamespacedName]] = {}
        """Triggers whose cursor lies there and cannot be read."""

    def apply(self, key: bytes, value: bytes | None, at: int) -> Write | Pause | Said | None:
        """Add one record that lies at offset `at`; says whose key it was, or who paused, if anybody's."""
        try:
            kind, *words = key.decode().split("/")
            match kind, words:
                case "reader", [topic_id, partition]:
                    return self._reader(PartitionId(topic_id, int(partition)), value)
                case "cursor", [namespace, name, topic_id, partition]:
                    trigger = NamespacedName(namespace, name)
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
        record = self.readers[partition] = _decode(value, ReaderRecord)
        return Write(partition, record.owner)

    def _cursor(self, trigger: NamespacedName, partition: PartitionId, value: bytes | None, at: int) -> Write | None:
        here = self.cursors.setdefault(partition, {})
        if value is None:
            here.pop(trigger, None)
            self._note_deleted(trigger, partition, None)
            return Write(partition, "", trigger)  # an owner that still has it writes it again
        record = _decode(value, CursorRecord)
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
        record = here[offset] = _decode(value, OwedRecord)
        return Write(partition, record.owner, trigger, offset)

    def _force(self, member: str, value: bytes | None) -> Said:
        if value is None:
            self.force.pop(member, None)
            self._since.pop(member, None)
        else:
            record = self.force[member] = _decode(value, ForceRecord)
            self._since[member] = dict(zip(record.triggers, record.since, strict=False))
        return Said(member)

    def _pause(self, trigger: NamespacedName, value: bytes | None) -> Pause:
        if value is None:
            self.paused.pop(trigger, None)
        else:
            self.paused[trigger] = _decode(value, PauseRecord)
        return Pause(trigger, value is not None)

    def _status(self, trigger: NamespacedName, partition: PartitionId, value: bytes | None) -> None:
        here = self.statuses.setdefault(partition, {})
        if value is None:
            here.pop(trigger, None)
        else:
            here[trigger] = _decode(value, StatusRecord)

    def _type(self, broker: NamespacedName, digest: str, value: bytes | None) -> None:
        here = self.types.setdefault(broker, {})
        self.types_changed.add(broker)
        if value is not None:
            here[digest] = _decode(value, TypeRecord)
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


def _waiting(offset: int, record: OwedRecord) -> Owed:
    journey = Journey(record.phase, record.attempts, record.error)
    return Owed(offset, journey, record.due, recorded=True, marked=True)


R = TypeVar("R", ReaderRecord, CursorRecord, OwedRecord, ForceRecord, PauseRecord, StatusRecord, TypeRecord)


def _decode(value: bytes, kind: type[R]) -> R:
    record = msgspec.json.decode(value, type=kind)
    if record.v > VERSION:
        raise ValueError(f"version {record.v} of a {kind.__name__}")
    return record

"""Cursors: the records of the compacted topic `tradewind.cursors` (DESIGN §5); `view` is what they add up to.

key                                        value
reader/<topic id>/<partition>              position, owner, seen, at
cursor/<ns>/<name>/<topic id>/<partition>  next, attached, owed, owner, topic, partitions, earliest, since, deleted,
                                           first, start, after, filter, decided
owed/<ns>/<name>/<topic id>/<partition>/<offset>   attempts, due, phase, error, owner; null when settled
force/<member>                             generation of each Trigger the member has in force; since when it is told
pause/<ns>/<name>                          who paused the Trigger, when and why; null when it is resumed
status/<ns>/<name>/<topic id>/<partition>  open circuits, blocked key, owner; alarms; null when there is nothing
type/<ns>/<broker>/<digest>                type, source, schema, uid of the Broker; null when it is to be forgotten
"""

import sys
import zlib
from collections.abc import Iterable, Mapping
from itertools import compress, zip_longest
from typing import NamedTuple, TypeVar

import msgspec

from tradewind.delivery.journey import Failure, Phase
from tradewind.plan import TriggerPlan
from tradewind.resources.model import NamespacedName

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


class CursorRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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
    after: Mapping[int, int] | None = None
    """The partition was added, and an ordered Trigger begins on it once it has settled what others hold below these."""
    v: int = VERSION

    def __post_init__(self) -> None:
        """What thousands of records have in common is held once."""
        for name in ("owner", "topic", "start", "filter"):
            msgspec.structs.force_setattr(self, name, sys.intern(getattr(self, name)))


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


R = TypeVar("R", ReaderRecord, CursorRecord, OwedRecord, ForceRecord, PauseRecord, StatusRecord, TypeRecord)


def decode(value: bytes, kind: type[R]) -> R:
    """A value as it was stored.  Raises ValueError or MsgspecError where it cannot be read."""
    record = msgspec.json.decode(value, type=kind)
    if record.v > VERSION:
        raise ValueError(f"version {record.v} of a {kind.__name__}")
    return record

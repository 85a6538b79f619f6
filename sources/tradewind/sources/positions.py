"""The records of the compacted topic `tradewind.sources`, the state they add up to, and the laws of ownership.

    key                                    value
    position/<kind>/<ns>/<name>            position, owner, term, uid
    status/<kind>/<ns>/<name>[/<slot>]     how it stands with its owner; with a slot, in one process of all
    layout                                 how many partitions hold sources

All of a source lies in one partition, by its kind and name; who owns that partition in the group runs the source.

1. A position is true for ever: everything before it is settled, whoever wrote it, and however late.  So an old one can
   repeat, never skip.  (A kind whose origin may begin anew says in its positions of which beginning they are.)
2. Who takes a source over has read its partition to its end.  Its claim, a position record with a term above all that
   lie there, is stored before the source begins.
3. Of two records the one with the greater (term, owner) counts, whichever lies later.
4. An owner that reads anything on its key but what it wrote last writes that again: compaction keeps the last alone.
5. An owner that reads a greater claim than its own has the source no longer.

So two owners at once repeat; the group lets that last no longer than a session, and the greater claim ends it sooner.
"""

import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from tradewind.resources.model import NamespacedName

VERSION = 1
"""Of the values.  A value of a later version is not read."""

AGAIN = 10.0
"""Seconds after which a record that does not lie there as it was written is written again."""


MOST_POSITION = 512 * 1024
"""Bytes of a position: with all that is beside it, it is a record that any Kafka takes."""

DAY = 86400.0
"""Seconds after which what nobody wants is removed."""


class SourceKey(NamedTuple):
    """A source, as a Plan has it: its kind and its name."""

    kind: str
    name: NamespacedName

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Claim(NamedTuple):
    """Whose a source is; of two the greater one holds."""

    term: int
    owner: str
    """`<slot>:<a word that no other owner ever had>`."""


class PositionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a source stands: all that lies before `position` is settled."""

    term: int
    owner: str
    position: Any = None  # whatever JSON its kind wants
    uid: str = ""
    """Of the source's object: one that was made again under its name begins anew."""
    v: int = VERSION

    @property
    def claim(self) -> Claim:
        """Whose word this is."""
        return Claim(self.term, self.owner)


class StatusRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a source stands with its owner; times are wall-clock seconds."""

    owner: str
    state: str
    since: float
    """Of the state."""
    connected: float | None = None
    """Since when it gets what there is; None while it does not."""
    event: float | None = None
    """When the sink took the last one."""
    error: str = ""
    """The last one, also when it is over."""
    error_at: float | None = None
    in_flight: int = 0
    """Events that are on their way to the sink."""
    sink: str = ""
    uid: str = ""
    """Of the source's object."""
    generation: int = 0
    """Of the state of its object that runs: Kubernetes' count; 0 in the file store."""
    lacks: tuple[str, ...] = ()
    """What its Secrets do not hold and it needs, in words."""
    v: int = VERSION

    @property
    def slot(self) -> str:
        """Of the process whose word this is."""
        return self.owner.rpartition(":")[0]


class LayoutRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many partitions hold sources, from the first on."""

    partitions: int
    v: int = VERSION


LAYOUT_KEY = b"layout"

_encode = msgspec.json.Encoder().encode


def encode(value: PositionRecord | StatusRecord | LayoutRecord) -> bytes:
    """A value as it is stored: compact JSON."""
    return _encode(value)


def kept(position: object) -> object:
    """A position as it will be read back: nobody changes it any more, neither who gave it nor who gets it.

    Raises ValueError where it cannot be stored.
    """
    if position is None:
        return None
    try:
        encoded = _encode(position)
        if len(encoded) <= MOST_POSITION:
            return msgspec.json.decode(encoded)
    except Exception as error:  # it may be anything: no JSON, too deep, text that is no Unicode
        raise ValueError(f"its position is no JSON: {error}") from error
    raise ValueError(f"its position is {len(encoded):,} bytes of JSON, expected at most {MOST_POSITION:,}")


def position_key(source: SourceKey) -> bytes:
    """The key of a source's position."""
    return f"position/{source}".encode()


def status_key(source: SourceKey, slot: str = "") -> bytes:
    """The key of a source's status; with a slot, of one that runs in every process."""
    return f"status/{source}/{slot}".encode() if slot else f"status/{source}".encode()


def partition_of(source: SourceKey, partitions: int) -> int:
    """The partition in which all of a source lies, and whose owner runs it."""
    return zlib.crc32(str(source).encode()) % partitions


class View:
    """What the topic says, as the records read so far add up to it."""

    def __init__(self) -> None:
        self.positions: dict[SourceKey, PositionRecord] = {}
        """That with the greatest claim."""
        self.statuses: dict[SourceKey, dict[str, StatusRecord]] = {}
        """By slot, which is empty for one that runs in one process alone."""
        self.lies: dict[bytes, bytes] = {}
        """The last value of each key, which is what compaction leaves."""

    def apply(self, key: bytes, value: bytes | None) -> SourceKey | None:
        """Add one record; the source whose position was written, if one was."""
        if value is None:
            self.lies.pop(key, None)
        else:
            self.lies[key] = value
        match key.decode(errors="replace").split("/"):
            case ["position", kind, namespace, name]:
                source = SourceKey(kind, NamespacedName(namespace, name))
                self._position(source, value)
                return source
            case ["status", kind, namespace, name]:
                self._status(SourceKey(kind, NamespacedName(namespace, name)), "", value)
            case ["status", kind, namespace, name, slot]:
                self._status(SourceKey(kind, NamespacedName(namespace, name)), slot, value)
        return None

    def _position(self, source: SourceKey, value: bytes | None) -> None:
        if value is None:
            self.positions.pop(source, None)
            return
        record, known = _decode(value, PositionRecord), self.positions.get(source)
        if record is not None and (known is None or record.claim >= known.claim):
            self.positions[source] = record

    def _status(self, source: SourceKey, slot: str, value: bytes | None) -> None:
        record = None if value is None else _decode(value, StatusRecord)
        here = self.statuses.setdefault(source, {})
        if record is None:
            here.pop(slot, None)
        else:
            here[slot] = record
        if not here:
            del self.statuses[source]

    def next_term(self, source: SourceKey) -> int:
        """The term of whoever takes this source over now."""
        known = self.positions.get(source)
        return 1 if known is None else known.term + 1

    def position(self, source: SourceKey, uid: str) -> object:
        """Where a source goes on; None where nothing says, or what does is of another that had its name."""
        known = self.positions.get(source)
        return None if known is None or known.uid != uid else known.position

    def superseded(self, source: SourceKey, claim: Claim) -> bool:
        """Whether somebody has a greater claim (law 5)."""
        known = self.positions.get(source)
        return known is not None and known.claim > claim

    def unwanted(self, wanted: Collection[SourceKey], slots: Collection[str]) -> dict[bytes, SourceKey]:
        """Keys of sources other than these, and of processes in other slots than these."""
        found = {position_key(source): source for source in self.positions if source not in wanted}
        for source, said in self.statuses.items():
            for slot in said:
                if source not in wanted or (slot and slot not in slots):
                    found[status_key(source, slot)] = source
        return found

    def forget(self, partition: int, partitions: int) -> None:
        """What lies in a partition that is another's by now."""
        for source in [one for one in self.positions if partition_of(one, partitions) == partition]:
            del self.positions[source]
            self.lies.pop(position_key(source), None)
        for source in [one for one in self.statuses if partition_of(one, partitions) == partition]:
            for slot in self.statuses.pop(source):
                self.lies.pop(status_key(source, slot), None)


T = TypeVar("T", PositionRecord, StatusRecord, LayoutRecord)


def _decode(value: bytes, kind: type[T]) -> T | None:
    """None for what cannot be read: a source whose position cannot begins anew."""
    try:
        record = msgspec.json.decode(value, type=kind)
    except msgspec.MsgspecError:
        return None
    return record if record.v <= VERSION else None


def layout(value: bytes | None) -> int | None:
    """What a value of the key `layout` says."""
    record = None if value is None else _decode(value, LayoutRecord)
    return None if record is None else record.partitions


class Unwanted:
    """Keys that nobody wants, and since when that is known here."""

    def __init__(self) -> None:
        self._since: dict[bytes, float] = {}

    def over(self, keys: Collection[bytes], *, now: float) -> list[bytes]:
        """Of those that are unwanted now, the ones that have been for a day; `now` in seconds."""
        self._since = {key: self._since.get(key, now) for key in keys}
        return [key for key, since in self._since.items() if now - since >= DAY]


class Outbox:
    """Which of the records that ought to lie in the topic are to be written now (law 4)."""

    def __init__(self) -> None:
        self._sent: dict[bytes, tuple[bytes | None, float]] = {}
        """What was written, and when, as long as it was not read back."""

    def due(
        self, wanted: Mapping[bytes, bytes | None], lies: Mapping[bytes, bytes], *, now: float
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """Of these keys; None is a tombstone.  What is given is taken for written."""
        for key, value in wanted.items():
            if lies.get(key) == value:
                self._sent.pop(key, None)
                continue
            sent = self._sent.get(key)
            if sent is None or sent[0] != value or now - sent[1] >= AGAIN:
                self._sent[key] = value, now
                yield key, value

    def failed(self, key: bytes) -> None:
        """It was not stored: it is due again at once."""
        self._sent.pop(key, None)

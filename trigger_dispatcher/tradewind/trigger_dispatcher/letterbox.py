"""Dead letters as they are read: which are there, what each holds, and how one leaves (`letters.py` writes them).

    letter ──redriven──► a record of the Broker's topic, for its Trigger alone ─┐ each only after the one
           ──discarded─────────────────────────────────────────────────────────┤ before it is acknowledged
                                                     gone:<key>  who, why, when ┤
                                                     tombstone of the letter ◄──┘

Whoever stops in between loses nothing: without `gone` the letter is still there, and its event at most goes twice; with
it only the tombstone is missing, which the next command writes.
"""

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from tradewind.delivery.marks import BEFORE, CUT, NO_DATA, REASON, SOURCE, SOURCE_KEY
from tradewind.errors import InvalidEvent
from tradewind.events import kafka
from tradewind.events.model import HOPS, Event
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import NewRecord, Record
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.addressed import addressed
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.letters import HOP_LIMIT

GONE = b"gone:"
"""Before the key of a letter: no namespace holds a colon, so no key of a letter begins like this."""


class Kind(StrEnum):
    """What lies in a dead letter."""

    EVENT = "event"
    REPLY = "reply"
    RECORD = "record"
    SOURCE = "source"
    """What a source could not put into the Broker's topic, an event or not."""


@dataclass(frozen=True, slots=True)
class Name:
    """What the key of a dead letter says: whose it is, and where in the Broker's topic its event lies: nowhere, where
    it is a source's."""

    kind: Kind
    trigger: NamespacedName | None
    partition: PartitionId
    offset: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    record: Record
    name: Name
    reason: str
    cut: bool
    """The whole of it was too large to be kept."""
    event: Event | None
    """As it was before it failed; None where it is cut, or no event."""
    source: str = ""
    """Kind and name of the source whose it is."""
    failure: Mapping[str, str] = field(default_factory=dict)
    """The attributes that the failure set: `knativeerrordest`, `knativeerrorcode`, `knativeerrordata`, others."""

    @property
    def place(self) -> str:
        """Where it lies in the dead-letter topic: `partition/offset`."""
        return f"{self.record.partition}/{self.record.offset}"

    @property
    def of_record(self) -> bool:
        """Whether there is a record of the Broker's topic that it is about."""
        return self.name.kind is not Kind.SOURCE

    @property
    def source_namespace(self) -> str:
        """That of the source whose it is."""
        return self.source.partition(" ")[2].partition("/")[0]

    @property
    def key(self) -> str:
        """Its key, as text."""
        return (self.record.key or b"").decode()


class What(StrEnum):
    """How a letter left."""

    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class GoneRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who made a letter go, and why."""

    what: What
    who: str
    when: float
    """Wall-clock seconds."""
    why: str = ""
    to: str = ""
    """Where its event went: `topic[partition]@offset`, or a URL."""
    v: int = 1


def named(key: bytes) -> Name | None:
    """What a key says; None where it is no dead letter's."""
    if key.startswith(SOURCE_KEY):
        return _SOURCE
    match key.decode(errors="replace").split("/"):
        case ["record", topic_id, partition, offset]:
            return _name(Kind.RECORD, None, topic_id, partition, offset)
        case ["reply", namespace, name, topic_id, partition, offset]:
            return _name(Kind.REPLY, NamespacedName(namespace, name), topic_id, partition, offset)
        case [namespace, name, topic_id, partition, offset] if not key.startswith(GONE):
            return _name(Kind.EVENT, NamespacedName(namespace, name), topic_id, partition, offset)
    return None


_SOURCE = Name(Kind.SOURCE, None, PartitionId("", 0), 0)


def _name(kind: Kind, trigger: NamespacedName | None, topic_id: str, partition: str, offset: str) -> Name | None:
    if not (partition.isdecimal() and offset.isdecimal()):
        return None
    return Name(kind, trigger, PartitionId(topic_id, int(partition)), int(offset))


def read(record: Record) -> Letter | None:
    """The dead letter in a record of a dead-letter topic; None where it is none."""
    name = named(record.key) if record.key is not None else None
    if name is None or record.value is None:
        return None
    marks = dict(record.headers)
    cut = CUT in marks
    event, failure = (None, {}) if cut or name.kind is Kind.RECORD else _event(record, marks)
    reason, source = (marks.get(mark, b"").decode(errors="replace") for mark in (REASON, SOURCE))
    return Letter(record, name, reason, cut, event, source, failure)


def _event(record: Record, marks: Mapping[str, bytes]) -> tuple[Event | None, Mapping[str, str]]:
    try:
        event = kafka.read(record.headers, None if NO_DATA in marks else record.value)
        if BEFORE in marks:
            before = msgspec.json.decode(marks[BEFORE], type=dict[str, str | None])
        else:
            before = dict.fromkeys(name for name in event.attributes if name.startswith("knativeerror"))
    except (InvalidEvent, msgspec.MsgspecError):
        return None, {}
    failure = {name: event.attributes[name] for name in before if name in event.attributes and name != HOPS}
    return event.with_attributes(**before), failure


class Letterbox:
    """Which dead letters a topic holds, from its records in order.  Keeps keys and offsets only."""

    def __init__(self) -> None:
        self._letters: dict[bytes, tuple[int, int]] = {}
        """Partition and offset by key."""
        self._gone: dict[bytes, tuple[int, What]] = {}

    def apply(self, record: Record) -> None:
        """Add one record.  Records of one key lie in one partition."""
        key = record.key or b""
        if key.startswith(GONE):
            with contextlib.suppress(
                msgspec.MsgspecError
            ):  # what cannot be read speaks for no letter: it is still there
                told = msgspec.json.decode(record.value or b"", type=GoneRecord)
                self._gone[key[len(GONE) :]] = record.offset, told.what
        elif record.value is None:
            self._letters.pop(key, None)
        elif named(key):
            self._letters[key] = record.partition, record.offset

    def holds(self, record: Record) -> bool:
        """Whether this very record is a letter that is there."""
        key = record.key or b""
        return self._letters.get(key) == (record.partition, record.offset) and not self._is_gone(key)

    def there(self) -> list[bytes]:
        """Of every letter that is there."""
        return [key for key in self._letters if not self._is_gone(key)]

    def unfinished(self) -> list[bytes]:
        """Of every letter that has gone and whose tombstone is missing."""
        return [key for key in self._letters if self._is_gone(key)]

    def partition(self, key: bytes) -> int:
        """Where a letter lies whose tombstone is missing."""
        return self._letters[key][0]

    def gone(self) -> dict[bytes, What]:
        """How each letter left that is there no more."""
        there = set(self.there())
        return {key: what for key, (_, what) in self._gone.items() if key not in there}

    def _is_gone(self, key: bytes) -> bool:
        """A letter that lies above its `gone` is another one: its event was repeated, and failed again."""
        return key in self._gone and self._gone[key][0] > self._letters[key][1]


@dataclass(frozen=True, slots=True)
class Url:
    """Where an event is sent to."""

    url: str


@dataclass(frozen=True, slots=True)
class Redrive:
    """What `way` needs to know besides the letter."""

    plan: Plan
    broker: BrokerPlan
    served: Callable[[NamespacedName], bool]
    """Whether dispatchers serve this Trigger on every partition of the Broker's topic."""


def way(letter: Letter, terms: Redrive) -> NewRecord | str:
    """The record of the Broker's topic that puts a letter's event on its way again, or why there is none.

    An event goes to its Trigger and to no other, with the attributes it came with.  It needs a Trigger whose place on
    the topic is stored: one that is new might start behind it.  A reply re-enters its Broker, and so does an event of a
    source.
    """
    name, event, topic = letter.name, letter.event, terms.broker.topic.name
    if name.kind is Kind.RECORD:
        return "found a record that is no event, expected an event"
    if event is None:
        return _no_event(letter)
    headers, value = kafka.write(event)
    if name.kind is Kind.REPLY:
        if letter.reason == HOP_LIMIT:
            return "found a reply whose hops are spent, expected one that may pass a Broker again"
        return NewRecord(topic, value, headers, kafka.key(event))
    if name.trigger is None:
        return NewRecord(topic, value, headers, kafka.key(event))
    trigger = terms.plan.triggers.get(name.trigger)
    if trigger is None or trigger.broker != terms.broker.name:
        there = f"on Broker {trigger.broker}" if trigger else "none"
        return f"Trigger {name.trigger}: found {there}, expected one on Broker {terms.broker.name} in the manifests"
    if not terms.served(name.trigger):
        return f"Trigger {name.trigger}: found no place of it on {topic}, expected a dispatcher to have served it"
    return NewRecord(topic, value, addressed(headers, name.trigger), kafka.key(event))


def _no_event(letter: Letter) -> str:
    if letter.name.kind is Kind.SOURCE and not letter.cut:
        return "found what a source could make no event of, expected an event"
    return "found only the place of the event, expected the whole: it was too large to keep, or gone from the log"


def to_sink(letter: Letter, plan: Plan) -> NewRecord | Url | str:
    """What brings a source's event to the sink that the source has now, or why nothing does."""
    if letter.event is None:
        return _no_event(letter)
    source = next((one for (kind, name), one in plan.sources.items() if f"{kind} {name}" == letter.source), None)
    if source is None:
        return f"{letter.source}: found none, expected it in the manifests, as they say where its events go"
    if source.broker is None:
        return f"{letter.source}: found no sink: {source.sink.why}" if source.sink.url is None else Url(source.sink.url)
    broker = plan.brokers.get(source.broker)
    if broker is None:
        return f"{letter.source}: found no Broker {source.broker}, expected the one that is its sink"
    headers, value = kafka.write(letter.event)
    return NewRecord(broker.topic.name, value, headers, kafka.key(letter.event))


def gone(letter: Letter, told: GoneRecord) -> NewRecord:
    """The record of who and why, in the letter's own partition."""
    key = GONE + (letter.record.key or b"")
    return NewRecord(letter.record.topic, msgspec.json.encode(told), (), key, letter.record.partition)


def tombstone(topic: str, key: bytes, partition: int) -> NewRecord:
    """What takes a letter away."""
    return NewRecord(topic, None, (), key, partition)


def end(letter: Letter) -> NewRecord:
    """Its tombstone."""
    return tombstone(letter.record.topic, letter.record.key or b"", letter.record.partition)


def selected(letter: Letter, names: Collection[str], trigger: NamespacedName | None, source: str | None = None) -> bool:
    """Whether a letter is one of these (`partition/offset`, or keys; none means all), of this Trigger, and of this
    source (`Kind namespace/name`)."""
    whose = trigger in (None, letter.name.trigger) and source in (None, letter.source)
    return whose and (not names or letter.place in names or letter.key in names)

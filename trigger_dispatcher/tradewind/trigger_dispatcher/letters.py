"""The records of a Broker's dead-letter topic (DESIGN §5).

    key                                          what lies there
    <trigger>/<topic id>/<partition>/<offset>    an event that its Trigger's subscriber did not take
    reply/<trigger>/<topic id>/…/<offset>        a reply to that event, which could not re-enter the Broker
    record/<topic id>/<partition>/<offset>       a record of the Broker's topic that is no event
    gone:<key of a dead letter>                  who redrove or discarded it, when and why (`letterbox.py`)

The topic is compacted and the value never null: `tradewind-no-data` marks an event without data.  Each function gives
the record whole first, then smaller, down to a stub that names the place, so that one of them fits.
"""

from collections.abc import Sequence
from dataclasses import replace

from tradewind.delivery.journey import Failure, dead_letter
from tradewind.delivery.marks import BEFORE, CUT, CUT_BYTES, NO_DATA, REASON, TRIGGER, before
from tradewind.delivery.verdicts import Answer
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.ports import Headers, NewRecord, Record
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import PartitionId

HOP_LIMIT = "hop limit"
"""Why a reply is kept whose hops are spent."""


def of_event(
    topic: str,
    trigger: NamespacedName,
    partition: PartitionId,
    offset: int,
    event: Event,
    failure: Failure,
    reason: str,
) -> tuple[NewRecord, ...]:
    """An event that ended at its Trigger: with all that is known of the failure, without its extras, as a stub."""
    key = place(trigger, partition, offset)
    forms = [dead_letter(event, told) for told in (failure, Failure(failure.dest, failure.reason, failure.code))]
    return (
        *(_record(topic, key, form, (*_marks(trigger, reason), (BEFORE, before(event, form)))) for form in forms),
        _stub(topic, key, _marks(trigger, reason)),
    )


def of_reply(
    topic: str, trigger: NamespacedName, partition: PartitionId, offset: int, event: Event, reason: str
) -> tuple[NewRecord, ...]:
    """A reply that cannot re-enter its Broker: whole, cut, as a stub."""
    key = "reply/" + place(trigger, partition, offset)
    cut = replace(event, data=(event.data or b"")[:CUT_BYTES])
    return (
        _record(topic, key, event, _marks(trigger, reason)),
        _record(topic, key, cut, (*_marks(trigger, reason), (CUT, b"true"))),
        _stub(topic, key, _marks(trigger, reason)),
    )


def of_answer(
    topic: str, trigger: NamespacedName, partition: PartitionId, offset: int, answer: Answer, reason: str
) -> tuple[NewRecord, ...]:
    """A reply that cannot be read, as it came: too large for any event, or coded.  Whole, cut, as a stub."""
    key = "reply/" + place(trigger, partition, offset)
    content = [
        (f"tradewind-{name}", answer.headers[name].encode("utf-8", "surrogateescape"))
        for name in ("content-type", "content-encoding")
        if name in answer.headers
    ]
    marks, cut = (*content, *_marks(trigger, reason)), (CUT, b"true")
    whole = () if answer.cut else (NewRecord(topic, answer.body, marks, key.encode()),)
    return (
        *whole,
        NewRecord(topic, answer.body[:CUT_BYTES], (*marks, cut), key.encode()),
        _stub(topic, key, _marks(trigger, reason)),
    )


def of_lost(topic: str, trigger: NamespacedName, partition: PartitionId, offset: int, reason: str) -> NewRecord:
    """An owed event that the log no longer holds."""
    return _stub(topic, place(trigger, partition, offset), _marks(trigger, reason))


def of_record(topic: str, partition: PartitionId, record: Record, reason: str) -> tuple[NewRecord, ...]:
    """A record that is no event: its bytes and headers as they are, then its bytes cut, then a stub."""
    key = f"record/{partition.topic_id}/{partition.partition}/{record.offset}".encode()
    value = record.value or b""
    marks: list[tuple[str, bytes]] = [(REASON, reason.encode())]
    if record.value is None:
        marks.append((NO_DATA, b"true"))
    return (
        NewRecord(topic, value, (*record.headers, *marks), key),
        NewRecord(topic, value[:CUT_BYTES], (*marks, (CUT, b"true")), key),
        NewRecord(topic, key, (*marks, (CUT, b"true")), key),
    )


def place(trigger: NamespacedName, partition: PartitionId, offset: int) -> str:
    """What identifies a dead letter: its Trigger and where its event lies."""
    return f"{trigger}/{partition.topic_id}/{partition.partition}/{offset}"


def _marks(trigger: NamespacedName, reason: str) -> Sequence[tuple[str, bytes]]:
    return ((REASON, reason.encode()), (TRIGGER, str(trigger).encode()))


def _record(topic: str, key: str, event: Event, marks: Headers) -> NewRecord:
    headers, value = kafka.write(event)
    extra = () if value is not None else ((NO_DATA, b"true"),)
    return NewRecord(topic, value if value is not None else b"", (*headers, *marks, *extra), key.encode())


def _stub(topic: str, key: str, marks: Headers) -> NewRecord:
    return NewRecord(topic, key.encode(), (*marks, (CUT, b"true")), key.encode())

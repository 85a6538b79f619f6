"""A subscriber's answer that is an event enters its Broker again, before the event that caused it is settled.

no event                              an acknowledgement (knative-eventing §2.2)
meant as one, and none (or a batch)   an acknowledgement, too, with a warning that says why
an event                              stored on the Broker's topic, its hops those of its cause less one
hops spent, too large, coded, refused kept in the dead-letter topic
"""

from enum import StrEnum

from tradewind.delivery.journey import reply
from tradewind.delivery.verdicts import Answer
from tradewind.errors import InvalidEvent, LogRefused
from tradewind.events import http, kafka
from tradewind.events.model import Event
from tradewind.plan import TriggerPlan
from tradewind.ports import NewRecord
from tradewind.trigger_dispatcher import letters
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.edges import Edges, log


class Came(StrEnum):
    """What became of an answer that might have been an event."""

    ACKNOWLEDGED = "acknowledged"
    INVALID = "invalid"
    STORED = "stored"
    DEAD_LETTER = "dead_letter"


async def reenter(
    edges: Edges, plan: TriggerPlan, partition: PartitionId, offset: int, cause: Event, answer: Answer
) -> Came:
    """Returns once what the answer holds is stored, one way or the other; says which."""
    headers = raw_headers(answer)
    if not http.is_event(headers):
        return Came.ACKNOWLEDGED
    topic, name = plan.dead_letter_topic, plan.name
    if unreadable := _unreadable(answer):
        log.warning("reply cannot be read", trigger=name, cause=cause.id, why=unreadable)
        await edges.kept(letters.of_answer(topic, name, partition, offset, answer, unreadable))
        return Came.DEAD_LETTER
    try:
        event = http.read(headers, answer.body)
    except InvalidEvent as invalid:
        log.warning("reply is no event", trigger=name, cause=cause.id, faults=invalid)
        return Came.INVALID
    back = reply(event, cause)
    if back is None:
        log.warning("reply ends at the hop limit", trigger=name, id=event.id)
        await edges.kept(letters.of_reply(topic, name, partition, offset, event, letters.HOP_LIMIT))
        return Came.DEAD_LETTER
    stored, value = kafka.write(back)
    try:
        await edges.stored(NewRecord(plan.topic, value, stored, kafka.key(back)))
    except LogRefused as refused:
        log.warning("reply cannot be stored", trigger=name, id=event.id, error=refused)
        await edges.kept(letters.of_reply(topic, name, partition, offset, back, f"reply cannot be stored: {refused}"))
        return Came.DEAD_LETTER
    return Came.STORED


def _unreadable(answer: Answer) -> str:
    """Why a reply cannot even be tried to be read; nothing where it can."""
    if answer.cut:
        return "reply is too large"
    coding = answer.headers.get("content-encoding", "").strip()
    return f"reply has the content coding {coding}" if coding.lower() not in ("", "identity") else ""


def raw_headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    """An answer's header fields as the codec reads them."""
    return [(_raw(name), _raw(value)) for name, value in answer.headers.items()]


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

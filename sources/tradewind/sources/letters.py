"""Dead letters of sources: what a sink did not take, and what can never become an event.

    key                                       what lies there
    source:<kind>/<ns>/<name>/<place>         an event, or input that is none, as bytes with a reason

In the dead-letter topic of the Broker that is the sink, else in that of all sources.  The key is the source and its
place, so the same input is kept once.  As the dispatcher's letters (`delivery/marks.py`): never a null value, and whole
first, then smaller, so that one of them fits.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from tradewind.delivery.journey import Failure, dead_letter
from tradewind.delivery.marks import BEFORE, CUT, CUT_BYTES, NO_DATA, REASON, SOURCE, SOURCE_KEY, before
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.ports import Headers, NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.sources.emission import Emission, NoEvent

ATTRIBUTES = "tradewind-attributes"
"""JSON: the attributes of what a source gave as an event, and which is none."""

DIGEST = 32
"""Hexadecimal digits that tell content apart: 128 bits."""

MOST_PLACE = 512
"""Characters of a place that a key holds; of what is longer, a digest."""


MOST_REASON = 10_000
"""Characters of a reason: it may hold what came, and a letter must fit into Kafka."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose dead letter it is, and where it goes."""

    topic: str
    kind: str
    name: NamespacedName

    def key(self, place: str) -> bytes:
        """Of a dead letter."""
        short = place if len(place) <= MOST_PLACE else _digest(place.encode("utf-8", "backslashreplace"))
        return SOURCE_KEY + f"{self.kind}/{self.name}/{short}".encode("utf-8", "backslashreplace")

    def marks(self, reason: str) -> Headers:
        """What says whose it is, and why it is there."""
        said = reason if len(reason) <= MOST_REASON else reason[:MOST_REASON] + "…"
        return ((REASON, said.encode("utf-8", "backslashreplace")), (SOURCE, f"{self.kind} {self.name}".encode()))


def place_of(emission: Emission | NoEvent) -> str:
    """What identifies an emission within its source."""
    if emission.place:
        return emission.place
    if isinstance(emission, Emission):
        return emission.event.attributes.get("id", "")
    if emission.position is not None:
        return json.dumps(emission.position, sort_keys=True, separators=(",", ":"), default=str)
    return _digest(emission.content)


def of_event(
    origin: Origin, place: str, *, event: Event, reason: str, failure: Failure | None = None
) -> tuple[NewRecord, ...]:
    """A valid event that its sink never takes: with all that is known of the failure, without its extras, as a stub."""
    forms = [event]
    if failure is not None:
        forms = [dead_letter(event, told) for told in (failure, Failure(failure.dest, failure.reason, failure.code))]
    key, marks = origin.key(place), origin.marks(reason)
    return (
        *(_record(origin.topic, key, form, (*marks, (BEFORE, before(event, form)))) for form in forms),
        _stub(origin.topic, key, marks),
    )


def of_no_event(origin: Origin, place: str, *, content: bytes, headers: Headers, reason: str) -> tuple[NewRecord, ...]:
    """Input that is no event: as it came, its bytes cut, a stub."""
    key, marks = origin.key(place), origin.marks(reason)
    return (
        NewRecord(origin.topic, content, (*headers, *marks), key),
        NewRecord(origin.topic, content[:CUT_BYTES], (*marks, (CUT, b"true")), key),
        _stub(origin.topic, key, marks),
    )


def of_faulty(origin: Origin, place: str, *, event: Event, reason: str) -> tuple[NewRecord, ...]:
    """What a source gave as an event, and which is none: its attributes may be anything."""
    attributes: Sequence[tuple[str, bytes]] = [(ATTRIBUTES, json.dumps(dict(event.attributes)).encode())]
    return of_no_event(origin, place, content=event.data or b"", headers=attributes, reason=reason)


def _record(topic: str, key: bytes, event: Event, marks: Headers) -> NewRecord:
    headers, value = kafka.write(event)
    extra = () if value is not None else ((NO_DATA, b"true"),)
    return NewRecord(topic, value if value is not None else b"", (*headers, *marks, *extra), key)


def _stub(topic: str, key: bytes, marks: Headers) -> NewRecord:
    return NewRecord(topic, key, (*marks, (CUT, b"true")), key)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST]

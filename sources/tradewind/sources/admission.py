"""What a sink takes of a source's events: `ceOverrides`, then the rules that hold at the ingress, too.

    event ──overridden──► CloudEvent? hops left? ──as a record──► small enough for --max-event-bytes ──► the topic
                            no: a reason, and the event goes to the dead letters

What the topic itself takes (`max.message.bytes`) Kafka says: of one event at a time its own verdict is soon enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tradewind.config import Settings
from tradewind.events import attributes, hops, kafka
from tradewind.events.attributes import CORE, SPECIFIED, STRICT_URIS, Rules
from tradewind.events.model import Event
from tradewind.ports import NewRecord
from tradewind.topics import ENVELOPE_BYTES, size_of

MANY = 16
"""How many times an event's size its record never reaches, unless fields travel with it: four bytes for a character,
six where JSON escapes it, and the key once more.  One that is so far below the limit is not measured again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is asked of an event, as at the ingress."""

    event_bytes: int
    asked: Rules
    more: frozenset[str]
    """Attributes of which more is asked than of any event's."""

    @staticmethod
    def of(settings: Settings) -> "Limits":
        """The limits that the settings name."""
        rules = STRICT_URIS if settings.strict_uris else SPECIFIED
        asked: Rules = {**rules, **hops.RULE}
        more = frozenset(name for name, rule in asked.items() if SPECIFIED.get(name) is not rule)
        return Limits(settings.max_event_bytes, asked, more)


def overridden(event: Event, overrides: Mapping[str, str]) -> Event:
    """With these extensions set, whatever it had there (Knative's `ceOverrides.extensions`); no core attribute."""
    if not overrides:
        return event
    return event.with_attributes(**{name: text for name, text in overrides.items() if name not in CORE})


def faulty(event: Event, limits: Limits) -> str:
    """Why this is no event that may enter anything; empty where it is one."""
    if limits.more.isdisjoint(event.attributes) and attributes.are_usual(event.attributes):
        return ""
    return "; ".join(map(str, attributes.faults(event.attributes, asked=limits.asked)))


def record(event: Event, topic: str, limits: Limits) -> NewRecord | str:
    """A valid event as a record of a Broker's topic, or why it is too large for one."""
    counted = hops.counting(event)
    if (size := counted.size) > limits.event_bytes:
        return f"found {size} bytes of data and attributes, expected at most {limits.event_bytes} (--max-event-bytes)"
    headers, value = kafka.write(counted)
    made = NewRecord(topic, value, headers, kafka.key(counted))
    may_be = counted.headers or size * MANY > limits.event_bytes
    if may_be and (size := size_of(made)) > limits.event_bytes + ENVELOPE_BYTES:
        most = limits.event_bytes + ENVELOPE_BYTES
        return f"found {size} bytes in the form that Kafka keeps, expected at most {most} (--max-event-bytes)"
    return made


def refusal(events: Sequence[Event], limits: Limits) -> tuple[int, str] | None:
    """The status and the reason with which events of nobody in particular are refused, before any of them is taken."""
    for event in events:
        if why := faulty(event, limits):
            return 400, why
        if isinstance(made := record(event, "", limits), str):
            return 413, made
    return None

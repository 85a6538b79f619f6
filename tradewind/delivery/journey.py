"""One event's way from a match to a durable outcome (DESIGN §5).

                     accepted
    subscriber ───────────────────────────────► Settle, or Reply where the answer is an event
      │ ▲  retry: Wait(due)
      │ └──────┘
      ▼ refused, or retries spent
    dead-letter sink ─────────────────────────► Settle
      │ ▲  retry: Wait(due)
      │ └──────┘
      ▼ no sink; refused, or retries spent
    dead-letter topic (Bury) ─────────────────► settled once Kafka has it

Nothing here waits or sends: `after` takes what came back and says what to do next.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.delivery.schedule import Delivery, backoff, retry_after
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome, Verdict, verdict
from tradewind.events import attributes as rules
from tradewind.events.model import HOPS, Event, hops_left

ERROR_DATA_BYTES = 1024
"""Raw bytes of an answer's body that `knativeerrordata` keeps (knative-eventing §2.3)."""

EXTRA_ATTRIBUTES = 16
EXTRA_BYTES = 4096
"""Attributes, and bytes of their values, that an answer's `kne-` headers may add to a dead letter."""

MOST_RETRY_AFTER = 86400.0
"""Seconds that Retry-After may ask for where `retryAfterMax` does not say: a day, well within retention."""

DEFAULT_HOPS = 255
"""Brokers an event without `knativebrokerttl` may still pass."""

REFUSED = "refused"
SPENT = "retries spent"
HELD = "held until its retries were over"
"""Why an event is a dead letter; the last: while its address was down, it was attempted less often than it may be."""


class Phase(StrEnum):
    """To whom the event is being delivered."""

    SUBSCRIBER = "subscriber"
    SINK = "sink"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the subscriber did not take an event; it becomes the `knativeerror…` attributes of the dead letter."""

    dest: str
    reason: str
    """`status 503`, or what came instead of an answer."""
    code: int | None = None
    data: str = ""
    """At most 1,024 raw bytes of the answer's body, Base64."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Attributes that the answer asked for with `kne-<name>` headers."""


@dataclass(frozen=True, slots=True)
class Journey:
    """How far an event has come: the phase, the attempts that failed in it, and why the subscriber refused."""

    phase: Phase = Phase.SUBSCRIBER
    attempts: int = 0
    failure: Failure | None = None


BEGUN = Journey()
"""Of an event that was never attempted."""


@dataclass(frozen=True, slots=True)
class Settle:
    """The outcome is durable as it is."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer may be an event: it re-enters the Broker before the cause is settled."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again at `due` (wall-clock seconds)."""

    journey: Journey
    due: float


@dataclass(frozen=True, slots=True)
class Forward:
    """Send it to the dead-letter sink now."""

    journey: Journey


@dataclass(frozen=True, slots=True)
class Bury:
    """Keep it in the Broker's dead-letter topic."""

    failure: Failure
    reason: str


Step = Settle | Reply | Wait | Forward | Bury


@dataclass(frozen=True, slots=True)
class Terms:
    """What `after` needs to know besides the outcome: the Trigger's delivery, its sink, the settings, the moment."""

    delivery: Delivery
    dest: str
    """Where this attempt went."""
    has_sink: bool
    now: float
    """Wall-clock seconds."""
    chance: float
    """In [0, 1): where in the jitter this wait falls."""
    cap: float
    jitter: float
    over: bool = False
    """The whole schedule is over in wall time: this was the last attempt, unless the answer asks for another."""


def after(journey: Journey, outcome: Outcome, terms: Terms) -> Step:
    """What follows an attempt."""
    judged = verdict(outcome)
    if judged is Verdict.ACCEPTED:
        return _accepted(journey, outcome)
    failed = Journey(journey.phase, journey.attempts + 1, journey.failure)
    failure = journey.failure or failure_of(outcome, terms.dest)
    if journey.phase is Phase.SINK and not terms.has_sink:  # it was taken away: there is nobody to wait for
        return Bury(failure, "dead-letter sink: gone")
    over = terms.over and not asked(outcome, terms.delivery, now=terms.now)
    if judged is Verdict.RETRY and failed.attempts <= terms.delivery.retry and not over:
        return Wait(failed, terms.now + _pause(failed.attempts, outcome, terms))
    if journey.phase is Phase.SUBSCRIBER and terms.has_sink:
        return Forward(Journey(Phase.SINK, 0, failure))
    reason = REFUSED if judged is not Verdict.RETRY else SPENT if failed.attempts > terms.delivery.retry else HELD
    return Bury(failure, reason if journey.phase is Phase.SUBSCRIBER else f"dead-letter sink: {reason}")


def ends(answer: Answer) -> bool:
    """Whether an event's way ends by this answer of its subscriber, whatever the terms: `after` says Settle."""
    return 201 < answer.status < 300


def _accepted(journey: Journey, outcome: Outcome) -> Step:
    match outcome:
        case Answer(status=200 | 201) if journey.phase is Phase.SUBSCRIBER:
            return Reply(outcome)
        case _:
            return Settle()


def _pause(retry: int, outcome: Outcome, terms: Terms) -> float:
    wait = backoff(terms.delivery, retry, cap=terms.cap, jitter=terms.jitter, chance=terms.chance)
    return max(wait, asked(outcome, terms.delivery, now=terms.now))


def asked(outcome: Outcome, delivery: Delivery, *, now: float) -> float:
    """Seconds that an answer's Retry-After asks to wait, as far as the delivery lets it."""
    match outcome:
        case Answer(status=429 | 503, headers=headers):
            bound = delivery.retry_after_max
            return min(retry_after(headers, now=now) or 0.0, MOST_RETRY_AFTER if bound is None else bound)
        case _:
            return 0.0


def failure_of(outcome: Outcome, dest: str) -> Failure:
    """What a dead letter says of the attempt that ended an event's way."""
    if isinstance(outcome, NoAnswer):
        return Failure(dest, outcome.reason)
    data = base64.b64encode(outcome.body[:ERROR_DATA_BYTES]).decode()
    return Failure(dest, f"status {outcome.status}", outcome.status, data, _asked_for(outcome.headers))


def _asked_for(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The attributes that `kne-<name>` headers ask for: as many as a cursor's record can carry, none of the core."""
    extra: dict[str, str] = {}
    left = EXTRA_BYTES
    for header, value in headers.items():
        name = header.removeprefix("kne-")
        legal = name != header and rules.is_name(name) and name not in rules.CORE and rules.is_text(value)
        if legal and value and len(value.encode()) <= left and len(extra) < EXTRA_ATTRIBUTES:
            extra[name] = value
            left -= len(value.encode())
    return extra


def hops(event: Event) -> int:
    """Brokers this event may still pass; an absent or unreadable count is the default."""
    left = hops_left(event.attributes.get(HOPS, ""))
    return DEFAULT_HOPS if left is None else max(0, left)


def outgoing(event: Event) -> Event:
    """The event as a subscriber gets it: without the hop count."""
    return event.with_attributes(**{HOPS: None}) if HOPS in event.attributes else event


def dead_letter(event: Event, failure: Failure) -> Event:
    """The event as a dead-letter sink or topic gets it: what failed as attributes, the hop count decremented."""
    changes = {**failure.extra, "knativeerrordest": failure.dest, HOPS: str(max(0, hops(event) - 1))}
    if failure.code is not None:
        changes["knativeerrorcode"] = str(failure.code)
    if failure.data:
        changes["knativeerrordata"] = failure.data
    return event.with_attributes(**changes)


def reply(event: Event, cause: Event) -> Event | None:
    """A subscriber's answer as it re-enters the Broker; None where the hops of its cause are spent."""
    left = hops(cause) - 1
    return event.with_attributes(**{HOPS: str(left)}) if left > 0 else None

"""The tree of errors.  The type says what to do; the text says what was found and what was expected.

TradewindError
├── Faulty                 the input is wrong; carries every fault at once
│   ├── InvalidEvent       these bytes are not a CloudEvent
│   │   └── UnsupportedFormat   they may be one, in a format or mode that is not read here
│   ├── InvalidExpression  this text is no CESQL expression, or a bound is passed
│   ├── InvalidCel         this text is no CEL expression, or a bound is passed
│   ├── InvalidManifest    these manifests are not accepted
│   └── InvalidSettings    these flags or environment variables are not accepted
├── Rejected               a server of ours refuses a request; carries the HTTP answer
├── LogUnavailable         Kafka did not take or give a record in time: try again
│   ├── TopicMissing       because the topic is not there (any more): it must be made
│   └── LogDenied          because Kafka does not let us in, or we do not trust it
├── LogRefused             Kafka will never take this record: a verdict, not a retry
├── ApiFailed              the Kubernetes API server did not do what it was asked
│   ├── ApiUnavailable     no answer that decides anything came in time: try again
│   ├── ApiConflict        the object is another by now, or is there already: look again
│   ├── ApiDenied          this identity may not do that: somebody must grant it
│   └── ApiRefused         the API server takes this for wrong: a verdict, not a retry
├── LeadershipLost         this process leads no longer: it ends, and a new one may lead again
├── PositionGone           a reader's position lies outside the log
├── SlotTaken              another process holds this static member's slot
└── StartFailed            a process cannot start; carries cause and remedy
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where, what was found, what was expected, and the rule that says so."""

    path: str
    """Where: an attribute (`time`), a header (`ce-time`) or a manifest path (`trigger.yaml: spec.delivery.retry`)."""
    found: str
    """What was there, quoted and cut for display; `nothing` where it is missing."""
    expected: str
    """What would have been right, in words."""
    rule: str = ""
    """The clause of the specification that asks for it, if one does."""

    def __str__(self) -> str:
        text = f"{self.path}: found {self.found}, expected {self.expected}"
        return f"{text} ({self.rule})" if self.rule else text


class TradewindError(Exception):
    """Root of everything Tradewind raises on purpose."""


class Faulty(TradewindError):
    """The input is wrong.  `faults` holds all of them, never only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class InvalidEvent(Faulty):
    """A message that is not a CloudEvent."""


class UnsupportedFormat(InvalidEvent):
    """A CloudEvent in an event format that is not read here (Avro, Protobuf, …): HTTP answers 415."""


class InvalidExpression(Faulty):
    """A text that is no CESQL expression.  Reading ends at the first fault, at `position` (in characters from 0)."""

    def __init__(self, position: int, found: str, expected: str, rule: str = "") -> None:
        super().__init__([Fault(f"character {position + 1}", found, expected, rule)])
        self.position = position


class InvalidCel(Faulty):
    """A text that is no CEL expression that may run here."""


class InvalidManifest(Faulty):
    """Manifests that are not accepted."""


class InvalidSettings(Faulty):
    """Flags or environment variables that are not accepted."""


class Rejected(TradewindError):
    """A server of ours refuses a request: status, one sentence, every fault, and headers the answer must carry."""

    def __init__(
        self, status: int, why: str, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.faults: tuple[Fault, ...] = tuple(faults)
        self.headers: Mapping[str, str] = headers or {}


class LogUnavailable(TradewindError):
    """Kafka did not take or give a record in time.  Whoever asked may ask again later."""


class TopicMissing(LogUnavailable):
    """The topic of a record is not there, or no longer.  It must be made before asking again helps."""


class LogDenied(LogUnavailable):
    """Kafka does not let us in as who we say we are, or we do not trust what it shows.  Somebody must mend it."""


class LogRefused(TradewindError):
    """Kafka will never take this record (too large, invalid).  Asking again changes nothing."""


class ApiFailed(TradewindError):
    """The Kubernetes API server did not do what it was asked; the text says what it answered."""


class ApiUnavailable(ApiFailed):
    """No answer came in time, or none that decides anything (429, 5xx).  Whoever asked may ask again later."""


class ApiConflict(ApiFailed):
    """The object has another version or uid by now, or one of its name is there already (409)."""


class ApiDenied(ApiFailed):
    """This identity may not do that (401, 403): a Role, or its binding, is missing."""


class ApiRefused(ApiFailed):
    """The API server takes this for wrong (other 4xx).  Asking again changes nothing."""


class LeadershipLost(TradewindError):
    """This process led and does so no longer.  It ends: only that ends all of its work for certain."""


class PositionGone(TradewindError):
    """A reader stands at an offset that the log does not hold: below its start, or beyond its end."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(f"{topic}[{partition}] has no offset {offset}")
        self.topic = topic
        self.partition = partition
        self.offset = offset


class SlotTaken(TradewindError):
    """Another process is a member of the group under the same `group.instance.id`."""


class StartFailed(TradewindError):
    """A process cannot start.  `cause` says what is wrong and `remedy` what to do about it."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}\n{remedy}")
        self.cause = cause
        self.remedy = remedy

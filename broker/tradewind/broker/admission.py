"""Admission: what of a request is taken, and with which words the rest is refused.

    version ──spoken──►                  505
    path ──find──► BrokerPlan            404
    method, head ──check──►              405, 431; 400, 411 and 501 (framing), 415 (coding), 413 (announced length)
    body, while it is read ──►           413 (`overflowing`)
    head and body ──events──► events     415 (format), 413 (length of a batch), 400; 413 (an event)

A refusal has the status that comes first here, and names the faults of each that could be judged all the same.  Up to
431 the rest of the head is not looked at; from there on its fields are, also where the body is not read; and the size
of an event is known only where nothing else is wrong with it.  Pure, so that FastAPI's route and the raw front decide
alike.
"""

import re
from collections.abc import Mapping, Sequence

from tradewind.broker.heads import Head
from tradewind.broker.limits import Limits
from tradewind.broker.room import RETRY_AFTER
from tradewind.config import MIB
from tradewind.errors import Fault, InvalidEvent, Rejected, UnsupportedFormat
from tradewind.events import hops, http, json_format, kafka, usual
from tradewind.events.attributes import shown
from tradewind.events.model import Event
from tradewind.plan import BrokerPlan
from tradewind.ports import NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.topics import ENVELOPE_BYTES, batch_bytes, size_of
from tradewind.web import framing, handshakes
from tradewind.web.framing import CLOSING

VERSIONS = ("1.0", "1.1")
"""Of HTTP, that are spoken here."""

FRAMING = 128
"""Bytes that frame a record or one of its fields in Kafka, or fewer: nearly every record fits without a closer look."""

RECORD_COST = 1024
"""Bytes that a record takes in this process besides its content, until Kafka has it."""

FIELD_COST = 8
"""Bytes that frame one of its header fields, at most: two lengths of four."""

_VERSION = "RFC 9110 15.6.6"
_TOO_LARGE_HEAD = "RFC 6585 5"
_TOO_LARGE = "RFC 9110 15.5.14"
DRAINED = 16 * MIB
"""Bytes of a refused body that are read and dropped, so that its sender sees the answer and may go on."""

_PROBES = ", probes are at /healthz and /readyz, and metrics at /metrics"
_ABSOLUTE = re.compile(r"^https?://[^/]*", re.IGNORECASE)


def spoken(version: str) -> None:
    """Refuse what is not in a version of HTTP that is spoken here, wherever it goes."""
    if version not in VERSIONS:
        fault = Fault("request line", f"HTTP/{version}", " or ".join(f"HTTP/{known}" for known in VERSIONS), _VERSION)
        raise Rejected(505, "This version of HTTP is not spoken here.", faults=[fault], headers=CLOSING)


def find(path: str, brokers: Mapping[NamespacedName, BrokerPlan]) -> BrokerPlan:
    """The Broker at `/{namespace}/{name}`; one slash more at the end is the same path.

    A target in absolute form (RFC 9112 3.2.2), as clients send it to a proxy, means its path.
    """
    path = _ABSOLUTE.sub("", path)
    parts = path.removesuffix("/").split("/")
    broker = brokers.get(NamespacedName(parts[1], parts[2])) if len(parts) == 3 and not parts[0] else None
    if broker is not None:
        return broker
    fault = Fault("path", shown(path), "/{namespace}/{name} of a Broker", "RFC 9110 15.5.5")
    why = f"There is no Broker at {shown(path)}; the path of a Broker is /{{namespace}}/{{name}}"
    raise Rejected(404, f"{why}{'' if len(parts) == 3 else _PROBES}.", faults=[fault])


def fits(head: Head, size: int, limits: Limits) -> bool:
    """Whether a plain request, its head of so many bytes, is within the limits; what is not, `check` refuses."""
    within = size <= limits.header_bytes and len(head.headers) <= limits.headers
    return within and head.length <= limits.event_bytes


def check(method: str, headers: http.RawHeaders, limits: Limits, version: str = "1.1") -> None:
    """Refuse what a request's head alone shows to be wrong; `version` is that of HTTP."""
    if method != "POST":
        why = f"A Broker takes events by POST, not {shown(method)}."
        fault = Fault("method", shown(method), "POST", "RFC 9110 15.5.6")
        raise Rejected(405, why, faults=[fault], headers={"Allow": handshakes.ALLOWED})
    size = sum(len(name) + len(value) + 4 for name, value in headers)
    if size > limits.header_bytes or len(headers) > limits.headers:
        faults = [head_bytes(f"{size} bytes", limits.header_bytes)] if size > limits.header_bytes else []
        if len(headers) > limits.headers:
            faults.append(
                Fault("headers", f"{len(headers)} fields", f"at most {limits.headers} fields", _TOO_LARGE_HEAD)
            )
        raise head_too_large(faults)
    if rejected := unreadable(headers, limits, version):
        raise rejected


def unreadable(headers: http.RawHeaders, limits: Limits, version: str = "1.1") -> Rejected | None:
    """The refusal of a request whose body cannot be read as its head announces it, or need not."""
    misframed = framing.misframed(headers, version)
    found = [rejected for rejected in (misframed, framing.coded(headers)) if rejected is not None]
    if misframed is None and (announced := framing.announced(headers)) > limits.event_bytes:
        found.append(too_large(limits, f"Content-Length {announced}", close=announced > DRAINED))
    return _unread(found, headers, limits) if found else None


def overflowing(headers: http.RawHeaders, limits: Limits) -> Rejected:
    """413 for a body of which more comes than an event may have.  The connection ends."""
    return _unread([too_large(limits, f"more than {limits.event_bytes} bytes", close=True)], headers, limits)


def _unread(found: list[Rejected], headers: http.RawHeaders, limits: Limits) -> Rejected:
    """The refusal of a request whose body is not read, for reasons of which the first leads.

    It tells what is wrong with the event, too, as far as the head shows it.
    """
    try:
        http.check(headers, asked=limits.asked)
    except InvalidEvent as error:
        found = [*found, _no_event(headers, error)]
    return _together(found)


def _together(found: Sequence[Rejected]) -> Rejected:
    """One refusal for all of these reasons: status and words of the first, and what each tells and carries."""
    faults = [fault for rejected in found for fault in rejected.faults]
    carried = {name: value for rejected in found for name, value in rejected.headers.items()}
    return Rejected(found[0].status, found[0].why, faults=faults, headers=carried)


def head_bytes(found: str, limit: int) -> Fault:
    """The fault of a head of too many bytes."""
    return Fault("headers", found, f"at most {limit} bytes (--max-header-bytes)", _TOO_LARGE_HEAD)


def head_too_large(faults: Sequence[Fault]) -> Rejected:
    """431, naming each limit that was met.  The connection ends: what is still coming of the head is not read."""
    expected = ", ".join(fault.expected for fault in faults)
    why = f"The request's head is too large: {expected}."
    return Rejected(431, why, faults=faults, headers=CLOSING)


def too_large(limits: Limits, found: str, path: str = "body", *, close: bool = False) -> Rejected:
    """413, naming the limit.  With `close` the connection ends: what is still coming on it is not worth reading."""
    expected = f"at most {limits.event_bytes} bytes (--max-event-bytes)"
    faults = [Fault(path, found, expected, _TOO_LARGE)]
    return Rejected(413, f"The event is too large: {expected}.", faults=faults, headers=CLOSING if close else None)


def _too_large_for(broker: BrokerPlan, limits: Limits, size: int, path: str) -> Rejected:
    expected = f"at most {limits.batch_bytes} bytes (max.message.bytes of topic {broker.topic.name})"
    fault = Fault(path, f"{size} bytes as a record", expected, _TOO_LARGE)
    return Rejected(413, f"The event is too large for its Broker's topic: {expected}.", faults=[fault])


def too_slow(what: str, seconds: float) -> Rejected:
    """408 for a head or a body that did not come in time; the connection ends."""
    why = f"The request's {what} did not arrive within {seconds:g} seconds."
    fault = Fault(what, "not all of it", f"all of it within {seconds:g} seconds", "RFC 9110 15.5.9")
    return Rejected(408, why, faults=[fault], headers=CLOSING)


def cut_short(what: str = "request", *, came: int = 0, announced: int | None = None) -> Rejected:
    """400 for a request, or its body, of which no more comes: its client has sent its last; the connection ends.

    `came` and `announced` are bytes of a body with a Content-Length.
    """
    found, expected = "the end of the connection", f"all of the {what}"
    if announced is not None:
        found, expected = f"{came} bytes, and no more", f"{announced} bytes (Content-Length)"
    fault = Fault(what, found, expected, "RFC 9112 8")
    return Rejected(400, f"The connection ended before the {what} did.", faults=[fault], headers=CLOSING)


def stopping() -> Rejected:
    """503 for whoever still waits when the server's grace is over.  The event may be stored all the same."""
    headers = {**RETRY_AFTER, **CLOSING}
    return Rejected(503, "Tradewind stops before Kafka has answered for the event.", headers=headers)


def failed() -> Rejected:
    """500: a fault of ours, which is logged and not told."""
    return Rejected(500, "Tradewind failed; its log says why.")


def events(headers: http.RawHeaders, body: bytes, limits: Limits) -> tuple[Event, ...]:
    """The events of a request: one, or those of a batch, all of them or none (DESIGN §3)."""
    try:
        found = http.read_all(headers, body, limits.batch, asked=limits.asked)
    except InvalidEvent as error:
        raise _no_event(headers, error) from None
    large = []
    for place, event in enumerate(found):
        if (size := event.size) > limits.event_bytes:
            large.append(too_large(limits, f"{size} bytes of data and attributes", _whole(headers, place)))
    if large:
        raise _together(large)
    return tuple(map(hops.counting, found))


def _no_event(headers: http.RawHeaders, error: InvalidEvent) -> Rejected:
    """The refusal of a message that is no event, or none that is taken."""
    if isinstance(error, UnsupportedFormat):
        accept = {"Accept": f"{json_format.MEDIA_TYPE}, {json_format.BATCH_MEDIA_TYPE}"}
        why = "The event is in a format that is not read here."
        return Rejected(415, why, faults=error.faults, headers=accept)
    if isinstance(error, json_format.BatchTooLong):
        return Rejected(413, "The batch holds too many events.", faults=error.faults)
    return Rejected(400, _why(headers, error), faults=error.faults)


def _why(headers: http.RawHeaders, error: InvalidEvent) -> str:
    number = len(error.faults)
    if hops.spent(error.faults):
        return "The event has passed as many Brokers as it may."
    if http.is_event(headers):
        return f"This is not a valid CloudEvent: {number} fault{'' if number == 1 else 's'}."
    return (
        "This is not a CloudEvent: it has neither ce- headers (binary mode) "
        f"nor the Content-Type {json_format.MEDIA_TYPE} (structured mode)."
    )


def plain(broker: BrokerPlan, head: Head, body: bytes, limits: Limits) -> list[NewRecord]:
    """What is appended for a plain request, whose head is within its limits."""
    small = len(body) <= limits.event_bytes - limits.header_bytes  # an event is no larger than its message
    if head.usual and small and not limits.strict_uris:
        made = usual.record(head.headers, body)
        if made is not None:
            record = NewRecord(broker.topic.name, made.value, made.headers, made.key)
            if len(body) <= limits.light or batch_bytes(record) <= limits.batch_bytes:
                return [record]
    return records(broker, head.headers, events(head.headers, body, limits), limits)


def records(broker: BrokerPlan, headers: http.RawHeaders, found: Sequence[Event], limits: Limits) -> list[NewRecord]:
    """What is appended for the events of a request.

    Some take more as records than as they came: text of no known type goes in Base64.  All of them must fit, into the
    Broker's topic, too, so that no batch is stored in part.
    """
    made, large = [], []
    for place, event in enumerate(found):
        fields, value = kafka.write(event)
        record = NewRecord(broker.topic.name, value, fields, kafka.key(event))
        if (size := size_of(record)) > limits.event_bytes + ENVELOPE_BYTES:
            large.append(too_large(limits, f"{size} bytes in the form that Kafka keeps", _whole(headers, place)))
        elif size + FRAMING * (len(fields) + 1) > limits.batch_bytes and batch_bytes(record) > limits.batch_bytes:
            large.append(_too_large_for(broker, limits, batch_bytes(record), _whole(headers, place)))
        made.append(record)
    if large:
        raise _together(large)
    return made


def _whole(headers: http.RawHeaders, place: int) -> str:
    """How a fault names one of a request's events as a whole."""
    return f"[{place}]" if http.is_batch(headers) else "event"


def weight(made: Sequence[NewRecord]) -> int:
    """Bytes that these records take in this process until Kafka has them.

    No fewer than the log counts: what it refused in the midst of a batch would leave that stored in part.
    """
    size = 0
    for record in made:
        size += size_of(record) + RECORD_COST + FIELD_COST * len(record.headers)
    return size

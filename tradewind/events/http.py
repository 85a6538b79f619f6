"""The HTTP protocol binding (bindings/http-protocol-binding.md): binary, structured and batched content mode.

    Content-Type
      application/cloudevents-batch+json ──► batched      read_all
      application/cloudevents+json       ──► structured   read, read_all
      application/cloudevents…           ──► UnsupportedFormat
      anything else, or none             ──► binary: one `ce-<name>` header for each attribute, the body is the data

An empty body in binary mode is no data: HTTP cannot tell the two apart.  In each mode some other fields travel with
the event, with each of a batch (`travelling.py`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from tradewind.errors import Fault, InvalidEvent, UnsupportedFormat
from tradewind.events import attributes as rules
from tradewind.events import json_format
from tradewind.events.attributes import SPECIFIED, Rules, shown
from tradewind.events.model import Event
from tradewind.events.remembered import remembered
from tradewind.events.travelling import CONNECTION, kept, travels

RawHeaders = Sequence[tuple[bytes, bytes]]
"""Header fields as they came: octets, names in any case."""

PREFIX = "ce-"
FAMILY = "application/cloudevents"
"""What every structured and batched media type begins with; so binary mode cannot carry data of such a type."""

_FAMILY = FAMILY.encode()

BINARY = ""
"""The mode in which no media type of the family is named; the others go by theirs."""

_READ = (BINARY, json_format.MEDIA_TYPE, json_format.BATCH_MEDIA_TYPE)
_CONTENT_TYPE = "Content-Type"
_DECODING = "http-protocol-binding.md 3.1.3.2"
_QUOTES_CLOSED = re.compile(rb'[^"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*"[^"]*+)*', re.DOTALL)
_QUOTED = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_ENCODED = re.compile(r"[^!#$&-~]")


def read(headers: RawHeaders, body: bytes, *, asked: Rules = SPECIFIED) -> Event:
    """The one event of a message.

    Raises InvalidEvent with every fault, by the rules that are `asked` for values; UnsupportedFormat for an unknown
    format.
    """
    mode, faults = _mode(headers)
    if mode == json_format.BATCH_MEDIA_TYPE:
        raise InvalidEvent([*faults, Fault(_CONTENT_TYPE, shown(mode), "one event, not a batch")])
    return _read(mode, faults, headers, body, None, asked)[0]


def read_all(
    headers: RawHeaders, body: bytes, max_events: int | None = None, *, asked: Rules = SPECIFIED
) -> tuple[Event, ...]:
    """Every event of a message: one, or those of a batch, which may be none.  Raises as `read`."""
    return _read(*_mode(headers), headers, body, max_events, asked)


def check(headers: RawHeaders, *, asked: Rules = SPECIFIED) -> None:
    """Raise what `read_all` raises whatever the body is: for whoever cannot read it, and names the other faults."""
    mode, faults = _mode(headers)
    if mode == BINARY:
        faults += _attributes(headers, asked)[1]
    if faults:
        raise InvalidEvent(faults)


def is_batch(headers: RawHeaders) -> bool:
    """Whether a message that could be read is in batched mode, be it of one event."""
    return _mode(headers)[0] == json_format.BATCH_MEDIA_TYPE


def is_event(headers: RawHeaders) -> bool:
    """Whether a message means to be a CloudEvent: a media type of the family, or any `ce-` header."""
    for name, value in headers:
        lowered = name.lower()
        if lowered[:3] == b"ce-" or (lowered == b"content-type" and value.strip().lower().startswith(_FAMILY)):
            return True
    return False


def write_binary(event: Event) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body in binary mode.

    Data that is itself a CloudEvent (its type is of the family) goes in structured mode, the only one that can carry
    it.  An event without `datacontenttype` gets no Content-Type: the sender must not invent one.
    """
    media_type = event.attributes.get("datacontenttype")
    if media_type is not None and _is_family(media_type):
        return write_structured(event)
    attributes = event.attributes
    values = "".join([value for name, value in attributes.items() if name != "datacontenttype"])
    written: Callable[[str], str] = str if _is_plain(values) else encode_value  # most have nothing to encode
    headers = [(PREFIX + name, written(value)) for name, value in attributes.items() if name != "datacontenttype"]
    if media_type is not None:
        headers.append((_CONTENT_TYPE, media_type))
    return [*headers, *event.headers], event.data or b""


def write_structured(event: Event) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body in structured mode, in the JSON format."""
    return [(_CONTENT_TYPE, json_format.MEDIA_TYPE), *event.headers], json_format.write(event)


def encode_value(value: str) -> str:
    """An attribute's value as a header's: space, `"`, `%` and all outside printable ASCII percent-encoded."""
    if _is_plain(value):
        return value
    return _ENCODED.sub(lambda sign: "".join(f"%{octet:02X}" for octet in sign[0].encode()), value)


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and not _ENCODED.search(value)


def _mode(headers: RawHeaders) -> tuple[str, list[Fault]]:
    """BINARY, or the media type of the JSON format that a message is in; and the fault of several Content-Types.

    Raises with all that can be known where it can be read as nothing: its format is unknown, or its Content-Types
    name several modes.
    """
    media_types = [value.strip(b" \t").decode("latin-1") for name, value in headers if name.lower() == b"content-type"]
    faults = []
    if len(media_types) > 1:
        faults.append(Fault(_CONTENT_TYPE, f"{len(media_types)} of them", "at most one", "RFC 9110 5.3"))
    modes = {_kind(media_type) if _is_family(media_type) else BINARY for media_type in media_types} or {BINARY}
    if len(modes) > 1:
        raise InvalidEvent(faults)
    (mode,) = modes
    if mode not in _READ:
        raise UnsupportedFormat([*faults, _unread(media_types[0])])
    return mode, faults


def _is_family(media_type: str) -> bool:
    return media_type[: len(FAMILY)].lower() == FAMILY


def _kind(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _unread(media_type: str) -> Fault:
    expected = f"{json_format.MEDIA_TYPE}, {json_format.BATCH_MEDIA_TYPE}, or binary mode"
    return Fault(_CONTENT_TYPE, shown(media_type), expected, "http-protocol-binding.md 1.4")


def _read(
    mode: str, known: Sequence[Fault], headers: RawHeaders, body: bytes, max_events: int | None, asked: Rules
) -> tuple[Event, ...]:
    """The events of a message in this mode; `known` are faults that it has in any case."""
    try:
        if mode == BINARY:
            found = [_read_binary(headers, body, asked)]
        elif mode == json_format.MEDIA_TYPE:
            found = [json_format.read(body, asked=asked)]
        else:
            found = [*json_format.read_batch(body, max_events, asked=asked)]
    except InvalidEvent as error:
        raise type(error)([*known, *error.faults]) from None
    if known:
        raise InvalidEvent(known)
    return _with(headers, *found)


@remembered
def _attribute(header: bytes) -> str | None:
    """The attribute a header carries (`Content-Type` for itself), or None for a header that is none of ours."""
    name = header.decode("latin-1").lower()
    if name == "content-type":
        return _CONTENT_TYPE
    return name[len(PREFIX) :] if name.startswith(PREFIX) else None


@remembered
def _beside(header: bytes) -> str | None:
    """The name of a field that may travel beside the attributes, or is Connection; None for any other."""
    name = header.decode("latin-1").lower()
    return name if name == CONNECTION or travels(name) else None


def _with(headers: RawHeaders, *found: Event) -> tuple[Event, ...]:
    """These events with the fields of their message that travel."""
    along = kept([(name, raw) for header, raw in headers if (name := _beside(header)) is not None])
    return tuple(replace(event, headers=along) for event in found) if along else found


def _where(name: str) -> str:
    if name == "datacontenttype":
        return _CONTENT_TYPE
    return PREFIX + name if rules.is_name(name) or name == "data" else shown(PREFIX + name)


def _read_binary(headers: RawHeaders, body: bytes, asked: Rules) -> Event:
    attributes, faults = _attributes(headers, asked)
    if faults:
        raise InvalidEvent(faults)
    return Event(attributes, body or None)


def _attributes(headers: RawHeaders, asked: Rules) -> tuple[dict[str, str], list[Fault]]:
    """What the headers of a message in binary mode say, and every fault of it."""
    attributes: dict[str, str] = {}
    faults: list[Fault] = []
    seen: set[str] = set()
    for header, raw in headers:
        name = _attribute(header)
        if name is None:
            continue
        if name == "datacontenttype":
            faults.append(_datacontenttype_fault(raw))
            continue
        verbatim = name == _CONTENT_TYPE
        if verbatim:
            name = "datacontenttype"
        if name in seen and not verbatim:  # of a second Content-Type `_mode` has told
            faults.append(Fault(_where(name), "the header twice", "each attribute once", "spec.md, Context Attributes"))
        seen.add(name)
        value = _value(name, raw.strip(b" \t"), verbatim=verbatim)
        if isinstance(value, Fault):
            faults.append(value)
        else:
            attributes[name] = value
    return attributes, faults + rules.faults(attributes, _where, seen, asked=asked)


def _datacontenttype_fault(raw: bytes) -> Fault:
    expected = "no such header: Content-Type carries this attribute"
    return Fault("ce-datacontenttype", shown(raw), expected, "http-protocol-binding.md 3.1.1")


def _value(name: str, raw: bytes, *, verbatim: bool) -> str | Fault:
    """An attribute's value from its header: quotes, then one round of percent-decoding, then UTF-8, in this order."""
    text = raw.decode("latin-1")
    if text.isascii() and text.isprintable() and (verbatim or ('"' not in text and "%" not in text)):
        return text
    octets = raw
    if not verbatim:
        if not _QUOTES_CLOSED.fullmatch(raw):
            return Fault(_where(name), shown(raw), "a closing quote", f"{_DECODING}; RFC 9110 5.6.4")
        octets = _QUOTED.sub(lambda quoted: _ESCAPED.sub(rb"\1", quoted[1]), raw)
        octets = unquote_to_bytes(octets)  # a `%` that starts no escape stays as it is
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return Fault(_where(name), shown(raw), "UTF-8, percent-encoded", _DECODING)

"""The JSON event format (formats/json-format.md): one event, or a batch of them, as JSON text.

JSON data is cut out of the text byte for byte and put back the same way; it is never parsed into values.  msgspec cuts
where it can; text that it refuses goes to the standard library's scanner, which is slower and takes all of RFC 8259
(msgspec refuses escapes of lone surrogates), and whose word on what is wrong is final.
"""

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tradewind.errors import Fault, InvalidEvent
from tradewind.events import attributes as rules
from tradewind.events import nesting
from tradewind.events.attributes import SPECIFIED, Rules, shown
from tradewind.events.model import Event

MEDIA_TYPE = "application/cloudevents+json"
BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"
JSON = "application/json"

_JSON_TYPE = re.compile(r"[^/;]+/(?:[^/;]+\+)?json", re.IGNORECASE)
_TEXT_TYPE = re.compile(r"text/[^/;]+|application/(?:[^/;]+\+)?xml", re.IGNORECASE)
_OTHER_CHARSET = re.compile(r""".*;[\t ]*charset=(?!"?(?:utf-8|us-ascii)"?[\t ]*(?:;|$))""", re.IGNORECASE)
_SPACE = b" \t\r\n"
_JSON_SPACE = re.compile(r"[ \t\r\n]*")
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_INT32 = range(-(2**31), 2**31)
_WORDS = {b"true": "true", b"false": "false"}
_TYPES = "json-format.md 2.2"
_PAYLOAD = frozenset({"data", "data_base64"})
"""Members that are no attributes."""


MAX_MEMBERS = 1000
"""Members of one event.  A 64 KiB event may bring hundreds of extensions; beyond this it is an attack, which would cost
seconds and megabytes to answer fault by fault."""

MAX_FAULTS = 1000
"""Faults of a batch that are told, for the same reason: what comes after so many is not judged."""


class BatchTooLong(InvalidEvent):
    """A batch of more events than are taken at once."""


class _Name:
    """A member's name that equals no other, so that a name given twice is seen twice."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


Members = Sequence[tuple[str, bytes]]
"""The members of a JSON object: each name, and the bytes of its value."""


def _name(_type: type, text: str) -> _Name:
    return _Name(text)


_OBJECT = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=_name)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_ANY = msgspec.json.Decoder(msgspec.Raw)


def _unreadable(text: str) -> Any:  # never returns; the scanner's hook has no better type
    raise ValueError(f"{text} is not JSON")


_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_unreadable)


def is_json(media_type: str) -> bool:
    """Whether data of this type is a JSON value: `*/json` or `*/*+json` (json-format.md 3.1)."""
    return _JSON_TYPE.fullmatch(media_type.partition(";")[0].strip()) is not None


def read(body: bytes, *, asked: Rules = SPECIFIED) -> Event:
    """One event.  Raises InvalidEvent with every fault, by the rules that are `asked` for values."""
    _check_utf8(body)
    return _event(_members(body), asked)


def read_batch(body: bytes, max_events: int | None = None, *, asked: Rules = SPECIFIED) -> tuple[Event, ...]:
    """A batch (json-format.md 4).  Raises InvalidEvent with the faults of all its events, each under its place.

    A batch of more than `max_events` is not read further than it takes to know.
    """
    _check_utf8(body)
    elements = _elements(body)
    if max_events is not None and len(elements) > max_events:
        raise BatchTooLong([Fault("body", f"a batch of {len(elements)} events", f"at most {max_events}")])
    events: list[Event] = []
    faults: list[Fault] = []
    for place, element in enumerate(elements):
        try:
            events.append(_event(_members(element), asked))
        except InvalidEvent as error:
            faults += [Fault(f"[{place}].{f.path}", f.found, f.expected, f.rule) for f in error.faults]
            if len(faults) >= MAX_FAULTS:
                rest = f"{len(elements) - place - 1} more events, which were not judged"
                faults.append(Fault(f"[{place + 1}]", rest, f"fewer than {MAX_FAULTS} faults before them"))
                break
    if faults:
        raise InvalidEvent(faults)
    return tuple(events)


def write(event: Event) -> bytes:
    """The event as JSON text.  Reading it back gives an equal event, data byte for byte."""
    members = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in event.attributes.items()}
    if event.data is not None:
        name, value = _data_member(event.data, event.attributes.get("datacontenttype"))
        members[name] = msgspec.Raw(value)
    return msgspec.json.encode(members)


def _data_member(data: bytes, media_type: str | None) -> tuple[str, bytes]:
    """Data as `data` where that says the same, else as `data_base64`.

    Without `datacontenttype` a `data` member would mean JSON, which the event does not say.
    """
    if media_type is not None and is_json(media_type):
        if data[:1] not in _SPACE and data[-1:] not in _SPACE and _is_json_text(data):
            return "data", data
    elif media_type is not None and _TEXT_TYPE.match(media_type) and not _OTHER_CHARSET.match(media_type):
        try:
            return "data", msgspec.json.encode(data.decode())
        except UnicodeDecodeError:
            pass
    return "data_base64", b'"' + base64.b64encode(data) + b'"'


def _is_json_text(data: bytes) -> bool:
    try:
        data.decode()
        _ANY.decode(data)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return nesting.is_within(data, nesting.MOST - 1)


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        found = f"byte 0x{body[error.start]:02x} at {error.start}"
        raise InvalidEvent([Fault("body", found, "JSON text in UTF-8", "RFC 8259 8.1")]) from None


def _members(body: bytes | msgspec.Raw) -> Members:
    try:
        return [(name.text, bytes(value)) for name, value in _OBJECT.decode(body).items()]
    except (msgspec.DecodeError, RecursionError):
        return _scan(bytes(body), "{", "a JSON object")


def _elements(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return _ARRAY.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return [value for _, value in _scan(body, "[", "a JSON array of events")]


def _scan(body: bytes, opening: str, expected: str) -> Members:
    """The members of an object, or the elements of an array, with the standard library's scanner."""
    text = body.decode()
    try:
        return _scan_text(text, opening, expected)
    except RecursionError:
        most = nesting.MOST if opening == "{" else nesting.MOST + 1
        fault = nesting.fault(nesting.depth(body), most)
    except json.JSONDecodeError as error:
        fault = Fault("body", f"{shown(text[error.pos :])} at {error.pos}", f"{expected}: {error.msg}", "RFC 8259")
    except ValueError as error:
        fault = Fault("body", str(error), expected, "RFC 8259")
    raise InvalidEvent([fault])


def _scan_text(text: str, opening: str, expected: str) -> Members:
    closing = {"{": "}", "[": "]"}[opening]
    members: list[tuple[str, bytes]] = []
    place = _expect(text, _skip(text, 0), opening)
    more = text[place : place + 1] != closing
    while more:
        name = ""
        if opening == "{":
            if text[place : place + 1] != '"':
                raise json.JSONDecodeError("a member needs a name", text, place)
            name, place = _SCANNER.raw_decode(text, place)
            place = _expect(text, _skip(text, place), ":")
        end = _SCANNER.raw_decode(text, place)[1]
        members.append((name, text[place:end].encode()))
        place = _skip(text, end)
        if more := text[place : place + 1] != closing:
            place = _expect(text, place, ",")
    rest = _skip(text, place + 1)
    if rest != len(text):
        raise json.JSONDecodeError(f"nothing may follow {expected}", text, rest)
    return members


def _skip(text: str, place: int) -> int:
    match = _JSON_SPACE.match(text, place)
    return match.end() if match else place


def _expect(text: str, place: int, sign: str) -> int:
    if text[place : place + 1] != sign:
        raise json.JSONDecodeError(f"{sign} expected", text, place)
    return _skip(text, place + 1)


def _event(members: Members, asked: Rules) -> Event:
    if len(members) > MAX_MEMBERS:
        raise InvalidEvent([Fault("event", f"{len(members)} members", f"at most {MAX_MEMBERS}")])
    attributes: dict[str, str] = {}
    faults = _too_deep(members)
    data: dict[str, bytes] = {}
    seen: set[str] = set()
    unset: set[str] = set()
    for name, value in members:
        if name in seen:
            faults.append(Fault(_where(name), "the name twice", "each name once", "spec.md, Context Attributes"))
        seen.add(name)
        if name in _PAYLOAD:
            data[name] = value
        elif value == b"null":
            unset.add(name)  # json-format.md 2.3: null is the same as absent
        else:
            text = _attribute(name, value)
            if isinstance(text, Fault):
                faults.append(text)
            else:
                attributes[name] = text
    faults += rules.faults(attributes, _where, seen - unset - _PAYLOAD, asked=asked)
    payload = _data(data, attributes, faults)
    if faults:
        raise InvalidEvent(faults)
    return Event(attributes, payload)


def _too_deep(members: Members) -> list[Fault]:
    """The fault of an event that nests too deeply, which only long members can."""
    most = nesting.MOST - 1
    deep = [value for _, value in members if len(value) > nesting.SHORT and not nesting.is_within(value, most)]
    return [nesting.fault(1 + max(map(nesting.depth, deep)))] if deep else []


def _where(name: str) -> str:
    return name if rules.is_name(name) or name in _PAYLOAD else shown(name)


def _attribute(name: str, value: bytes) -> str | Fault:
    """An attribute's canonical string, from its JSON value."""
    if value[:1] == b'"':
        return _string(value)
    found = shown(value)[1:-1]
    if name in rules.CORE:
        return Fault(_where(name), found, "a JSON string", _TYPES)
    if value in _WORDS:
        return _WORDS[value]
    if _INTEGER.fullmatch(value):
        digits = value.decode()
        if len(digits) <= 11 and int(digits) in _INT32:
            return str(int(digits))
        return Fault(_where(name), found, "an integer from -2147483648 to 2147483647", "spec.md, Type System, Integer")
    return Fault(_where(name), found, "a JSON string, boolean or integer", _TYPES)


def _string(value: bytes) -> str:
    try:
        return _STRING.decode(value)
    except msgspec.DecodeError:
        text: str = json.loads(value)  # a lone surrogate, which the rules refuse in an attribute
        return text


def _data(members: Mapping[str, bytes], attributes: dict[str, str], faults: list[Fault]) -> bytes | None:
    """The payload.  Adds to `faults`, and makes `application/json` explicit where `data` implies it."""
    encoded = members.get("data_base64", b"null")
    if encoded != b"null":
        if "data" in members:
            faults.append(Fault("data_base64", "it beside data", "only one of the two", "json-format.md 3.1.1"))
        return _base64(encoded, faults)
    if "data" not in members:
        return None
    value = members["data"]
    media_type = attributes.setdefault("datacontenttype", JSON)
    if is_json(media_type) or not rules.is_media_type(media_type):  # the fault is the type's; data may be right
        return value
    if value[:1] != b'"':
        expected = "a JSON string, because datacontenttype is not JSON"
        faults.append(Fault("data", shown(value)[1:-1], expected, "json-format.md 3.1.1"))
        return None
    text = _string(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        faults.append(Fault("data", shown(value), "text without a lone surrogate", "RFC 8259 8.2"))
        return None


def _base64(value: bytes, faults: list[Fault]) -> bytes | None:
    if value[:1] == b'"':
        with contextlib.suppress(binascii.Error, UnicodeEncodeError):
            text = _string(value).encode()
            data = base64.b64decode(text, validate=True)
            if len(text) == (len(data) + 2) // 3 * 4:  # Python lets padding behind whole groups pass
                return data
    faults.append(Fault("data_base64", shown(value), "a string in Base64", "RFC 4648 4 and 3.3"))
    return None

"""The Kafka protocol binding (bindings/kafka-protocol-binding.md): events as records.

We write binary mode: `ce_<name>` headers in UTF-8 without percent-encoding, `content-type`, data as the value, no data
as a null value.  We read structured mode, too.  Beside these headers stand the fields that travel with the event
(`travelling.py`), by their own names; all others are passed over.
"""

from collections.abc import Sequence
from dataclasses import replace

from tradewind.errors import Fault, InvalidEvent, UnsupportedFormat
from tradewind.events import attributes as rules
from tradewind.events import json_format
from tradewind.events.attributes import shown
from tradewind.events.model import Event
from tradewind.events.travelling import kept, travels

RecordHeaders = Sequence[tuple[str, bytes]]

PREFIX = "ce_"
CONTENT_TYPE = "content-type"
FAMILY = b"application/cloudevents"
PARTITION_KEY = "partitionkey"

_RULE = "kafka-protocol-binding.md 3.2.3"


def read(headers: RecordHeaders, value: bytes | None) -> Event:
    """The event of a record.  Raises InvalidEvent with every fault: not every record of a topic need be an event."""
    for name, content in headers:
        if name == CONTENT_TYPE and content[: len(FAMILY)].lower() == FAMILY:
            along = [field for field in headers if travels(field[0])]
            return replace(_read_structured(content, value), headers=kept(along))
    return _read_binary(headers, value)


def write(event: Event) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """Headers and value of a record in binary mode.

    Data that is itself a CloudEvent goes in structured mode: in binary mode its content type would be read as that
    of the record.
    """
    attributes = event.attributes
    media_type = attributes.get("datacontenttype")
    if media_type is not None and media_type[: len(FAMILY)].encode().lower() == FAMILY:
        structured = [(CONTENT_TYPE, json_format.MEDIA_TYPE.encode())]
        return structured + _along(event), json_format.write(event)
    headers = [
        (CONTENT_TYPE if name == "datacontenttype" else PREFIX + name, text.encode())
        for name, text in attributes.items()
    ]
    return headers + _along(event) if event.headers else headers, event.data


def key(event: Event) -> bytes | None:
    """The record's key: `partitionkey` as it is (partitioning.md), or none; the event keeps the attribute."""
    return event.attributes.get(PARTITION_KEY, "").encode() or None


def _along(event: Event) -> list[tuple[str, bytes]]:
    return [(name, text.encode()) for name, text in event.headers]


def _read_structured(content: bytes, value: bytes | None) -> Event:
    media_type = content.decode("utf-8", "backslashreplace")
    if media_type.partition(";")[0].strip().lower() != json_format.MEDIA_TYPE:
        raise UnsupportedFormat([Fault(CONTENT_TYPE, shown(media_type), json_format.MEDIA_TYPE, _RULE)])
    if value is None:
        raise InvalidEvent([Fault("value", "null", "an event in the JSON format", "kafka-protocol-binding.md 3.3")])
    return json_format.read(value)


def _where(name: str) -> str:
    if name == "datacontenttype":
        return CONTENT_TYPE
    return PREFIX + name if rules.is_name(name) or name == "data" else shown(PREFIX + name)


def _read_binary(headers: RecordHeaders, value: bytes | None) -> Event:
    attributes: dict[str, str] = {}
    faults: list[Fault] = []
    seen: set[str] = set()
    along: list[tuple[str, bytes]] = []
    for header, content in headers:
        if header == CONTENT_TYPE:
            name = "datacontenttype"
        elif header.startswith(PREFIX):
            name = header[len(PREFIX) :]
            if name == "datacontenttype":
                faults.append(Fault(header, shown(content), f"no such header: {CONTENT_TYPE} carries it", _RULE))
                continue
        else:
            if travels(header):
                along.append((header, content))
            continue
        if name in seen:
            faults.append(Fault(_where(name), "the header twice", "each attribute once", "spec.md, Context Attributes"))
        seen.add(name)
        try:
            attributes[name] = content.decode()
        except UnicodeDecodeError:
            faults.append(Fault(_where(name), shown(content), "a string in UTF-8", _RULE))
    faults += rules.faults(attributes, _where, seen)
    if faults:
        raise InvalidEvent(faults)
    return Event(attributes, value, kept(along) if along else ())

"""The Kafka protocol binding (bindings/kafka-protocol-binding.md): events as records.

We write binary mode: `ce_<name>` headers in UTF-8 without percent-encoding, `content-type`, data as the value, no data
as a null value.  We read structured mode, too.  Headers that are none of ours (traces) are passed over.
"""

from collections.abc import Sequence

from tradewind.errors import Fault, InvalidEvent, UnsupportedFormat
from tradewind.events import attributes as rules
from tradewind.events import json_format
from tradewind.events.attributes import shown
from tradewind.events.model import Event

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
            return _read_structured(content, value)
    return _read_binary(headers, value)


def write(event: Event) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """Headers and value of a record in binary mode.

    Data that is itself a CloudEvent goes in structured mode: in binary mode its content type would be read as that
    of the record.
    """
    media_type = event.attributes.get("datacontenttype", "").encode()
    if media_type[: len(FAMILY)].lower() == FAMILY:
        return [(CONTENT_TYPE, json_format.MEDIA_TYPE.encode())], json_format.write(event)
    headers = [
        (CONTENT_TYPE if name == "datacontenttype" else PREFIX + name, text.encode())
        for name, text in event.attributes.items()
    ]
    return headers, event.data


def key(event: Event) -> bytes | None:
    """The record's key: `partitionkey` as it is (partitioning.md), or none; the event keeps the attribute."""
    return event.attributes.get(PARTITION_KEY, "").encode() or None


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
    for header, content in headers:
        if header == CONTENT_TYPE:
            name = "datacontenttype"
        elif header.startswith(PREFIX):
            name = header[len(PREFIX) :]
            if name == "datacontenttype":
                faults.append(Fault(header, shown(content), f"no such header: {CONTENT_TYPE} carries it", _RULE))
                continue
        else:
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
    return Event(attributes, value)

"""The bridge to the `cloudevents` SDK's objects, for people who write sources and subscribers with it.

What the SDK cannot hold: a time finer than a microsecond, a leap second, an offset of `-00:00`.  `to_sdk` keeps such a
time's instant as near as it can; header fields that travel with an event stay behind.  Data crosses as bytes, which the
SDK passes on untouched; parse them where you need values (`json.loads(event.get_data())`).
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.v1.event import CloudEvent

from tradewind.errors import Fault, InvalidEvent
from tradewind.events import attributes as rules
from tradewind.events.json_format import JSON, is_json
from tradewind.events.model import Event

_FRACTION = re.compile(r"\.([0-9]+)")


def to_sdk(event: Event) -> CloudEvent:
    """An SDK event with the same attributes and the same bytes of data."""
    known: dict[str, object] = dict(event.attributes)
    if "time" in event.attributes:
        known["time"] = _instant(event.attributes["time"])
    converted = CloudEvent(known, event.data)
    if "time" not in event.attributes:
        del converted.get_attributes()["time"]  # the SDK invents one
    return converted


def from_sdk(event: BaseCloudEvent) -> Event:
    """Our event from an SDK event.  Raises InvalidEvent with every fault.

    Bytes stay as they are.  A string is a JSON string where `datacontenttype` is JSON, else its UTF-8.  Anything else
    becomes JSON, which `datacontenttype` must then say; where it says nothing, `application/json` is set.
    """
    given: Mapping[str, object] = event.get_attributes()
    attributes: dict[str, str] = {}
    faults: list[Fault] = []
    for name, value in given.items():
        text = _canonical(value)
        if text is not None:
            attributes[name] = text
        elif value is not None:
            expected = "a string, boolean, integer, bytes or datetime"
            faults.append(Fault(name, rules.shown(value), expected, "spec.md, Type System"))
    data = _data(event.get_data(), attributes, faults)
    faults += rules.faults(attributes, unreadable={name for name, value in given.items() if value is not None})
    if faults:
        raise InvalidEvent(faults)
    return Event(attributes, data)


def _instant(text: str) -> datetime:
    """An RFC 3339 timestamp as a datetime: microseconds, and a leap second as the second after it."""
    whole = _FRACTION.sub("", text).upper()
    match = _FRACTION.search(text)
    micros = int(match[1][:6].ljust(6, "0")) if match else 0
    leap = whole[17:19] == "60"
    if leap:
        whole = whole[:17] + "59" + whole[19:]
    return datetime.fromisoformat(whole).replace(microsecond=micros) + timedelta(seconds=leap)


def _canonical(value: object) -> str | None:
    """The canonical string of a value (spec.md, Type System), or None where it has none."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() if -(2**31) <= value < 2**31:
            return str(value)
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime():
            text = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
            return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    return None


def _data(value: object, attributes: dict[str, str], faults: list[Fault]) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    media_type = attributes.get("datacontenttype")
    if isinstance(value, str) and not (media_type and is_json(media_type)):
        return value.encode()
    if not is_json(attributes.setdefault("datacontenttype", JSON)):
        expected = "bytes or a string, because datacontenttype is not JSON"
        faults.append(Fault("data", rules.shown(value), expected, "spec.md, Event Data"))
        return None
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        faults.append(Fault("data", rules.shown(value), f"a JSON value: {error}", "RFC 8259"))
        return None

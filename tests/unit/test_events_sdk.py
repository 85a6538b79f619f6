"""The bridge to the `cloudevents` SDK, and the SDK as an independent client where it is right."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.bindings import http as sdk_http
from cloudevents.core.bindings import kafka as sdk_kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.builders import event
from tradewind.errors import InvalidEvent
from tradewind.events import http, kafka, sdk

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def sdk_event(data: Any = None, **attributes: Any) -> CloudEvent:
    """An SDK event; it always has a time."""
    minimal = {"specversion": "1.0", "id": "1", "source": "/tests", "type": "tests.happened", "time": NOON}
    return CloudEvent({**minimal, **attributes}, data)


@pytest.mark.parametrize(
    "text, instant",
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31t12:00:00z", NOON),
        ("2026-01-31T12:00:00.5Z", NOON + timedelta(seconds=0.5)),
        ("2026-01-31T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        ("2026-01-31T13:00:00+01:00", NOON),
        ("2026-01-31T12:00:00-00:00", NOON),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_to_the_sdk(text: str, instant: datetime) -> None:
    assert sdk.to_sdk(event(time=text)).get_time() == instant


def test_the_sdk_invents_no_time() -> None:
    assert sdk.to_sdk(event()).get_time() is None


def test_data_crosses_as_bytes() -> None:
    assert sdk.to_sdk(event(data=b'{"a": 1.10}', datacontenttype="application/json")).get_data() == b'{"a": 1.10}'


@pytest.mark.parametrize(
    "given, text",
    [
        ("x", "x"),
        (True, "true"),
        (False, "false"),
        (42, "42"),
        (b"\0\xff", base64.b64encode(b"\0\xff").decode()),
        (NOON, "2026-01-31T12:00:00Z"),
        (NOON.replace(tzinfo=None), "2026-01-31T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(hours=1))), "2026-01-31T13:00:00+01:00"),
        (None, None),
    ],
)
def test_values_from_the_sdk_are_canonical(given: object, text: str | None) -> None:
    assert sdk.from_sdk(sdk_event(e=given)).attributes.get("e") == text


@pytest.mark.parametrize(
    "rule, data, media_type, expected, becomes",
    [
        ("none", None, None, None, None),
        ("bytes", b"\xff", "a/json", b"\xff", "a/json"),
        ("an object", {"a": ["é", 1]}, "a/json", '{"a":["é",1]}'.encode(), "a/json"),
        ("an object without a type", {"a": 1}, None, b'{"a":1}', "application/json"),
        ("a JSON string", "x", "a/json", b'"x"', "a/json"),
        ("text", "é", "text/plain", "é".encode(), "text/plain"),
        ("text without a type", "é", None, "é".encode(), None),
    ],
)
def test_data_from_the_sdk(
    rule: str, data: Any, media_type: str | None, expected: bytes | None, becomes: str | None
) -> None:
    attributes = {} if media_type is None else {"datacontenttype": media_type}
    read = sdk.from_sdk(sdk_event(data, **attributes))
    assert read.data == expected, rule
    assert read.attributes.get("datacontenttype") == becomes


def test_every_fault_of_an_sdk_event() -> None:
    given = sdk_event({"a": {1}}, e=1.5, big=2**31, bad="\0")
    with pytest.raises(InvalidEvent) as raised:
        sdk.from_sdk(given)
    assert sorted(fault.path for fault in raised.value.faults) == ["bad", "big", "data", "e"]
    with pytest.raises(InvalidEvent, match="not JSON"):
        sdk.from_sdk(sdk_event({"a": 1}, datacontenttype="text/plain"))


CLIENTS = [
    sdk_event({"a": [1, "é"]}, datacontenttype="application/json"),
    sdk_event("text é", datacontenttype="text/plain"),
    sdk_event(b"\0\xff", datacontenttype="application/octet-stream"),
    sdk_event(None, subject='a "quoted" % é\u20ac', e="x y"),
]


@pytest.mark.parametrize("given", CLIENTS)
def test_what_the_sdk_sends_over_http_is_read(given: CloudEvent) -> None:
    for message in (sdk_http.to_binary(given, JSONFormat()), sdk_http.to_structured(given, JSONFormat())):
        read = http.read([(k.encode(), v.encode()) for k, v in message.headers.items()], message.body)
        assert read.with_attributes().attributes == sdk.from_sdk(given).attributes
        again = sdk_http.from_http(
            sdk_http.HTTPMessage({k.lower(): v for k, v in http.write_binary(read)[0]}, read.data or b""), JSONFormat()
        )
        assert again.get_attributes() == given.get_attributes()


@pytest.mark.parametrize("given", CLIENTS)
def test_what_the_sdk_writes_to_kafka_is_read(given: CloudEvent) -> None:
    message = sdk_kafka.to_binary(given, JSONFormat())
    read = kafka.read([(k, v) for k, v in message.headers.items()], message.value)
    assert read.attributes == sdk.from_sdk(given).attributes
    assert read.data == (sdk_http.to_binary(given, JSONFormat()).body)

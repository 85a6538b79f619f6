"""The Kafka protocol binding: each row is a rule of bindings/kafka-protocol-binding.md."""

import pytest

from tests.builders import event
from tradewind.errors import InvalidEvent, UnsupportedFormat
from tradewind.events import kafka
from tradewind.events.model import Event

BASE: list[tuple[str, bytes]] = [(f"ce_{name}", value.encode()) for name, value in event().attributes.items()]
STRUCTURED = b'{"specversion":"1.0","id":"1","source":"/tests","type":"tests.happened"}'


@pytest.mark.parametrize(
    "rule, headers, value, expected",
    [
        ("null value is no data", [], None, event()),
        ("an empty value is empty data", [], b"", event(data=b"")),
        ("data as it came", [], b"\0\xff", event(data=b"\0\xff")),
        ("content-type", [("content-type", b"a/b")], b"x", event(data=b"x", datacontenttype="a/b")),
        ("UTF-8", [("ce_e", "é".encode())], None, event(e="é")),
        ("no percent-decoding", [("ce_e", b'%41 "x"')], None, event(e='%41 "x"')),
        ("white space stays", [("ce_e", b" a ")], None, event(e=" a ")),
        ("other headers are passed over", [("traceparent", b"\xff"), ("ce-e", b"x"), ("key", b"")], None, event()),
        ("other headers twice", [("a", b"1"), ("a", b"2")], None, event()),
    ],
)
def test_read(rule: str, headers: list[tuple[str, bytes]], value: bytes | None, expected: Event) -> None:
    assert kafka.read([*BASE, *headers], value) == expected, rule


@pytest.mark.parametrize(
    "rule, headers, expected",
    [
        ("no event at all", [], ["ce_specversion", "ce_id", "ce_source", "ce_type"]),
        ("a required one is missing", BASE[1:], ["ce_specversion"]),
        ("no UTF-8", [*BASE, ("ce_e", b"\xff")], ["ce_e"]),
        ("control character", [*BASE, ("ce_e", b"\0")], ["ce_e"]),
        ("twice", [*BASE, BASE[0]], ["ce_specversion"]),
        ("content-type twice", [*BASE, ("content-type", b"a/b"), ("content-type", b"a/b")], ["content-type"]),
        ("upper case", [*BASE, ("ce_E", b"x")], ['"ce_E"']),
        ("reserved", [*BASE, ("ce_data", b"x")], ["ce_data"]),
        ("ce_datacontenttype", [*BASE, ("ce_datacontenttype", b"a/b")], ["ce_datacontenttype"]),
        ("content-type is no media type", [*BASE, ("content-type", b"json")], ["content-type"]),
        ("time", [*BASE, ("ce_time", b"now")], ["ce_time"]),
    ],
)
def test_faults(rule: str, headers: list[tuple[str, bytes]], expected: list[str]) -> None:
    with pytest.raises(InvalidEvent) as raised:
        kafka.read(headers, b"x")
    assert [fault.path for fault in raised.value.faults] == expected, rule


@pytest.mark.parametrize(
    "media_type", [b"application/cloudevents+json", b"Application/CloudEvents+JSON; charset=UTF-8"]
)
def test_structured_mode(media_type: bytes) -> None:
    assert kafka.read([("content-type", media_type), ("ce_id", b"a copy")], STRUCTURED) == event()


@pytest.mark.parametrize("media_type", [b"application/cloudevents+avro", b"application/cloudevents-batch+json"])
def test_formats_that_are_not_read(media_type: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        kafka.read([("content-type", media_type)], b"[]")


def test_structured_mode_needs_a_value() -> None:
    with pytest.raises(InvalidEvent, match="null"):
        kafka.read([("content-type", b"application/cloudevents+json")], None)


def test_written() -> None:
    headers, value = kafka.write(event(data=b"x", datacontenttype="a/b", e="é %"))
    assert headers == [*BASE, ("content-type", b"a/b"), ("ce_e", "é %".encode())]
    assert value == b"x"
    assert kafka.write(event())[1] is None


def test_an_event_within_an_event_is_written_structured() -> None:
    nested = event(data=STRUCTURED, datacontenttype="application/cloudevents+json")
    headers, value = kafka.write(nested)
    assert headers == [("content-type", b"application/cloudevents+json")]
    assert kafka.read(headers, value) == nested


@pytest.mark.parametrize("partition_key, key", [(None, None), ("", None), ("é", "é".encode())])
def test_key(partition_key: str | None, key: bytes | None) -> None:
    assert kafka.key(event(partitionkey=partition_key)) == key

"""The usual path says what the exact path says, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import http_headers
from tradewind.adapters.http_sender import requests
from tradewind.broker import heads
from tradewind.delivery.journey import outgoing
from tradewind.errors import InvalidEvent
from tradewind.events import http, kafka, usual
from tradewind.events.http import RawHeaders
from tradewind.events.model import Event

TIMES = [
    "2026-01-31T12:00:00Z",
    "2024-02-29T00:00:00+01:00",
    "2023-02-29T00:00:00Z",
    "2026-04-31T12:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-01-31t12:00:00.123456789z",
    "2026-13-01T00:00:00Z",
    "2026-06-30T24:00:00Z",
]
TYPES = [
    "text/plain",
    "application/json; charset=utf-8",
    "application/cloudevents+json",
    "APPLICATION/CLOUDEVENTS",
    "x",
]
VALUES = st.one_of(
    st.sampled_from(["1.0", "1", "/source", "", "true", "0.3", *TIMES, *TYPES]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"%'), max_size=20),
)
NAMES = st.one_of(
    st.sampled_from(
        ["ce-time", "CE-Subject", "ce-type", "Content-Type", "ce-datacontenttype", "ce-dataschema", "ce-data", "ce-",
         "ce-partitionkey", "ce-knativebrokerttl", "ce-bad_name", "Host", "X-Request-Id"]
    ),
    st.from_regex(r"[cC][eE]-[a-zA-Z0-9]{1,6}", fullmatch=True),
)  # fmt: skip
MESSAGES = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@given(MESSAGES, st.booleans(), st.binary(max_size=3))
def test_what_it_answers_is_what_the_exact_path_answers(more: list[tuple[str, str]], whole: bool, body: bytes) -> None:
    headers: RawHeaders = [
        *(http_headers() if whole else []),
        *((name.encode(), value.strip().encode()) for name, value in more),
    ]
    found = usual.record(headers, body)
    if found is None:
        return
    event = http.read(headers, body)
    assert (list(found.headers), found.value) == kafka.write(event)
    assert found.key == kafka.key(event)


@pytest.mark.parametrize("day", ["01-31", "02-28", "04-30", "12-31", "10-29"])
def test_what_is_usual_is_answered(day: str) -> None:
    head = heads.plain(
        b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 1\r\nContent-Type: application/json\r\n"
        + b"\r\n".join(b"%s: %s" % field for field in http_headers(time=f"2026-{day}T23:59:59.5+02:00", subject="a b"))
    )
    assert head is not None and head.usual
    assert usual.record(head.headers, b"1") is not None


@pytest.mark.parametrize(
    "changes",
    [{"id": None}, {"id": ""}, {"specversion": "0.3"}, {"time": "2026-02-29T00:00:00Z"}, {"ext_a": "1"}],
)
def test_what_is_wrong_is_for_the_exact_path(changes: dict[str, str | None]) -> None:
    headers = http_headers(**changes)
    assert usual.record(headers, b"") is None
    with pytest.raises(InvalidEvent):
        http.read(headers, b"")


HELD = st.one_of(
    st.sampled_from([
        "ce_time", "ce_subject", "ce_type", "content-type", "ce_datacontenttype", "ce_dataschema", "ce_data", "ce_",
        "ce_partitionkey", "ce_knativebrokerttl", "ce_bad_name", "CE_type", "traceparent", "x-request-id", "connection",
        "other",
    ]),
    st.from_regex(r"ce_[a-zA-Z0-9]{1,6}", fullmatch=True),
)  # fmt: skip
CONTENTS = st.one_of(VALUES.map(str.encode), st.text(max_size=5).map(str.encode), st.binary(max_size=5))


def record_headers(**changes: str | None) -> list[tuple[str, bytes]]:
    return [(name.decode().replace("ce-", "ce_"), value) for name, value in http_headers(**changes)]


@given(st.lists(st.tuples(HELD, CONTENTS), max_size=6), st.booleans(), st.none() | st.binary(max_size=3))
def test_the_event_of_a_usual_record_is_what_the_exact_path_reads(
    more: list[tuple[str, bytes]], whole: bool, value: bytes | None
) -> None:
    headers = [*(record_headers() if whole else []), *more]
    found = usual.event(headers, value)
    if found is not None:
        assert found == kafka.read(headers, value)
        assert list(found.attributes) == list(kafka.read(headers, value).attributes)


def test_usual_records_are_read() -> None:
    more = [("content-type", b"application/json"), ("traceparent", b"00-1"), ("other", b"\xff"), ("ce_ext", b"a b")]
    headers = [*record_headers(time="2026-01-31T12:00:00.5Z", subject="a"), *more]
    found = usual.event(headers, b"{}")
    assert found == kafka.read(headers, b"{}")
    assert found is not None and found.headers == (("traceparent", "00-1"),)


@pytest.mark.parametrize(
    "changes",
    [{"id": None}, {"id": ""}, {"specversion": "0.3"}, {"time": "2026-02-30T00:00:00Z"}, {"ext_a": "1"}, {"x": "\x7f"}],
)
def test_records_that_are_wrong_are_for_the_exact_path(changes: dict[str, str | None]) -> None:
    headers = record_headers(**changes)
    assert usual.event(headers, None) is None
    with pytest.raises(InvalidEvent):
        kafka.read(headers, None)


def exact_lines(headers: kafka.RecordHeaders) -> list[bytes] | None:
    """The lines that the exact path writes of the event in a record, in no order that counts."""
    written = requests.fields(http.write_binary(outgoing(kafka.read(headers, b"")))[0])
    return None if written is None else sorted(written.split(b"\r\n"))


@given(st.lists(st.tuples(HELD, CONTENTS), max_size=6))
def test_lines_are_what_the_exact_path_writes(more: list[tuple[str, bytes]]) -> None:
    headers = [*record_headers(), *more]
    found = usual.event(headers, b"")
    if found is not None and found.lines is not None:
        assert sorted(found.lines.split(b"\r\n")) == exact_lines(headers)


@given(st.lists(st.tuples(HELD, CONTENTS), max_size=6), st.none() | st.binary(max_size=3))
def test_the_size_of_a_usual_event_is_that_of_any_other(more: list[tuple[str, bytes]], value: bytes | None) -> None:
    found = usual.event([*record_headers(), *more], value)
    if found is not None:
        assert found.size == Event(found.attributes, value).size


def test_usual_events_have_lines() -> None:
    along = ("x-request-id", b"7"), ("traceparent", b"0 1")
    for media_type in (b"application/json", b'text/plain; charset="utf-8"'):
        headers = [*record_headers(subject="a"), ("content-type", media_type), ("ce_knativebrokerttl", b"3"), *along]
        found = usual.event(headers, b"")
        assert found is not None and found.lines is not None
        assert sorted(found.lines.split(b"\r\n")) == exact_lines(headers)
        assert b"Content-Type: " + media_type in found.lines and b"traceparent: 0 1" in found.lines
        assert b"ttl" not in found.lines


@pytest.mark.parametrize("time", ["2024-02-29T00:00:00+01:00", "2016-12-31T23:59:60Z", "2026-01-31t12:00:00z"])
def test_times_that_ask_for_counting_are_usual(time: str) -> None:
    found = usual.event(record_headers(time=time), b"")
    assert found is not None and found.lines is not None and found.attributes["time"] == time


def test_what_an_event_weighs_counts_the_lines_that_it_holds() -> None:
    found = usual.event(record_headers(), b"12")
    assert found is not None and found.lines is not None
    assert found.weight == found.size + len(found.lines)


@pytest.mark.parametrize(
    "more",
    [
        ("ce_subject", b"a b"),
        ("ce_subject", b"1%"),
        ("ce_subject", b'1"'),
        ("x-request-id", "\u00e9".encode()),
    ],
)
def test_the_lines_of_other_events_are_for_the_exact_path(more: tuple[str, bytes]) -> None:
    found = usual.event([*record_headers(), more], None)
    assert found is not None and found.lines is None


def test_a_changed_event_has_the_lines_and_the_size_of_no_other() -> None:
    found = usual.event(record_headers(), b"")
    assert found is not None and found.lines is not None
    changed = found.with_attributes(subject="more than before")
    assert changed.lines is None and changed.size == Event(changed.attributes, b"").size > found.size

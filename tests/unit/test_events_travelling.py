"""Header fields that travel with an event: each row is a rule of events/travelling.py."""

from dataclasses import replace

import pytest

from tests.builders import event as plain
from tests.builders import http_headers
from tradewind.events import http, kafka, usual
from tradewind.events.model import Event, Headers
from tradewind.events.travelling import CONNECTION, MOST_BYTES, kept, travels

STRUCTURED = b'{"specversion":"1.0","id":"1","source":"/tests","type":"tests.happened"}'
ALONG: Headers = (("x-request-id", "7"), ("knative-a", "é"), ("tracestate", "a=1"), ("tracestate", "b=2"))
FIELDS = [(name.encode(), text.encode()) for name, text in ALONG]


def event(*, data: bytes | None = None, headers: Headers = (), **attributes: str | None) -> Event:
    """A valid event, with these fields along with it."""
    return replace(plain(data=data, **attributes), headers=headers)


BASE: list[tuple[str, bytes]] = [(f"ce_{name}", value.encode()) for name, value in event().attributes.items()]


@pytest.mark.parametrize(
    "name, does",
    [
        ("x-request-id", True),
        ("knative-anything", True),
        ("knative-a.b_c", True),
        ("traceparent", True),
        ("tracestate", True),
        ("b3", True),
        ("x-b3-traceid", True),
        ("knative-", False),
        ("knative", False),
        ("knative-a b", False),
        ("knative-a\n", False),
        ("knative-é", False),
        ("xknative-a", False),
        ("X-Request-Id", False),  # told in lower case
        ("x-request-id2", False),
        ("retry-after", False),
        ("authorization", False),
        ("proxy-authorization", False),
        ("cookie", False),
        ("host", False),
        ("connection", False),
        ("keep-alive", False),
        ("te", False),
        ("transfer-encoding", False),
        ("content-type", False),
        ("content-length", False),
        ("prefer", False),
        ("kn-namespace", False),
        ("k-network-probe", False),
        ("baggage", False),
        ("ce-id", False),
        ("ce_id", False),
        ("", False),
    ],
)
def test_which_travel(name: str, does: bool) -> None:
    assert travels(name) is does


@pytest.mark.parametrize(
    "rule, found, expected",
    [
        ("none", [], ()),
        ("in their order, twice as well", [("b3", b"2"), ("knative-a", b"1"), ("b3", b"3")],
         (("b3", "2"), ("knative-a", "1"), ("b3", "3"))),
        ("white space around is none of it (RFC 9110 5.5)", [("b3", b" \ta b\t ")], (("b3", "a b"),)),
        ("empty", [("b3", b"")], (("b3", ""),)),
        ("UTF-8", [("b3", "é".encode())], (("b3", "é"),)),
        ("nothing is decoded", [("b3", b'%41 "x"')], (("b3", '%41 "x"'),)),
        ("no UTF-8", [("b3", b"\xe9"), ("b3", b"1")], (("b3", "1"),)),
        ("a line feed (a record's may hold one)", [("b3", b"1\nx: y")], ()),
        ("a carriage return", [("b3", b"1\rx: y")], ()),
        ("NUL", [("b3", b"1\0")], ()),
        ("Connection itself", [(CONNECTION, b"keep-alive"), ("b3", b"1")], (("b3", "1"),)),
        ("named by Connection, before or after", [("b3", b"1"), (CONNECTION, b"close, B3 "), ("b3", b"2")], ()),
        ("named by the second Connection", [(CONNECTION, b"close"), (CONNECTION, b"b3"), ("b3", b"1")], ()),
        ("as large as may be", [("b3", b"x" * (MOST_BYTES - 6))], (("b3", "x" * (MOST_BYTES - 6)),)),
        ("larger; the next goes", [("b3", b"x" * (MOST_BYTES - 5)), ("b3", b"1")], (("b3", "1"),)),
        ("together larger", [("b3", b"x" * (MOST_BYTES - 6)), ("b3", b"")], (("b3", "x" * (MOST_BYTES - 6)),)),
    ],
)  # fmt: skip
def test_what_stays_behind(rule: str, found: list[tuple[str, bytes]], expected: Headers) -> None:
    assert kept(found) == expected, rule


@pytest.mark.parametrize(
    "rule, headers, body, data",
    [
        ("binary, usual", http_headers(), b"x", b"x"),
        ("binary, by the exact path", http_headers(id="%31"), b"x", b"x"),
        ("structured", [(b"content-type", b"application/cloudevents+json")], STRUCTURED, None),
    ],
)
def test_read_from_http(rule: str, headers: http.RawHeaders, body: bytes, data: bytes | None) -> None:
    upper = [(name.title(), b" " + value) for name, value in FIELDS]
    others = [(b"Authorization", b"secret"), (b"Cookie", b"secret"), (b"x-" + b"y" * 100, b"1")]
    assert http.read_all([*upper, *headers, *others], body) == (event(data=data, headers=ALONG),), rule
    assert http.read([*upper, *headers, *others], body) == event(data=data, headers=ALONG), rule
    hop = (b"Connection", b"tracestate, X-Request-Id, Knative-A")
    assert http.read_all([*upper, hop, *headers], body) == (event(data=data),), rule


@pytest.mark.parametrize(
    "fields",
    [
        [(b"X-Request-Id", b"7"), (b"Knative-A", b""), (b"cookie", b"1")],
        [(b"tracestate", b"a=1"), (b"connection", b"keep-alive"), (b"tracestate", b"b=2")],
        [(b"b3", b"x" * MOST_BYTES), (b"traceparent", b"1")],
    ],
)
def test_the_usual_path_takes_the_same(fields: http.RawHeaders) -> None:
    headers = [*fields, *http_headers(partitionkey="b3")]
    made = usual.record(headers, b"x")
    assert made is not None
    assert (list(made.headers), made.value) == kafka.write(http.read(headers, b"x"))
    assert made.key == b"b3"


def test_a_long_name_travels_too() -> None:
    name = "knative-" + "a" * 100
    expected = event(headers=((name, "1"),))
    assert http.read_all([*http_headers(), (name.encode(), b"1")], b"") == (expected,)


def test_each_event_of_a_batch_has_them() -> None:
    headers = [*FIELDS, (b"content-type", b"application/cloudevents-batch+json")]
    assert http.read_all(headers, b"[" + STRUCTURED + b"," + STRUCTURED + b"]") == (event(headers=ALONG),) * 2


def test_written_to_http() -> None:
    sent = event(headers=ALONG)
    for headers, body in (http.write_binary(sent), http.write_structured(sent)):
        assert [field for field in headers if travels(field[0])] == list(ALONG)
        assert http.read([(name.encode(), text.encode()) for name, text in headers], body) == sent


@pytest.mark.parametrize("media_type", [None, "a/b", "application/cloudevents+json"])
def test_kept_in_kafka(media_type: str | None) -> None:
    stored = event(data=STRUCTURED, datacontenttype=media_type, headers=ALONG)
    headers, value = kafka.write(stored)
    assert [(name, raw) for name, raw in headers if travels(name)] == [(name, text.encode()) for name, text in ALONG]
    assert kafka.read(headers, value) == stored


def test_read_from_what_others_wrote() -> None:
    foreign = [("Knative-A", b"1"), ("connection", b"b3"), ("b3", b"1"), ("traceparent", b"\xff"), ("cookie", b"1")]
    assert kafka.read([*BASE, *foreign], None) == event(headers=(("b3", "1"),))


def test_copies_keep_them() -> None:
    assert event(headers=ALONG).with_attributes(a="1", id="2") == event(headers=ALONG, a="1", id="2")


def test_they_weigh_but_are_no_part_of_the_events_size() -> None:
    assert event(headers=(("b3", "12"),)).size == event().size
    assert event(headers=(("b3", "12"),)).weight == event().size + 4

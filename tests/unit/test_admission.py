"""Admission: what of a request is taken, and what its refusal says."""

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.builders import broker_plan, event, http_headers
from tradewind.adapters.kafka_log.produce import producer, records
from tradewind.broker import admission
from tradewind.broker.heads import Head
from tradewind.broker.limits import Limits
from tradewind.config import MIB, Settings
from tradewind.errors import Fault, Rejected
from tradewind.events.http import RawHeaders
from tradewind.ports import NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.topics import batch_bytes, size_of
from tradewind.web import handshakes, problem

HELLO = broker_plan()
BROKERS = {HELLO.name: HELLO}
LIMITS = Limits(event_bytes=1000, header_bytes=500, headers=10, batch=2)
STRUCTURED: RawHeaders = [(b"content-type", b"application/cloudevents+json")]
BATCH: RawHeaders = [(b"content-type", b"application/cloudevents-batch+json")]
ONE = b'{"specversion":"1.0","id":"1","source":"/tests","type":"tests.happened"%s}'


def refused(headers: RawHeaders, body: bytes = b"") -> Rejected:
    """The refusal of a request's content."""
    with pytest.raises(Rejected) as raised:
        admission.events(headers, body, LIMITS)
    return raised.value


def test_limits_come_from_the_settings() -> None:
    limits = Limits.of(Settings(max_event_bytes=5, max_header_bytes=6))
    assert (limits.event_bytes, limits.header_bytes) == (5, 6)


@pytest.mark.parametrize(
    "path", ["/default/hello", "/default/hello/", "http://x:8080/default/hello", "HTTPS://x/default/hello"]
)
def test_a_brokers_path(path: str) -> None:
    assert admission.find(path, BROKERS) is HELLO


@pytest.mark.parametrize(
    "path",
    ["", "/", "//", "/default", "/default/", "/default/other", "/hello/default", "/default/hello//", "*"],
)
def test_paths_that_name_no_broker(path: str) -> None:
    with pytest.raises(Rejected, match="no Broker"):
        admission.find(path, BROKERS)


@pytest.mark.parametrize(
    "path",
    ["/default/hello/x", "default/hello", "x/default/hello", "/default/hello?x", "/default/hello\n", "/Default/hello"],
)
def test_other_paths(path: str) -> None:
    with pytest.raises(Rejected) as raised:
        admission.find(path, {**BROKERS, NamespacedName("secret", "broker"): HELLO})
    assert raised.value.status == 404
    (fault,) = raised.value.faults
    assert fault.path == "path" and fault.expected == "/{namespace}/{name} of a Broker"
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "rule, method, headers, status",
    [
        ("plain", "POST", http_headers(), None),
        ("no length", "POST", [], None),
        ("length within the limit", "POST", [(b"Content-Length", b"1000")], None),
        ("length above it", "POST", [(b"content-length", b"1001")], 413),
        ("a length of many digits", "POST", [(b"content-length", b"9" * 20)], 413),
        ("of zeros, mostly", "POST", [(b"content-length", b"1000".zfill(20))], None),
        ("a length of more", "POST", [(b"content-length", b"9" * 21)], 400),
        ("a length that is none", "POST", [(b"content-length", b"0x10")], 400),
        ("a length with a sign", "POST", [(b"content-length", b"+5")], 400),
        ("an empty length", "POST", [(b"content-length", b"")], 400),
        ("two lengths", "POST", [(b"content-length", b"5"), (b"Content-Length", b"5")], 400),
        ("chunked", "POST", [(b"transfer-encoding", b"chunked")], None),
        ("both", "POST", [(b"content-length", b"5"), (b"Transfer-Encoding", b"chunked")], 400),
        ("method", "GET", [], 405),
        ("method in lower case is another", "post", [], 405),
        ("head too large", "POST", [(b"x", b"y" * 500)], 431),
        ("too many fields", "POST", [(b"x", b"")] * 11, 431),
        ("a coded body", "POST", [(b"content-encoding", b"gzip")], 415),
        ("a body that says it is not coded", "POST", [(b"Content-Encoding", b" Identity ,, identity")], None),
        ("a coding of no name", "POST", [(b"content-encoding", b"")], None),
    ],
)
def test_heads(rule: str, method: str, headers: RawHeaders, status: int | None) -> None:
    if status is None:
        admission.check(method, headers, LIMITS)
        return
    with pytest.raises(Rejected) as raised:
        admission.check(method, headers, LIMITS)
    assert raised.value.status == status, rule


def refused_head(headers: RawHeaders, limits: Limits = LIMITS) -> Rejected:
    """The refusal of a request's head."""
    with pytest.raises(Rejected) as raised:
        admission.check("POST", headers, limits)
    return raised.value


def test_every_coding_of_a_body_is_named_and_what_is_accepted() -> None:
    """RFC 9110 15.5.16: a 415 for a coding says which are accepted."""
    refusal = refused_head([(b"Content-Encoding", b"identity, gzip"), (b"content-encoding", b"br")])
    fault = refusal.faults[0]
    assert (fault.path, fault.found, fault.expected) == ("Content-Encoding", '"gzip, br"', "identity, or none")
    assert '"gzip, br"' in refusal.why and "identity" in refusal.why
    assert refusal.headers == {"Accept-Encoding": "identity"}


TWICE = [(b"content-type", b"a/b"), (b"content-type", b"c/d")]


@pytest.mark.parametrize(
    "rule, headers, status, paths",
    [
        (
            "a coding, and what is wrong with the event",
            [(b"content-encoding", b"gzip"), *http_headers(id=None, time="now", knativebrokerttl="0"), *TWICE],
            415,
            ["Content-Encoding", "Content-Type", "ce-id", "ce-time", "ce-knativebrokerttl"],
        ),
        ("a coding of a format that is not read", [
            (b"content-encoding", b"gzip"), (b"content-type", b"application/cloudevents+avro"),
        ], 415, ["Content-Encoding", "Content-Type"]),
        ("a coding of JSON: what is wrong with the event is not known", [
            (b"content-encoding", b"gzip"), *STRUCTURED, (b"ce-time", b"a copy that nobody reads"),
        ], 415, ["Content-Encoding"]),
        ("framing, coding and event", [
            (b"content-length", b"x"), (b"content-encoding", b"gzip"), *http_headers(id="")
        ], 400, ["Content-Length", "Content-Encoding", "ce-id"]),
        ("all that is wrong with lengths", [
            (b"content-length", b"x"), (b"content-length", b"y"), (b"transfer-encoding", b"chunked"), *http_headers(),
        ], 400, ["Content-Length"] * 4),
        ("coding, length and event", [
            (b"content-length", b"1001"), (b"content-encoding", b"gzip"), *http_headers(id="")
        ], 415, ["Content-Encoding", "body", "ce-id"]),
        ("length and event", [(b"content-length", b"1001"), *http_headers(id="")], 413, ["body", "ce-id"]),
    ],
)  # fmt: skip
def test_the_first_fault_of_a_head_leads_and_all_are_named(
    rule: str, headers: RawHeaders, status: int, paths: list[str]
) -> None:
    refusal = refused_head(headers, replace(LIMITS, headers=20))
    assert (refusal.status, [fault.path for fault in refusal.faults]) == (status, paths), rule


def test_the_length_that_is_told_is_that_which_was_found() -> None:
    for digits in (b"1000000000000000000", b"00001000000000000000"):
        assert refused_head([(b"content-length", digits)]).faults[0].found == f"Content-Length {int(digits)}"


def test_the_answer_carries_what_each_of_its_faults_asks_for() -> None:
    refusal = refused_head([
        (b"content-encoding", b"gzip"), (b"content-type", b"application/cloudevents+avro"), (b"content-length", b"x"),
    ])  # fmt: skip
    assert (refusal.status, list(refusal.headers)) == (400, ["Connection", "Accept-Encoding", "Accept"])


def test_a_body_of_no_announced_length_that_does_not_end() -> None:
    refusal = admission.overflowing(http_headers(time="now"), LIMITS)
    assert (refusal.status, [fault.path for fault in refusal.faults]) == (413, ["body", "ce-time"])
    assert refusal.headers == {"Connection": "close"}


@pytest.mark.parametrize(
    "rule, headers, faults",
    [
        ("bytes", [(b"x", b"y" * 500)], [("505 bytes", "at most 500 bytes (--max-header-bytes)")]),
        ("fields", [(b"x", b"")] * 11, [("11 fields", "at most 10 fields")]),
        (
            "both",
            [(b"x", b"y" * 50)] * 11,
            [("605 bytes", "at most 500 bytes (--max-header-bytes)"), ("11 fields", "at most 10 fields")],
        ),
    ],
)
def test_a_head_too_large_names_the_limit_that_was_met(
    rule: str, headers: RawHeaders, faults: list[tuple[str, str]]
) -> None:
    refusal = refused_head(headers)
    assert [(fault.found, fault.expected) for fault in refusal.faults] == faults, rule
    assert all(expected in refusal.why for _, expected in faults)
    assert refusal.headers == {"Connection": "close"}


def test_an_enormous_body_ends_the_connection() -> None:
    """A smaller one is read and dropped, so that its sender sees the answer."""
    for announced, closes in ((b"2000", False), (b"99999999", True)):
        with pytest.raises(Rejected) as raised:
            admission.check("POST", [(b"content-length", announced)], LIMITS)
        assert ("Connection" in raised.value.headers) is closes


def test_what_ends_a_connection_says_so() -> None:
    for rejected, status in ((admission.too_slow("head", 5.0), 408), (admission.stopping(), 503)):
        assert (rejected.status, rejected.headers["Connection"]) == (status, "close")
    assert "within 5 seconds" in admission.too_slow("head", 5.0).why
    assert (admission.failed().status, admission.failed().faults) == (500, ())


def test_one_event_and_batches() -> None:
    assert admission.events(http_headers(), b"x", LIMITS) == (event(data=b"x"),)
    assert admission.events(STRUCTURED, ONE % b"", LIMITS) == (event(),)
    assert admission.events(BATCH, b"[%s,%s]" % (ONE % b"", ONE % b""), LIMITS) == (event(), event())
    assert admission.events(BATCH, b"[]", LIMITS) == ()


@pytest.mark.parametrize(
    "rule, headers, body, status, paths",
    [
        ("no event", [], b"", 400, ["ce-specversion", "ce-id", "ce-source", "ce-type"]),
        ("a fault", http_headers(time="now"), b"", 400, ["ce-time"]),
        ("no JSON", STRUCTURED, b"{", 400, ["body"]),
        ("a format that is not read", [(b"content-type", b"application/cloudevents+avro")], b"", 415, ["Content-Type"]),
        ("data and attributes too large", http_headers(e="x" * 380), b"x" * 900, 413, ["event"]),
        (
            "one of a batch with a fault",
            BATCH,
            b"[%s,{}]" % (ONE % b""),
            400,
            [f"[1].{n}" for n in ("specversion", "id", "source", "type")],
        ),
        ("a batch too long", BATCH, b"[1,2,3]", 413, ["body"]),
        ("hops spent", http_headers(knativebrokerttl="0"), b"", 400, ["ce-knativebrokerttl"]),
        (
            "hops spent, beside other faults",
            http_headers(knativebrokerttl="0", id=None, time="now"),
            b"",
            400,
            ["ce-id", "ce-knativebrokerttl", "ce-time"],
        ),
        (
            "hops spent, in a batch, beside faults of another",
            BATCH,
            b"[%s,{}]" % (ONE % b',"knativebrokerttl":0'),
            400,
            ["[0].knativebrokerttl", *(f"[1].{n}" for n in ("specversion", "id", "source", "type"))],
        ),
        (
            "two Content-Types, beside other faults",
            [*TWICE, *http_headers(id=None, time="now")],
            b"",
            400,
            ["Content-Type", "ce-id", "ce-time"],
        ),
        ("two Content-Types of a batch too long", [*BATCH, *BATCH], b"[1,2,3]", 413, ["Content-Type", "body"]),
        ("hops overspent", http_headers(knativebrokerttl="-5"), b"", 400, ["ce-knativebrokerttl"]),
        ("hops in JSON", STRUCTURED, ONE % b',"knativebrokerttl":0', 400, ["knativebrokerttl"]),
        ("hops in a batch of one", BATCH, b"[%s]" % (ONE % b',"knativebrokerttl":0'), 400, ["[0].knativebrokerttl"]),
        (
            "hops of one in a batch",
            BATCH,
            b"[%s,%s]" % (ONE % b"", ONE % b',"knativebrokerttl":0'),
            400,
            ["[1].knativebrokerttl"],
        ),
    ],
)
def test_refusals(rule: str, headers: RawHeaders, body: bytes, status: int, paths: list[str]) -> None:
    rejected = refused(headers, body)
    assert (rejected.status, [fault.path for fault in rejected.faults]) == (status, paths), rule


def test_one_event_of_a_batch_too_large() -> None:
    limits = Limits(event_bytes=80, header_bytes=500)
    big = ONE % (b',"e":"%s"' % (b"x" * 80))
    one = ONE % b""
    for body, paths in (
        (b"[%s,%s]" % (one, big), ["[1]"]),
        (b"[%s]" % big, ["[0]"]),
        (b"[%s,%s,%s]" % (big, one, big), ["[0]", "[2]"]),
    ):
        with pytest.raises(Rejected) as raised:
            admission.events(BATCH, body, replace(limits, batch=3))
        assert (raised.value.status, [fault.path for fault in raised.value.faults]) == (413, paths)


def test_what_is_no_event_at_all_is_told_how_to_be_one() -> None:
    assert "binary mode" in refused([(b"content-type", b"application/json")], b"{}").why
    assert "as many Brokers as it may" in refused(http_headers(knativebrokerttl="0")).why
    assert refused(http_headers(knativebrokerttl="0", id="")).why == "This is not a valid CloudEvent: 2 faults."
    assert refused(http_headers(time="now")).why == "This is not a valid CloudEvent: 1 fault."
    assert refused(http_headers(time="now", id="")).why == "This is not a valid CloudEvent: 2 faults."


@pytest.mark.parametrize(
    "count, kept", [("1", "1"), ("255", "255"), ("x", None), ("1.5", None), ("", None), ("9" * 99, None)]
)
def test_hops(count: str, kept: str | None) -> None:
    (admitted,) = admission.events(http_headers(knativebrokerttl=count), b"", LIMITS)
    assert admitted.attributes.get("knativebrokerttl") == kept


def test_records() -> None:
    (first, second) = admission.records(HELLO, BATCH, [event(partitionkey="k", data=b"x"), event()], LIMITS)
    assert (first.topic, first.key, first.value) == (HELLO.topic.name, b"k", b"x")
    assert ("ce_partitionkey", b"k") in first.headers
    assert (second.key, second.value, second.partition) == (None, None, None)
    content = sum(len(name) + len(value) for name, value in first.headers) + 2
    assert size_of(first) == content
    assert admission.weight([first]) == content + admission.RECORD_COST + admission.FIELD_COST * len(first.headers)


lengths = st.integers(0, 300) | st.sampled_from([2**13, 2**14, MIB])


@given(
    st.none() | lengths,
    st.none() | lengths,
    st.lists(st.tuples(st.integers(1, 300), lengths), max_size=4),
    st.integers(1, 1000),
)
@example(None, 1, [(5, 1)], 980)
def test_a_record_weighs_no_less_than_in_the_producer(
    key: int | None, value: int | None, fields: list[tuple[int, int]], times: int
) -> None:
    """Else a batch that we let in would be refused in its midst, and stored in part."""
    named = tuple(("a" * name, b"a" * length) for name, length in fields)
    record = NewRecord(
        "topic",
        value if value is None else b"a" * value,
        named * times if len(named) == 1 else named,
        key if key is None else b"a" * key,
    )
    if size_of(record) <= MIB:
        held = len(records.body(record.key, record.value, record.headers)) + producer.RECORD_COST
        assert admission.weight([record]) >= held


def test_an_event_that_is_larger_as_a_record_is_refused_before_any_is_stored() -> None:
    """Text of a type of the CloudEvents family goes in structured mode, in Base64 where its type is none of JSON's."""
    limits = Limits(event_bytes=200_000, header_bytes=500)
    large = event(data=b"x" * 199_700, datacontenttype="application/cloudevents+avro")
    with pytest.raises(Rejected) as raised:
        admission.records(HELLO, BATCH, [event(), large], limits)
    assert raised.value.status == 413
    (fault,) = raised.value.faults
    assert fault.path == "[1]"
    assert "in the form that Kafka keeps" in fault.found
    assert "--max-event-bytes" in fault.expected


def test_what_the_topic_does_not_take_is_refused_before_any_is_stored() -> None:
    limits = replace(LIMITS, batch_bytes=300)
    large = event(data=b"x" * 300)
    with pytest.raises(Rejected) as raised:
        admission.records(HELLO, BATCH, [large, event(), large], limits)
    first, second = raised.value.faults
    assert (raised.value.status, first.path, second.path) == (413, "[0]", "[2]")
    (one,) = admission.records(HELLO, BATCH, [large], LIMITS)
    assert first.found == f"{batch_bytes(one)} bytes as a record"
    assert first.expected == "at most 300 bytes (max.message.bytes of topic topic-default-hello)"
    assert first.expected in raised.value.why


@pytest.mark.parametrize("spare", [0, -1])
def test_a_plain_request_is_measured_as_any_other(spare: int) -> None:
    """To the byte, whether or not its message is a usual one."""
    wide = replace(LIMITS, event_bytes=2000)
    for headers in (http_headers(partitionkey="k" * 100), http_headers(subject="%41")):
        head = Head(b"/default/hello", headers, 900, usual=b"%41" not in dict(headers).values())
        (record,) = admission.plain(HELLO, head, b"x" * 900, wide)
        limits = replace(wide, batch_bytes=batch_bytes(record) + spare)
        if spare >= 0:
            assert admission.plain(HELLO, head, b"x" * 900, limits) == [record]
            continue
        with pytest.raises(Rejected, match=r"max\.message\.bytes of topic topic-default-hello"):
            admission.plain(HELLO, head, b"x" * 900, limits)


LEAST: RawHeaders = [
    (b"Host", b""), (b"ce-id", b"1"), (b"ce-source", b"s"), (b"ce-type", b"t"), (b"ce-specversion", b"1.0"),
]  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [[], [(b"ce-%x" % number, b"1") for number in range(980)], [(b"ce-x", b"y" * 8192), (b"ce-y", b"y" * 8192)]]
    + [[(b"ce-partitionkey", b"k" * size)] for size in (1, 64, 8192, 60_000)],
)
def test_a_light_body_needs_no_measuring(more: RawHeaders) -> None:
    """Whatever its head holds: nothing that it may lack, every field as short as it can be, or one that is the key."""
    headers = [*LEAST, *more]
    length = sum(len(name) + len(value) + 3 for name, value in headers)
    least = len(b"POST /a/b HTTP/1.1\r\nContent-Length:0") + length
    limits = Limits(event_bytes=1_000_000, header_bytes=least, batch_bytes=500_000)
    body = b"x" * limits.light
    (record,) = admission.plain(HELLO, Head(b"/", headers, len(body), usual=True), body, limits)
    assert batch_bytes(record) <= limits.batch_bytes


def test_a_body_is_light_up_to_what_the_longest_key_leaves() -> None:
    assert Limits(event_bytes=1000, header_bytes=100, batch_bytes=1000).light == 800


@pytest.mark.parametrize(("version", "headers", "status"), [
    ("1.0", [(b"content-length", b"0")], None), ("1.0", [], 411), ("1.1", [], None), ("2.0", [], 505), ("9.9", [], 505),
])  # fmt: skip
def test_versions_of_http(version: str, headers: RawHeaders, status: int | None) -> None:
    if status is None:
        admission.spoken(version)
        admission.check("POST", headers, LIMITS, version)
        return
    with pytest.raises(Rejected) as raised:
        admission.spoken(version)
        admission.check("POST", headers, LIMITS, version)
    assert raised.value.status == status


@pytest.mark.parametrize(
    "headers, answer",
    [
        ([], {"Allow": "POST, OPTIONS"}),
        (
            [(b"Host", b"x"), (b"WebHook-Request-Origin", b"example.com")],
            {"Allow": "POST, OPTIONS", "WebHook-Allowed-Origin": "example.com", "WebHook-Allowed-Rate": "*"},
        ),
    ],
)
def test_the_webhook_handshake(headers: RawHeaders, answer: dict[str, str]) -> None:
    assert handshakes.handshake(headers) == answer


@pytest.mark.parametrize(
    "headers, answer",
    [
        ([], None),
        ([(b"K-Network-Probe", b"other")], None),
        ([(b"K-Network-Hash", b"x")], None),
        ([(b"k-network-probe", b"probe")], {}),
        ([(b"k-network-probe", b"probe"), (b"K-Network-Hash", b"x")], {"K-Network-Hash": "x"}),
    ],
)
def test_knatives_network_probe(headers: RawHeaders, answer: dict[str, str] | None) -> None:
    assert handshakes.probe(headers) == answer


def test_a_problem_names_every_fault() -> None:
    rejected = Rejected(
        400, "Why.", faults=[Fault("a", '"x"', "y", "rule"), Fault("b", "nothing", "z")], headers={"A": "b"}
    )
    status, headers, body = problem.answer(rejected)
    assert (status, headers) == (400, [("Content-Type", "application/problem+json"), ("A", "b")])
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "Why.",
        "faults": [
            {"path": "a", "found": '"x"', "expected": "y", "rule": "rule"},
            {"path": "b", "found": "nothing", "expected": "z"},
        ],
    }


def test_a_problem_without_faults() -> None:
    assert json.loads(problem.body(599, "Why.")) == {
        "type": "about:blank",
        "title": "Error",
        "status": 599,
        "detail": "Why.",
    }


@pytest.mark.parametrize("value", [b"\x01 x", b"\x7f", b"\xff"])
def test_only_what_is_legal_in_an_answer_is_given_back(value: bytes) -> None:
    """RFC 9110 5.5; h11 lets it in, and would write it out."""
    assert handshakes.handshake([(b"webhook-request-origin", value)])["WebHook-Allowed-Origin"] == "*"
    assert handshakes.probe([(b"k-network-probe", b"probe"), (b"k-network-hash", value)]) == {}

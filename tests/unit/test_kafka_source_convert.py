"""Records of a topic → events: every row of the mapping, and that any record becomes an event or a named fault."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.any_event import PROPERTY, events
from tradewind.config import Settings
from tradewind.events import attributes, json_format, kafka
from tradewind.events.model import Event
from tradewind.ports import Headers, Record
from tradewind.resources.model import Destination, KafkaSource, KeyType, Metadata, NamespacedName
from tradewind.sources import admission
from tradewind.sources.kafka.convert import ENCODED, Conversion, header_name, key_text, time_of

NAME = NamespacedName("shop", "orders")
AT = 1_769_860_800.123


def conversion(key_type: KeyType = KeyType.STRING) -> Conversion:
    return Conversion(KafkaSource(Metadata(NAME), Destination(), ("k",), ("orders",), "g", key_type=key_type))


def record(
    value: bytes | None = b"x", *, key: bytes | None = None, headers: Headers = (), timestamp: float = AT
) -> Record:
    return Record("orders", 2, 41, timestamp, key, value, headers)


def read(made: Record, key_type: KeyType = KeyType.STRING) -> Event:
    event = conversion(key_type).event(made)
    assert isinstance(event, Event), event
    assert attributes.faults(event.attributes) == []
    return event


def test_a_plain_record_is_knatives_event() -> None:
    event = read(record(b"{}", key=b"7", headers=[("Content-Type", b"application/json"), ("X-Trace.Id", b"abc")]))
    assert event == Event(
        {
            "specversion": "1.0",
            "id": "partition:2/offset:41",
            "source": "/apis/v1/namespaces/shop/kafkasources/orders#orders",
            "type": "dev.knative.kafka.event",
            "subject": "partition:2#41",
            "time": "2026-01-31T12:00:00.123Z",
            "key": "7",
            "partitionkey": "7",
            "datacontenttype": "application/json",
            "kafkaheaderxtraceid": "abc",
        },
        b"{}",
    )


@pytest.mark.parametrize("value", [None, b""])
def test_a_tombstone_has_no_data_and_an_empty_value_has_empty_data(value: bytes | None) -> None:
    assert read(record(value)).data == value


@pytest.mark.parametrize(
    ("kind", "key", "text"),
    [
        (KeyType.STRING, "Zoë".encode(), "Zoë"),
        (KeyType.INT, struct.pack(">i", -5), "-5"),
        (KeyType.INT, struct.pack(">q", 2**40), "1099511627776"),
        (KeyType.INT, b"\x07", "7"),
        (KeyType.INT, b"\xff\xfe", "-2"),
        (KeyType.FLOAT, struct.pack(">d", 0.1), "0.1"),
        (KeyType.FLOAT, struct.pack(">f", 1.5), "1.5"),
        (KeyType.BYTE_ARRAY, b"\x00\x01", "AAE="),
    ],
)
def test_keys_by_their_type(kind: KeyType, key: bytes, text: str) -> None:
    event = read(record(key=key), kind)
    assert (event.attributes["key"], event.attributes["partitionkey"]) == (text, text)
    assert ENCODED not in event.attributes


@pytest.mark.parametrize(
    ("kind", "key"),
    [(KeyType.STRING, b"\xff"), (KeyType.STRING, b"a\nb"), (KeyType.INT, b"seven"), (KeyType.FLOAT, b"")],
)
def test_a_key_that_is_not_of_its_type_is_base64_and_said_to_be(kind: KeyType, key: bytes) -> None:
    event = read(record(key=key), kind)
    assert base64.b64decode(event.attributes["key"]) == key
    assert event.attributes[ENCODED] == "key,partitionkey"


def test_an_empty_key_is_no_partition_key() -> None:
    event = read(record(key=b""))
    assert event.attributes["key"] == ""
    assert "partitionkey" not in event.attributes


def test_headers_that_are_no_legal_values() -> None:
    headers = [("bad", b"\xff\xfe"), ("line", b"a\r\nb"), ("fine", b"b"), ("empty", b"")]
    event = read(record(headers=headers))
    assert event.attributes["kafkaheaderbad"] == base64.b64encode(b"\xff\xfe").decode()
    assert event.attributes["kafkaheaderline"] == base64.b64encode(b"a\r\nb").decode()
    assert (event.attributes["kafkaheaderfine"], event.attributes["kafkaheaderempty"]) == ("b", "")
    assert event.attributes[ENCODED] == "kafkaheaderbad,kafkaheaderline"


def test_of_headers_with_one_name_the_last_counts() -> None:
    event = read(record(headers=[("a-b", b"\xff"), ("A_B", b"2"), ("---", b"3"), ("é", b"4")]))
    assert event.attributes["kafkaheaderab"] == "2"
    assert event.attributes["kafkaheader"] == "4"
    assert ENCODED not in event.attributes


def test_long_names_are_cut_and_stay_apart() -> None:
    names = {header_name("a" * 1000), header_name("a" * 1001), header_name("a" * 128)}
    assert len(names) == 3
    assert max(map(len, names)) == len("kafkaheader") + 128 + 16


def test_a_content_type_that_is_none_stays_a_header() -> None:
    event = read(record(headers=[("content-type", b"json")]))
    assert "datacontenttype" not in event.attributes
    assert event.attributes["kafkaheadercontenttype"] == "json"


def test_a_content_type_that_is_no_text_is_none_though_its_base64_looks_like_one() -> None:
    event = read(record(headers=[("content-type", base64.b64decode("ab/c"))]))
    assert "datacontenttype" not in event.attributes
    assert event.attributes["kafkaheadercontenttype"] == "ab/c"
    assert event.attributes[ENCODED] == "kafkaheadercontenttype"


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (-0.001, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1.001, "1970-01-01T00:00:01.001Z"),  # a little less, times a thousand
        (253402300799.999, "9999-12-31T23:59:59.999Z"),
        (1e15, None),
    ],
)
def test_times(timestamp: float, text: str | None) -> None:
    assert time_of(timestamp) == text
    assert read(record(timestamp=timestamp)).attributes.get("time") == text


@PROPERTY
@given(events(), st.booleans(), st.none() | st.binary(max_size=8))
def test_a_cloudevent_passes(event: Event, structured: bool, key: bytes | None) -> None:
    headers, value = kafka.write(event)
    if structured:
        headers, value = [("content-type", json_format.MEDIA_TYPE.encode())], json_format.write(event)
    found = read(record(value, key=key, headers=headers))
    own = {"knativekafkapartition": "2", "knativekafkaoffset": "41"}
    own |= {"partitionkey": key_text(key, KeyType.STRING)[0]} if key and "partitionkey" not in event.attributes else {}
    assert found.attributes == {**event.attributes, **own}
    assert found.data == event.data


def test_a_cloudevent_keeps_a_partition_key_of_its_own() -> None:
    event = Event({"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "partitionkey": "mine"}, b"x")
    headers, value = kafka.write(event)
    assert read(record(value, key=b"other", headers=headers)).attributes["partitionkey"] == "mine"


def test_a_cloudevent_that_came_through_a_kafkasource_before_has_a_hop_less_each_time() -> None:
    """A KafkaSource of its own Broker's topic, or two that feed each other, would send one event without end."""
    event, hops = Event({"specversion": "1.0", "id": "1", "source": "/a", "type": "t"}, b"x"), []
    for _ in range(257):
        headers, value = kafka.write(event)
        event = read(record(value, headers=headers))
        hops.append(event.attributes.get("knativebrokerttl"))
    assert hops[:3] == [None, "254", "253"]
    assert hops[-3:] == ["1", "0", "0"]
    assert admission.faulty(event, admission.Limits.of(Settings())).startswith('knativebrokerttl: found "0"')


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (record(headers=[("ce_specversion", b"1.0")]), "ce_id: found nothing"),
        (record(headers=[("ce_specversion", b"0.3"), ("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", b"t")]), "1.0"),
        (record(b"{", headers=[("content-type", b"application/cloudevents+json")]), "body: found"),
        (record(None, headers=[("content-type", b"Application/CloudEvents+json")]), "value: found null"),
        (record(b"[]", headers=[("content-type", b"application/cloudevents-batch+json")]), "content-type: found"),
    ],
)
def test_what_says_that_it_is_a_cloudevent_and_is_none_is_a_named_fault(made: Record, words: str) -> None:
    fault = conversion().event(made)
    assert isinstance(fault, str)
    assert words in fault


HEADERS = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
        | st.sampled_from(["ce_specversion", "ce_id", "ce_source", "ce_type", "content-type", "traceparent"]),
        st.binary(max_size=6) | st.sampled_from([b"1.0", b"application/json", b"application/cloudevents+json"]),
    ),
    max_size=6,
)


@PROPERTY
@given(
    st.none() | st.binary(),
    st.none() | st.binary(max_size=9),
    HEADERS,
    st.floats(-1, 1e18),
    st.sampled_from(KeyType),
)
def test_any_record_is_a_valid_event_or_a_named_fault(
    value: bytes | None, key: bytes | None, headers: Headers, timestamp: float, kind: KeyType
) -> None:
    made = conversion(kind).event(record(value, key=key, headers=headers, timestamp=timestamp))
    if isinstance(made, Event):
        assert attributes.faults(made.attributes) == []
        assert kafka.read(*kafka.write(made)) == made
    else:
        assert "expected" in made

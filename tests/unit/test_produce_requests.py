"""Requests, read back as Kafka's protocol lays them out, and answers built by hand.  https://kafka.apache.org/protocol"""

import struct
from collections.abc import Callable
from typing import TypeVar

import pytest

from tradewind.adapters.kafka_log.produce import requests
from tradewind.adapters.kafka_log.produce.records import Identity
from tradewind.adapters.kafka_log.produce.requests import (
    API_VERSIONS,
    INIT_PRODUCER_ID,
    METADATA,
    PRODUCE,
    SASL_AUTHENTICATE,
    SASL_HANDSHAKE,
    Answer,
    Metadata,
    Node,
    Step,
    Topic,
)

T = TypeVar("T")


class Reader:
    """Reads a request, of which nothing may be left over."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, size: int) -> bytes:
        assert 0 <= size <= len(self.data)
        found, self.data = self.data[:size], self.data[size:]
        return found

    def number(self, bits: int) -> int:
        return int.from_bytes(self.take(bits // 8), "big", signed=True)

    def string(self) -> str | None:
        size = self.number(16)
        return None if size == -1 else self.take(size).decode()

    def array(self, each: Callable[[], T]) -> list[T]:
        return [each() for _ in range(self.number(32))]

    def end(self) -> None:
        assert self.data == b""


def opened(framed: bytes) -> tuple[tuple[int, int, int, str | None], Reader]:
    """The header of a request (v1: key, version, correlation, client) and the rest."""
    reader = Reader(framed)
    assert reader.number(32) == len(reader.data)
    return (reader.number(16), reader.number(16), reader.number(32), reader.string()), reader


def test_produce() -> None:
    sent = [("größe", 0, b"first"), ("other", 7, b"second"), ("größe", 3, b"")]
    batches = [(requests.text(topic), number, batch) for topic, number, batch in sent]
    head, reader = opened(requests.frame(PRODUCE, 2**31 - 1, "me", requests.produce(batches, 30_000)))
    assert head == (0, 7, 2**31 - 1, "me")
    assert (reader.string(), reader.number(16), reader.number(32)) == (
        None,
        -1,
        30_000,
    )  # no transaction, acks=all, timeout

    def partition() -> tuple[int, bytes]:
        return reader.number(32), reader.take(reader.number(32))

    topics = reader.array(lambda: (reader.string(), reader.array(partition)))
    reader.end()
    assert topics == [("größe", [(0, b"first"), (3, b"")]), ("other", [(7, b"second")])]


@pytest.mark.parametrize("names", [[], ["one"], ["größe", "two", ""]])
def test_metadata(names: list[str]) -> None:
    head, reader = opened(requests.frame(METADATA, 5, "", requests.metadata(names)))
    assert head == (3, 4, 5, "")
    assert reader.array(reader.string) == names  # no names are no topics; all topics would be null
    assert reader.number(8) == 0  # allow_auto_topic_creation
    reader.end()


def test_api_versions() -> None:
    head, reader = opened(requests.frame(API_VERSIONS, 0, "größe"))
    assert head == (18, 0, 0, "größe")
    reader.end()


def test_init_producer_id() -> None:
    head, reader = opened(requests.frame(INIT_PRODUCER_ID, 1, "me", requests.init_producer_id()))
    assert head == (22, 0, 1, "me")
    assert (reader.string(), reader.number(32)) == (None, 60_000)
    reader.end()


def test_sasl_handshake() -> None:
    head, reader = opened(requests.frame(SASL_HANDSHAKE, 1, "me", requests.sasl_handshake("SCRAM-SHA-512")))
    assert head == (17, 1, 1, "me")
    assert reader.string() == "SCRAM-SHA-512"
    reader.end()


@pytest.mark.parametrize("token", [b"", b"\0ada\0secret"])
def test_sasl_authenticate(token: bytes) -> None:
    head, reader = opened(requests.frame(SASL_AUTHENTICATE, 1, "me", requests.sasl_authenticate(token)))
    assert head == (36, 1, 1, "me")
    assert reader.take(reader.number(32)) == token
    reader.end()


def test_a_request_may_come_in_parts() -> None:
    assert requests.frame(METADATA, 1, "me", b"ab", b"", b"c") == requests.frame(METADATA, 1, "me", b"abc")


# --- answers, built by hand


def text(value: str | None) -> bytes:
    return b"\xff\xff" if value is None else struct.pack(">h", len(value.encode())) + value.encode()


def array(*elements: bytes) -> bytes:
    return struct.pack(">i", len(elements)) + b"".join(elements)


def ints(*numbers: int) -> bytes:
    return array(*(struct.pack(">i", number) for number in numbers))


NOTHING = struct.pack(">i", -1)
"""An array that is null."""


def partition(number: int, error: int, offset: int) -> bytes:
    return struct.pack(">ihqqq", number, error, offset, -1, 0)


STORED = array(
    text("größe") + array(partition(0, 0, 2**40), partition(3, -1, -1)),
    text("none") + array(),
    text("other") + array(partition(7, 46, -1)),
) + struct.pack(">i", 0)
FOUND_STORED = {(text("größe"), 0): (0, 2**40), (text("größe"), 3): (-1, -1), (text("other"), 7): (46, -1)}

CLUSTER = (
    struct.pack(">i", 0)  # throttle
    + array(
        struct.pack(">i", 1) + text("kafka-ü") + struct.pack(">i", 9092) + text("rack"),
        struct.pack(">i", 2) + text("::1") + struct.pack(">i", 65535) + text(None),
    )
    + text("cluster")
    + struct.pack(">i", 1)  # controller
    + array(
        struct.pack(">h", 0) + text("größe") + b"\0" + array(
            struct.pack(">hii", 0, 1, 2) + ints(2, 1) + ints(2),
            struct.pack(">hii", 5, 0, -1) + ints() + NOTHING,
        ),
        struct.pack(">h", 3) + text("gone") + b"\1" + NOTHING,
    )
)  # fmt: skip
FOUND_CLUSTER = Metadata(
    [Node(1, "kafka-ü", 9092), Node(2, "::1", 65535)], {"größe": Topic(0, {1: 2, 0: -1}), "gone": Topic(3, {})}
)

MECHANISMS = struct.pack(">h", 33) + array(text("PLAIN"), text("SCRAM-SHA-512"))
STEP = struct.pack(">h", 0) + text(None) + struct.pack(">i", 3) + b"r=x" + struct.pack(">q", 3_600_000)
DENIED = struct.pack(">h", 58) + text("wröng") + struct.pack(">iq", -1, 0)
IDENTITY = struct.pack(">ihqh", 0, 0, 2**40, 3)


def versions(*spoken: tuple[int, int, int], error: int = 0) -> bytes:
    return struct.pack(">h", error) + array(*(struct.pack(">hhh", *each) for each in spoken))


OURS = ((PRODUCE, 7, 7), (METADATA, 0, 4), (API_VERSIONS, 0, 3), (INIT_PRODUCER_ID, 0, 0))
SPEAKS = versions((1, 0, 11), *OURS)


def answer(payload: bytes, correlation: int = 9) -> Answer:
    return Answer(struct.pack(">i", correlation) + payload)


@pytest.mark.parametrize(
    ("read", "payload", "found"),
    [
        (requests.stored, STORED, FOUND_STORED),
        (requests.stored, array() + struct.pack(">i", 0), {}),
        (requests.stored, NOTHING + struct.pack(">i", 0), {}),
        (requests.stored, array(text(None) + array(partition(1, 0, 5))), {(text(None), 1): (0, 5)}),
        (requests.cluster, CLUSTER, FOUND_CLUSTER),
        (requests.cluster, struct.pack(">i", 0) + array() + text(None) + struct.pack(">i", -1) + array(),
         Metadata([], {})),
        (requests.identity, IDENTITY, Identity(2**40, 3)),
        (requests.identity, struct.pack(">ihqh", 0, 15, -1, -1), 15),
        (requests.mechanisms, MECHANISMS, (33, ["PLAIN", "SCRAM-SHA-512"])),
        (requests.authenticated, STEP, Step(0, "", b"r=x", 3_600_000)),
        (requests.authenticated, DENIED, Step(58, "wröng", b"", 0)),
        (requests.speaks, SPEAKS, True),
    ],
)  # fmt: skip
def test_what_an_answer_says(read: Callable[[Answer], object], payload: bytes, found: object) -> None:
    assert read(answer(payload)) == found
    assert read(answer(payload + b"what a later version adds")) == found


@pytest.mark.parametrize(
    ("read", "payload"),
    [
        (requests.stored, STORED[:-4]),  # the throttle at its end is not read
        (requests.cluster, CLUSTER),
        (requests.identity, IDENTITY),
        (requests.mechanisms, MECHANISMS),
        (requests.authenticated, STEP),
        (requests.authenticated, DENIED),
        (requests.speaks, SPEAKS),
    ],
)
def test_an_answer_that_ends_too_soon(read: Callable[[Answer], object], payload: bytes) -> None:
    read(answer(payload))
    for size in range(len(payload)):
        with pytest.raises((struct.error, UnicodeDecodeError)):
            read(answer(payload[:size]))


@pytest.mark.parametrize("read", [requests.stored, requests.cluster, requests.speaks])
@pytest.mark.parametrize("filling", [b"\x7f", b"\x00\xff"])
def test_what_is_no_answer_ends_as_well(read: Callable[[Answer], object], filling: bytes) -> None:
    """An array that announces two thousand million elements is at its end where the answer is."""
    with pytest.raises((struct.error, UnicodeDecodeError)):
        read(answer(filling * 17))


def test_an_answer_begins_with_its_number() -> None:
    assert answer(b"", -5).correlation == -5
    for size in range(4):
        with pytest.raises(struct.error):
            Answer(b"\0" * size)


@pytest.mark.parametrize("changed", range(len(OURS)))
@pytest.mark.parametrize("low_high", [None, (-1, -1), (8, 99)])
def test_a_broker_speaks_all_or_does_not(changed: int, low_high: tuple[int, int] | None) -> None:
    """Each request that is missing, too old or too new there."""
    others = [each for at, each in enumerate(OURS) if at != changed]
    spoken = others if low_high is None else [*others, (OURS[changed][0], *low_high)]
    assert not requests.speaks(answer(versions(*spoken)))


@pytest.mark.parametrize("error", [0, 35])
def test_what_counts_is_the_versions_that_a_broker_names(error: int) -> None:
    assert requests.speaks(answer(versions(*reversed(OURS), error=error)))
    assert not requests.speaks(answer(versions(error=error)))

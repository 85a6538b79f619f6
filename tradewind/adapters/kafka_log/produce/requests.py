"""The requests that producing needs, as bytes, and what is read out of their answers: those that let us in among them.

Versions are the oldest that say enough, so that every Kafka since 2.1 speaks them.  https://kafka.apache.org/protocol
"""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from tradewind.adapters.kafka_log.produce.records import Identity

PRODUCE, METADATA, API_VERSIONS, INIT_PRODUCER_ID = 0, 3, 18, 22
SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
NEEDED = (PRODUCE, METADATA, API_VERSIONS, INIT_PRODUCER_ID)
VERSIONS = {PRODUCE: 7, METADATA: 4, API_VERSIONS: 0, INIT_PRODUCER_ID: 0, SASL_HANDSHAKE: 1, SASL_AUTHENTICATE: 1}
"""Of each request.  Those of SASL are spoken since Kafka 2.2."""

CORRELATION = struct.Struct(">i")
"""The number of a request, with which its answer begins."""

Part = tuple[bytes, int, bytes]
"""Topic, as `text`, partition, batch."""

Place = tuple[bytes, int]
"""Topic, as `text`, and partition."""

Stored = tuple[int | None, int]
"""What Kafka says of one batch: an error's code, None where it says nothing, or 0 and its first record's offset."""

_SIZE = struct.Struct(">h")
_COUNT = struct.Struct(">i")
_BATCH = struct.Struct(">ii")
"""Partition, size of its batch."""
_STORED = struct.Struct(">ihqqq")
"""Partition, error, offset, time, start of the log."""


class Node(NamedTuple):
    """A broker of the cluster."""

    id: int
    host: str
    port: int


class Topic(NamedTuple):
    """A topic: an error's code, or 0 and the leader (-1: none) of each partition."""

    error: int
    leaders: Mapping[int, int]


class Step(NamedTuple):
    """A broker's side of one step of a conversation that lets us in."""

    error: int
    why: str
    """In its own words."""
    token: bytes
    lifetime: int
    """Milliseconds, once it is over, after which it must be held again; 0: never."""


class Metadata(NamedTuple):
    """The cluster as a broker knows it."""

    nodes: Sequence[Node]
    topics: Mapping[str, Topic]


def frame(api: int, correlation: int, client_id: str, *parts: bytes) -> bytes:
    """A request on the wire."""
    head = struct.pack(">hhi", api, VERSIONS[api], correlation) + text(client_id)
    return b"".join((struct.pack(">i", len(head) + sum(map(len, parts))), head, *parts))


def produce(batches: Iterable[Part], milliseconds: int) -> bytes:
    """Store these on `acks=all`; the brokers wait so long for each other."""
    topics: dict[bytes, list[bytes]] = {}
    for topic, partition, batch in batches:
        topics.setdefault(topic, []).extend((_BATCH.pack(partition, len(batch)), batch))
    parts = [struct.pack(">hhii", -1, -1, milliseconds, len(topics))]
    for topic, each in topics.items():
        parts += topic, _COUNT.pack(len(each) // 2), *each
    return b"".join(parts)


def metadata(topics: Collection[str]) -> bytes:
    """Where these topics are.  None is made by asking."""
    return struct.pack(">i", len(topics)) + b"".join(map(text, topics)) + b"\0"


def init_producer_id() -> bytes:
    """An identity for a producer without transactions."""
    return struct.pack(">hi", -1, 60_000)


def sasl_handshake(mechanism: str) -> bytes:
    """What is to be spoken next."""
    return text(mechanism)


def sasl_authenticate(token: bytes) -> bytes:
    """One step of a mechanism's conversation."""
    return _COUNT.pack(len(token)) + token


def text(written: str) -> bytes:
    """A text as it stands in requests and answers."""
    coded = written.encode()
    return _SIZE.pack(len(coded)) + coded


class Answer:
    """Reads an answer from its front.  Raises struct.error where it ends too soon."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = CORRELATION.size
        """Where what is not read begins."""
        self.correlation: int = CORRELATION.unpack_from(data)[0]

    def take(self, form: str) -> tuple[int, ...]:
        """Numbers, by their forms in `struct`."""
        found = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return found

    def number(self, form: str) -> int:
        """One number."""
        return self.take(form)[0]

    def text(self) -> str:
        """A text; what is null is empty."""
        size = max(0, self.number(">h"))
        self.at += size
        if self.at > len(self.data):
            raise struct.error("a text ends too soon")
        return self.data[self.at - size : self.at].decode()

    def count(self) -> range:
        """As many as an array has elements."""
        return range(max(0, self.number(">i")))


def stored(answer: Answer) -> dict[Place, Stored]:
    """What became of each batch.  Read without the steps of an Answer: there may be as many as records."""
    found: dict[Place, Stored] = {}
    topics, data, at = answer.count(), answer.data, answer.at
    for _ in topics:
        (size,) = _SIZE.unpack_from(data, at)
        end = at + _SIZE.size + max(0, size)
        topic = data[at:end]
        (partitions,) = _COUNT.unpack_from(data, end)
        at = end + _COUNT.size
        for _ in range(partitions):
            partition, error, offset, _, _ = _STORED.unpack_from(data, at)
            found[topic, partition] = error, offset
            at += _STORED.size
    return found


def cluster(answer: Answer) -> Metadata:
    """Brokers, and where the topics are that were asked for."""
    answer.take(">i")
    nodes = []
    for _ in answer.count():
        node, host, port = answer.number(">i"), answer.text(), answer.number(">i")
        answer.text()
        nodes.append(Node(node, host, port))
    answer.text()
    answer.take(">i")
    topics = {}
    for _ in answer.count():
        error, name = answer.number(">h"), answer.text()
        answer.take(">b")
        leaders = {}
        for _ in answer.count():
            _, index, leader = answer.take(">hii")
            for _ in range(2):
                for _ in answer.count():
                    answer.take(">i")
            leaders[index] = leader
        topics[name] = Topic(error, leaders)
    return Metadata(nodes, topics)


def identity(answer: Answer) -> Identity | int:
    """The identity, or an error's code."""
    _, error, number, epoch = answer.take(">ihqh")
    return error or Identity(number, epoch)


def mechanisms(answer: Answer) -> tuple[int, Sequence[str]]:
    """An error's code, or 0; and the mechanisms that the broker speaks."""
    return answer.number(">h"), [answer.text() for _ in answer.count()]


def authenticated(answer: Answer) -> Step:
    """What came back of one step of a conversation."""
    error, why = answer.number(">h"), answer.text()
    size = max(0, answer.number(">i"))
    token = answer.data[answer.at : answer.at + size]
    answer.at += size
    return Step(error, why, token, answer.number(">q"))


def speaks(answer: Answer) -> bool:
    """Whether a broker speaks every request that producing needs."""
    answer.take(">h")
    spoken = {api: (low, high) for api, low, high in (answer.take(">hhh") for _ in answer.count())}
    return all(api in spoken and spoken[api][0] <= VERSIONS[api] <= spoken[api][1] for api in NEEDED)

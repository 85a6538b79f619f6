"""A stand-in for a Kafka of one or several brokers, on loopback: what producing asks of it, and what a test says.

It keeps batches as a real broker does: a batch it has already is acknowledged and not stored again, one out of step is
refused.  A test says what else becomes of the next requests of a kind (`Turn`), moves leaders and stops brokers.
Whatever needs none of this is tested with a real Kafka.
"""

import asyncio
import contextlib
import struct
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from tests.shell.kafka_batches import Batch, Partition, Reader

PRODUCE, METADATA, API_VERSIONS, INIT_PRODUCER_ID = 0, 3, 18, 22
SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
VERSIONS = {PRODUCE: (3, 9), METADATA: (0, 9), API_VERSIONS: (0, 3), INIT_PRODUCER_ID: (0, 4)}
UNKNOWN_TOPIC, NO_LEADER, NOT_LEADER, TOO_LARGE, INVALID_RECORD = 3, 5, 6, 10, 87

Where = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What becomes of one request."""

    error: int | None = None
    """Nothing is done, and this is the answer's error."""
    until: asyncio.Event | None = None
    """The answer, and all that follow on the connection, waits for this."""
    drop: bool = False
    """The connection is lost where there would be an answer."""
    undone: bool = False
    """And nothing is done."""
    instead: bytes | None = None
    """The answer, less its size and correlation."""
    raw: bytes | None = None
    """The answer, with both."""


class Broker:
    """One broker.  Requests of a connection are answered in their order, but seen as they come."""

    def __init__(self, kafka: "Kafka", node: int) -> None:
        self.node = node
        self.port = 0
        self.speaks = VERSIONS
        self.came: list[int] = []
        """The requests, by their kinds."""
        self.produced: list[dict[Where, list[bytes]]] = []
        """The values in each request to store."""
        self.connected = 0
        """Connections that there have been."""
        self.turns: dict[int, deque[Turn]] = defaultdict(deque)
        """Of the next requests, by their kinds."""
        self.open: set[asyncio.StreamWriter] = set()
        self._kafka = kafka
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where it listens, or would."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, where it did before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more, and drop all connections."""
        if self._server is not None:
            self._server.close()
        self.drop()

    def drop(self) -> None:
        """Drop all connections."""
        for writer in self.open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        self.open.add(writer)
        asked: asyncio.Queue[bytes] = asyncio.Queue()
        answering = asyncio.create_task(self._answer_all(asked, writer))
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                data = await reader.readexactly(size)
                self._see(data)
                asked.put_nowait(data)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (AssertionError, struct.error) as error:
            self._kafka.wrong.append(error)
        finally:
            answering.cancel()
            writer.transport.abort()
            self.open.discard(writer)

    def _see(self, data: bytes) -> None:
        api, _, reader = _head(data)
        self.came.append(api)
        if api == PRODUCE:
            self.produced.append({where: batch.values for where, batch in _batches(reader)})

    async def _answer_all(self, asked: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        while True:
            api, correlation, reader = _head(await asked.get())
            turn = self.turns[api].popleft() if self.turns[api] else Turn()
            answer = b"" if turn.undone else self._answer(api, reader, turn.error)
            answer = answer if turn.instead is None else turn.instead
            if turn.until is not None:
                await turn.until.wait()
            if turn.drop:
                writer.transport.abort()
            elif turn.raw is not None:
                writer.write(turn.raw)
            else:
                writer.write(struct.pack(">ii", len(answer) + 4, correlation) + answer)

    def _answer(self, api: int, reader: Reader, error: int | None) -> bytes:
        if api == API_VERSIONS:
            spoken = [struct.pack(">hhh", api, *versions) for api, versions in self.speaks.items()]
            return struct.pack(">hi", 0, len(spoken)) + b"".join(spoken)
        if api == INIT_PRODUCER_ID:
            if error:
                return struct.pack(">ihqh", 0, error, -1, -1)
            self._kafka.identities += 1
            return struct.pack(">ihqh", 0, 0, self._kafka.identities, 0)
        if api == SASL_HANDSHAKE:
            return struct.pack(">hi", error or 0, 2) + _text("PLAIN") + _text("SCRAM-SHA-256")
        if api == SASL_AUTHENTICATE:
            self._kafka.shown.append(reader.some(*reader.take(">i")))
            return struct.pack(">hhiq", error or 0, -1, 0, self._kafka.session)
        return self._metadata(reader, error) if api == METADATA else self._produce(reader, error)

    def _metadata(self, reader: Reader, error: int | None) -> bytes:
        parts = [struct.pack(">ii", 0, len(self._kafka.listed))]
        for broker in self._kafka.listed:
            parts.append(struct.pack(">i", broker.node) + _text("127.0.0.1") + struct.pack(">ih", broker.port, -1))
        topics = [reader.text() for _ in range(*reader.take(">i"))]
        parts.append(struct.pack(">hii", -1, 0, len(topics)))
        for name in topics:
            there = self._kafka.topics.get(name)
            wrong = error or (UNKNOWN_TOPIC if there is None else 0)
            partitions = [] if wrong or there is None else there
            parts.append(struct.pack(">h", wrong) + _text(name) + struct.pack(">bi", 0, len(partitions)))
            for number, each in enumerate(partitions):
                parts.append(struct.pack(">hiiii", NO_LEADER if each.leader < 0 else 0, number, each.leader, 1, 0))
                parts.append(struct.pack(">i", 0))
        return b"".join(parts)

    def _produce(self, reader: Reader, error: int | None) -> bytes:
        topics: dict[str, list[bytes]] = {}
        for (topic, number), batch in _batches(reader):
            found = (error, -1) if error else self._store(topic, number, batch)
            topics.setdefault(topic, []).append(struct.pack(">ihqqq", number, *found, -1, 0))
        parts = [struct.pack(">i", len(topics))]
        for topic, stored in topics.items():
            parts += _text(topic), struct.pack(">i", len(stored)), *stored
        return b"".join(parts) + struct.pack(">i", 0)

    def _store(self, topic: str, number: int, batch: Batch) -> tuple[int, int]:
        partitions = self._kafka.topics.get(topic, ())
        if number >= len(partitions):
            return UNKNOWN_TOPIC, -1
        if partitions[number].leader != self.node:
            return NOT_LEADER, -1
        if batch.size > self._kafka.largest:
            return TOO_LARGE, -1
        if self._kafka.invalid & set(batch.values):
            return INVALID_RECORD, -1
        return partitions[number].store(batch)


class Kafka:
    """The cluster."""

    def __init__(self, brokers: int) -> None:
        self.brokers = [Broker(self, node) for node in range(brokers)]
        self.listed: Sequence[Broker] = self.brokers
        """Those that it says there are."""
        self.topics: dict[str, list[Partition]] = {}
        self.wrong: list[Exception] = []
        """What is amiss with requests that came."""
        self.identities = 0
        """How many it has given."""
        self.session = 0
        """Milliseconds after which whoever was let in must ask again; 0: never."""
        self.shown: list[bytes] = []
        """By those who asked."""
        self.largest = 1 << 20
        """Bytes a batch may have."""
        self.invalid: set[bytes] = set()
        """Values that no batch may have."""

    def make(self, topic: str, *leaders: int) -> None:
        """Make a topic, or more partitions of it."""
        self.topics.setdefault(topic, []).extend(map(Partition, leaders))

    def next(self, api: int, *turns: Turn, node: int = 0) -> None:
        """What becomes of a broker's next requests of a kind."""
        self.brokers[node].turns[api].extend(turns)

    def values(self, topic: str, number: int = 0) -> list[bytes]:
        """What is stored."""
        return self.topics[topic][number].values


@contextlib.asynccontextmanager
async def serving(brokers: int = 1) -> AsyncIterator[Kafka]:
    """A Kafka with a topic `orders` of one partition on the first broker."""
    kafka = Kafka(brokers)
    kafka.make("orders", 0)
    for broker in kafka.brokers:
        await broker.start()
    try:
        yield kafka
    finally:
        for broker in kafka.brokers:
            broker.stop()
        async with asyncio.timeout(5):
            while any(broker.open for broker in kafka.brokers):
                await asyncio.sleep(0)
        assert not kafka.wrong


def _head(data: bytes) -> tuple[int, int, Reader]:
    reader = Reader(data)
    api, version, correlation = reader.take(">hhi")
    assert version == {PRODUCE: 7, METADATA: 4, SASL_HANDSHAKE: 1, SASL_AUTHENTICATE: 1}.get(api, 0)
    assert reader.text() == "test"
    return api, correlation, reader


def _batches(reader: Reader) -> list[tuple[Where, Batch]]:
    reader.text()
    assert reader.take(">hi")[0] == -1  # acks=all
    found = []
    for _ in range(*reader.take(">i")):
        topic = reader.text()
        for _ in range(*reader.take(">i")):
            number, size = reader.take(">ii")
            found.append(((topic, number), Batch(reader.some(size))))
    return found


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()

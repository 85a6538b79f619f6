"""A librdkafka consumer driven by one thread of its own: what Reader and Member share.

    take ──► thread: poll(wait), then consume(n, 0)     (p50 0.3 ms; consume(n, wait) sits out its wait; DESIGN §5)
    assign, subscribe, seek, close ──► the same thread, after the take that runs; it is told to hurry

Everything below the line `in the thread` runs there, librdkafka's callbacks included, so nothing needs a lock.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import methodcaller
from typing import TypeGuard, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from tradewind.adapters.kafka_log.connection import Config, Connection, librdkafka_log
from tradewind.adapters.kafka_log.verdicts import DENIED, GONE, UNKNOWN_TOPIC, is_fatal
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.observe.logs import Log
from tradewind.ports import Headers, Record, TopicPartition

LOG = Log("kafka")
T = TypeVar("T")

SLICE = 0.1
"""Seconds the thread polls at a time, so that whoever else needs it does not wait for long."""

READ_HEADERS: Callable[[Message], list[tuple[str, bytes | None]] | None] = methodcaller("headers")
"""`message.headers()`, called so that Python checks its result every time.  For a name that is not UTF-8 it returns a
broken list with an exception pending; called directly, from code that has run often, Python no longer looks at once,
and the exception comes up wherever the interpreter is next."""

PROBE = 0.5
"""Seconds a silent Kafka has to answer, once it is known to have been away."""


class Source:
    """The consumer, its positions, and the thread."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"kafka-{name}")
        self._kafka: Consumer | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._gone: dict[TopicPartition, PositionGone] = {}
        self._batch: list[Record] = []
        self._kept: list[Record] = []
        """What came while nobody took: the next take gives it."""
        self._away_since: float | None = None
        self._generation = 0
        """Of what lets the consumer in."""
        self._running: asyncio.Future[Sequence[Record]] | None = None
        self._hurried = 0
        self._closed = False

    def position(self, partition: TopicPartition) -> int:
        """See Reader.position."""
        return self._positions[partition]

    async def take(self, max_records: int, wait: float) -> Sequence[Record]:
        """See Reader.take."""
        while True:
            if self._closed:
                raise RuntimeError(f"taking from a closed {self._name}")
            given_up = self._running is not None
            if self._running is None:
                self._running = self._submit(partial(self._take, max_records, wait))
                self._running.add_done_callback(_seen)
            records = await self._join(self._running, hurry=given_up)
            if records or not given_up:
                return records

    async def close(self) -> None:
        """See Reader.close."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._between_takes(self._shut)
        finally:
            self._executor.shutdown(wait=False)

    async def _join(self, running: asyncio.Future[Sequence[Record]], *, hurry: bool) -> Sequence[Record]:
        """The end of a take; one whose caller is cancelled goes on, and what it finds belongs to the next."""
        self._hurried += hurry
        try:
            return await asyncio.shield(running)
        finally:
            self._hurried -= hurry
            if running.done():
                self._running = None

    async def _between_takes(self, call: Callable[[], T]) -> T:
        """Run something in the thread; a take that runs there ends soon."""
        self._hurried += 1
        try:
            return await self._submit(call)
        finally:
            self._hurried -= 1

    def _submit(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._executor, call)

    # ── in the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _config(self) -> Config:
        raise NotImplementedError

    def _consumer(self) -> Consumer:
        if self._kafka is None:
            self._generation = self._connection.login.generation
            self._kafka = Consumer({**self._config(), "error_cb": self._on_error}, logger=librdkafka_log())
        return self._kafka

    def _common(self, *, queue_bytes: int) -> Config:
        """What every consumer here is told; it commits nothing and is never asked where to start."""
        return self._connection.config(
            {
                "auto.offset.reset": "error",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,  # tells the offset behind holes at the end
                "isolation.level": "read_committed",  # what a producer took back is no event
                "queued.max.messages.kbytes": queue_bytes // 1024,
                "fetch.message.max.bytes": min(queue_bytes, 1024 * 1024),
                "fetch.max.bytes": queue_bytes,
                "fetch.queue.backoff.ms": 5,  # 1 s by default, waited out each time the small queue was full
                "fetch.wait.max.ms": 100,
                # A Kafka that hangs with its connections open is found out after this.
                "socket.timeout.ms": 10_000,
            }
        )

    def _take(self, limit: int, wait: float) -> Sequence[Record]:
        if self._gone:  # also while other partitions have records: whoever reads must not overlook it
            raise next(iter(self._gone.values()))
        self._batch, self._kept = self._kept, []
        batch = self._batch
        deadline = time.monotonic() + wait
        while True:
            consumer = self._consumer()
            left = deadline - time.monotonic()
            message = consumer.poll(max(0.0, min(left, SLICE)))
            if message is not None:
                self._receive([message, *(consumer.consume(limit - 1, 0) if limit > 1 else ())])
            self._after_poll()
            if batch:
                self._away_since = None
                return batch
            if self._gone:
                raise next(iter(self._gone.values()))
            if left <= 0 or self._hurried:
                self._check_away()
                return batch

    def _after_poll(self) -> None:
        """What the callbacks left to do."""

    def _receive(self, messages: Sequence[Message]) -> None:
        at = TopicPartition("", 0)
        for message in messages:
            topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            if partition != at.partition or topic != at.topic:
                at = TopicPartition(topic, partition)
            error = message.error()
            if error is not None:
                self._on_message_error(error, at, offset)
            elif at in self._positions:  # otherwise it was read before it was let go
                self._positions[at] = offset + 1
                moment = message.timestamp()[1] / 1000
                self._batch.append(
                    Record(at.topic, partition, offset, moment, message.key(), message.value(), _headers(message))
                )

    def _on_message_error(self, error: KafkaError, at: TopicPartition, offset: int) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            if at in self._positions:
                self._positions[at] = max(self._positions[at], offset)
        elif code in GONE:
            if at in self._positions:
                self._gone[at] = PositionGone(at.topic, at.partition, self._positions[at])
        elif code in UNKNOWN_TOPIC:
            LOG.debug("topic not there yet", topic=at.topic, partition=at.partition)
        else:
            self._on_error(error)

    def _on_error(self, error: KafkaError) -> None:
        """What librdkafka says of the client as a whole."""
        if is_fatal(error):
            self._on_fenced(error)
        elif error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, *DENIED):
            self._away_since = self._away_since or time.monotonic()
            if error.code() in DENIED:
                self._connection.login.refused(self._name, error.str())
        else:
            LOG.warning("kafka consumer", client=self._name, error=error.str(), code=error.name())

    def _on_fenced(self, error: KafkaError) -> None:
        LOG.error("kafka consumer failed", client=self._name, error=error.str())

    def _check_away(self) -> None:
        """Raise LogUnavailable when Kafka has been away for too long and still is.  It does not say when it is back."""
        since = self._away_since
        if since is None:
            return
        try:
            self._consumer().list_topics(next(iter(self._topics()), None), timeout=PROBE)
            self._away_since = None
        except KafkaException:
            away = time.monotonic() - since
            if away > self._connection.patience:
                login, denied = self._connection.login, self._connection.login.denials()
                login.look()
                if self._generation != login.generation:
                    self._away_since = None
                    self._renew()
                raise LogUnavailable("; ".join([f"Kafka has been away for {away:.0f} s", *denied])) from None

    def _renew(self) -> None:
        """Without the consumer, which nobody lets in any more: the next take makes another one."""
        raise NotImplementedError

    def _topics(self) -> Collection[str]:
        return {at.topic for at in self._positions}

    def _shut(self) -> None:
        self._positions.clear()
        self._gone.clear()
        self._batch.clear()
        if self._kafka is not None:
            self._kafka.close()
            self._kafka = None


def _seen(ended: asyncio.Future[Sequence[Record]]) -> None:
    """What a take raised that nobody waits for any more is no news: the next one finds it out anew."""
    if not ended.cancelled():
        ended.exception()


def _headers(message: Message) -> Headers:
    """A record's headers; none where a name is not UTF-8, for which READ_HEADERS raises SystemError.

    A C client may have written such a thing.  Without headers it is no event, and is treated as any other that is none.
    """
    try:
        found = READ_HEADERS(message) or []
    except SystemError:
        LOG.warning(
            "headers are not UTF-8", topic=message.topic(), partition=message.partition(), offset=message.offset()
        )
        return ()
    return tuple(found) if _whole(found) else tuple([(name, value or b"") for name, value in found])


def _whole(headers: Sequence[tuple[str, bytes | None]]) -> TypeGuard[Sequence[tuple[str, bytes]]]:
    """Whether every header has a value, as nearly always: then each pair is used as it is."""
    return all([value is not None for _, value in headers])

"""One idempotent producer: many records outstanding, no flush and no thread hop for any of them.

    append ──► librdkafka's queue ──► Kafka
                 │ reports, gathered by a thread that waits in poll
                 ▼ one call_soon_threadsafe for all that are there
               futures, on the loop

A producer that librdkafka declares dead (an idempotent one is, when its sequence is beyond repair) is replaced; what
it had not stored gets LogUnavailable.  A verdict on a batch is not one on a record: what Kafka found too large in
company is tried once more alone, by a second producer made for that.
"""

import asyncio
import threading
from functools import partial
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as KafkaProducer

from tradewind.adapters.kafka_log.connection import Connection, librdkafka_log
from tradewind.adapters.kafka_log.verdicts import OF_THE_BATCH, is_fatal, kafka_error, log_error
from tradewind.errors import LogUnavailable
from tradewind.observe.logs import Log
from tradewind.ports import NewRecord, Position

LOG = Log("kafka")

LARGEST_RECORD = 16 * 1024 * 1024
"""Bytes.  The topic decides what is too large, not this client; but a request above Kafka's own limit (100 MiB) would
only ever cost the connection."""

RECORD_COST = 512
"""Bytes a waiting record takes beside its key and value, which are all that librdkafka counts.  Bounds records whose
substance lies in headers."""

LINGER = 1
"""Milliseconds a record waits for company; librdkafka knows no fraction.  Measured on two shared cores with 1 KiB
records: 1 ms stores 64,000/s at 256 outstanding (0: 48,000) and takes 1.6 ms for a lone one (0: 0.26)."""

IDLE = 0.1
"""Seconds the reporting thread waits at a time.  Reports wake it; the end of this wait only lets it see `close`."""


class Report(NamedTuple):
    """How an append ended."""

    record: NewRecord
    future: asyncio.Future[Position]
    error: KafkaError | None
    partition: int
    offset: int


class Producer:
    """The producer of a process.  All its methods belong to one event loop."""

    def __init__(self, connection: Connection, *, queue_bytes: int, alone: bool = False) -> None:
        self._connection = connection
        self._queue_bytes = queue_bytes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kafka: KafkaProducer | None = None
        self._thread: threading.Thread | None = None
        self._reports: list[Report] = []
        self._dead = False
        self._closing = False
        self._left = 0
        self._is_alone = alone
        self._alone: Producer | None = None

    def start(self) -> KafkaProducer:
        """Make the producer, ahead of the first append: an idempotent one needs half a second until it may store."""
        if self._kafka is None:
            self._kafka = self._make()
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._report, name="kafka-reports", daemon=True)
            self._thread.start()
        return self._kafka

    def append(self, record: NewRecord) -> asyncio.Future[Position]:
        """See EventLog.append.  What cannot even be queued raises here."""
        kafka = self._kafka or self.start()
        if self._closing:
            raise LogUnavailable("this log is closed")
        future: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        try:
            kafka.produce(
                record.topic,
                record.value,
                record.key,
                -1 if record.partition is None else record.partition,
                partial(self._reported, record, future),
                headers=list(record.headers),
            )
        except BufferError:
            raise LogUnavailable(f"topic {record.topic}: {self._queue_bytes} bytes already wait for Kafka") from None
        except KafkaException as error:
            said = kafka_error(error)
            self._dead |= is_fatal(said)
            raise log_error(f"topic {record.topic}", said) from error
        return future

    async def close(self) -> int:
        """Store what was appended, within the log's patience; answers with how many records were not."""
        self._closing = True
        left = 0
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
            await asyncio.sleep(0)  # the thread's last reports are in the loop's queue, before this
            left = self._left
        if self._alone is not None:
            left += await self._alone.close()
        return left

    def _make(self) -> KafkaProducer:
        patience = round(self._connection.patience * 1000)
        config = self._connection.config(
            {
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0 if self._is_alone else LINGER,
                "message.timeout.ms": patience,
                # A topic that is not known is named as such before its records time out.
                "topic.metadata.propagation.max.ms": max(1, patience // 2),
                "message.max.bytes": LARGEST_RECORD,
                "queue.buffering.max.kbytes": max(1, self._queue_bytes // 1024),
                "queue.buffering.max.messages": max(1, self._queue_bytes // RECORD_COST),
                # Java's default, so that a key lies where other clients of these topics look for it.
                "partitioner": "murmur2_random",
                "error_cb": self._failed,
            }
        )
        if self._is_alone:
            config["batch.num.messages"] = 1
        return KafkaProducer(config, logger=librdkafka_log())

    # ── in the reporting thread ─────────────────────────────────────────────────────────────────────────────────────

    def _report(self) -> None:
        assert self._kafka is not None
        while not self._closing:
            self._kafka.poll(IDLE)
            if self._dead:
                self._replace()
            self._hand_over()
        self._left = self._kafka.flush(self._connection.patience)
        if self._left:
            self._kafka.purge()
            self._kafka.flush(self._connection.patience)
        self._hand_over()

    def _reported(
        self, record: NewRecord, future: asyncio.Future[Position], error: KafkaError | None, message: Message
    ) -> None:
        partition, offset = message.partition(), message.offset()
        self._reports.append(Report(record, future, error, partition or 0, offset or 0))

    def _failed(self, error: KafkaError) -> None:
        self._dead |= is_fatal(error)

    def _replace(self) -> None:
        old, self._kafka = self._kafka, self._make()
        self._dead = False
        assert old is not None
        LOG.warning("kafka producer replaced", outstanding=len(old))
        old.purge()
        old.flush(self._connection.patience)  # every report of what was purged

    def _hand_over(self) -> None:
        if self._reports:
            reports, self._reports = self._reports, []
            assert self._loop is not None
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._settle, reports)

    # ── on the loop ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, reports: list[Report]) -> None:
        for record, future, error, partition, offset in reports:
            if future.done():  # whoever waited gave up
                continue
            if error is None:
                future.set_result(Position(partition, offset))
            elif error.code() in OF_THE_BATCH and not self._is_alone:
                self._try_alone(record, future)
            else:
                future.set_exception(log_error(f"topic {record.topic}", error))

    def _try_alone(self, record: NewRecord, future: asyncio.Future[Position]) -> None:
        if self._alone is None:
            self._alone = Producer(self._connection, queue_bytes=self._queue_bytes, alone=True)

        def ended(again: asyncio.Future[Position]) -> None:
            if future.done():
                return
            if error := again.exception():
                future.set_exception(error)
            else:
                future.set_result(again.result())

        try:
            self._alone.append(record).add_done_callback(ended)
        except Exception as error:  # whatever append raises belongs to whoever waits
            future.set_exception(error)

"""One idempotent producer: many records outstanding, no flush and no thread hop for any of them.

    append ──► gathered ──► librdkafka's queue ──► Kafka
                 at the loop's next turn where nothing is outstanding; else when all reports are in, or after GATHER
                              │ reports, gathered by a thread that waits in poll
                              ▼ one call_soon_threadsafe for all that are there
                            futures, on the loop

So a lone record leaves at once and many leave together: whatever came while the last were on their way is the next
batch.  librdkafka's own lingering would make the lone record wait as well.

A producer that librdkafka declares dead (an idempotent one is, when its sequence is beyond repair) is replaced; what
it had not stored gets LogUnavailable.  A verdict on a batch is not one on a record: what Kafka found too large in
company is tried once more alone, by a second producer made for that.
"""

import asyncio
import threading
from functools import partial

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

GATHER = 0.001
"""Seconds a record may wait for those before it to be reported.  A broker that is slow must not hold up the others."""

STICKY = 10
"""Milliseconds for which records without a key go to one partition: librdkafka sends a request for each partition."""

AT_ONCE = 1000
"""Reports that are settled in one turn of the loop: a few milliseconds."""

IDLE = 0.1
"""Seconds the reporting thread waits at a time.  Reports wake it; the end of this wait only lets it see `close`."""


Report = tuple[NewRecord, "asyncio.Future[Position]", KafkaError | None, Message]
"""How an append ended."""


class Producer:
    """The producer of a process.  All its methods belong to one event loop."""

    def __init__(self, connection: Connection, *, queue_bytes: int, alone: bool = False) -> None:
        self._connection = connection
        self._queue_bytes = queue_bytes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kafka: KafkaProducer | None = None
        self._thread: threading.Thread | None = None
        self._reports: list[Report] = []
        self._gathered: list[tuple[NewRecord, asyncio.Future[Position]]] = []
        self._due: asyncio.Handle | None = None
        """When what is gathered goes to librdkafka."""
        self._outstanding = 0
        """Records at librdkafka that are not reported yet."""
        self._dead = False
        self._closing = False
        self._left = 0
        self._is_alone = alone
        self._alone: Producer | None = None

    def start(self) -> KafkaProducer:
        """Make the producer, ahead of the first append: an idempotent one needs half a second until it may store."""
        if self._kafka is None:
            thread = threading.Thread(target=self._report, name="kafka-reports", daemon=True)
            self._loop, self._kafka = asyncio.get_running_loop(), self._make()
            try:
                thread.start()
            except RuntimeError:  # no more threads; the next append tries again
                self._kafka = None
                raise
            self._thread = thread
        return self._kafka

    def append(self, record: NewRecord) -> asyncio.Future[Position]:
        """See EventLog.append."""
        if self._closing:
            raise LogUnavailable("this log is closed")
        if self._kafka is None:
            self.start()
        loop = self._loop  # not asked for each time: that costs a question to the system
        assert loop is not None
        future: asyncio.Future[Position] = loop.create_future()
        self._gathered.append((record, future))
        if self._due is None:
            self._due = loop.call_later(GATHER, self._produce) if self._outstanding else loop.call_soon(self._produce)
        return future

    def _produce(self) -> None:
        """Hand what was gathered to librdkafka."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        gathered, self._gathered = self._gathered, []
        for record, future in gathered:
            self._produce_one(record, future)

    def _produce_one(self, record: NewRecord, future: asyncio.Future[Position]) -> None:
        assert self._kafka is not None
        try:
            self._kafka.produce(
                record.topic,
                record.value,
                record.key,
                -1 if record.partition is None else record.partition,
                partial(self._reported, record, future),
                headers=list(record.headers),
            )
        except BufferError:
            why = f"topic {record.topic}: {self._queue_bytes} bytes already wait for Kafka"
            _fail(future, LogUnavailable(why))
        except KafkaException as error:
            said = kafka_error(error)
            self._dead |= is_fatal(said)
            _fail(future, log_error(f"topic {record.topic}", said))
        except Exception as error:  # whatever it is belongs to whoever waits for this record, and to no other
            _fail(future, error)
        else:
            self._outstanding += 1

    async def close(self) -> int:
        """Store what was appended, within the log's patience; answers with how many records were not."""
        self._produce()
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
                "linger.ms": 0,  # `append` gathers
                # Without it a record without a key would take any partition, and each of a batch another one.
                "sticky.partitioning.linger.ms": STICKY,
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
        self._reports.append((record, future, error, message))

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
        if len(reports) > AT_ONCE:  # the end of an outage: others have their turn, too
            assert self._loop is not None
            self._loop.call_soon(self._settle, reports[AT_ONCE:])
            reports = reports[:AT_ONCE]
        self._outstanding -= len(reports)
        for record, future, error, message in reports:
            if future.done():  # whoever waited gave up
                continue
            if error is None:
                future.set_result(Position(message.partition() or 0, message.offset() or 0))
            elif error.code() in OF_THE_BATCH and not self._is_alone:
                self._try_alone(record, future)
            else:
                future.set_exception(log_error(f"topic {record.topic}", error))
        if self._gathered and not self._outstanding:
            self._produce()

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


def _fail(future: asyncio.Future[Position], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)

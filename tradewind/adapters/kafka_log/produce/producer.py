"""One idempotent producer on the loop itself: no thread, no flush, and in a request all partitions that have records.

    produce ──► partition ──► a request to its leader, with all that is there ──► answer ──► whoever waits is told
                               │ at the loop's next turn, where nothing is on its way to that broker
                               └ else when that is answered, or after GATHER: what came meanwhile goes together

So a lone record leaves at once and many leave together.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial

from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.produce import requests
from tradewind.adapters.kafka_log.produce.cluster import AGAIN, Cluster, KafkaBroker
from tradewind.adapters.kafka_log.produce.partitions import UNKNOWN_TOPIC, Batch, Entry, Partition, Topic
from tradewind.adapters.kafka_log.produce.records import body
from tradewind.adapters.kafka_log.produce.requests import Place, Stored
from tradewind.adapters.kafka_log.produce.telling import settle, tell
from tradewind.adapters.kafka_log.verdicts import log_error
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.logs import Log
from tradewind.ports import Delivered, NewRecord, Position

LOG = Log("producer")

LARGEST_RECORD = 16 * 1024 * 1024
"""Bytes.  The topic decides what is too large, not this client; but a request above Kafka's own limit (100 MiB) would
only ever cost the connection."""

RECORD_COST = 512
"""Bytes a waiting record counts beside its own: what Python takes to keep it."""

REQUEST_BYTES = 2 * 1024 * 1024
"""Of batches in a request, after which no further one is put in."""

SILENCE = 0.5
"""Of the patience, after which a connection that does not answer is given up, so that there is time for another one."""

TICK = 0.001
"""Seconds; uvloop's clock has no finer ones."""

SWEEP = 0.1
"""Seconds between two looks at what is too late."""

NOTHING: Stored = None, -1
"""Of a batch that Kafka says nothing of."""

Sent = Sequence[tuple[Partition[Delivered], Batch[Delivered]]]


class Producer:
    """The producer of a process.  All its methods belong to one event loop."""

    def __init__(self, connection: Connection, *, queue_bytes: int) -> None:
        self._connection = connection
        self._patience = connection.patience
        self._queue_bytes = queue_bytes
        self._cluster = Cluster(connection, self._known, self._joined)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._live: dict[Partition[Delivered] | Topic[Delivered], None] = {}
        """Where records are on their way."""
        self._held = 0
        """Bytes of the records on their way, and how many these are."""
        self._count = 0
        self._closing = False
        self._emptied = asyncio.Event()
        """Nothing is on its way any more, and nothing will be."""
        self._left = 0
        """Records that were not stored although the log was closing."""

    def start(self) -> asyncio.AbstractEventLoop:
        """Ask Kafka what must be known, ahead of the first append."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._cluster.start()
            self._sweeping = self._loop.create_task(self._sweep())
        return self._loop

    def append(self, record: NewRecord) -> asyncio.Future[Position]:
        """See EventLog.append."""
        future: asyncio.Future[Position] = (self._loop or asyncio.get_running_loop()).create_future()
        self.produce(record, partial(settle, future))
        return future

    def produce(self, record: NewRecord, on_delivery: Delivered) -> None:
        """See EventLog.produce."""
        if self._closing:
            raise LogUnavailable("this log is closed")
        loop = self._loop or self.start()  # not asked for each time: that costs a question to the system
        name = record.topic
        coded = body(record.key, record.value, record.headers)
        size = len(coded) + RECORD_COST
        if size > LARGEST_RECORD:
            raise LogRefused(f"topic {name}: found a record of {size} bytes, expected at most {LARGEST_RECORD}")
        if self._held + size > self._queue_bytes:
            raise LogUnavailable(f"topic {name}: {self._queue_bytes} bytes already wait for Kafka")
        self._held += size
        self._count += 1
        topic = self._cluster.topics.get(name) or self._cluster.meet(name)
        partition = topic.place(Entry(coded, loop.time() + self._patience, on_delivery), record.key, record.partition)
        if partition is None:
            self._live[topic] = None
            self._cluster.want(name)
        else:
            self._live[partition] = None
            self._ready(partition)

    async def close(self) -> int:
        """Store what was appended, within the log's patience; answers with how many records were not."""
        self._closing = True
        if self._sweeping is not None:
            try:
                if self._count:
                    await self._emptied.wait()  # each record has its end
            finally:
                self._sweeping.cancel()
                await asyncio.gather(self._sweeping, return_exceptions=True)
                await self._cluster.stop()
        return self._left

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ready(self, partition: Partition[Delivered]) -> None:
        """It may have something to send."""
        broker = self._cluster.nodes.get(partition.leader)
        if broker is None:
            self._cluster.want(partition.topic.name)
            return
        broker.ready[partition] = None
        if broker.pace.came() or broker.due is None:
            self._plan(broker)

    def _plan(self, broker: KafkaBroker) -> None:
        """The next request, in its time."""
        assert self._loop is not None
        if broker.due is not None:
            broker.due.cancel()
            broker.due = None
        wait = broker.pace.wait(self._loop.time())
        if wait is not None:
            broker.due = (
                self._loop.call_later(wait, self._send, broker) if wait else self._loop.call_soon(self._send, broker)
            )

    def _send(self, broker: KafkaBroker) -> None:
        """A request with what is ready now."""
        assert self._loop is not None
        if broker.due is not None:
            broker.due.cancel()
            broker.due = None
        if broker.link is None:
            for partition in broker.ready:
                partition.topic.turn(partition)
            if broker.ready and self._count:  # else it has left the cluster, or all is over
                self._cluster.reach(broker)
            return
        identity = self._cluster.identity
        now, milliseconds = self._loop.time(), round(time.time() * 1000)
        sent: list[tuple[Partition[Delivered], Batch[Delivered]]] = []
        size = 0
        for partition in list(broker.ready):
            if self._cluster.nodes.get(partition.leader) is not broker:
                del broker.ready[partition]
                self._ready(partition)
                continue
            batch = partition.take(now, milliseconds, identity)
            if batch is not None:
                sent.append((partition, batch))
                partition.topic.turn(partition)
                size += len(batch.data)
            elif partition.pending and partition.lacks(identity):
                self._cluster.spent()
                continue
            del broker.ready[partition]
            if size >= REQUEST_BYTES:
                break
        if sent:
            broker.pace.sent(now)
            parts = [(partition.topic.text, partition.number, batch.data) for partition, batch in sent]
            payload = requests.produce(parts, round(self._patience * SILENCE * 1000))
            answered = partial(self._answered, broker, sent)
            broker.link.request(requests.PRODUCE, payload, requests.stored, answered)
            if broker.ready:  # there was no room for it
                self._plan(broker)

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answered(self, broker: KafkaBroker, sent: Sent, answer: Mapping[Place, Stored] | None) -> None:
        """What became of a request; then what waited for that is sent, and then whoever waited is told.

        They are told last, when nothing is half done, since they may produce again from within.
        """
        assert self._loop is not None
        broker.pace.answered(sum([len(batch.entries) for _, batch in sent]))
        broker.silent = broker.silent and answer is None
        now, found = self._loop.time(), answer or {}
        ends = []
        for partition, batch in sent:
            if partition.batch is not batch:  # given up meanwhile
                continue
            said, offset = found.get((partition.topic.text, partition.number), NOTHING)
            entries, error = partition.answered(batch, said, now + AGAIN)
            if partition.batch is batch:
                self._cluster.want(partition.topic.name)
                self._loop.call_later(AGAIN + TICK, self._ready, partition)
            elif error is None:
                partition.topic.free(partition)
                first = offset + batch.told if offset >= 0 else -1
                ends.append(partial(self._succeed, partition.number, entries, first))
            else:
                ends.append(partial(self._fail, partition.topic.name, entries, error))
            if partition.pending and partition.batch is None:
                broker.ready[partition] = None
        if broker.ready:
            if broker.pace.wait(now) == 0.0:
                self._send(broker)
            elif broker.due is None or not broker.pace.flying:
                self._plan(broker)
        for end in ends:
            end()

    def _succeed(self, number: int, entries: Sequence[Entry[Delivered]], offset: int) -> None:
        self._forget(entries)
        step = 0 if offset < 0 else 1  # Kafka knows it no more
        for entry in entries:
            tell(entry, Position(number, offset))
            offset += step

    def _fail(self, topic: str, entries: Sequence[Entry[Delivered]], error: int) -> None:
        if not entries:
            return
        self._forget(entries)
        if self._closing:
            self._left += len(entries)
        what = f"topic {topic}"
        for entry in entries:
            unknown = LogUnavailable(f"{what}: {self._connection.unanswered()}")
            tell(entry, log_error(what, error) if error else unknown)

    def _forget(self, entries: Sequence[Entry[Delivered]]) -> None:
        for entry in entries:
            self._held -= len(entry.body) + RECORD_COST
        self._count -= len(entries)
        if self._closing and not self._count:
            self._emptied.set()

    # ── what is known, and what is too late ─────────────────────────────────────────────────────────────────────────

    def _joined(self, broker: KafkaBroker) -> None:
        if broker.ready and broker.due is None:
            self._plan(broker)

    def _known(self) -> set[str]:
        """Send what can be sent now; answers with the topics of what cannot."""
        self._follow()
        unknown = set()
        for each in self._live:
            if isinstance(each, Topic):
                if not each.idle:
                    unknown.add(each.name)
            elif each.leader in self._cluster.nodes:
                self._ready(each)
            elif not each.idle:
                unknown.add(each.topic.name)
        return unknown

    def _follow(self) -> None:
        """Records that waited for their partition may be on their way to it."""
        for topic in [each for each in self._live if isinstance(each, Topic)]:
            self._live |= {partition: None for partition in topic.partitions if not partition.idle}

    async def _sweep(self) -> None:
        assert self._loop is not None
        while True:
            await asyncio.sleep(SWEEP)
            try:
                self._end_late(self._loop.time())
            except Exception:  # else no record would have its end any more
                LOG.exception("looking for what is too late failed")

    def _end_late(self, now: float) -> None:
        """End what is too late.  A topic that is not there is named before its records time out."""
        self._follow()  # ahead of `_known`, which comes when there is an identity, too
        ends = []
        for each in list(self._live):
            if each.idle:  # as nearly all are where a thousand have had a record since the last look
                del self._live[each]
                continue
            over = each.expire(now, self._patience / 2)
            if isinstance(each, Topic):
                error = UNKNOWN_TOPIC if each.error == 0 else each.error or 0
                ends.append(partial(self._fail, each.name, over, error))
            else:
                ends.append(partial(self._fail, each.topic.name, over, each.error))
                if over and not each.idle:  # what waited behind a batch that is given up
                    self._ready(each)
            if each.idle:
                del self._live[each]
        self._cluster.hung(now - self._patience * SILENCE)
        for end in ends:
            end()

"""Reads the partitions a group assigns to it: static, cooperative-sticky, and back by itself after it was fenced.

poll ─► rebalance callback (in the thread) ─► Ownership's coroutine (on the loop), awaited ─► (un)assign ─► poll
fenced, or an Ownership that failed ─► everything revoked, consumer closed ─► a new one at the next poll

A static member that returns gets what it had, by its *old* subscription: Kafka calls no rebalance for it (KAFKA-13435,
mended in Java's client only).  So topics we did not ask for are passed over, and where a topic we asked for is missing
a nudge is given (`nudge.py`).
Partitions that were added to a topic meanwhile are nobody's either; whoever notices asks for the nudge (`rebalance`).
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from tradewind.adapters.kafka_log.asked import answer
from tradewind.adapters.kafka_log.commits import Commits
from tradewind.adapters.kafka_log.connection import Config, Connection
from tradewind.adapters.kafka_log.fences import Fences
from tradewind.adapters.kafka_log.nudge import Nudge
from tradewind.adapters.kafka_log.source import SLICE, Source
from tradewind.observe.logs import Log
from tradewind.ports import Ownership, Record, TopicPartition

LOG = Log("kafka")

QUEUE_BYTES = 8 * 1024 * 1024
"""Records fetched ahead, of all partitions together.  They are the process's memory and wait while nobody takes."""

MAX_POLL_INTERVAL = 600.0
"""Seconds between takes after which Kafka gives the partitions to others.  Not taking is how a full process waits."""

SETTLED = 1.0
"""Seconds after a change of subscription or assignment in which Kafka may still be about to give what is missing."""


class KafkaMember(Source):
    """See ports.Member.  `session` is in seconds: how long Kafka waits for a silent member."""

    def __init__(
        self, connection: Connection, *, group: str, instance: str, ownership: Ownership, session: float
    ) -> None:
        super().__init__(connection, "member")
        self._group = group
        self._instance = instance
        self._ownership = ownership
        self._session = session
        self._subscribed: frozenset[str] = frozenset()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._fenced: KafkaError | None = None
        self._fences = Fences(group, instance)
        self._changed_at = 0.0
        self._nudge = Nudge(connection, group, session)
        self._settled = True
        self._paused: set[TopicPartition] = set()
        """What is ours and is not fetched now."""
        self._attended = False
        """Whether anything ever was paused: librdkafka remembers it of a partition that comes back."""
        self._commits = Commits(group)

    @property
    def fenced(self) -> int:
        """See Member.fenced."""
        return self._fences.count

    async def subscribe(self, topics: Collection[str]) -> None:
        """See Member.subscribe."""
        self._loop = asyncio.get_running_loop()
        await self._between_takes(partial(self._subscribe, frozenset(topics)))

    async def attend(self, wait: float) -> None:
        """See Member.attend."""
        await self._between_takes(partial(self._attend, wait))

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See Member.commit.

        The thread may be waiting for the very Ownership that commits, and serves it meanwhile.  Whether it still will
        cannot be seen from here, so the thread is asked to in any case.
        """
        if not offsets:
            return
        told = self._commits.add(offsets)
        self._hurried += 1
        try:
            self._submit(self._serve_commits)
            await asyncio.wrap_future(told)
        finally:
            self._hurried -= 1

    async def rejoin(self) -> None:
        """See Member.rejoin."""
        await self._between_takes(self._renew)

    async def rebalance(self) -> None:
        """See Member.rebalance."""
        await self._between_takes(self._begin_nudge)

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """See Member.seek."""
        await self._between_takes(partial(self._seek, partition, offset))

    # ── in the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _config(self) -> Config:
        ours = {
            "group.id": self._group,
            "group.instance.id": self._instance,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": round(self._session * 1000),
            "heartbeat.interval.ms": min(1000, round(self._session * 1000 / 3)),
            "max.poll.interval.ms": round(MAX_POLL_INTERVAL * 1000),
            # How soon a topic that was made after it was subscribed to is owned.
            "topic.metadata.refresh.interval.ms": 1000,
        }
        return {**ours, **self._common(queue_bytes=QUEUE_BYTES)}

    def _consumer(self) -> Consumer:
        fresh = self._kafka is None
        consumer = super()._consumer()
        if fresh and self._subscribed:
            self._join_group(consumer)
        return consumer

    def _subscribe(self, topics: frozenset[str]) -> None:
        self._subscribed, self._settled = topics, False
        self._changed_at = time.monotonic()
        if self._kafka is None:
            self._consumer()
        elif topics:
            self._join_group(self._kafka)
        else:
            self._kafka.unsubscribe()

    def _take(self, limit: int, wait: float) -> Sequence[Record]:
        if self._paused:
            paused, self._paused = self._paused, set()
            if self._kafka is not None:
                self._kafka.resume([KafkaPartition(*at) for at in paused if at in self._positions])
        return super()._take(limit, wait)

    def _attend(self, wait: float) -> None:
        """Paused rather than not polled: Kafka gives the partitions of a silent member to others, and whoever wants to
        join waits for it meanwhile."""
        deadline = time.monotonic() + wait
        self._batch, self._attended = self._kept, True
        while True:
            consumer = self._consumer()
            if fresh := self._positions.keys() - self._paused:
                consumer.pause([KafkaPartition(*at) for at in fresh])
                self._paused |= fresh
            left = deadline - time.monotonic()
            message = consumer.poll(max(0.0, min(left, SLICE)))
            if message is not None:
                self._receive([message])
            self._after_poll()
            if left <= 0 or self._hurried > 1:  # one is this very call
                self._check_away()
                return

    def _serve_commits(self) -> None:
        self._commits.serve(self._kafka)

    def _join_group(self, consumer: Consumer) -> None:
        consumer.subscribe(
            sorted(self._subscribed), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def _topics(self) -> Collection[str]:
        return self._subscribed

    def _on_assign(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        self._changed_at = time.monotonic()
        gained = [TopicPartition(each.topic, each.partition) for each in partitions if each.topic in self._subscribed]
        offsets: Mapping[TopicPartition, int] = {}
        if gained and self._failure is None:
            try:
                found = answer(self._ownership.assigned(gained), self._loop, self._serve_commits)
                offsets = {at: found[at] for at in gained}
            except BaseException as error:  # it comes out of take
                self._failure = error
        self._positions.update(offsets)
        consumer.incremental_assign([KafkaPartition(*at, offset) for at, offset in offsets.items()])
        if self._attended and offsets:
            consumer.resume([KafkaPartition(*at) for at in offsets])

    def _on_revoke(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        self._changed_at = time.monotonic()
        held = [each for each in partitions if (each.topic, each.partition) in self._positions]
        self._let_go(TopicPartition(each.topic, each.partition) for each in partitions)
        consumer.incremental_unassign(held)

    def _on_lost(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        """Kafka has not asked for them: after a silence beyond the session they may have been another's for a while."""
        LOG.warning("partitions were lost", group=self._group, instance=self._instance, partitions=len(partitions))
        self._on_revoke(consumer, partitions)

    def _let_go(self, partitions: Iterable[TopicPartition]) -> None:
        """Ownership is told of those that are ours, and what was read of them is forgotten."""
        lost = {at for at in partitions if at in self._positions}
        if not lost:
            return
        try:
            answer(self._ownership.revoked(sorted(lost)), self._loop, self._serve_commits)
        except BaseException as error:  # it comes out of take
            self._failure = self._failure or error
        self._paused -= lost
        for at in lost:
            del self._positions[at]
            self._gone.pop(at, None)
        self._batch[:] = [each for each in self._batch if (each.topic, each.partition) not in lost]

    def _on_fenced(self, error: KafkaError) -> None:
        self._fenced = self._fenced or error

    def _after_poll(self) -> None:
        self._nudge_if_missing()
        self._tell_settled()
        if self._fenced is None and self._failure is None:
            return
        self._let_go(list(self._positions))
        fenced, self._fenced = self._fenced, None
        self._drop_consumer()
        self._raise_failure()
        if fenced is not None:
            self._fences.add(fenced)

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _renew(self) -> None:
        """Without the consumer: the next take makes another, which Kafka gives what it has for this slot."""
        self._let_go(list(self._positions))
        self._fenced = None
        self._drop_consumer()
        self._changed_at = time.monotonic()
        self._raise_failure()

    def _nudge_if_missing(self) -> None:
        """Call for a rebalance, once for each subscription, where a topic we asked for has not come; end the call."""
        since = time.monotonic() - self._changed_at
        if self._nudge.lasts:
            self._nudge.serve(since, missing=not self._nothing_missing())
        elif since >= SETTLED and not self._nudge.was_given(self._subscribed) and not self._nothing_missing():
            self._begin_nudge()

    def _begin_nudge(self) -> None:
        if not self._nudge.lasts and self._kafka is not None and self._subscribed:
            self._changed_at = time.monotonic()
            self._nudge.begin(self._subscribed)

    def _tell_settled(self) -> None:
        """Once nothing is missing, or what is missing has been asked for."""
        asked = self._nudge.was_given(self._subscribed) and not self._nudge.lasts
        if self._settled or self._failure is not None or not (asked or self._nothing_missing()):
            return
        self._settled = True
        try:
            answer(self._ownership.settled(), self._loop, self._serve_commits)
        except BaseException as error:  # it comes out of take
            self._failure = error

    def _nothing_missing(self) -> bool:
        return self._subscribed <= {at.topic for at in self._positions}

    def _drop_consumer(self) -> None:
        self._nudge.forget()
        self._paused.clear()
        consumer, self._kafka = self._kafka, None
        if consumer is not None:
            with contextlib.suppress(KafkaException):
                consumer.close()

    def _seek(self, partition: TopicPartition, offset: int) -> None:
        """Assigned anew rather than sought: a partition whose offset was refused cannot be sought (`_STATE`)."""
        if partition not in self._positions:
            return
        self._positions[partition] = offset
        self._gone.pop(partition, None)
        self._batch[:] = [each for each in self._batch if (each.topic, each.partition) != partition]
        consumer = self._consumer()
        consumer.incremental_unassign([KafkaPartition(*partition)])
        consumer.incremental_assign([KafkaPartition(*partition, offset)])

    def _shut(self) -> None:
        self._let_go(list(self._positions))
        self._batch.clear()
        self._drop_consumer()
        self._raise_failure()

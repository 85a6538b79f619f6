"""Reads the partitions a group assigns to it: static, cooperative-sticky, and back by itself after it was fenced.

poll ─► rebalance callback (in the thread) ─► Ownership's coroutine (on the loop), awaited ─► (un)assign ─► poll
fenced, or an Ownership that failed ─► everything revoked, consumer closed ─► a new one at the next poll

A static member that returns gets what it had, by its *old* subscription: Kafka calls no rebalance for it (KAFKA-13435,
mended in Java's client only).  So topics we did not ask for are passed over, and where a topic we asked for is missing
a nudge is given: a passing member without a slot, subscribed to nothing of ours, whose coming calls the rebalance.
Partitions that were added to a topic meanwhile are nobody's either; whoever notices asks for the nudge (`rebalance`).
"""

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from tradewind.adapters.kafka_log.commits import Commits
from tradewind.adapters.kafka_log.connection import Config, Connection
from tradewind.adapters.kafka_log.source import SLICE, Source
from tradewind.errors import SlotTaken
from tradewind.observe.logs import Log
from tradewind.ports import Ownership, Record, TopicPartition

LOG = Log("kafka")
T = TypeVar("T")

QUEUE_BYTES = 8 * 1024 * 1024
"""Records fetched ahead, of all partitions together.  They are the process's memory and wait while nobody takes."""

OWNERSHIP_DEADLINE = 60.0
"""Seconds an Ownership may take.  Above a dispatcher's grace; meanwhile others wait for the partitions."""

ANSWER_POLL = 0.05
"""Seconds after which the thread looks whether an Ownership wants something committed."""

MAX_POLL_INTERVAL = 600.0
"""Seconds between takes after which Kafka gives the partitions to others.  Not taking is how a full process waits."""

SETTLED = 1.0
"""Seconds after a change of subscription or assignment in which Kafka may still be about to give what is missing."""

NUDGE = 6.0
"""Seconds a nudge lasts at the most."""

NUDGED_WITH = "__consumer_offsets"
"""A topic that every Kafka has and that no member subscribes to."""

FENCED_AGAIN = 60.0
"""Seconds; a member fenced twice in this time shares its slot with another process (DESIGN §5)."""


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
        self._fenced_at: float | None = None
        self.fenced = 0
        self._changed_at = 0.0
        self._nudged: frozenset[str] | None = None
        """The subscription for which a nudge was given: one is enough, as what is missing may be other members'."""
        self._nudge: Consumer | None = None
        self._settled = True
        self._paused: set[TopicPartition] = set()
        """What is ours and is not fetched now."""
        self._asking = False
        """The thread waits for the Ownership."""
        self._attended = False
        """Whether anything ever was paused: librdkafka remembers it of a partition that comes back."""
        self._commits = Commits(group)

    async def subscribe(self, topics: Collection[str]) -> None:
        """See Member.subscribe."""
        self._loop = asyncio.get_running_loop()
        await self._between_takes(partial(self._subscribe, frozenset(topics)))

    async def attend(self, wait: float) -> None:
        """See Member.attend."""
        await self._between_takes(partial(self._attend, wait))

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See Member.commit.  The thread may be waiting for the Ownership that commits: then it does so meanwhile."""
        if not offsets:
            return
        told = self._commits.add(offsets)
        if not self._asking:
            self._hurried += 1
            self._submit(self._serve_commits).add_done_callback(self._calm)
        await asyncio.wrap_future(told)

    def _calm(self, _served: asyncio.Future[None]) -> None:
        self._hurried -= 1

    async def rejoin(self) -> None:
        """See Member.rejoin."""
        await self._between_takes(self._rejoin)

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
                self._receive(message)
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
                found = self._ask(self._ownership.assigned(gained))
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
            self._ask(self._ownership.revoked(sorted(lost)))
        except BaseException as error:  # it comes out of take
            self._failure = self._failure or error
        self._paused -= lost
        for at in lost:
            del self._positions[at]
            self._gone.pop(at, None)
        self._batch[:] = [each for each in self._batch if (each.topic, each.partition) not in lost]

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:  # Any: what a coroutine yields and is sent is asyncio's own
        """Await a coroutine on the loop, from the thread."""
        loop = self._loop
        if loop is None or not loop.is_running():
            question.close()
            raise RuntimeError("the event loop has ended")
        answer = asyncio.run_coroutine_threadsafe(question, loop)
        deadline = time.monotonic() + OWNERSHIP_DEADLINE
        self._asking = True
        try:
            while True:
                with contextlib.suppress(concurrent.futures.TimeoutError):
                    return answer.result(timeout=ANSWER_POLL)
                if answer.done() or not loop.is_running() or time.monotonic() > deadline:
                    answer.cancel()
                    raise TimeoutError(f"an Ownership had not answered after {OWNERSHIP_DEADLINE:.0f} s")
                self._serve_commits()
        finally:
            self._asking = False

    def _on_fenced(self, error: KafkaError) -> None:
        self._fenced = self._fenced or error

    def _after_poll(self) -> None:
        self._nudge_if_missing()
        self._tell_settled()
        if self._fenced is None and self._failure is None:
            return
        self._let_go(list(self._positions))
        fenced, self._fenced = self._fenced, None
        failure, self._failure = self._failure, None
        self._drop_consumer()
        if failure is not None:
            raise failure
        if fenced is not None:
            self._count_fence(fenced)

    def _count_fence(self, error: KafkaError) -> None:
        LOG.warning("kafka member fenced", group=self._group, instance=self._instance, error=error.str())
        self.fenced += 1
        now, before = time.monotonic(), self._fenced_at
        self._fenced_at = now
        if before is not None and now - before < FENCED_AGAIN:
            raise SlotTaken(
                f"another process is a member of group {self._group} under group.instance.id {self._instance}; "
                "one of the two needs another (--slot, or --sources-slot)"
            )

    def _rejoin(self) -> None:
        """Without the consumer: the next take makes another, which Kafka gives what it has for this slot."""
        self._let_go(list(self._positions))
        self._fenced = None
        self._drop_consumer()
        self._changed_at = time.monotonic()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _renew(self) -> None:
        self._rejoin()

    def _nudge_if_missing(self) -> None:
        """Call for a rebalance, once for each subscription, where a topic we asked for has not come; end the call."""
        since = time.monotonic() - self._changed_at
        if self._nudge is not None:
            self._nudge.poll(0)
            if since > NUDGE or (self._nudge.assignment() and self._nothing_missing()):
                nudge, self._nudge = self._nudge, None
                nudge.close()
            return
        if since < SETTLED or self._nudged == self._subscribed or self._nothing_missing():
            return
        self._begin_nudge()

    def _begin_nudge(self) -> None:
        if self._nudge is not None or self._kafka is None or not self._subscribed:
            return
        LOG.info("asking the group for a rebalance", group=self._group, topics=len(self._subscribed))
        self._nudged, self._changed_at = self._subscribed, time.monotonic()
        ours = {"group.id": self._group, "partition.assignment.strategy": "cooperative-sticky", "log_level": 0}
        self._nudge = Consumer(self._connection.config({**ours, "enable.auto.commit": False}))
        self._nudge.subscribe([NUDGED_WITH])

    def _tell_settled(self) -> None:
        """Once nothing is missing, or what is missing has been asked for."""
        asked = self._nudged == self._subscribed and self._nudge is None
        if self._settled or self._failure is not None or not (asked or self._nothing_missing()):
            return
        self._settled = True
        try:
            self._ask(self._ownership.settled())
        except BaseException as error:  # it comes out of take
            self._failure = error

    def _nothing_missing(self) -> bool:
        return self._subscribed <= {at.topic for at in self._positions}

    def _drop_consumer(self) -> None:
        nudge, self._nudge, self._nudged = self._nudge, None, None
        if nudge is not None:
            nudge.close()
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
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

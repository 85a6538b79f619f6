"""Reads a source's topics as a member of its group.

    take ──► Lanes ──taken─► on its way ──acknowledged──► Ledger ──every second, and before another takes over──► commit
     ▲          │
     └─ room ◄──┘     no room for long: it attends, so that the group does not wait for this member

Several processes may be members; the group shares out the partitions.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import groupby
from typing import TypeVar

from tradewind.config import MIB
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import EventLog, Member, Record, TopicPartition
from tradewind.resources.model import KafkaSource
from tradewind.sources.edges import log as LOG
from tradewind.sources.emission import Ack, Given
from tradewind.sources.kafka.beginning import Beginning, Home
from tradewind.sources.kafka.lanes import Lanes
from tradewind.sources.kafka.ledger import Ledger
from tradewind.sources.kafka.share import instance_of, may_read, suffix_of

T = TypeVar("T")

BATCH = 500
WAIT = 0.5
PAUSE = 0.5
"""Seconds before Kafka is asked again, where it did not answer."""
ROOM = 1000
ROOM_BYTES = 1 * MIB
"""Records, and bytes of them, that may wait for their turn beyond what is on its way."""
PATIENCE = 1.0
"""Seconds without room after which it attends instead."""
LOOK = 10.0
"""Seconds between looks at whether the topics are the same, and whether there are too many members."""


class Reading:
    """One membership in the group; see ports.Ownership.  `ordered` lets one record of a partition out at a time."""

    def __init__(self, source: KafkaSource, log: EventLog, home: Home, given: Given, *, ordered: bool) -> None:
        self._source = source
        self._log = log
        self._given = given
        self._beginning = Beginning(source, log, home, given.tell)
        self._ordered = ordered
        self._lanes = Lanes(ordered=ordered)
        self._ledgers: dict[TopicPartition, Ledger] = {}
        self._absent: frozenset[str] = frozenset()
        """Topics that are not there."""
        self._missed: frozenset[str] = frozenset()
        """Those of which the last word was that they are missing."""
        self._ids: dict[str, str] = {}
        """Of topics as they were when partitions of them became ours."""
        self._more = asyncio.Event()
        """Something may be taken from the lanes, or nothing more will come."""
        self._moved = asyncio.Event()
        """Something was let out or settled."""
        self._committed_at = self._looked_at = given.time.elapsed()
        self._instance = instance_of(given.slot, source.metadata.name)
        self._member: Member = log.member(group=source.consumer_group, instance=self._instance, ownership=self)
        self._pump: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Join the group, and read.  A task of its own rather than a group's: it lasts from one call of a generator to
        the next, and `end` ends it."""
        self._pump = asyncio.create_task(self._run(), name=f"kafka {self._source.metadata.name}")
        self._pump.add_done_callback(lambda _: self._more.set())

    async def some(self) -> bool:
        """Wait for records; whether there may be some, or else this process is to leave the group.  Raises what reading
        does."""
        assert self._pump is not None
        while self._beginning.owed or not self._lanes.ready:
            if self._pump.done():
                self._pump.result()
                return False
            self._more.clear()
            await self._more.wait()
        return True

    def taken(self) -> Iterator[tuple[Record, Ack]]:
        """Those whose turn it is, each on its way as soon as it is taken."""
        while not self._beginning.owed and (found := self._lanes.next()) is not None:
            at, record = found
            self._moved.set()
            ledger = self._ledgers[at]
            ledger.out += 1
            yield record, partial(self._settle, at, ledger, record.offset)

    async def end(self) -> None:
        """Leave the group, once what is on its way is settled, or half the grace is over."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])  # `some` has told of what it raised
            if not self._pump.cancelled():
                self._pump.exception()
        await self._member.close()

    def _settle(self, at: TopicPartition, ledger: Ledger, offset: int) -> None:
        ledger.settle(offset)
        if self._ordered and self._ledgers.get(at) is ledger and self._lanes.settled(at):
            self._more.set()
        self._moved.set()

    # --- reading

    async def _run(self) -> None:
        self._absent = await self._patiently(self._beginning.absent)
        await self._member.subscribe(self._source.topics)
        while not await self._patiently(self._step):
            pass

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """What comes of it once Kafka answers."""
        while True:
            try:
                return await step()
            except LogUnavailable as away:
                self._missed = frozenset()
                self._given.tell.lost(str(away))
                await self._given.time.sleep(PAUSE)

    async def _step(self) -> bool:
        """Read some, and commit what is due; whether this process is to leave the group.  Raises LogUnavailable."""
        try:
            if await self._room():
                self._receive(await self._member.take(BATCH, WAIT))
            else:
                await self._member.attend(0.0)
        except PositionGone as gone:
            await self._go_on(gone)
            return False
        if self._beginning.owed:
            await self._beginning.commit(self._member)
            self._more.set()
        self._tell()
        await self._commit_when_due()
        if not self._is_time_to_look():
            return False
        await self._follow_topics()
        return await self._too_many()

    def _tell(self) -> None:
        if not self._absent:
            self._missed = self._absent
            self._given.tell.connected()
        elif self._absent != self._missed:
            self._missed = self._absent
            self._given.tell.lost(f"no topic {', '.join(sorted(self._absent))}")

    async def _room(self) -> bool:
        """Whether there is room, within a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while len(self._lanes) >= ROOM or self._lanes.held_bytes >= ROOM_BYTES:
                    self._moved.clear()
                    await self._moved.wait()
                return True
        return False

    def _receive(self, records: Collection[Record]) -> None:
        for at, together in groupby(records, lambda record: TopicPartition(record.topic, record.partition)):
            ledger = self._ledgers.get(at)
            if ledger is not None:
                came = list(together)
                for record in came:
                    ledger.receive(record.offset)
                self._lanes.add(at, came)
        for at, ledger in self._ledgers.items():
            with contextlib.suppress(KeyError):
                ledger.passed(self._member.position(at))
        if records:
            self._more.set()

    async def _go_on(self, gone: PositionGone) -> None:
        """At the first record that is left, once all that was read before is settled: offsets may begin anew.

        Does a part of that; for the rest it is gone again.  Raises LogUnavailable.
        """
        at = TopicPartition(gone.topic, gone.partition)
        ledger = self._ledgers.get(at)
        if ledger is not None and ledger.owed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    self._moved.clear()
                    await self._moved.wait()
            await self._commit_when_due()
            return
        first = (await self._log.bounds([at]))[at].start
        where = f"{at.topic}[{at.partition}]"
        LOG.error("position is gone", source=self._source.metadata.name, partition=where, offset=first)
        self._given.tell.alarm(f"{gone}: it goes on at the first record that is left, {first}")
        if at in self._ledgers:
            self._ledgers[at] = Ledger(first, committed=None)
        await self._member.seek(at, first)

    def _is_time_to_look(self) -> bool:
        now = self._given.time.elapsed()
        if now - self._looked_at < LOOK:
            return False
        self._looked_at = now
        return True

    async def _follow_topics(self) -> None:
        """Notice those that were deleted, and those that were made again before the group had let go of them."""
        found = await self._log.topics(self._source.topics)
        self._absent = frozenset(self._source.topics) - found.keys()
        for topic, info in found.items():
            if self._ids.get(topic, info.id) != info.id:
                ours = [at for at in self._ledgers if at.topic == topic and at.partition < info.partitions]
                await self._begin_anew(topic, ours)
                self._ids[topic] = info.id

    async def _begin_anew(self, topic: str, ours: Collection[TopicPartition]) -> None:
        """At the first records of a topic that was made again, once what was read of the old one is settled: a position
        in that would skip, and the client may fetch nothing of what has its name."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._given.settings.grace):
                while any(self._ledgers[at].owed for at in ours if at in self._ledgers):
                    self._moved.clear()
                    await self._moved.wait()
        firsts = {at: bounds.start for at, bounds in (await self._log.bounds(ours)).items()}
        LOG.error("topic was made again", source=self._source.metadata.name, topic=topic)
        self._given.tell.alarm(
            f"the topic {topic} was deleted and made again: it goes on at the first record that is left"
        )
        for at, first in firsts.items():
            if at in self._ledgers:
                self._lanes.forget([at])
                self._ledgers[at] = Ledger(first, committed=None)
                await self._member.seek(at, first)

    async def _too_many(self) -> bool:
        """Whether more processes read than may, and this is one that is to stop."""
        members, suffix = await self._log.members(self._source.consumer_group), suffix_of(self._source.metadata.name)
        return not may_read(self._instance, members, suffix, consumers=self._source.consumers, reads=True)

    # --- committing

    async def _commit_when_due(self) -> None:
        now = self._given.time.elapsed()
        if now - self._committed_at >= self._given.settings.cursor_interval:
            self._committed_at = now
            await self._commit(self._ledgers)

    async def _commit(self, ledgers: Mapping[TopicPartition, Ledger]) -> None:
        due = {at: ledger.due for at, ledger in ledgers.items() if ledger.due != ledger.committed}
        held = {at: ledgers[at] for at in due}
        if due:
            await self._member.commit(due)
            for at, ledger in held.items():
                ledger.committed = due[at]

    # --- what the group says

    async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """See Ownership.assigned."""
        offsets = await self._beginning.offsets(partitions)
        for topic, info in (await self._log.topics({at.topic for at in partitions})).items():
            self._ids.setdefault(topic, info.id)
        self._ledgers |= {at: Ledger(offset) for at, offset in offsets.items()}
        self._absent -= {at.topic for at in partitions}
        return offsets

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """See Ownership.revoked.  Waits for acknowledgements, half the grace at most."""
        self._lanes.forget(partitions)
        leaving = {at: self._ledgers[at] for at in partitions if at in self._ledgers}
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._given.settings.grace / 2):
                    while any(ledger.out for ledger in leaving.values()):
                        self._moved.clear()
                        await self._moved.wait()
            await self._beginning.commit(self._member)
            await self._commit(leaving)
        except LogUnavailable as away:
            LOG.warning("positions are not committed", source=self._source.metadata.name, why=away)
        finally:
            for at in leaving:
                self._ledgers.pop(at, None)
            held = {at.topic for at in self._ledgers}
            self._ids = {topic: one for topic, one in self._ids.items() if topic in held}
            self._beginning.lost(self._ledgers)
            self._more.set()  # nothing may be owed any more of what kept the others waiting

    async def settled(self) -> None:
        """See Ownership.settled."""

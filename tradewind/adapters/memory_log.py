"""A log in memory, for tests: the same doors as Kafka, in the same words, without threads and without waiting.

    MemoryStore            the cluster: topics, groups, and what tests may do to it (fence, compact, make again)
      client() ► MemoryLog   one process's connection; `down` cuts it off, `held` withholds its acknowledgements
        MemoryReader, MemoryMember

Time comes from the event loop alone, so a loop with fake time works.  The contract suite (tests/contracts) holds this
log and Kafka to the same behaviour; whoever tests against this one may trust it as far as that suite goes.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence

from tradewind.adapters.memory_cluster import Cluster
from tradewind.adapters.memory_group import Group
from tradewind.errors import LogRefused, LogUnavailable, PositionGone, SlotTaken
from tradewind.ports import (
    Bounds,
    Delivered,
    LogError,
    NewRecord,
    Ownership,
    Position,
    Record,
    Retention,
    TopicInfo,
    TopicPartition,
    TopicSpec,
)
from tradewind.topics import retention_of

FENCED_AGAIN = 60.0
"""Seconds; a member fenced twice in this time shares its slot with another process."""


class MemoryStore(Cluster):
    """The cluster that several MemoryLogs share."""

    def client(self) -> "MemoryLog":
        """Another process's log on this store."""
        return MemoryLog(self)


class MemoryLog:
    """One process's log.  Tests may cut it off (`down`) or withhold what it acknowledges (`held`)."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.held = False
        """While it is set, appended records are stored but nobody is told before `release`."""
        self._down = False
        self._unacknowledged: list[tuple[asyncio.Future[Position], Position]] = []

    @property
    def down(self) -> bool:
        """While it is set, the store is out of this log's reach: everything raises LogUnavailable."""
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        self.store.bell.ring()

    def release(self, error: Exception | None = None) -> None:
        """Acknowledge what was held back, or fail it with `error` although it is stored."""
        held, self._unacknowledged = self._unacknowledged, []
        for future, position in held:
            if future.done():
                continue
            if error is None:
                future.set_result(position)
            else:
                future.set_exception(error)

    def reach(self) -> None:
        """Raise LogUnavailable if the store is out of reach."""
        if self._down:
            raise LogUnavailable("the log in memory is down")

    def append(self, record: NewRecord) -> Awaitable[Position]:
        """See EventLog.append."""
        future: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        try:
            self.reach()
            position = self.store.append(record)
        except (LogUnavailable, LogRefused) as error:
            future.set_exception(error)
            return future
        if self.held:
            self._unacknowledged.append((future, position))
        else:
            future.set_result(position)
        return future

    def produce(self, record: NewRecord, on_delivery: Delivered) -> None:
        """See EventLog.produce."""

        def ended(future: asyncio.Future[Position]) -> None:
            error = future.exception()
            assert error is None or isinstance(error, LogError)
            on_delivery(future.result() if error is None else error)

        asyncio.ensure_future(self.append(record)).add_done_callback(ended)

    async def ensure_topics(self, topics: Collection[TopicSpec]) -> Mapping[str, TopicInfo]:
        """See EventLog.ensure_topics."""
        self.reach()
        for spec in topics:
            if spec.partitions < 1:
                raise LogRefused(f"topic {spec.name}: found {spec.partitions} partitions, expected at least 1")
            if spec.name not in self.store.topics:
                self.store.make(spec)
        return await self.topics([spec.name for spec in topics])

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicInfo]:
        """See EventLog.topics."""
        self.reach()
        found = {name: self.store.topics[name] for name in names if name in self.store.topics}
        leaderless = {
            name: frozenset(at.partition for at in self.store.leaderless if at.topic == name) for name in found
        }
        return {
            name: TopicInfo(name, topic.id, len(topic.partitions), leaderless[name]) for name, topic in found.items()
        }

    async def delete_topics(self, names: Collection[str]) -> None:
        """See EventLog.delete_topics."""
        self.reach()
        for name in names:
            self.store.topics.pop(name, None)
        self.store.bell.ring()

    async def max_message_bytes(self, topics: Collection[str]) -> Mapping[str, int]:
        """See EventLog.max_message_bytes."""
        self.reach()
        return {name: self.store.topics[name].most for name in topics if name in self.store.topics}

    async def retention(self, topics: Collection[str]) -> Mapping[str, Retention]:
        """See EventLog.retention."""
        self.reach()
        return {name: retention_of(self.store.topics[name].config) for name in topics if name in self.store.topics}

    async def min_insync_replicas(self, topics: Collection[str]) -> Mapping[str, int]:
        """See EventLog.min_insync_replicas."""
        self.reach()
        held = {name: self.store.topics[name].config for name in topics if name in self.store.topics}
        return {name: int(config.get("min.insync.replicas", 1)) for name, config in held.items()}

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """See EventLog.bounds."""
        self.reach()
        found = {at: self.store.find(at) for at in partitions}
        return {at: Bounds(partition.start, partition.end) for at, partition in found.items()}

    async def offset_at(self, partition: TopicPartition, time: float) -> int:
        """See EventLog.offset_at."""
        self.reach()
        found = self.store.find(partition)
        return next((record.offset for record in found.records if record.timestamp >= time), found.end)

    def reader(self) -> "MemoryReader":
        """See EventLog.reader."""
        return MemoryReader(self)

    def member(self, *, group: str, instance: str, ownership: Ownership) -> "MemoryMember":
        """See EventLog.member."""
        return MemoryMember(self, self.store.group(group), instance, ownership)

    async def mirror(self, group: str, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, str]:
        """See EventLog.mirror."""
        self.reach()
        found = self.store.group(group)
        if found.wants:
            return dict.fromkeys(offsets, f"group {group} has members")
        found.offsets.update(offsets)
        found.mirrored.update(offsets)
        return {}

    async def groups(self) -> Collection[str]:
        """See EventLog.groups."""
        self.reach()
        return {name for name, group in self.store.groups.items() if group.wants or group.offsets}

    async def members(self, group: str) -> Collection[str]:
        """See EventLog.members."""
        self.reach()
        return set(self.store.group(group).wants)

    async def group_offsets(
        self, group: str, partitions: Collection[TopicPartition], *, mirrored: bool = True
    ) -> Mapping[TopicPartition, int]:
        """See EventLog.group_offsets."""
        self.reach()
        found = self.store.group(group)
        return {
            at: found.offsets[at] for at in partitions if at in found.offsets and (mirrored or at not in found.mirrored)
        }

    async def close(self) -> None:
        """See EventLog.close."""
        self.release()


class _Taker:
    """What Reader and Member share: positions, and taking from them in turns so that no partition starves."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._positions: dict[TopicPartition, int] = {}
        self._closed = False

    def position(self, partition: TopicPartition) -> int:
        """See Reader.position."""
        return self._positions[partition]

    async def take(self, max_records: int, wait: float) -> Sequence[Record]:
        """See Reader.take."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        await asyncio.sleep(0)  # as with a real log, others come to run, even if a caller never waits
        while True:
            if self._closed:
                raise RuntimeError("taking from what is closed")
            if not self._log.down:
                await self._prepare()
                if records := self._read(max_records):
                    return records
            left = until - loop.time()
            if left <= 0:
                self._log.reach()
                return ()
            await self._log.store.bell.wait(left)

    async def _prepare(self) -> None:
        """What must happen before records may be read."""

    def _read(self, limit: int) -> list[Record]:
        taken: list[Record] = []
        for at, position in list(self._positions.items()):
            if at in self._log.store.leaderless:
                continue
            partition = self._log.store.find(at)
            if not partition.start <= position <= partition.end:
                if taken:
                    break  # these are handed over first; the next take raises
                raise PositionGone(at.topic, at.partition, position)
            found, self._positions[at] = partition.read(position, limit - len(taken))
            taken += found
            if found:
                self._positions[at] = self._positions.pop(at)  # to the back of the queue
            if len(taken) >= limit:
                break
        return taken


class MemoryReader(_Taker):
    """See ports.Reader."""

    async def assign(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See Reader.assign."""
        self._positions = dict(offsets)

    async def close(self) -> None:
        """See Reader.close."""
        self._closed = True


class MemoryMember(_Taker):
    """See ports.Member."""

    def __init__(self, log: MemoryLog, group: Group, instance: str, ownership: Ownership) -> None:
        super().__init__(log)
        self._group = group
        self._instance = instance
        self._ownership = ownership
        self._topics: frozenset[str] = frozenset()
        self._settled = True
        self._epoch = 0
        self.fenced = 0
        self._fenced_at: float | None = None

    async def subscribe(self, topics: Collection[str]) -> None:
        """See Member.subscribe."""
        self._topics = frozenset(topics)
        self._settled = False
        if not self._epoch:
            self._epoch = self._group.join(self._instance)
        if self._group.epoch_of(self._instance) == self._epoch:
            self._group.wants[self._instance] = self._topics
        self._log.store.bell.ring()

    async def attend(self, wait: float) -> None:
        """See Member.attend."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            if not self._log.down:
                await self._prepare()
            if (left := until - loop.time()) <= 0:
                self._log.reach()
                return
            await self._log.store.bell.wait(left)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See Member.commit."""
        self._log.reach()
        if not self._epoch or self._group.epoch_of(self._instance) != self._epoch:
            raise LogUnavailable("this is no member of the group any more")
        self._group.offsets.update(offsets)
        self._group.mirrored.difference_update(offsets)

    async def rejoin(self) -> None:
        """See Member.rejoin."""
        await self._let_go(list(self._positions))
        self._join_again()

    async def rebalance(self) -> None:
        """See Member.rebalance.  Each take looks at what is to be shared out."""

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """See Member.seek."""
        if partition in self._positions:
            self._positions[partition] = offset

    async def close(self) -> None:
        """See Member.close."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._let_go(list(self._positions))
        finally:
            if self._group.epoch_of(self._instance) == self._epoch:
                self._group.leave(self._instance)
            self._log.store.bell.ring()

    async def _prepare(self) -> None:
        if not self._epoch:
            return
        if self._group.epoch_of(self._instance) != self._epoch:
            await self._rejoin()
        share = self._group.share(self._instance, self._log.store.existing)
        await self._let_go([at for at in self._positions if at not in share])
        if gained := [at for at in share if at not in self._group.owners]:
            await self._receive(gained)
        if not self._settled and set(self._positions) == set(share):
            self._settled = True
            await self._ownership.settled()

    async def _rejoin(self) -> None:
        """The group went on without this member: everything is lost, and it joins anew."""
        await self._let_go(list(self._positions))
        self.fenced += 1
        now = asyncio.get_running_loop().time()
        if self._fenced_at is not None and now - self._fenced_at < FENCED_AGAIN:
            raise SlotTaken(f"another process is a member under group.instance.id {self._instance}")
        self._fenced_at = now
        self._join_again()

    def _join_again(self) -> None:
        self._epoch = self._group.join(self._instance)
        self._group.wants[self._instance] = self._topics
        self._log.store.bell.ring()

    async def _let_go(self, partitions: Sequence[TopicPartition]) -> None:
        if not partitions:
            return
        try:
            await self._ownership.revoked(partitions)
        finally:
            for at in partitions:
                del self._positions[at]
            self._group.release(partitions, self._instance, self._epoch)
            self._log.store.bell.ring()

    async def _receive(self, gained: Sequence[TopicPartition]) -> None:
        self._group.own(gained, self._instance)
        try:
            offsets = await self._ownership.assigned(gained)
            self._positions.update({at: offsets[at] for at in gained})
        except BaseException:
            self._group.release(gained, self._instance, self._epoch)
            raise

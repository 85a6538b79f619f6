"""A log in memory, for tests: the same doors as Kafka, in the same words, without threads and without waiting.

    MemoryStore            the cluster: topics, groups, and what tests may do to it (fence, compact, make again)
      client() ► MemoryLog   one process's connection; `down` cuts it off, `held` withholds its acknowledgements
        MemoryReader, MemoryMember

Time comes from the event loop alone, so a loop with fake time works.  The contract suite (tests/contracts) holds this
log and Kafka to the same behaviour; whoever tests against this one may trust it as far as that suite goes.
"""

import asyncio
import time
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from tradewind.adapters.memory_group import Group
from tradewind.errors import LogRefused, LogUnavailable, PositionGone, SlotTaken
from tradewind.ports import (
    Bounds,
    NewRecord,
    Ownership,
    Position,
    Record,
    TopicInfo,
    TopicPartition,
    TopicSpec,
)

MAX_RECORD_BYTES = 1_048_588
"""Kafka's default `max.message.bytes`; a topic's own counts before it."""

FENCED_AGAIN = 60.0
"""Seconds; a member fenced twice in this time shares its slot with another process."""


class Bell:
    """Wakes whoever waits for the store to change."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Something changed."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Until the next ring, or for so many seconds."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait({future}, timeout=seconds)
        finally:
            self._waiting.discard(future)


@dataclass(slots=True)
class Partition:
    """Records by offset, with holes where compaction took some."""

    start: int = 0
    end: int = 0
    records: list[Record] = field(default_factory=list)

    def read(self, offset: int, limit: int) -> tuple[list[Record], int]:
        """Up to `limit` records from `offset` on, and the offset behind them (and behind the holes at the end)."""
        first = bisect_left(self.records, offset, key=lambda record: record.offset)
        found = self.records[first : first + limit]
        at_end = first + len(found) == len(self.records)
        return found, self.end if at_end else found[-1].offset + 1 if found else offset

    def compact(self) -> None:
        """Keep each key's newest record unless it is a tombstone; records without a key stay."""
        newest = {record.key: record.offset for record in self.records}
        self.records = [r for r in self.records if r.key is None or (r.value is not None and newest[r.key] == r.offset)]


@dataclass(slots=True)
class Topic:
    """A topic as it was made."""

    id: str
    config: Mapping[str, str]
    partitions: list[Partition]


class MemoryStore:
    """The cluster that several MemoryLogs share.  `clock` gives the seconds that records carry as their timestamps."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.bell = Bell()
        self.topics: dict[str, Topic] = {}
        self.groups: dict[str, Group] = {}
        self.appended: Counter[str] = Counter()
        """How many records were appended to each topic, tombstones included."""
        self._clock = clock
        self._ids = count(1)
        self._spread = count()

    def client(self) -> "MemoryLog":
        """Another process's log on this store."""
        return MemoryLog(self)

    def group(self, name: str) -> Group:
        """The group of this name, made when it is first asked for."""
        return self.groups.setdefault(name, Group())

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic, partition by partition, in order."""
        return [record for partition in self.topics[topic].partitions for record in partition.records]

    def make(self, spec: TopicSpec) -> None:
        """Make a topic, whether or not one of this name was there: made again it is empty and has another id."""
        partitions = [Partition() for _ in range(spec.partitions)]
        self.topics[spec.name] = Topic(f"memory-{next(self._ids)}", dict(spec.config), partitions)
        self.bell.ring()

    def recreate_topic(self, name: str) -> None:
        """Delete a topic and make it again, empty."""
        old = self.topics[name]
        self.make(TopicSpec(name, len(old.partitions), None, old.config))

    def add_partitions(self, name: str, total: int) -> None:
        """Give a topic more partitions."""
        partitions = self.topics[name].partitions
        partitions.extend(Partition() for _ in range(total - len(partitions)))
        self.bell.ring()

    def delete_records_before(self, at: TopicPartition, offset: int) -> None:
        """Let retention take every record below `offset`."""
        partition = self.find(at)
        partition.start = max(partition.start, offset)
        partition.records = [record for record in partition.records if record.offset >= offset]
        self.bell.ring()

    def compact(self, name: str) -> None:
        """Compact a topic, its newest records and its tombstones included (Kafka spares these for a while)."""
        for partition in self.topics[name].partitions:
            partition.compact()

    def fence(self, group: str, instance: str) -> None:
        """Expel a member, as Kafka does when its session ends; it finds out when it takes next."""
        self.group(group).leave(instance)
        self.bell.ring()

    def find(self, at: TopicPartition) -> Partition:
        """A partition; LogUnavailable where there is none, as it may still come."""
        topic = self.topics.get(at.topic)
        if topic is None or not 0 <= at.partition < len(topic.partitions):
            raise LogUnavailable(f"{at.topic}[{at.partition}] is not there")
        return topic.partitions[at.partition]

    def append(self, record: NewRecord) -> Position:
        """Store a record now."""
        topic = self.topics.get(record.topic)
        if topic is None:
            raise LogUnavailable(f"topic {record.topic} is not there")
        limit, size = int(topic.config.get("max.message.bytes", MAX_RECORD_BYTES)), _size(record)
        if size > limit:
            raise LogRefused(f"a record of {size} bytes, but topic {record.topic} takes {limit}")
        index = self._partition(record, len(topic.partitions))
        partition = self.find(TopicPartition(record.topic, index))
        offset = partition.end
        headers = tuple(record.headers)
        stored = Record(record.topic, index, offset, self._clock(), record.key, record.value, headers)
        partition.records.append(stored)
        partition.end += 1
        self.appended[record.topic] += 1
        self.bell.ring()
        return Position(index, offset)

    def _partition(self, record: NewRecord, partitions: int) -> int:
        if record.partition is not None:
            return record.partition
        return (next(self._spread) if record.key is None else zlib.crc32(record.key)) % partitions

    def existing(self, topics: Collection[str]) -> list[TopicPartition]:
        """Every partition of those of these topics that exist, sorted."""
        found = [(name, self.topics[name]) for name in sorted(topics) if name in self.topics]
        return [TopicPartition(name, index) for name, topic in found for index in range(len(topic.partitions))]


def _size(record: NewRecord) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.value or b"") + len(record.key or b"") + headers


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
        return {name: TopicInfo(name, topic.id, len(topic.partitions)) for name, topic in found.items()}

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """See EventLog.bounds."""
        self.reach()
        found = {at: self.store.find(at) for at in partitions}
        return {at: Bounds(partition.start, partition.end) for at, partition in found.items()}

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
        return {}

    async def group_offsets(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """See EventLog.group_offsets."""
        self.reach()
        committed = self.store.group(group).offsets
        return {at: committed[at] for at in partitions if at in committed}

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
        self._epoch = 0
        self._fenced_at: float | None = None

    async def subscribe(self, topics: Collection[str]) -> None:
        """See Member.subscribe."""
        self._topics = frozenset(topics)
        if not self._epoch:
            self._epoch = self._group.join(self._instance)
        if self._group.epoch_of(self._instance) == self._epoch:
            self._group.wants[self._instance] = self._topics
        self._log.store.bell.ring()

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

    async def _rejoin(self) -> None:
        """The group went on without this member: everything is lost, and it joins anew."""
        await self._let_go(list(self._positions))
        now = asyncio.get_running_loop().time()
        if self._fenced_at is not None and now - self._fenced_at < FENCED_AGAIN:
            raise SlotTaken(f"another process is a member under group.instance.id {self._instance}")
        self._fenced_at = now
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

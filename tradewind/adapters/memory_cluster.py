"""A cluster in memory: topics of partitions of records, groups, and what happens to them while nobody looks."""

import asyncio
import time
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import count

from tradewind.adapters.memory_group import Group
from tradewind.errors import LogRefused, LogUnavailable, TopicMissing
from tradewind.ports import NewRecord, Position, Record, TopicPartition, TopicSpec
from tradewind.topics import batch_bytes

MAX_RECORD_BYTES = 1_048_588
"""Kafka's default `max.message.bytes`; a topic's own counts before it."""


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

    @property
    def most(self) -> int:
        """Bytes of the largest record batch it takes."""
        return int(self.config.get("max.message.bytes", MAX_RECORD_BYTES))


class Cluster:
    """Topics and groups, and what an administrator or time does to them.  `clock` gives records their
    timestamps, in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.bell = Bell()
        self.topics: dict[str, Topic] = {}
        self.groups: dict[str, Group] = {}
        self.appended: Counter[str] = Counter()
        """How many records were appended to each topic, tombstones included."""
        self.leaderless: set[TopicPartition] = set()
        """Partitions whose brokers are all down: they are there, and answer nobody."""
        self._clock = clock
        self._ids = count(1)
        self._spread = count()

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
        """A partition; LogUnavailable where there is none, or none that answers, as it may still come."""
        topic = self.topics.get(at.topic)
        if topic is None or not 0 <= at.partition < len(topic.partitions):
            raise LogUnavailable(f"{at.topic}[{at.partition}] is not there")
        if at in self.leaderless:
            raise LogUnavailable(f"{at.topic}[{at.partition}] has no leader")
        return topic.partitions[at.partition]

    def append(self, record: NewRecord) -> Position:
        """Store a record now."""
        topic = self.topics.get(record.topic)
        if topic is None:
            raise TopicMissing(f"topic {record.topic} is not there")
        if (size := batch_bytes(record)) > topic.most:
            raise LogRefused(f"a record of {size} bytes, but topic {record.topic} takes {topic.most}")
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

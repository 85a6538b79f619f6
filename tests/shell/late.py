"""A Kafka in memory whose answers come when they come."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from random import Random

from tradewind.adapters.memory_log import MemoryLog, MemoryMember, MemoryReader, MemoryStore
from tradewind.ports import Bounds, NewRecord, Ownership, Position, Record, TopicInfo, TopicPartition


class Late(MemoryLog):
    """A log some of whose answers come up to two seconds late, and some of whose questions do."""

    def __init__(self, store: MemoryStore, random: Random) -> None:
        super().__init__(store)
        self._random = random

    async def late(self) -> None:
        """Wait now and then."""
        if self._random.random() < 0.3:
            await asyncio.sleep(self._random.random() * self._random.choice([0.01, 0.1, 2.0]))

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicInfo]:
        await self.late()
        found = await super().topics(names)
        await self.late()
        return found

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        await self.late()
        found = await super().bounds(partitions)
        await self.late()
        return found

    def append(self, record: NewRecord) -> Awaitable[Position]:
        stored = super().append(record)

        async def told() -> Position:
            await self.late()
            return await stored

        return asyncio.ensure_future(told())

    def member(self, *, group: str, instance: str, ownership: Ownership) -> MemoryMember:
        log = self

        class Member(MemoryMember):
            async def seek(self, partition: TopicPartition, offset: int) -> None:
                await log.late()
                await super().seek(partition, offset)
                await log.late()

        return Member(self, self.store.group(group), instance, ownership)


class SlowToSeek(MemoryLog):
    """A log whose members take two seconds to seek.  The first `told_late` seeks are done at once, and said to be done
    when the member has gone on reading; of any other something may happen `meanwhile`."""

    def __init__(self, store: MemoryStore, meanwhile: Callable[[], None] = lambda: None, *, told_late: int = 0) -> None:
        super().__init__(store)
        self.meanwhile = meanwhile
        self.told_late = told_late

    def member(self, *, group: str, instance: str, ownership: Ownership) -> MemoryMember:
        log = self

        class Member(MemoryMember):
            async def seek(self, partition: TopicPartition, offset: int) -> None:
                if log.told_late:
                    log.told_late -= 1
                    await super().seek(partition, offset)
                    await asyncio.sleep(2)
                else:
                    log.meanwhile()
                    await asyncio.sleep(2)
                    await super().seek(partition, offset)

        return Member(self, self.store.group(group), instance, ownership)


class SlowToTurn(MemoryLog):
    """A log whose readers take a tenth of a second to turn to another place, as long as Kafka may wait for records."""

    def reader(self) -> MemoryReader:
        class Reader(MemoryReader):
            async def assign(self, offsets: Mapping[TopicPartition, int]) -> None:
                await asyncio.sleep(0.1)
                await super().assign(offsets)

        return Reader(self)


class SlowToTell(MemoryLog):
    """A log whose readers have records for a second before they tell of them."""

    def reader(self) -> MemoryReader:
        class Reader(MemoryReader):
            async def take(self, max_records: int, wait: float) -> Sequence[Record]:
                taken = await super().take(max_records, wait)
                await asyncio.sleep(1)
                return taken

        return Reader(self)

"""What a KafkaSource has read is let out as soon as nothing is owed to its group any more, whoever took it over."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from tests import fake_time
from tests.shell.test_kafka_source_beginning import AT, GROUP, HOME, SOURCE
from tradewind.adapters.memory_log import MemoryLog, MemoryMember
from tradewind.config import Settings
from tradewind.errors import LogUnavailable
from tradewind.ports import NewRecord, Ownership, Record, TopicPartition, TopicSpec
from tradewind.sources.emission import Given
from tradewind.sources.kafka.beginning import Home
from tradewind.sources.kafka.reading import Reading
from tradewind.sources.standing import Standing
from tradewind.sources.times import Time

OLD, ADDED = AT


class Half:
    """Is assigned both partitions, gives what lies in the first of them, and commits nothing of the other."""

    fenced = 0

    def __init__(self, log: MemoryLog, ownership: Ownership) -> None:
        self._log = log
        self._ownership = ownership
        self._records: list[Record] = []
        self.refused = 0

    async def subscribe(self, topics: Collection[str]) -> None:
        begins = await self._ownership.assigned([OLD, ADDED])
        reader = self._log.reader()
        await reader.assign({OLD: begins[OLD]})
        self._records.extend(await reader.take(100, 0.0))
        await reader.close()

    async def take(self, limit: int, wait: float) -> Sequence[Record]:
        records, self._records = self._records, []
        await asyncio.sleep(0.0 if records else 1e6)  # none comes any more
        return records

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if ADDED in offsets:
            self.refused += 1
            raise LogUnavailable("not now")
        self._log.store.group(GROUP).offsets.update(offsets)

    def position(self, at: TopicPartition) -> int:
        raise KeyError(at)

    async def close(self) -> None: ...


class Log(MemoryLog):
    """Whose members are of that kind."""

    made: Half

    def member(self, *, group: str, instance: str, ownership: Ownership) -> MemoryMember:
        self.made = Half(self, ownership)
        return cast(MemoryMember, self.made)  # what a reading calls


def test_records_that_waited_for_another_partitions_beginning_do_not_wait_for_the_next_record() -> None:
    async def scenario() -> None:
        log = Log()
        log.store.make(TopicSpec(HOME, 1, None, {}))
        log.store.make(TopicSpec("orders", 2, None, {}))
        await log.append(NewRecord("orders", b"waits", partition=OLD.partition))
        log.store.group(GROUP).offsets[OLD] = 0
        await Home(log, HOME).remember(SOURCE, "orders", 1)
        given = Given(None, Standing(fake_time.clock), Time(fake_time.clock), Settings(), "a")
        reading = Reading(SOURCE, log, Home(log, HOME), given, ordered=False)
        reading.begin()
        async with asyncio.timeout(100.0), asyncio.TaskGroup() as tasks:
            some = tasks.create_task(reading.some())
            await fake_time.until(lambda: log.made.refused == 1)
            await asyncio.sleep(10.0)
            assert not some.done(), "where the added partition begins is not committed"
            await reading.revoked([ADDED])
            assert await some
        assert [record.value for record, _ in reading.taken()] == [b"waits"]
        await reading.end()

    fake_time.run(scenario, patience=10_000.0)

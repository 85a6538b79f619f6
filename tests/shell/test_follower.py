"""Who follows the cursors topic has caught up when all is in its View, not when all has been fetched."""

import asyncio
from collections.abc import Mapping, Sequence

from tests.fake_time import clock, run
from tests.shell.dispatching import Subscribers
from tradewind.adapters.memory_log import MemoryLog, MemoryReader, MemoryStore
from tradewind.config import Settings
from tradewind.ports import NewRecord, Record, TopicPartition
from tradewind.topics import cursors_spec
from tradewind.trigger_dispatcher.cursors import PartitionId, ReaderRecord, encode, reader_key
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.follower import Follower

HERE = PartitionId("id", 0)


class Fetching:
    """A reader that has fetched for a while what it hands over, as a thread does that the loop has no time for."""

    def __init__(self, reader: MemoryReader) -> None:
        self._reader = reader

    async def assign(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._reader.assign(offsets)

    async def take(self, max_records: int, wait: float) -> Sequence[Record]:
        records = await self._reader.take(max_records, wait)
        await asyncio.sleep(5)
        return records

    def position(self, partition: TopicPartition) -> int:
        return self._reader.position(partition)

    async def close(self) -> None:
        await self._reader.close()


class FetchingLog(MemoryLog):
    """A log with such readers."""

    def reader(self) -> Fetching:  # type: ignore[override]  # it wraps the other
        return Fetching(super().reader())


def test_it_has_caught_up_when_all_is_in_its_view() -> None:
    async def scenario() -> None:
        settings = Settings(partitions=1)
        log = FetchingLog(MemoryStore(clock=clock))
        edges = Edges(log, Subscribers(), settings, clock, lambda: 0.0, clock)
        made = await log.ensure_topics([cursors_spec(settings)])
        follower = Follower(edges, made[settings.cursors_topic], lambda _: None)
        running = asyncio.create_task(follower.run())
        for position in range(3):
            record = ReaderRecord(position, "owner", 0)
            await log.append(NewRecord(settings.cursors_topic, encode(record), (), reader_key(HERE), 0))
            await asyncio.sleep(1)
            assert await follower.caught_up(0) == position
            assert follower.view.readers[HERE].position == position
        running.cancel()

    run(scenario)

"""What every EventLog must do: reading partitions without a group."""

import asyncio
import time

import pytest

from tests.contracts.driving import DEADLINE, Cluster, append_all, numbered, take, until_gone, values
from tradewind.ports import (
    EventLog,
    NewRecord,
    TopicPartition,
)


class Readers:
    """Part of EventLogContract, which has the fixtures."""

    async def test_a_reader_starts_where_it_is_told(self, log: EventLog, wide: list[TopicPartition]) -> None:
        for at in wide[:3]:
            await append_all(log, numbered(at.topic, 5, at.partition))
        reader = log.reader()
        await reader.assign({wide[0]: 3, wide[1]: 5, wide[2]: 0})
        records = await take(reader, 7)
        by_partition = {at: [r.offset for r in records if r.partition == at.partition] for at in wide}
        assert by_partition == {wide[0]: [3, 4], wide[1]: [], wide[2]: [0, 1, 2, 3, 4], wide[3]: []}
        assert [reader.position(at) for at in wide[:3]] == [5, 5, 5]
        await reader.close()

    async def test_a_new_assignment_forgets_the_old(self, log: EventLog, wide: list[TopicPartition]) -> None:
        for at in wide[:2]:
            await append_all(log, numbered(at.topic, 50, at.partition))
        reader = log.reader()
        await reader.assign({wide[0]: 0})
        assert len(await reader.take(3, 10.0)) <= 3
        await reader.assign({wide[1]: 48})
        assert [(r.partition, r.offset) for r in await take(reader, 2)] == [(1, 48), (1, 49)]
        assert not await reader.take(10, 0.2)
        await reader.assign({wide[0]: 48, wide[1]: 50})
        assert [(r.partition, r.offset) for r in await take(reader, 2)] == [(0, 48), (0, 49)]
        await reader.assign({})
        assert not await reader.take(10, 0.05)
        await reader.close()

    async def test_take_gives_at_most_what_was_asked(self, log: EventLog, topic: str) -> None:
        await append_all(log, numbered(topic, 10))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        taken = 0
        while taken < 10:
            records = await reader.take(3, 10.0)
            assert 1 <= len(records) <= 3
            taken += len(records)
            assert reader.position(TopicPartition(topic, 0)) == taken
        await reader.close()

    async def test_take_waits_no_longer_than_asked(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        async with asyncio.timeout(DEADLINE):
            assert not await reader.take(10, 0.2)
        await reader.close()

    async def test_take_ends_with_the_first_record(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        assert not await reader.take(10, 0.05)
        waiting = asyncio.create_task(reader.take(10, 10 * DEADLINE))
        gave_up, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not gave_up
        await log.append(NewRecord(topic, b"now"))
        async with asyncio.timeout(DEADLINE):
            assert values(await waiting) == [b"now"]
        await reader.close()

    async def test_a_take_that_is_given_up_loses_nothing(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        waiting = asyncio.create_task(reader.take(10, 3.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await append_all(log, numbered(topic, 5))
        assert [r.offset for r in await take(reader, 5)] == [0, 1, 2, 3, 4]
        await reader.close()

    async def test_holes_are_passed(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await log.append(NewRecord(topic, b"before"))
        await cluster.add_hole(at)
        middle = (await log.append(NewRecord(topic, b"between"))).offset
        assert middle > 1
        await cluster.add_hole(at)
        end = (await log.bounds([at]))[at].end
        assert end > middle + 1
        reader = log.reader()
        await reader.assign({at: 0})
        assert values(await take(reader, 2)) == [b"before", b"between"]
        deadline = time.monotonic() + DEADLINE
        while reader.position(at) != end:
            assert time.monotonic() < deadline, f"position stays at {reader.position(at)} of {end}"
            assert not await reader.take(10, 0.05)
        await reader.close()

    async def test_a_position_below_the_start_is_gone(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await append_all(log, numbered(topic, 5))
        await cluster.delete_records_before(at, 3)
        reader = log.reader()
        await reader.assign({at: 1})
        gone = await until_gone(reader)
        assert (gone.topic, gone.partition, gone.offset) == (topic, 0, 1)
        await reader.assign({at: 3})
        assert [r.offset for r in await take(reader, 2)] == [3, 4]
        await reader.close()

    async def test_a_position_beyond_the_end_is_gone(self, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await append_all(log, numbered(topic, 5))
        reader = log.reader()
        await reader.assign({at: 9})
        assert (await until_gone(reader)).offset == 9
        assert (await until_gone(reader)).offset == 9
        await reader.assign({at: 4})
        assert [r.offset for r in await take(reader, 1)] == [4]
        await reader.close()

    async def test_a_position_in_a_topic_made_again_is_gone(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await append_all(log, numbered(topic, 5))
        reader = log.reader()
        await reader.assign({at: 0})
        await take(reader, 5)
        await cluster.recreate_topic(topic)
        assert (await log.append(NewRecord(topic, b"new"))).offset == 0
        assert (await until_gone(reader)).offset == 5
        await reader.assign({at: 0})
        assert values(await take(reader, 1)) == [b"new"]
        await reader.close()

    async def test_taking_from_a_closed_reader_is_a_fault(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        await reader.close()
        await reader.close()
        with pytest.raises(RuntimeError):
            await reader.take(1, 0.0)

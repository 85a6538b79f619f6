"""What every EventLog must do: topics: made, named, deleted, and what they keep and take."""

import asyncio
import re
import time

import pytest

from tests.contracts.driving import Cluster, append_all, numbered, take, until, until_known, values
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import (
    Bounds,
    EventLog,
    NewRecord,
    Position,
    TopicPartition,
    TopicSpec,
)


class Topics:
    """Part of EventLogContract, which has the fixtures."""

    async def test_topics_are_made_once(self, log: EventLog, name: str) -> None:
        made = await log.ensure_topics([TopicSpec(name, 3, None, {"cleanup.policy": "compact"})])
        again = await log.ensure_topics([TopicSpec(name, 5, None, {}), TopicSpec(f"{name}-2", 1, 1, {})])
        assert again[name] == made[name]
        assert (made[name].name, made[name].partitions) == (name, 3)
        assert again[f"{name}-2"].id not in ("", made[name].id)
        assert (await log.append(NewRecord(f"{name}-2", b"at once"))).offset == 0

    async def test_several_may_make_a_topic_at_once(self, cluster: Cluster, name: str) -> None:
        logs = [cluster.client() for _ in range(3)]
        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(log.ensure_topics([TopicSpec(name, 2, None, {})])) for log in logs]
        assert len({task.result()[name] for task in made}) == 1

    async def test_a_topic_that_cannot_be_is_refused(self, log: EventLog, name: str) -> None:
        with pytest.raises(LogRefused, match=name):
            await log.ensure_topics([TopicSpec(name, 0, None, {})])

    async def test_topics_names_those_that_exist(self, log: EventLog, topic: str) -> None:
        found = await log.topics([topic, f"{topic}-missing"])
        assert list(found) == [topic]
        assert not found[topic].leaderless
        assert await log.topics([]) == {}

    async def test_an_id_may_stand_in_a_key(self, log: EventLog, name: str) -> None:
        """Keys of cursors and dead letters are cut at `/`, which Base64 has in three ids of ten."""
        made = await log.ensure_topics([TopicSpec(f"{name}-{number}", 1, None, {}) for number in range(20)])
        for topic in made.values():
            assert re.fullmatch("[A-Za-z0-9_-]+", topic.id)

    async def test_a_topic_made_again_has_another_id(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        before = await log.topics([topic])
        await cluster.recreate_topic(topic)
        after = await log.topics([topic])
        assert after[topic].id != before[topic].id
        assert after[topic].partitions == 1

    async def test_a_topic_tells_how_safe_its_records_are(self, log: EventLog, name: str) -> None:
        safe = TopicSpec(f"{name}-safe", 2, 1, {"min.insync.replicas": "2"})
        made = await log.ensure_topics([safe, TopicSpec(name, 1, 1, {})])
        assert (made[name].replication, made[safe.name].replication) == (1, 1)
        assert await log.min_insync_replicas([name, safe.name, f"{name}-missing"]) == {name: 1, safe.name: 2}

    async def test_a_deleted_topic_is_gone_with_its_records(self, log: EventLog, topic: str, name: str) -> None:
        await log.ensure_topics([TopicSpec(f"{name}-kept", 1, None, {})])
        await append_all(log, numbered(topic, 3))
        before = (await log.topics([topic]))[topic].id
        await log.delete_topics([topic])
        assert list(await log.topics([topic, f"{name}-kept"])) == [f"{name}-kept"]
        made = await log.ensure_topics([TopicSpec(topic, 2, None, {})])
        assert (made[topic].partitions, made[topic].id != before) == (2, True)
        assert (await log.append(NewRecord(topic, b"new", partition=0))).offset == 0

    async def test_deleting_what_is_not_there_is_no_fault(self, log: EventLog, topic: str) -> None:
        await log.delete_topics([])
        await log.delete_topics([f"{topic}-missing", topic])
        await log.delete_topics([topic])
        assert await log.topics([topic]) == {}

    async def test_bounds_move(self, cluster: Cluster, log: EventLog, wide: list[TopicPartition]) -> None:
        assert await log.bounds([]) == {}
        await append_all(log, numbered(wide[0].topic, 7, partition=1))
        await cluster.delete_records_before(wide[1], 3)
        assert await log.bounds(wide[:2]) == {wide[0]: Bounds(0, 0), wide[1]: Bounds(3, 7)}

    async def test_a_partition_that_was_added_is_known_at_once(
        self, cluster: Cluster, log: EventLog, topic: str
    ) -> None:
        """To whoever asked about the others, and read them, before."""
        old, added = TopicPartition(topic, 0), TopicPartition(topic, 1)
        await append_all(log, numbered(topic, 3))
        reader = log.reader()
        await reader.assign({old: 0})
        assert len(await take(reader, 3)) == 3
        assert await log.bounds([old]) == {old: Bounds(0, 3)}
        assert await log.offset_at(old, 0.0) == 0
        await cluster.add_partitions(topic, 2)
        await until_known(lambda: log.bounds([old, added]), {old: Bounds(0, 3), added: Bounds(0, 0)})
        await until_known(lambda: log.offset_at(added, 0.0), 0)
        await until_known(lambda: log.append(NewRecord(topic, b"new", partition=1)), Position(1, 0))
        await reader.assign({added: 0})
        assert values(await take(reader, 1)) == [b"new"]
        await reader.close()

    async def test_an_offset_by_its_time(self, log: EventLog, topic: str) -> None:
        at, reader = TopicPartition(topic, 0), log.reader()
        assert await log.offset_at(at, time.time()) == 0
        await log.append(NewRecord(topic, b"old"))
        appended = time.time()
        await until(lambda: time.time() > appended + 0.002)  # records know milliseconds
        await append_all(log, numbered(topic, 2))
        await reader.assign({at: 0})
        records = await take(reader, 3)
        await reader.close()
        assert await log.offset_at(at, records[0].timestamp) == 0
        assert await log.offset_at(at, records[1].timestamp) == 1
        assert await log.offset_at(at, records[2].timestamp + 60) == 3
        for early in (-0.001, -0.003, -1.0, -62_135_596_800.0):  # Kafka has meanings of its own for these, or none
            assert await log.offset_at(at, early) == 0
        with pytest.raises(LogUnavailable):
            await log.offset_at(TopicPartition(f"{topic}-missing", 0), 0.0)

    async def test_bounds_of_nothing_are_unavailable(self, log: EventLog, name: str) -> None:
        with pytest.raises(LogUnavailable, match=name):
            await log.bounds([TopicPartition(name, 0)])

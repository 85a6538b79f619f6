"""What every EventLog must do: appending records, and what becomes of each."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from tests.contracts.driving import Cluster, append_all, numbered, take, until, values
from tradewind.errors import LogRefused, LogUnavailable, TopicMissing
from tradewind.ports import (
    Bounds,
    EventLog,
    Headers,
    NewRecord,
    Position,
    Retention,
    TopicPartition,
    TopicSpec,
)
from tradewind.topics import batch_bytes


class Appending:
    """Part of EventLogContract, which has the fixtures."""

    async def test_appended_records_keep_their_order(self, log: EventLog, topic: str) -> None:
        offsets = await append_all(log, numbered(topic, 500))
        assert offsets == list(range(500))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        records = await take(reader, 500)
        assert values(records) == [b"%d" % number for number in range(500)]
        assert [record.offset for record in records] == offsets
        await reader.close()

    async def test_one_key_lies_in_one_partition(self, log: EventLog, wide: list[TopicPartition]) -> None:
        topic = wide[0].topic
        keys = [b"key-%d" % number for number in range(40)]
        first = [(await log.append(NewRecord(topic, b"", key=key))).partition for key in keys]
        again = [(await log.append(NewRecord(topic, b"", key=key))).partition for key in keys]
        assert first == again
        assert len(set(first)) > 1

    async def test_a_named_partition_is_obeyed(self, log: EventLog, wide: list[TopicPartition]) -> None:
        topic = wide[0].topic
        found = [(await log.append(NewRecord(topic, b"", key=b"same", partition=at.partition))) for at in wide]
        assert [position.partition for position in found] == [0, 1, 2, 3]

    async def test_a_record_comes_back_as_it_was(self, log: EventLog, topic: str) -> None:
        headers = [("ce_b", b"2"), ("ce_a", b"\xc3\xa9"), ("ce_b", b""), ("ce_b", b"1")]
        before = time.time()
        await log.append(NewRecord(topic, b"\x00data", headers, key=b"\xff"))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        (record,) = await take(reader, 1)
        assert record[:3] == (topic, 0, 0)
        assert (record.key, record.value, list(record.headers)) == (b"\xff", b"\x00data", headers)
        assert before - 60 < record.timestamp < time.time() + 60
        await reader.close()

    async def test_no_value_is_not_an_empty_value(self, log: EventLog, topic: str) -> None:
        await append_all(log, [NewRecord(topic, None, key=b"k"), NewRecord(topic, b"", key=b""), NewRecord(topic, b"")])
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        records = await take(reader, 3)
        assert [(r.key, r.value, len(r.headers)) for r in records] == [(b"k", None, 0), (b"", b"", 0), (None, b"", 0)]
        await reader.close()

    async def test_too_large_is_refused_and_harms_no_other(self, log: EventLog, name: str) -> None:
        topic = name
        await log.ensure_topics([TopicSpec(topic, 1, None, {"max.message.bytes": "1048588"})])
        around = [NewRecord(topic, b"before"), NewRecord(topic, bytes(1_100_000)), NewRecord(topic, b"after")]
        first, large, last = [self._outcome(log, record) for record in around]
        with pytest.raises(LogRefused):
            await large
        await first
        await last
        await log.append(NewRecord(topic, b"later"))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        assert sorted(map(bytes, filter(None, values(await take(reader, 3))))) == [b"after", b"before", b"later"]
        await reader.close()

    async def test_a_verdict_speaks_of_the_record_and_not_of_its_batch(self, log: EventLog, name: str) -> None:
        """A topic that takes less than a batch: what fits alone is stored, however it was batched."""
        await log.ensure_topics([TopicSpec(name, 1, None, {"max.message.bytes": "20000"})])
        waiting = [self._outcome(log, NewRecord(name, bytes(5000))) for _ in range(40)]
        refused = self._outcome(log, NewRecord(name, bytes(30_000)))
        for one in waiting:
            await one
        with pytest.raises(LogRefused):
            await refused

    async def test_how_much_a_topic_takes(self, log: EventLog, name: str) -> None:
        other = f"{name}-other"
        await log.ensure_topics(
            [TopicSpec(name, 1, None, {"max.message.bytes": "5000"}), TopicSpec(other, 1, None, {})]
        )
        asked = [name, other, f"{name}-missing"]
        found = await log.max_message_bytes(asked)
        assert sorted(found) == [name, other]
        assert found[name] == 5000 and found[other] >= 1_000_000  # Kafka's default, or the server's
        assert await log.max_message_bytes([]) == {}

    async def test_how_long_a_topic_keeps_records(self, log: EventLog, name: str) -> None:
        limits = {"retention.ms": "60000", "retention.bytes": "5000"}
        settings = {
            name: limits,
            f"{name}-both": {**limits, "cleanup.policy": "compact,delete"},
            f"{name}-for-ever": {"retention.ms": "-1", "retention.bytes": "-1"},
            f"{name}-compact": {**limits, "cleanup.policy": "compact"},
            f"{name}-default": {},
        }
        await log.ensure_topics([TopicSpec(each, 1, None, config) for each, config in settings.items()])
        limited, unlimited = Retention(60.0, 5000), Retention(None, None)
        assert await log.retention([*settings, f"{name}-missing"]) == {
            name: limited,
            f"{name}-both": limited,
            f"{name}-for-ever": unlimited,
            f"{name}-compact": unlimited,
            f"{name}-default": Retention(7 * 86400.0, None),
        }
        assert await log.retention([]) == {}

    async def test_a_record_is_as_large_as_is_said(self, log: EventLog, name: str) -> None:
        """To the byte: what is computed before anything is appended is what decides (`topics.batch_bytes`)."""
        limit = 20_000
        shapes: list[tuple[bytes | None, Headers]] = [
            (None, ()),
            (b"k" * 64, [("content-type", b"a/b")]),
            (b"", [("ce_" + "é" * 40, b"x" * 63), ("ce_e", b"x" * 64), ("x", b"")]),
            (None, [(f"ce_e{number}", b"%d" % number) for number in range(100)]),
        ]
        await log.ensure_topics([TopicSpec(name, 1, None, {"max.message.bytes": str(limit)})])
        for key, headers in shapes:
            around = [NewRecord(name, bytes(length), headers, key) for length in range(limit - 3000, limit)]
            sized = {batch_bytes(record): record for record in around}
            await log.append(sized[limit])
            with pytest.raises(LogRefused):
                await log.append(sized[limit + 1])

    @staticmethod
    def _outcome(log: EventLog, record: NewRecord) -> asyncio.Future[int]:
        """Append may raise at once or when awaited; this makes both the same."""

        async def outcome(waiting: Awaitable[object]) -> int:
            await waiting
            return 0

        try:
            return asyncio.ensure_future(outcome(log.append(record)))
        except (LogRefused, LogUnavailable) as error:
            failed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed

    async def test_an_unknown_topic_is_unavailable_and_named(self, log: EventLog, name: str) -> None:
        with pytest.raises(TopicMissing, match=name):
            await log.append(NewRecord(name, b"x"))

    async def test_whoever_produces_is_told_where_each_record_lies(self, log: EventLog, topic: str) -> None:
        told: list[object] = []
        for record in numbered(topic, 50):
            log.produce(record, told.append)
        assert told == []
        await until(lambda: len(told) == 50)
        assert told == [Position(0, number) for number in range(50)]

    async def test_whoever_produces_to_an_unknown_topic_is_told_so(self, log: EventLog, name: str) -> None:
        told: list[object] = []
        log.produce(NewRecord(name, b"x"), told.append)
        await until(lambda: bool(told))
        (error,) = told
        assert isinstance(error, TopicMissing) and name in str(error)

    async def test_a_waiter_that_gives_up_harms_no_other(self, log: EventLog, topic: str) -> None:
        async def append(number: int) -> int:
            return (await log.append(NewRecord(topic, b"%d" % number))).offset

        tasks = [asyncio.create_task(append(number)) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        found = [await task for task in tasks[1::2]]
        assert found == sorted(found)
        assert await append(20) == 20

    async def test_close_stores_what_was_appended(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        going = cluster.client()
        waiting = [going.append(record) for record in numbered(topic, 100)]
        await going.close()
        assert [(await one).offset for one in waiting] == list(range(100))
        assert (await log.bounds([TopicPartition(topic, 0)])) == {TopicPartition(topic, 0): Bounds(0, 100)}

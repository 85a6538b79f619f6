"""Where the partitions of a source begin, whoever comes and goes meanwhile."""

import asyncio
from collections.abc import Mapping

import pytest

from tradewind.adapters.memory_log import MemoryLog
from tradewind.errors import LogUnavailable
from tradewind.ports import NewRecord, TopicPartition, TopicSpec
from tradewind.resources.model import Destination, InitialOffset, KafkaSource, Metadata, NamespacedName
from tradewind.sources.kafka.beginning import Beginning, Home
from tradewind.sources.kafka.memory import Begun
from tradewind.sources.standing import Standing

HOME, GROUP = "sources", "g"
AT = [TopicPartition("orders", number) for number in range(2)]
SOURCE = KafkaSource(
    Metadata(NamespacedName("default", "orders")),
    Destination(),
    ("k",),
    ("orders",),
    GROUP,
    initial_offset=InitialOffset.LATEST,
)


class Member:
    """Commits for its group as long as Kafka is there."""

    fenced = 0

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._log.reach()
        self._log.store.group(GROUP).offsets.update(offsets)


async def test_whoever_says_where_a_group_begins_says_it_of_what_is_anothers_by_now() -> None:
    """The commit failed, and a partition went to another process meanwhile, which waits for that very commit."""
    log = MemoryLog()
    log.store.make(TopicSpec(HOME, 1, None, {}))
    log.store.make(TopicSpec("orders", 2, None, {}))
    for number in range(4):
        await log.append(NewRecord("orders", b"old", partition=number % 2))
    beginning = Beginning(SOURCE, log, Home(log, HOME), Standing(lambda: 0.0))
    assert await beginning.offsets(AT) == {AT[0]: 2, AT[1]: 2}
    member = Member(log)
    log.down = True
    with pytest.raises(LogUnavailable):
        await beginning.commit(member)  # type: ignore[arg-type]  # it only commits
    log.down = False
    beginning.lost([AT[0]])
    other = Beginning(SOURCE, log, Home(log, HOME), Standing(lambda: 0.0))
    async with asyncio.timeout(5.0), asyncio.TaskGroup() as tasks:
        begins = tasks.create_task(other.offsets([AT[1]]))
        await beginning.commit(member)  # type: ignore[arg-type]
    assert begins.result() == {AT[1]: 2}, "and not at the first record, with an alarm"
    assert not beginning.owed


async def test_what_comes_back_before_it_is_committed_begins_where_it_did() -> None:
    """And is not waited for, as another's is."""
    log = MemoryLog()
    log.store.make(TopicSpec(HOME, 1, None, {}))
    log.store.make(TopicSpec("orders", 2, None, {}))
    beginning = Beginning(SOURCE, log, Home(log, HOME), Standing(lambda: 0.0))
    await beginning.offsets(AT)
    beginning.lost([AT[0]])
    await log.append(NewRecord("orders", b"new", partition=1))
    async with asyncio.timeout(5.0):
        assert await beginning.offsets([AT[1]]) == {AT[1]: 0}


async def test_what_is_anothers_is_for_that_to_say() -> None:
    log = MemoryLog()
    log.store.make(TopicSpec(HOME, 1, None, {}))
    log.store.make(TopicSpec("orders", 2, None, {}))
    beginning = Beginning(SOURCE, log, Home(log, HOME), Standing(lambda: 0.0))
    await beginning.offsets(AT)
    beginning.lost([AT[1]])
    await beginning.commit(Member(log))  # type: ignore[arg-type]
    assert log.store.group(GROUP).offsets == {AT[1]: 0}


async def test_what_was_committed_between_two_looks_counts() -> None:
    """The group had no position, then another process commits it and remembers the topic, then that is read."""
    log = MemoryLog()
    log.store.make(TopicSpec(HOME, 1, None, {}))
    log.store.make(TopicSpec("orders", 2, None, {}))
    for number in range(4):
        await log.append(NewRecord("orders", b"old", partition=number % 2))
    first = Beginning(SOURCE, log, Home(log, HOME), Standing(lambda: 0.0))
    await first.offsets([AT[0]])

    class Later(Home):
        async def remembered(self, source: KafkaSource) -> Mapping[str, Begun]:
            await first.commit(Member(log))  # type: ignore[arg-type]
            return await super().remembered(source)

    said = Standing(lambda: 0.0)
    assert await Beginning(SOURCE, log, Later(log, HOME), said).offsets([AT[1]]) == {AT[1]: 2}
    assert said.alarms == 0

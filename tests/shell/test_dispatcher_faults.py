"""What goes wrong beside the dispatcher must neither end it nor leave anything of it stuck."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import DEAD, TOPIC, World, event, on, plan, trigger
from tests.shell.late import SlowToSeek
from tradewind.adapters.memory_log import MemoryLog, MemoryMember
from tradewind.delivery.verdicts import Answer
from tradewind.errors import LogUnavailable
from tradewind.ports import Bounds, NewRecord, Ownership, Record, TopicPartition, TopicSpec
from tradewind.resources import starts
from tradewind.trigger_dispatcher.cursors import GENERAL, PartitionId, cursor_partition

TOO_SMALL = {"max.message.bytes": "1"}
"""Of a topic that refuses every record."""


def test_a_pin_that_kafka_refuses_ends_nothing() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            topic = world.store.topics[world.settings.cursors_topic]
            as_made, topic.config = topic.config, TOO_SMALL
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 5)
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a") == ["1"])
            topic.config = as_made
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: world.subscribers.ids("http://b") == ["1"], what="b goes on from its pin")

    run(scenario)


@pytest.mark.parametrize("value", [b"\x00garbage", None])
def test_a_record_that_is_no_event_and_that_no_topic_takes_ends_nothing(value: bytes | None) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            topic = world.store.topics[DEAD]
            as_made, topic.config = topic.config, TOO_SMALL
            await world.log.append(NewRecord(TOPIC, value))
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a") == ["1"])
            await until(lambda: clock() - EPOCH > 30)
            topic.config = as_made
            await until(lambda: len(world.dead_letters()) == 1, what="the record is kept")

    run(scenario)


class Deadline(MemoryLog):
    """A log whose members give an Ownership so many seconds, as Kafka's do."""

    away: Collection[TopicPartition] = ()
    """Partitions whose bounds it does not tell."""
    falls: Mapping[TopicPartition, TopicPartition] = {}
    """Partitions that are away, each from the moment when another, its key, was asked for its bounds."""
    timeless: Collection[TopicPartition] = ()
    """Partitions whose offsets by time it does not tell."""

    def member(self, *, group: str, instance: str, ownership: Ownership) -> MemoryMember:
        return super().member(group=group, instance=instance, ownership=Impatient(ownership))

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        if set(partitions) & set(self.away):
            raise LogUnavailable("away")
        self.away = (*self.away, *(self.falls[each] for each in partitions if each in self.falls))
        return await super().bounds(partitions)

    async def offset_at(self, partition: TopicPartition, time: float) -> int:
        if partition in self.timeless:
            raise LogUnavailable("timeless")
        return await super().offset_at(partition, time)


class Impatient:
    def __init__(self, ownership: Ownership) -> None:
        self._ownership = ownership

    async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        async with asyncio.timeout(10):
            return await self._ownership.assigned(partitions)

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        await self._ownership.revoked(partitions)

    async def settled(self) -> None:
        await self._ownership.settled()


@pytest.mark.parametrize("away", [0, 1])
def test_a_take_over_that_takes_too_long_leaves_nothing_behind(away: int) -> None:
    """What was taken over before the deadline is given up again: its events would wait in their places for ever."""

    async def scenario() -> None:
        world = World(max_in_flight=2, partitions=10)
        world.subscribers.at["http://a"] = lambda _: Answer(503 if clock() - EPOCH < 60 else 204, {"retry-after": "25"})
        for name in ("another", TOPIC):  # so that it has an id by which the cursors of its partitions lie apart
            world.store.make(TopicSpec(name, 2, None, {}))
        world.adopt(plan(trigger("a", retry=1000)))
        async with world.dispatcher(kill=True):
            await world.post(*(event(number) for number in range(20)))
            await until(lambda: clock() - EPOCH > 5)
        log = Deadline(world.store)
        log.falls = {TopicPartition(TOPIC, away): cursors(world, away)}
        assert len({TopicPartition("tradewind.cursors", GENERAL), *(cursors(world, each) for each in (0, 1))}) == 3
        asyncio.get_running_loop().call_later(35, recover, log)
        async with world.dispatcher(log=log) as dispatcher:
            await until(lambda: clock() - EPOCH > 300)
            assert dispatcher._budget.total == 0

    run(scenario)


def cursors(world: World, partition: int) -> TopicPartition:
    """Where the cursors on this partition lie."""
    topic = world.settings.cursors_topic
    identity = PartitionId(world.store.topics[TOPIC].id, partition)
    return TopicPartition(topic, cursor_partition(identity, len(world.store.topics[topic].partitions)))


def recover(log: Deadline) -> None:
    log.away, log.falls = (), {}


def test_a_pin_that_comes_too_late_is_not_written_over_the_next_owners() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        slow = Deadline(world.store)
        async with world.dispatcher("dispatcher-0", log=slow):
            await until(lambda: clock() - EPOCH > 5)  # the topic has been read: new Triggers start at its end
            slow.timeless = [TopicPartition(TOPIC, 1)]
            late = replace(trigger("b"), start=starts.canonical("2023-11-14T22:13:20Z"))
            world.adopt(plan(trigger("a"), late))
            async with world.dispatcher("dispatcher-1"):
                await world.post(*(event(number) for number in range(20)))
                await until(lambda: world.subscribers.ids("http://b"))
                slow.timeless = ()
                await until(lambda: len(set(world.subscribers.ids("http://b"))) == 20)
                await until(lambda: clock() - EPOCH > 30)
                pins = [r for r in world.store.records("tradewind.cursors") if b"/b/" in (r.key or b"")]
        owners = {key: [json.loads(r.value or b"")["owner"][:12] for r in pins if r.key == key] for key in keys(pins)}
        assert len(owners) == 2
        assert all(len(set(names)) == 1 for names in owners.values())

    def keys(records: list[Record]) -> set[bytes]:
        return {record.key or b"" for record in records}

    run(scenario)


def test_a_topic_made_again_is_read_from_its_start_also_where_reading_goes_on_meanwhile() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(log=SlowToSeek(world.store, told_late=2)):
            await world.post(*(event(number) for number in range(20)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 20)
            world.store.recreate_topic(TOPIC)
            await world.post(*(event(f"again {number}") for number in range(30)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 50)

    run(scenario)


def test_a_partition_without_a_leader_holds_up_no_other() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        world.store.make(TopicSpec(TOPIC, 2, None, {}))
        await world.log.append(on(0, event(0)))
        await world.log.append(on(1, event(1)))
        log = Deadline(world.store)
        log.away = [TopicPartition(TOPIC, 1)]
        async with world.dispatcher(log=log):
            await until(lambda: world.subscribers.ids("http://a") == ["0"], within=30)
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 60)
            await world.log.append(on(0, event(2)))
            await until(lambda: "2" in world.subscribers.ids("http://b"), within=30)
            log.away = ()
            await until(lambda: "1" in world.subscribers.ids("http://a"), within=30)
            assert Counter(world.subscribers.ids("http://a")) == Counter("012")

    run(scenario)

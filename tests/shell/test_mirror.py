"""Group offsets are written for Kafka's tools, few calls at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, plan, trigger
from tradewind.adapters.memory_log import MemoryLog, MemoryStore
from tradewind.plan import Plan
from tradewind.ports import TopicPartition
from tradewind.trigger_dispatcher.roster import place

AT = TopicPartition(TOPIC, 0)


class Slow(MemoryLog):
    """A log that takes its time for each group, and counts."""

    seconds = 1.0
    running = 0
    most = 0

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.written: list[tuple[str, Mapping[TopicPartition, int]]] = []

    async def mirror(self, group: str, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, str]:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        self.written.append((group, offsets))
        return await super().mirror(group, offsets)


def grouped(triggers: int) -> Plan:
    return plan(*(replace(trigger(f"t{number}"), group=f"g{number}") for number in range(triggers)))


async def offsets(world: World, groups: int) -> list[int]:
    return [(await world.log.group_offsets(f"g{number}", [AT])).get(AT, -1) for number in range(groups)]


def test_many_groups_are_written_a_few_at_a_time_for_a_fifth_of_the_time_and_as_they_are_by_then() -> None:
    """What it takes Kafka, and us, others want as well."""

    async def scenario() -> None:
        world = World(partitions=1)
        log = Slow(world.store)
        world.adopt(grouped(50))
        async with world.dispatcher(log=log):
            await world.post(*(event(number) for number in range(7)))
            await until(lambda: clock() - EPOCH > 27)  # five began after five seconds, and five every five seconds
            await world.post(event(7))
            assert await offsets(world, 50) == [7] * 25 + [-1] * 25
            await until(lambda: clock() - EPOCH > 52)
            assert await offsets(world, 50) == [7] * 25 + [8] * 25
            await until(lambda: clock() - EPOCH > 82)
            assert await offsets(world, 50) == [8] * 50
        assert log.most == 5

    run(scenario)


def test_calls_that_take_very_long_make_no_longer_pauses() -> None:
    """Kafka may be away then, which takes long and costs nothing."""

    async def scenario() -> None:
        world = World(partitions=1)
        log = Slow(world.store)
        log.seconds = 30.0
        world.adopt(grouped(10))
        async with world.dispatcher(log=log):
            await world.post(event(1))
            await until(lambda: clock() - EPOCH > 71)
            assert await offsets(world, 10) == [1] * 10

    run(scenario)


def test_what_has_not_moved_is_not_written_again() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        log = Slow(world.store)
        world.adopt(grouped(1))
        async with world.dispatcher(log=log):
            for number in range(2):
                await world.post(event(number))
                await asyncio.sleep(60)
        assert log.written == [("g0", {AT: 1}), ("g0", {AT: 2})]

    run(scenario)


def test_what_goes_while_others_are_written_is_not() -> None:
    """A Trigger has no group any more; of a partition that went to another dispatcher that one knows better."""

    async def scenario() -> None:
        world = World(partitions=2)
        log = Slow(world.store)
        world.adopt(grouped(15))
        async with world.dispatcher(log=log) as first:
            await until(lambda: len(log.written) == 5)
            async with world.dispatcher("dispatcher-1"):
                world.adopt(grouped(10))
                await until(lambda: len(first._roster.partitions()) == 1)
                assert len(log.written) == 5
                await asyncio.sleep(30)
                (ours,) = map(place, first._roster.partitions())
                assert dict(log.written[5:]) == {f"g{number}": {ours: 0} for number in range(5, 10)}

    run(scenario)


def test_what_comes_back_is_written_again() -> None:
    """Another process may have written it in between."""

    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            await world.post(event(1))
            await until(lambda: clock() - EPOCH > 12)
            world.adopt(plan())
            await until(lambda: dispatcher._roster.plan == plan() and clock() - EPOCH > 24)
            await world.log.mirror("knative-trigger-default-a", {AT: 0})
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 36)
            assert await world.log.group_offsets("knative-trigger-default-a", [AT]) == {AT: 1}

    run(scenario)


def test_a_topic_that_is_made_again_is_written_also_where_a_trigger_stands_as_far_as_before() -> None:
    """Kafka forgets a group's offsets with the topic."""

    async def scenario() -> None:
        world = World(partitions=1)
        log = Slow(world.store)
        log.seconds = 2.0  # so that no round falls into the moment in which nobody has the partition
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(log=log):
            await world.post(event(1))
            await until(lambda: clock() - EPOCH > 14)
            world.store.recreate_topic(TOPIC)
            await world.log.mirror("knative-trigger-default-a", {AT: 0})
            await world.post(event(2))
            await until(lambda: world.subscribers.ids("http://a") == ["1", "2"])
            await asyncio.sleep(12)
            assert await world.log.group_offsets("knative-trigger-default-a", [AT]) == {AT: 1}

    run(scenario)

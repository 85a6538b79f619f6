"""Group offsets are written for Kafka's tools, few calls at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import World, event, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.ports import TopicPartition


class Slow(MemoryLog):
    """A log that takes a second for each group, and counts."""

    running = 0
    most = 0

    async def mirror(self, group: str, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, str]:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(1)
        self.running -= 1
        return await super().mirror(group, offsets)


def test_slow_groups_wait_for_no_more_than_a_few_others() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        log, at = Slow(world.store), TopicPartition("knative-broker-default-default", 0)
        triggers = [replace(trigger(f"t{number}"), group=f"g{number}") for number in range(50)]
        world.adopt(plan(*triggers))
        async with world.dispatcher(log=log):
            await world.post(*(event(number) for number in range(7)))
            await until(lambda: clock() - EPOCH > 21)  # two rounds of ten seconds; one by one it would be fifty
            assert [await world.log.group_offsets(f"g{number}", [at]) for number in range(50)] == [{at: 7}] * 50
        assert log.most == 5

    run(scenario)


def test_many_groups_are_written_less_often() -> None:
    """What it takes Kafka, and us, others want as well: after a round of ten seconds there is a pause of forty."""

    async def scenario() -> None:
        world = World(partitions=1)
        log, at = Slow(world.store), TopicPartition("knative-broker-default-default", 0)
        world.adopt(plan(*(replace(trigger(f"t{number}"), group=f"g{number}") for number in range(50))))
        async with world.dispatcher(log=log):
            await world.post(event(1))
            await until(lambda: clock() - EPOCH > 20)
            await world.post(event(2))
            await until(lambda: clock() - EPOCH > 50)
            assert await world.log.group_offsets("g0", [at]) == {at: 1}
            await until(lambda: clock() - EPOCH > 70)
            assert await world.log.group_offsets("g0", [at]) == {at: 2}

    run(scenario)


def test_a_round_that_took_very_long_is_followed_by_the_next_within_a_minute() -> None:
    """Kafka may have been away in it."""

    async def scenario() -> None:
        world = World(partitions=1)
        log, at = Slow(world.store), TopicPartition("knative-broker-default-default", 0)
        world.adopt(plan(*(replace(trigger(f"t{number}"), group=f"g{number}") for number in range(250))))
        async with world.dispatcher(log=log):
            await world.post(event(1))
            await until(lambda: clock() - EPOCH > 60)
            await world.post(event(2))
            await until(lambda: clock() - EPOCH > 180)
            assert await world.log.group_offsets("g0", [at]) == {at: 2}

    run(scenario)


def test_what_comes_back_is_written_again() -> None:
    """Another process may have written it in between."""

    async def scenario() -> None:
        world = World(partitions=1)
        at = TopicPartition("knative-broker-default-default", 0)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            await world.post(event(1))
            await until(lambda: clock() - EPOCH > 12)
            world.adopt(plan())
            await until(lambda: dispatcher._roster.plan == plan() and clock() - EPOCH > 24)
            await world.log.mirror("knative-trigger-default-a", {at: 0})
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 36)
            assert await world.log.group_offsets("knative-trigger-default-a", [at]) == {at: 1}

    run(scenario)

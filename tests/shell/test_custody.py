"""Partitions that are ours and do not answer, or are no more: over a log in memory, in fake time."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, on, plan, trigger
from tests.shell.late import SlowToSeek
from tradewind.adapters.memory_log import MemoryLog, MemoryMember
from tradewind.plan import Target
from tradewind.ports import Bounds, Ownership, Reader, Record, TopicPartition, TopicSpec
from tradewind.trigger_dispatcher.ownership import OwnedPartition


async def got(world: World, number: str, *names: str) -> None:
    """Until the subscribers of these Triggers have an event."""
    await until(lambda: all(number in world.subscribers.ids(f"http://{name}") for name in names), what=number)


@pytest.mark.parametrize("known", [True, False])
def test_a_new_trigger_waits_only_for_the_partition_that_has_lost_its_leader(
    known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            for number in range(10):
                await world.log.append(on(number % 2, event(number)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 10)
            await until(lambda: world.says("dispatcher-0", "a") and clock() - EPOCH > 8)  # new ones start at the end
            world.store.leaderless.add(TopicPartition(TOPIC, 1))
            if known:
                await until(lambda: clock() - EPOCH > 20)
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 60)
            world.adopt(plan(trigger("a"), trigger("b"), trigger("c")))
            await until(lambda: clock() - EPOCH > 120)
            await world.log.append(on(0, event("led")))
            await got(world, "led", "a", "b", "c")
            assert not world.says("dispatcher-0", "b")  # it has no place on the other partition
            world.store.leaderless.clear()
            await world.log.append(on(1, event("led again")))
            await got(world, "led again", "a", "b", "c")
            await until(lambda: world.says("dispatcher-0", "c"))
            assert Counter(world.subscribers.ids("http://b")) == Counter(["led", "led again"])
        assert "cursor is missing" not in [record.getMessage() for record in caplog.records]

    run(scenario)


def test_what_has_no_leader_when_it_comes_may_go_to_another() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.store.make(TopicSpec(TOPIC, 2, None, {}))
        world.store.leaderless.add(TopicPartition(TOPIC, 1))
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("dispatcher-0"), world.dispatcher("dispatcher-1"):
            await world.log.append(on(0, event("led")))
            await got(world, "led", "a")
            world.store.leaderless.clear()
            await world.log.append(on(1, event("led again")))
            await got(world, "led again", "a")
            await until(lambda: clock() - EPOCH > 60)
        assert world.subscribers.ids("http://a") == ["led", "led again"]

    run(scenario)


class Unaware(MemoryLog):
    """A log whose group is not told what has become of its partitions, as long as nobody joins or leaves."""

    def member(self, *, group: str, instance: str, ownership: Ownership) -> MemoryMember:
        class Member(MemoryMember):
            async def _prepare(self) -> None:
                if not self._positions:
                    await super()._prepare()

            def _read(self, limit: int) -> list[Record]:
                there = set(self._log.store.existing([TOPIC]))
                hidden = {at: offset for at, offset in self._positions.items() if at not in there}
                self._positions = {at: offset for at, offset in self._positions.items() if at in there}
                try:
                    return super()._read(limit)
                finally:
                    self._positions |= hidden

        return Member(self, self.store.group(group), instance, ownership)


def test_partitions_that_are_no_more_hold_up_nothing_and_are_served_when_they_are_back() -> None:
    async def scenario() -> None:
        world = World(partitions=3)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(log=Unaware(world.store)):
            await world.log.append(on(2, event("old")))
            await got(world, "old", "a")
            world.store.make(TopicSpec(TOPIC, 1, None, {}))
            await until(lambda: clock() - EPOCH > 20)
            await world.log.append(on(0, event("new")))
            await got(world, "new", "a")
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 40)
            await world.log.append(on(0, event("newer")))
            await got(world, "newer", "a", "b")
            world.store.add_partitions(TOPIC, 3)
            await world.log.append(on(2, event("back")))
            await got(world, "back", "a", "b")

    run(scenario)


def test_a_plan_that_comes_while_a_partition_begins_anew_is_in_force_on_it() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        first, second = plan(trigger("a"), trigger("gone")), plan(trigger("a"), trigger("b"))
        world.adopt(first)
        coming = [first, second]  # the first seek is into the new log, by the old one's words
        slow = SlowToSeek(world.store, lambda: world.adopt(coming.pop(0)) if coming else None)
        async with world.dispatcher(log=slow):
            await world.post(event("old"))
            await got(world, "old", "a", "gone")
            world.store.recreate_topic(TOPIC)
            await until(lambda: world.says("dispatcher-0", "b"), within=60)
            await world.post(event("new"))
            await got(world, "new", "a", "b")
            await until(lambda: clock() - EPOCH > 100)
        assert "new" not in world.subscribers.ids("http://gone")

    run(scenario)


def test_who_was_behind_on_a_partition_catches_up_when_it_is_in_order() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(replace(trigger("a"), subscriber=Target(None))))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(20)))
            await until(lambda: clock() - EPOCH > 10)
        world.store.leaderless.add(TopicPartition(TOPIC, 0))
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(log=SlowToSeek(world.store)):
            world.store.leaderless.clear()
            await until(lambda: len(world.subscribers.ids("http://a")) == 20)

    run(scenario)


def test_where_the_old_topic_was_read_moves_nobody_on_the_one_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        world = World(partitions=1, mirror_interval=0.5)
        world.adopt(plan(trigger("a")))
        log = world.store.client()
        bounds, slow = log.bounds, [3.0]

        async def slowly(partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
            found = await bounds(partitions)
            await asyncio.sleep(slow.pop() if slow else 0)
            return found

        async with world.dispatcher(log=log):
            await world.post(*(event(number) for number in range(10)))
            await got(world, "9", "a")
            monkeypatch.setattr(log, "bounds", slowly)
            world.store.recreate_topic(TOPIC)
            await world.post(event("new"))
            await got(world, "new", "a")

    run(scenario)


def test_a_partition_that_is_given_up_during_the_turn_of_another_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        world = World(partitions=4)
        behind = replace(trigger("a"), subscriber=Target(None))
        world.adopt(plan(behind))
        async with world.dispatcher() as first:
            for number in range(4):
                await world.log.append(on(number, event(number)))
            step = first._catch_up._step

            async def slow(reader: Reader, partition: OwnedPartition) -> bool:
                worked = await step(reader, partition)
                await asyncio.sleep(20)
                return worked

            monkeypatch.setattr(first._catch_up, "_step", slow)
            world.adopt(plan(behind, trigger("b")))  # a turn begins
            async with world.dispatcher("dispatcher-1"):
                world.adopt(plan(trigger("b")))
                await until(lambda: clock() - EPOCH > 120)
                await world.log.append(on(0, event("after")))
                await got(world, "after", "b")

    run(scenario)

"""What becomes of cursors: lost ones are an alarm, those of what is gone are removed.  In memory, in fake time."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.delivery.verdicts import Answer
from tradewind.errors import LogUnavailable
from tradewind.ports import NewRecord, Position
from tradewind.trigger_dispatcher.cursors import GENERAL, force_key
from tradewind.trigger_dispatcher.ownership import KEPT


def keys(world: World, *kinds: str) -> list[str]:
    """The live keys of the cursors topic that are of these kinds."""
    world.store.compact(world.settings.cursors_topic)
    found = [(record.key or b"").decode() for record in world.store.records(world.settings.cursors_topic)]
    return sorted(key for key in found if key.split("/")[0] in kinds)


def test_a_cursor_that_is_missing_is_an_alarm_and_nothing_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a"), trigger("b")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(5)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 5)
            await until(lambda: clock() - EPOCH > 20)
        (lost,) = [key for key in keys(world, "cursor") if "/a/" in key]
        for record in world.store.records(world.settings.cursors_topic):
            if record.key == lost.encode():
                world.store.append(NewRecord(record.topic, None, (), record.key, record.partition))
        await world.post(event(5))
        async with world.dispatcher():
            await until(lambda: world.subscribers.ids("http://b").count("5") == 1)
            await until(lambda: len(world.subscribers.ids("http://a")) == 11)
            world.adopt(plan(trigger("a"), trigger("b"), trigger("c")))
            await until(lambda: clock() - EPOCH > 40)
        assert world.subscribers.ids("http://c") == []
        assert len(world.subscribers.ids("http://b")) == 6

    with caplog.at_level(logging.ERROR, "tradewind.dispatcher"):
        run(scenario)
    alarms = [r for r in caplog.records if r.getMessage() == "cursor is missing"]
    assert [str(r.fields["trigger"]) for r in alarms] == ["default/a"]  # type: ignore[attr-defined]


def test_a_trigger_that_moves_to_a_topic_is_new_there(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a"), replace(trigger("b"), topic="elsewhere", generation="b-0")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            await until(lambda: clock() - EPOCH > 5)
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 10)
            await world.post(event(2))
            await until(lambda: world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["2"]

    with caplog.at_level(logging.ERROR, "tradewind.dispatcher"):
        run(scenario)
    assert not [r for r in caplog.records if r.getMessage() == "cursor is missing"]


def test_a_trigger_deleted_for_more_than_a_day_leaves_nothing() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.subscribers.at["http://b"] = lambda _: Answer(503, {"retry-after": "3600"})
        world.adopt(plan(trigger("a"), trigger("b")))
        passed = [0.0]
        async with world.dispatcher(wall=lambda: clock() + passed[0]) as dispatcher:
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: len(world.subscribers.ids("http://b")) == 10)
            await until(lambda: len(keys(world, "owed")) == 10)
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 10)
            passed[0] = KEPT - 60
            await dispatcher._sweeper.sweep()
            assert len(keys(world, "cursor")) == 4
            passed[0] = KEPT + 60
            await until(lambda: clock() - EPOCH > 620, within=700)
            assert [key.split("/")[2] for key in keys(world, "cursor", "owed")] == ["a", "a"]
            world.adopt(plan(trigger("a"), trigger("b")))
            world.subscribers.at["http://b"] = lambda _: Answer(204)
            await until(lambda: clock() - EPOCH > 625)
            await world.post(event("new"))
            await until(lambda: "new" in world.subscribers.ids("http://b"))
            assert len(world.subscribers.ids("http://b")) == 11

    run(scenario)


def test_a_broker_gone_for_more_than_a_day_leaves_but_where_its_topic_was_read_to() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.subscribers.at["http://a"] = lambda _: Answer(503, {"retry-after": "3600"})
        both = plan(trigger("a"))
        world.adopt(both)
        passed = [0.0]
        async with world.dispatcher(wall=lambda: clock() + passed[0]) as dispatcher:
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: len(keys(world, "owed")) == 10)
            world.adopt(replace(both, brokers={}, triggers={}))
            await until(lambda: not dispatcher._roster.partitions())
            await dispatcher._sweeper.sweep()
            assert len(keys(world, "cursor", "owed")) == 12
            passed[0] = KEPT + 60
            await dispatcher._sweeper.sweep()
            await until(lambda: not keys(world, "cursor", "owed"))
            assert len(keys(world, "reader")) == 2
            world.subscribers.at.clear()
            world.adopt(both)
            await until(lambda: len(keys(world, "cursor")) == 2)
            await world.post(event("new"))
            await until(lambda: world.subscribers.ids("http://a")[10:])
            assert world.subscribers.ids("http://a")[10:] == ["new"]

    run(scenario)


def test_a_topic_made_again_leaves_nothing_of_the_old_one() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: clock() - EPOCH > 5)
            world.store.recreate_topic(TOPIC)
            await world.post(event("again"))
            await until(lambda: "again" in world.subscribers.ids("http://a"))
            await until(lambda: clock() - EPOCH > 20)
            assert len(keys(world, "cursor", "reader")) == 8
            await dispatcher._sweeper.sweep()
            live = world.store.topics[TOPIC].id
            assert [key.split("/")[-2] for key in keys(world, "cursor", "reader")] == [live] * 4

    run(scenario)


def test_a_tombstone_of_anothers_on_a_cursor_that_is_ours_is_written_over() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await until(lambda: clock() - EPOCH > 3)
            (key,) = keys(world, "cursor")
            where = next(r for r in world.store.records(world.settings.cursors_topic) if r.key == key.encode())
            await world.log.append(NewRecord(where.topic, None, (), where.key, where.partition))
            await until(lambda: clock() - EPOCH > 6)
            assert keys(world, "cursor") == [key]

    run(scenario)


class NoTombstones(MemoryLog):
    """A log that takes every record but tombstones, and needs a minute to say so."""

    def append(self, record: NewRecord) -> Awaitable[Position]:
        return super().append(record) if record.value is not None else self._away()

    async def _away(self) -> Position:
        await asyncio.sleep(60)
        raise LogUnavailable("away")


def test_what_cannot_be_removed_holds_nobody_up_for_long() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        gone = [trigger(f"t{number}") for number in range(20)]
        world.adopt(plan(*gone))
        passed = [0.0]
        slow = NoTombstones(world.store)
        async with world.dispatcher(log=slow, wall=lambda: clock() + passed[0]) as dispatcher:
            await until(lambda: len(keys(world, "cursor")) == 20)
            world.adopt(plan())
            await until(lambda: clock() - EPOCH > 10)
            passed[0] = KEPT + 60
            sweeping = asyncio.create_task(dispatcher._sweeper.sweep())
            await until(lambda: clock() - EPOCH > 11)
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 80)
            assert trigger("a").name in dispatcher._roster.plan.triggers
            await sweeping

    run(scenario)


def test_a_dispatcher_that_is_gone_leaves_nothing_once_another_has_what_it_owned() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("dispatcher-1"):
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: world.in_force("dispatcher-1") and clock() - EPOCH > 5)
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: world.in_force() and clock() - EPOCH > 10)
            await dispatcher._sweeper.sweep()
            assert world.in_force("dispatcher-1")  # it may be on its way
            await dispatcher._sweeper.sweep()
            assert not world.in_force("dispatcher-1") and world.in_force()
            mine = NewRecord(world.settings.cursors_topic, None, (), force_key("dispatcher-0"), GENERAL)
            await world.log.append(mine)
            assert not world.in_force()
            await until(world.in_force, what="it tells again what was taken away")

    run(scenario)

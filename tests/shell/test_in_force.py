"""A controller sees what the dispatchers have in force, as they come, change and go."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.fake_time import run, until
from tests.shell.dispatching import World, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.errors import LogUnavailable
from tradewind.plan import Plan
from tradewind.ports import InForce, NewRecord, TopicPartition
from tradewind.trigger_dispatcher.cursors import GENERAL, ForceRecord, encode, force_key
from tradewind.trigger_dispatcher.general import BATCH, LOOK
from tradewind.trigger_dispatcher.in_force import Dispatchers

A1 = {"default/a": "a-1"}
OTHER = "dispatcher-9"


@asynccontextmanager
async def watching(world: World, log: MemoryLog | None = None) -> AsyncIterator[list[InForce]]:
    """What a controller hears, while the block runs."""
    heard: list[InForce] = []

    async def listen() -> None:
        async for now in Dispatchers(log or world.store.client(), world.settings).watch():
            heard.append(now)

    listening = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        listening.cancel()


async def say(world: World, generation: str) -> None:
    """What another member has in force, whose records nobody writes but the test."""
    group = world.store.group(world.settings.dispatcher_group)
    if not group.epoch_of(OTHER):
        group.join(OTHER)
    record = encode(ForceRecord({"default/a": generation}))
    await world.log.append(NewRecord(world.settings.cursors_topic, record, (), force_key(OTHER), GENERAL))


async def last(heard: list[InForce], wanted: InForce) -> None:
    await until(lambda: heard and heard[-1] == wanted, within=60, what=f"{wanted}, heard {heard}")


def test_nobody_is_there_before_the_first_dispatcher() -> None:
    async def scenario() -> None:
        world = World()
        async with watching(world) as heard:
            await last(heard, {})
            world.adopt(plan(trigger("a")))
            async with world.dispatcher():
                await last(heard, {"dispatcher-0": A1})
            await last(heard, {})

    run(scenario)


def test_each_change_of_each_dispatcher_is_heard_of() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with watching(world) as heard, world.dispatcher("one"), world.dispatcher("two"):
            await last(heard, {"one": A1, "two": A1})
            world.adopt(plan(replace(trigger("a"), generation="a-2"), trigger("b")))
            both = {"default/a": "a-2", "default/b": "b-1"}
            await last(heard, {"one": both, "two": both})
            world.adopt(Plan())
            await last(heard, {"one": {}, "two": {}})
            assert len(heard) <= 9  # nothing is told twice

    run(scenario)


def test_a_member_that_owns_nothing_says_what_it_has_in_force() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with watching(world) as heard, world.dispatcher("one"), world.dispatcher("two"):
            await last(heard, {"one": A1, "two": A1})

    run(scenario)


def test_what_one_said_who_is_gone_does_not_count() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("old", kill=True):
            pass
        async with world.dispatcher("new"), watching(world) as heard:
            await last(heard, {"new": A1})

    run(scenario)


def test_nothing_is_heard_before_all_was_read() -> None:
    """What was in force once may be what a Trigger is to be again: it would be Ready before it is in force."""

    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            async with watching(world) as heard:
                await last(heard, {"dispatcher-0": A1})
            for generation in ("a-2", *["a-3"] * BATCH):
                await say(world, generation)
            async with watching(world) as heard:
                await last(heard, {"dispatcher-0": A1, OTHER: {"default/a": "a-3"}})
                assert len(heard) == 1

    run(scenario)


def test_it_goes_on_through_an_outage() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        log = world.store.client()
        log.down = True
        async with world.dispatcher(), watching(world, log) as heard:
            await asyncio.sleep(10 * LOOK)
            assert not heard
            log.down = False
            await last(heard, {"dispatcher-0": A1})
            log.down = True
            world.adopt(plan(trigger("b")))
            await asyncio.sleep(10 * LOOK)
            assert heard[-1] == {"dispatcher-0": A1}
            log.down = False
            await last(heard, {"dispatcher-0": {"default/b": "b-1"}})

    run(scenario)


def test_a_group_that_does_not_answer_is_asked_again() -> None:
    class Silent(MemoryLog):
        silent = True

        async def members(self, group: str) -> Collection[str]:
            if self.silent:
                raise LogUnavailable("the coordinator is being found")
            return await super().members(group)

    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        log = Silent(world.store)
        async with world.dispatcher(), watching(world, log) as heard:
            await asyncio.sleep(10 * LOOK)
            assert not heard
            log.silent = False
            await last(heard, {"dispatcher-0": A1})

    run(scenario)


def test_a_topic_that_is_cut_is_read_from_its_start() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        log = world.store.client()
        general = TopicPartition(world.settings.cursors_topic, GENERAL)
        async with world.dispatcher(), watching(world, log) as heard:
            await last(heard, {"dispatcher-0": A1})
            log.down = True
            for _ in range(2):
                await say(world, "later")
            world.store.delete_records_before(general, (await world.log.bounds([general]))[general].end - 1)
            log.down = False
            await last(heard, {"dispatcher-0": {}, OTHER: {"default/a": "later"}})

    run(scenario)


def test_looking_costs_one_question_every_two_seconds() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        asked = 0
        log = world.store.client()
        members: Callable[[str], object] = log.members

        async def counted(group: str) -> object:
            nonlocal asked
            asked += 1
            return await members(group)  # type: ignore[misc]  # it is a coroutine

        log.members = counted  # type: ignore[method-assign, assignment]  # counts, and is the same otherwise

        async def listen() -> None:
            async for _ in Dispatchers(log, world.settings).watch():
                pass

        async with world.dispatcher():
            listening = asyncio.create_task(listen())
            await asyncio.sleep(100 * LOOK)
            listening.cancel()
        assert 90 <= asked <= 110

    run(scenario)

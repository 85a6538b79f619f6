"""A controller sees what the dispatchers noted of what flows, and can have it forgotten."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from tests.fake_time import run, until
from tests.shell.dispatching import BROKER, World, event
from tests.shell.test_noting import plan
from tradewind.adapters.memory_log import MemoryLog
from tradewind.ports import NewRecord, TopicPartition
from tradewind.resources.event_types import FlowingType
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import GENERAL, TypeRecord, encode, type_key
from tradewind.trigger_dispatcher.general import LOOK
from tradewind.trigger_dispatcher.noted import NotedTypes

Heard = dict[NamespacedName, Collection[FlowingType]]


def flowing(type: str) -> FlowingType:
    return FlowingType(type, "/test", uid="u")


@asynccontextmanager
async def watching(world: World, log: MemoryLog | None = None) -> AsyncIterator[tuple[Heard, list[Heard]]]:
    """What a controller knows, and each time that it heard something, while the block runs."""
    known: Heard = {}
    heard: list[Heard] = []

    async def listen() -> None:
        async for now in NotedTypes(log or world.store.client(), world.settings).watch():
            heard.append(dict(now))
            known.update(now)

    listening = asyncio.create_task(listen())
    try:
        yield known, heard
    finally:
        listening.cancel()


async def last(known: Heard, *types: str) -> None:
    wanted = {flowing(one) for one in types}
    await until(lambda: set(known.get(BROKER, ())) == wanted, within=120, what=f"{wanted}, heard {known}")


def test_what_flows_is_heard_once() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan())
        async with watching(world) as (known, heard):
            await asyncio.sleep(3 * LOOK)  # the topic is not there
            async with world.dispatcher("one"), world.dispatcher("two"):
                await world.post(*(event(n, type=f"t{n % 2}") for n in range(20)))
                await last(known, "t0", "t1")
                await world.post(*(event(n, type=f"t{n % 2}") for n in range(20)))
                await asyncio.sleep(10 * LOOK)
                assert len(heard) <= 4  # each dispatcher may have told of each
        async with watching(world) as (known, heard):
            await last(known, "t0", "t1")
            assert len(heard) == 1

    run(scenario)


def test_what_is_forgotten_comes_back_when_it_flows_again() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan())
        async with world.dispatcher(), watching(world) as (known, _):
            await world.post(event(1, type="a"), event(2, type="b"))
            await last(known, "a", "b")
            await NotedTypes(world.log, world.settings).forget(BROKER, flowing("a"))
            await last(known, "b")
            await asyncio.sleep(10 * LOOK)
            await last(known, "b")
            await world.post(event(3, type="a"))
            await last(known, "a", "b")

    run(scenario)


def test_it_goes_on_through_outages_and_a_cut() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan())
        log = world.store.client()
        general = TopicPartition(world.settings.cursors_topic, GENERAL)
        async with world.dispatcher(), watching(world, log) as (known, heard):
            await world.post(event(1, type="a"))
            await last(known, "a")
            log.down = True
            await world.post(event(2, type="b"))
            await asyncio.sleep(10 * LOOK)
            await last(known, "a")
            log.down = False
            await last(known, "a", "b")
            for _ in range(2):  # all before the watch can take what comes
                record, key = TypeRecord("c", "/test", uid="u"), type_key(BROKER, "c")
                await world.log.append(NewRecord(general.topic, encode(record), (), key, GENERAL))
            world.store.delete_records_before(general, (await world.log.bounds([general]))[general].end - 1)
            await last(known, "c")  # what was there before is gone
            assert len(heard) == 3

    run(scenario)

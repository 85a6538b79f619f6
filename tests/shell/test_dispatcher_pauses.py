"""Triggers that are paused and resumed, over a log in memory, in fake time."""

import asyncio

from tests.fake_time import clock, run, until
from tests.shell.dispatching import World, event, plan, trigger
from tradewind.delivery.verdicts import Answer
from tradewind.plan import TriggerPlan
from tradewind.ports import NewRecord
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher import cursors

A, B = trigger("a"), trigger("b")


async def pause(world: World, paused: bool = True, which: TriggerPlan = A) -> None:
    """As the command does, and time for the dispatchers to hear of it."""
    value = cursors.encode(cursors.PauseRecord("me", clock())) if paused else None
    key = cursors.pause_key(which.name)
    await world.log.append(NewRecord(world.settings.cursors_topic, value, (), key, partition=cursors.GENERAL))
    await asyncio.sleep(1)


def numbers(world: World, which: TriggerPlan = A) -> list[str]:
    return world.subscribers.ids(f"http://{which.name.name}")


def test_a_paused_trigger_starts_nothing_and_goes_on_where_it_was() -> None:
    async def scenario() -> None:
        world = World(backlog=10)
        world.adopt(plan(A, B))
        async with world.dispatcher():
            await world.post(event(0))
            await until(lambda: numbers(world) == ["0"])
            await pause(world)
            await world.post(*(event(number) for number in range(1, 51)))  # more than the backlog may hold
            await until(lambda: len(numbers(world, B)) == 51)
            await asyncio.sleep(60)
            assert numbers(world) == ["0"]
            await pause(world, False)
            await until(lambda: len(numbers(world)) == 51)
            await asyncio.sleep(10)
        assert sorted(map(int, numbers(world))) == list(range(51))
        assert not world.dead_letters()

    run(scenario)


def test_what_runs_ends_and_what_is_due_waits() -> None:
    async def scenario() -> None:
        world = World(latency=5.0)
        world.subscribers.at["http://a"] = lambda got: Answer(503 if got.id == "fails" else 204)
        world.adopt(plan(A))
        async with world.dispatcher():
            await world.post(event("works"), event("fails"))
            await until(lambda: world.subscribers.running == 2)
            await pause(world)
            await until(lambda: world.subscribers.running == 0)
            assert sorted(numbers(world)) == ["fails", "works"]
            await asyncio.sleep(300)
            assert len(numbers(world)) == 2
            world.subscribers.at["http://a"] = lambda _: Answer(204)
            await pause(world, False)
            await until(lambda: len(numbers(world)) == 3)
            await asyncio.sleep(60)
        assert sorted(numbers(world)) == ["fails", "fails", "works"]

    run(scenario)


def test_a_pause_outlives_restarts_kills_and_manifests_applied_again() -> None:
    async def scenario() -> None:
        for order in Order:
            world = World()
            only = trigger("a", order=order)
            world.adopt(plan(only, B))
            async with world.dispatcher():
                await world.post(event(0, partitionkey="k"))
                await until(lambda world=world: numbers(world) == ["0"])  # type: ignore[misc]
                await asyncio.sleep(2)
                await pause(world)
                await world.post(*(event(number, partitionkey="k") for number in range(1, 4)))
                await until(lambda world=world: len(numbers(world, B)) == 4)  # type: ignore[misc]
                world.adopt(plan(trigger("a", order=order, retry=7), B))
                await asyncio.sleep(5)
                world.adopt(plan(B))
                await asyncio.sleep(5)
                world.adopt(plan(only, B))
                await asyncio.sleep(5)
            async with world.dispatcher(kill=True):
                await asyncio.sleep(30)
            async with world.dispatcher(), world.dispatcher("dispatcher-1"):
                await asyncio.sleep(30)
                assert numbers(world) == ["0"]
                await pause(world, False)
                await until(lambda world=world: len(numbers(world)) == 4)  # type: ignore[misc]
                await asyncio.sleep(10)
            assert numbers(world) == ["0", "1", "2", "3"] if order is Order.ORDERED else len(numbers(world)) == 4

    run(scenario)


def test_paused_and_resumed_under_load_loses_and_repeats_nothing() -> None:
    async def scenario() -> None:
        for seed in range(20):
            world = World(seed=seed, backlog=20, max_in_flight=5, latency=0.05)
            world.adopt(plan(A, B))
            async with world.dispatcher():
                posted = 0
                for turn in range(8):
                    await pause(world, turn % 2 == 0)
                    more = world.random.randrange(60)
                    await world.post(*(event(number) for number in range(posted, posted + more)))
                    posted += more
                    await asyncio.sleep(world.random.random() * 2)
                await until(lambda world=world, posted=posted: len(numbers(world)) >= posted)  # type: ignore[misc]
                await asyncio.sleep(10)
            assert sorted(map(int, numbers(world))) == list(range(posted)), seed

    run(scenario, patience=100_000)

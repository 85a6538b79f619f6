"""Where a Trigger starts by its annotation `tradewind.dev/start`, over a log in memory, in fake time."""

import asyncio
from dataclasses import replace

from tests.fake_time import EPOCH, run, until
from tests.shell.dispatching import World, event, plan, trigger
from tradewind.plan import TriggerPlan
from tradewind.resources import starts

RUNNING = trigger("running")
"""A Trigger that is there from the beginning, so that the topic has been read before the others come."""


def starting(text: str, name: str = "a") -> TriggerPlan:
    return replace(trigger(name), start=starts.canonical(text))


def numbers(world: World, name: str = "a") -> list[str]:
    return sorted(world.subscribers.ids(f"http://{name}"), key=int)


async def adopted(world: World, *triggers: TriggerPlan) -> None:
    """Put these Triggers in force besides the one that runs, and wait until a new event has passed."""
    world.adopt(plan(RUNNING, *triggers))
    await asyncio.sleep(5)


def test_a_new_trigger_starts_where_its_annotation_says() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(RUNNING))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(4)))
            await asyncio.sleep(100)
            await world.post(*(event(number) for number in range(4, 8)))
            await until(lambda: len(numbers(world, "running")) == 8)
            moment = "2023-11-14T22:14:30Z"
            assert starts.seconds(moment) == EPOCH + 70
            await adopted(
                world,
                starting("", "default"),
                starting("latest", "latest"),
                starting("earliest", "earliest"),
                starting(moment, "moment"),
            )
            await world.post(event(8))
            await until(lambda: len(numbers(world, "earliest")) == 9)
            await until(lambda: numbers(world, "running") == numbers(world, "earliest"))
            await asyncio.sleep(10)
        assert numbers(world, "default") == numbers(world, "latest") == ["8"]
        assert numbers(world, "moment") == ["4", "5", "6", "7", "8"]

    run(scenario)


def test_a_trigger_applied_again_unchanged_goes_on_where_it_left_whatever_its_annotation() -> None:
    async def scenario() -> None:
        for text in ("", "latest", "earliest", "2023-11-14T22:13:20Z"):
            world = World()
            world.adopt(plan(RUNNING, starting(text)))
            async with world.dispatcher():
                await world.post(event(1), event(2))
                await until(lambda world=world: numbers(world) == ["1", "2"])  # type: ignore[misc]
                await adopted(world)
                await world.post(event(3), event(4))
                await adopted(world, starting(text))
            async with world.dispatcher():
                await until(lambda world=world: len(numbers(world)) == 4)  # type: ignore[misc]
                await asyncio.sleep(10)
            assert numbers(world) == ["1", "2", "3", "4"], text

    run(scenario)


def test_a_trigger_applied_again_with_another_start_begins_there() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(RUNNING, starting("")))
        async with world.dispatcher():
            await world.post(event(1), event(2))
            await until(lambda: numbers(world) == ["1", "2"])
            await adopted(world)
            await world.post(event(3))
            await adopted(world, starting("earliest"))
            await until(lambda: numbers(world) == ["1", "1", "2", "2", "3"])
            await adopted(world)
            await world.post(event(4))
            await adopted(world, starting("latest"))
            await world.post(event(5))
            await until(lambda: numbers(world)[-1] == "5")
            await asyncio.sleep(10)
        assert numbers(world) == ["1", "1", "2", "2", "3", "5"]

    run(scenario)


def test_an_annotation_that_changes_while_the_trigger_is_there_moves_nothing() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(RUNNING, starting("")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: numbers(world) == ["1"])
            await adopted(world, starting("earliest"))
            await adopted(world)
            await adopted(world, starting("earliest"))
        async with world.dispatcher():
            await world.post(event(2))
            await until(lambda: numbers(world)[-1] == "2")
            await asyncio.sleep(10)
        assert numbers(world) == ["1", "2"]

    run(scenario)

"""The cursors topic is deleted under dispatchers, or made again by somebody: what they know is not lost."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, on, plan, trigger
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events.model import Event
from tradewind.ports import NewRecord, TopicPartition
from tradewind.topics import cursors_spec
from tradewind.trigger_dispatcher.cursors import GENERAL, PauseRecord, encode, pause_key

WAIT = 600.0
"""Seconds that retries wait."""


def deleted(world: World) -> None:
    del world.store.topics[world.settings.cursors_topic]
    world.store.bell.ring()


def made_again(world: World) -> None:
    world.store.recreate_topic(world.settings.cursors_topic)


def made_again_with_more(world: World) -> None:
    world.store.make(replace(cursors_spec(world.settings), partitions=7))


@pytest.mark.parametrize("gone", [deleted, made_again, made_again_with_more])
def test_everything_goes_on_where_it_stood(gone: Callable[[World], None]) -> None:
    """Retries that wait, with their attempts; Triggers that have nothing to do; pauses; dispatchers that start anew."""
    down = True

    def waits(_: Event) -> Outcome:
        return Answer(503, {"retry-after": f"{WAIT:g}"}) if down else Answer(204)

    async def scenario() -> None:
        nonlocal down
        world = World(partitions=4)
        world.subscribers.at["http://waits"] = waits
        world.adopt(plan(trigger("waits"), trigger("idle"), trigger("paused")))
        slots = ("dispatcher-0", "dispatcher-1")
        async with world.dispatcher(slots[0], kill=True), world.dispatcher(slots[1], kill=True):
            await pause(world, "paused")
            await asyncio.sleep(1)
            for number in range(40):
                await world.log.append(on(number % 4, event(number)))
            await until(lambda: len(world.subscribers.ids("http://waits")) == 40)
            await until(lambda: len(world.subscribers.ids("http://idle")) == 40 and clock() - EPOCH > 20)
            gone(world)
            await until(lambda: clock() - EPOCH > 40)
        down = False
        async with world.dispatcher(slots[0]), world.dispatcher(slots[1]):
            await asyncio.sleep(WAIT / 2)
            assert len(world.subscribers.ids("http://waits")) == 40
            assert not world.subscribers.ids("http://paused")
            await until(lambda: len(world.subscribers.ids("http://waits")) == 80, within=2 * WAIT)
            for number in range(4):
                await world.log.append(on(number, event(f"new-{number}")))
            await until(lambda: len(world.subscribers.ids("http://waits")) == 84)
        assert set(Counter(world.subscribers.ids("http://idle")).values()) == {1}
        assert len(world.subscribers.ids("http://idle")) == 44

    run(scenario)


@pytest.mark.parametrize("led", [True, False])
def test_what_a_dispatcher_that_dies_just_then_had_is_written_by_its_heir(led: bool) -> None:
    """The heir has read of it before, and takes it over when the topic is there again, or long after that."""

    async def scenario() -> None:
        world = World(partitions=4)
        world.subscribers.at["http://waits"] = lambda _: Answer(503, {"retry-after": f"{WAIT:g}"})
        world.adopt(plan(trigger("waits")))
        async with world.dispatcher("dispatcher-0", kill=True):
            async with world.dispatcher("dispatcher-1", kill=True):
                for number in range(40):
                    await world.log.append(on(number % 4, event(number)))
                await until(lambda: len(world.subscribers.ids("http://waits")) == 40 and clock() - EPOCH > 20)
                deleted(world)
                world.store.leaderless |= set() if led else {TopicPartition(TOPIC, number) for number in range(4)}
            await until(lambda: clock() - EPOCH > 60)
            world.store.leaderless.clear()
            await until(lambda: clock() - EPOCH > 80)
        async with world.dispatcher():
            await asyncio.sleep(WAIT / 2)
            assert len(world.subscribers.ids("http://waits")) == 40
            await until(lambda: min(Counter(world.subscribers.ids("http://waits")).values()) == 2, within=2 * WAIT)

    run(scenario)


async def pause(world: World, name: str) -> None:
    record = encode(PauseRecord("somebody", EPOCH))
    key = pause_key(trigger(name).name)
    await world.log.append(NewRecord(world.settings.cursors_topic, record, (), key, GENERAL))


def test_what_was_told_to_be_in_force_is_told_again() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await until(lambda: world.says("dispatcher-0", "a") and clock() - EPOCH > 5)
            deleted(world)
            await until(lambda: clock() - EPOCH > 20)
            assert world.says("dispatcher-0", "a")

    run(scenario)

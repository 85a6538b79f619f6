"""A Trigger that was told to be in force while its topic had no leader at all, so that nobody has a place for it."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, on, plan, trigger
from tradewind.filters.attributes import AttributesFilter
from tradewind.plan import TriggerPlan
from tradewind.ports import TopicPartition
from tradewind.resources import starts

ONLY = TopicPartition(TOPIC, 0)
"""The topic's one partition."""
HEIR = "dispatcher-1"
CHANGED = replace(trigger("b"), filter=AttributesFilter({"type": "com.example.a"}), generation="b-2")


@contextlib.asynccontextmanager
async def told_without_a_place(
    world: World, new: TriggerPlan, *, kill: bool = True, before: Sequence[TriggerPlan] = ()
) -> AsyncIterator[None]:
    """A dispatcher owned the partition when its leader went and the Trigger came.  It has gone, and its heir, which had
    nothing then and so had said at once that the Trigger is in force, is the whole group now.  The Trigger may have
    been there `before`, and another dispatcher, which has gone since, too."""
    world.adopt(plan(trigger("a"), *before))
    async with world.dispatcher("dispatcher-9", kill=True):
        await until(lambda: world.all_say("a"))
    async with contextlib.AsyncExitStack() as heir:
        async with world.dispatcher("dispatcher-0", kill=kill):
            await world.log.append(on(0, event("before")))
            await until(lambda: world.subscribers.ids("http://a") == ["before"] and clock() - EPOCH > 5)
            await heir.enter_async_context(world.dispatcher(HEIR))
            world.adopt(plan(trigger("a")))
            await until(lambda: not any(world.says(member, "b") for member in ("dispatcher-0", HEIR)))
            world.store.leaderless.add(ONLY)
            world.adopt(plan(trigger("a"), new))
            await until(lambda: clock() - EPOCH > 20)
            assert world.store.group(world.settings.dispatcher_group).owners == {ONLY: "dispatcher-0"}
            assert world.says(HEIR, "b") and not world.all_say("b")
        await until(lambda: world.all_say("b"))
        yield


@pytest.mark.parametrize("start", ["", "latest", "2023-11-14T23:00:00Z"])
@pytest.mark.parametrize("kill", [True, False])
def test_it_gets_what_is_written_before_anybody_has_seen_the_leader(start: str, kill: bool) -> None:
    """And nothing that lies there from before."""

    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, replace(trigger("b"), start=starts.canonical(start)), kill=kill):
            world.store.leaderless.clear()
            await world.log.append(on(0, event("since")))
            await until(lambda: world.subscribers.ids("http://b") == ["since"])

    run(scenario)


@pytest.mark.parametrize("kill", [True, False])
def test_what_was_told_of_it_before_it_was_deleted_does_not_hide_what_was_told_since(kill: bool) -> None:
    """It starts anew, as its annotation says something else; a dispatcher that is gone told it when it was there
    first."""

    async def scenario() -> None:
        world = World(partitions=1)
        new = replace(trigger("b"), start="latest")
        async with told_without_a_place(world, new, kill=kill, before=(trigger("b"),)):
            world.store.leaderless.clear()
            await world.log.append(on(0, event("since")))
            await until(lambda: "since" in world.subscribers.ids("http://b"))

    run(scenario)


def test_it_does_though_its_filter_was_changed_meanwhile() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, trigger("b")):
            world.store.leaderless.clear()
            await world.log.append(on(0, event("since")))
            world.adopt(plan(trigger("a"), CHANGED))
            await until(lambda: world.subscribers.ids("http://b") == ["since"])

    run(scenario)


def test_it_does_though_its_filter_was_changed_while_nobody_was_there() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, trigger("b")):
            pass
        world.store.leaderless.clear()
        await world.log.append(on(0, event("since")))
        world.adopt(plan(trigger("a"), CHANGED))
        async with world.dispatcher(HEIR):
            await until(lambda: world.subscribers.ids("http://b") == ["since"])

    run(scenario)


def test_it_does_though_the_clock_of_who_told_it_first_was_ahead() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with contextlib.AsyncExitStack() as heir:
            async with world.dispatcher("dispatcher-0", kill=True):
                await world.log.append(on(0, event("before")))
                await until(lambda: world.subscribers.ids("http://a") == ["before"] and clock() - EPOCH > 5)
                await heir.enter_async_context(world.dispatcher(HEIR))
                world.store.leaderless.add(ONLY)
                world.plan = plan(trigger("a"), trigger("b"))
                async with world.dispatcher("dispatcher-2", wall=lambda: clock() + 3600):
                    await until(lambda: world.says("dispatcher-2", "b"))
                    world.adopt(world.plan)
                    await until(lambda: clock() - EPOCH > 20)
            await until(lambda: world.all_say("b"))
            world.store.leaderless.clear()
            await world.log.append(on(0, event("since")))
            await until(lambda: world.subscribers.ids("http://b") == ["since"])

    run(scenario)


@pytest.mark.parametrize("slots", [(HEIR,), ("dispatcher-2",), ("dispatcher-2", "dispatcher-3")])
def test_who_comes_after_knows_it_from_who_told_it(slots: tuple[str, ...]) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, trigger("b")):
            pass
        for slot in slots[:-1]:
            async with world.dispatcher(slot):
                await until(lambda: clock() - EPOCH > 60)
        world.store.leaderless.clear()
        await world.log.append(on(0, event("since")))
        async with world.dispatcher(slots[-1]):
            await until(lambda: world.subscribers.ids("http://b") == ["since"])

    run(scenario)


def test_a_trigger_that_is_applied_anew_starts_anew() -> None:
    """What the one before it was told counts no longer, though nothing is in order since."""

    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, trigger("b")):
            await until(lambda: clock() - EPOCH > 30)
            world.adopt(plan(trigger("a")))
            await until(lambda: not world.says(HEIR, "b"))
            world.store.leaderless.clear()
            await world.log.append(on(0, event("between")))
            world.store.leaderless.add(ONLY)
            await until(lambda: clock() - EPOCH > 50)
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 70)
            world.store.leaderless.clear()
            await until(lambda: world.all_say("b"))
            await world.log.append(on(0, event("since")))
            await until(lambda: "since" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["since"]

    run(scenario)


def test_what_a_dispatcher_said_in_an_earlier_life_is_taken_back_as_well() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, trigger("b")):
            pass
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(HEIR):
            await until(lambda: not world.says(HEIR, "b") and world.says(HEIR, "a"))

    run(scenario)

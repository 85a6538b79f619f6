"""A Trigger that was told to be in force while its topic had no leader at all, so that nobody has a place for it."""

import contextlib
from collections.abc import AsyncIterator
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


def all_say(world: World, name: str) -> bool:
    """Whether every member of the group says that a Trigger is in force."""
    members = world.store.group(world.settings.dispatcher_group).wants
    return bool(members) and all(b'"default/%s"' % name.encode() in world.in_force(member) for member in members)


@contextlib.asynccontextmanager
async def told_without_a_place(world: World, new: TriggerPlan, *, kill: bool = True) -> AsyncIterator[None]:
    """A dispatcher owned the partition when its leader went and the Trigger came.  It has gone, and its heir, which had
    nothing then and so had said at once that the Trigger is in force, is the whole group now."""
    world.adopt(plan(trigger("a")))
    async with contextlib.AsyncExitStack() as heir:
        async with world.dispatcher("dispatcher-0", kill=kill):
            await world.log.append(on(0, event("before")))
            await until(lambda: world.subscribers.ids("http://a") == ["before"] and clock() - EPOCH > 5)
            await heir.enter_async_context(world.dispatcher(HEIR))
            world.store.leaderless.add(ONLY)
            world.adopt(plan(trigger("a"), new))
            await until(lambda: clock() - EPOCH > 20)
            assert world.store.group(world.settings.dispatcher_group).owners == {ONLY: "dispatcher-0"}
            assert b'"default/b"' in world.in_force(HEIR) and not all_say(world, "b")
        await until(lambda: all_say(world, "b"))
        yield


@pytest.mark.parametrize("start", ["", "latest", "2023-11-14T23:00:00Z"])
@pytest.mark.parametrize("kill", [True, False])
def test_it_gets_what_is_written_before_anybody_has_seen_the_leader(start: str, kill: bool) -> None:
    """An owner that leaves in order says in the end that it has the Trigger in force: still, no cursor is missing, and
    what lies there from before is not the Trigger's."""

    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, replace(trigger("b"), start=starts.canonical(start)), kill=kill):
            world.store.leaderless.clear()
            await world.log.append(on(0, event("since")))
            await until(lambda: world.subscribers.ids("http://b") == ["since"])

    run(scenario)


def test_it_does_though_its_filter_was_changed_meanwhile() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        new = trigger("b")
        async with told_without_a_place(world, new):
            world.store.leaderless.clear()
            await world.log.append(on(0, event("since")))
            changed = replace(new, filter=AttributesFilter({"type": "com.example.a"}), generation="b-2")
            world.adopt(plan(trigger("a"), changed))
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
    """What the one before it was told counts no longer."""

    async def scenario() -> None:
        world = World(partitions=1)
        async with told_without_a_place(world, trigger("b")):
            world.adopt(plan(trigger("a")))
            world.store.leaderless.clear()
            await until(lambda: b"default/b" not in world.in_force(HEIR))
            await world.log.append(on(0, event("between")))
            await until(lambda: "between" in world.subscribers.ids("http://a"))
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: all_say(world, "b"))
            await world.log.append(on(0, event("since")))
            await until(lambda: "since" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["since"]

    run(scenario)

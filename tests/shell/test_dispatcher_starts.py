"""Where a Trigger starts, by its annotation and without it, over a log in memory, in fake time."""

import asyncio
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, TOPIC, World, event, plan, trigger
from tradewind.plan import Plan, TriggerPlan
from tradewind.ports import TopicPartition
from tradewind.resources import starts
from tradewind.topics import topic_specs
from tradewind.trigger_dispatcher.ownership import KEPT

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


def test_a_new_trigger_starts_at_the_end_and_one_that_comes_back_where_it_left() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            await until(lambda: clock() - EPOCH > 5)
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 6)
            await world.post(event(2))
            await until(lambda: world.subscribers.ids("http://b"))
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 8)
            await world.post(event(3))
            await until(lambda: "3" in world.subscribers.ids("http://a"))
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: "3" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["2", "3"]

    run(scenario)


def test_a_trigger_and_its_topic_begin_together() -> None:
    """Events accepted before the dispatcher first came up are its Triggers', as the topic is as new as they are."""

    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        await world.log.ensure_topics(topic_specs(world.plan.brokers[BROKER], world.settings))
        await world.post(event("early"))
        async with world.dispatcher():
            await until(lambda: world.subscribers.ids("http://a") == ["early"])

    run(scenario)


def test_group_offsets_are_mirrored_and_knatives_own_are_where_a_trigger_starts() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        at = TopicPartition(TOPIC, 0)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: clock() - EPOCH > 12)
            assert await world.log.group_offsets("knative-trigger-default-a", [at]) == {at: 10}
            world.store.group("knative-trigger-default-b").offsets[at] = 4
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: len(world.subscribers.ids("http://b")) == 6)
        assert sorted(world.subscribers.ids("http://b")) == list("456789")  # unordered: those of one moment as it comes

    run(scenario)


def test_what_was_mirrored_is_no_place_that_knatives_dispatcher_left() -> None:
    """A Trigger that was deleted so long ago that nothing is left of it, and is applied again, is new."""

    async def scenario() -> None:
        world, passed = World(partitions=1), [0.0]
        world.adopt(plan(trigger("a"), trigger("b")))
        async with world.dispatcher(wall=lambda: clock() + passed[0]) as dispatcher:
            await world.post(event("first"))
            await until(lambda: world.subscribers.ids("http://b") == ["first"] and clock() - EPOCH > 12)
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 20)
            await world.post(event("while it was gone"))
            passed[0] = KEPT + 60
            await dispatcher._sweeper.sweep()
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: world.says("dispatcher-0", "b"))
            await world.post(event("since"))
            await until(lambda: "since" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["first", "since"]

    run(scenario)


def test_a_trigger_that_an_owner_did_not_have_gets_what_came_since_it_was_pinned_elsewhere() -> None:
    """Two dispatchers of one group with other manifests: what lies on the other's partitions waits, and is not lost."""

    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("dispatcher-0"):
            await world.post(*(event(f"before-{number}") for number in range(10)))
            world.plan = plan(trigger("a"), trigger("b"))
            async with world.dispatcher("dispatcher-1"):
                posted = [f"since-{number}" for number in range(20)]
                await world.post(*map(event, posted))
                await until(lambda: len(world.subscribers.ids("http://b")) > 0, what="b's share")
                assert len(world.subscribers.ids("http://b")) < 20
        world.plan = plan(trigger("b"))
        async with world.dispatcher("dispatcher-1"):
            await until(lambda: len(world.subscribers.ids("http://b")) >= 20, what="all since b was pinned")
        assert sorted(world.subscribers.ids("http://b")) == sorted(posted)

    run(scenario)


def test_a_trigger_that_was_added_while_no_dispatcher_ran_is_new(caplog: pytest.LogCaptureFixture) -> None:
    """The owner before is the same slot, which has the Trigger in force by now: still, no cursor is missing."""

    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 10)
            await until(lambda: clock() - EPOCH > 5)
        world.plan = plan(trigger("a"), trigger("b"))
        async with world.dispatcher():
            await until(lambda: clock() - EPOCH > 10)
            await world.post(event("new"))
            await until(lambda: "new" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["new"]

    with caplog.at_level("ERROR", "tradewind.dispatcher"):
        run(scenario)
    assert not [record for record in caplog.records if record.getMessage() == "cursor is missing"]


def test_a_trigger_that_the_owner_before_has_since_is_new(caplog: pytest.LogCaptureFixture) -> None:
    """It comes just after partitions moved, and is seen here later than there, where nothing of these is any more."""

    async def scenario() -> None:
        world = World(partitions=4)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("before"):
            await world.post(*(event(number) for number in range(40)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 40)
            await asyncio.sleep(5)
            async with world.dispatcher("since"):
                for plans in world.plans:
                    plans.put_nowait(plan(trigger("a"), trigger("b")))
                    await asyncio.sleep(0.3)
                await asyncio.sleep(10)
                await world.post(event("new"))
                await until(lambda: "new" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["new"]

    with caplog.at_level("ERROR", "tradewind.dispatcher"):
        run(scenario)
    assert not [record for record in caplog.records if record.getMessage() == "cursor is missing"]


def test_a_trigger_that_was_added_to_a_broker_that_came_back_is_new() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: clock() - EPOCH > 5)
            world.adopt(Plan())
            await until(lambda: not dispatcher._roster.partitions())
            world.adopt(plan(trigger("b")))
            await until(lambda: dispatcher._roster.partitions() and clock() - EPOCH > 20)
            await world.post(event("new"))
            await until(lambda: "new" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["new"]

    run(scenario)

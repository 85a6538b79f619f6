"""A topic that gets more partitions: in memory, in fake time."""

import asyncio

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, on, plan, trigger
from tradewind.delivery.verdicts import Answer
from tradewind.ports import NewRecord
from tradewind.resources.model import Order


def test_an_ordered_trigger_waits_for_the_old_partitions_and_no_other_does() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        down = True
        for name in ("ordered", "unordered"):
            world.subscribers.at[f"http://{name}"] = lambda _: Answer(503 if down else 204)
        world.adopt(plan(trigger("ordered", retry=99, order=Order.ORDERED), trigger("unordered", retry=99)))
        got = world.subscribers.ids
        async with world.dispatcher():
            await world.post(event("old", partitionkey="k"))
            await until(lambda: got("http://ordered"))
            world.store.add_partitions(TOPIC, 2)
            await world.log.append(on(1, event("new", partitionkey="k")))
            await until(lambda: "new" in got("http://unordered"))
            await until(lambda: clock() - EPOCH > 10)
        async with world.dispatcher():  # who takes over knows
            await until(lambda: clock() - EPOCH > 30)
            assert set(got("http://ordered")) == {"old"}
            down = False
            await until(lambda: got("http://ordered")[-1] == "new")
            await world.log.append(on(0, event("more", partitionkey="k")))
            await world.log.append(on(1, event("later", partitionkey="k")))
            await until(lambda: {"more", "later"} <= set(got("http://ordered")))
        assert got("http://ordered").count("new") == 1

    run(scenario)


def test_an_old_partition_that_ends_in_holes_is_passed() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a", order=Order.ORDERED)))
        async with world.dispatcher():
            await world.post(event("old"))
            for value in (b"superseded", None):
                await world.log.append(NewRecord(TOPIC, value, key=b"hole"))
            world.store.compact(TOPIC)
            await until(lambda: world.subscribers.ids("http://a"))
            world.store.add_partitions(TOPIC, 2)
            await world.log.append(on(1, event("new")))
            await until(lambda: world.subscribers.ids("http://a") == ["old", "new"])

    run(scenario)


@pytest.mark.parametrize("order", list(Order))
def test_a_trigger_that_comes_after_a_partition_was_added_is_new_on_all_of_them(order: Order) -> None:
    """Though who pins it on the old ones took these over when there were fewer."""

    async def scenario() -> None:
        world = World(partitions=1, mirror_interval=1.0)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            world.store.add_partitions(TOPIC, 2)
            await world.log.append(on(1, event("before")))
            await until(lambda: world.subscribers.ids("http://a") == ["before"])
            await asyncio.sleep(3)  # the topic has been read
            world.adopt(plan(trigger("a"), trigger("b", order=order)))
            await until(lambda: world.says("dispatcher-0", "b"))
            await world.log.append(on(1, event("since")))
            await until(lambda: "since" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["since"]

    run(scenario)

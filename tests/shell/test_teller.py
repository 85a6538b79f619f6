"""What dispatchers say that they have in force, since when, and what is made of it: whether a cursor is missing."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, on, plan, trigger
from tradewind.adapters.memory_log import MemoryLog, MemoryReader
from tradewind.plan import BrokerPlan, Target, TopicPlan
from tradewind.ports import NewRecord, Record, TopicPartition
from tradewind.resources import starts
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import GENERAL, ForceRecord, Since, encode, force_key, identity_of
from tradewind.trigger_dispatcher.ownership import KEPT

ONLY = TopicPartition(TOPIC, 0)
"""The topic's one partition."""
HEIR = "dispatcher-1"
OWNER = "dispatcher-2"
"""One whose partition goes to the heir where the group is to share it out anew."""


async def lose_cursor(world: World, of: bytes) -> None:
    """Somebody removes the one cursor that has this in its key."""
    records = world.store.records(world.settings.cursors_topic)
    where = next(one for one in records if (one.key or b"").startswith(b"cursor/") and of in (one.key or b""))
    await world.log.append(NewRecord(where.topic, None, (), where.key, where.partition))


class Behind(MemoryLog):
    """A log whose readers are some seconds behind."""

    def reader(self) -> MemoryReader:
        class Slow(MemoryReader):
            async def take(self, max_records: int, wait: float) -> Sequence[Record]:
                await asyncio.sleep(3)
                return await super().take(max_records, wait)

        return Slow(self)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ({HEIR: (10.0, 20.0)}, (10.0, 20.0)),
        ({HEIR: (10.0, 20.0), "dispatcher-2": (5.0, 5.0)}, (5.0, 20.0)),
        ({HEIR: (1e10, 1e10)}, None),
        ({"dispatcher-2": (1e10, 1e10)}, None),
    ],
)
def test_a_dispatcher_says_since_when_by_all_that_was_said_but_for_clocks_that_were_ahead(
    before: dict[str, tuple[float, float]], expected: tuple[float, float] | None
) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(), contextlib.AsyncExitStack() as heir:
            await until(lambda: clock() - EPOCH > 5)
            for member, (told, here) in before.items():
                said = ForceRecord({"default/a": "a-1"}, (Since(identity_of(trigger("a")), told, here),))
                topic = world.settings.cursors_topic
                await world.log.append(NewRecord(topic, encode(said), (), force_key(member), GENERAL))
            forced = world.in_force(HEIR)
            await heir.enter_async_context(world.dispatcher(HEIR, log=Behind(world.store)))
            await until(lambda: clock() - EPOCH > 30)
            (since,) = json.loads(world.in_force(HEIR))["since"]
            if expected:
                assert tuple(since[1:]) == expected
            else:
                assert world.in_force(HEIR) != forced
                assert EPOCH <= since[1] <= since[2] <= clock()

    run(scenario)


def test_what_is_told_again_is_no_news_to_partitions() -> None:
    def readers(world: World) -> int:
        return sum((r.key or b"").startswith(b"reader/") for r in world.store.records(world.settings.cursors_topic))

    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await until(lambda: clock() - EPOCH > 5)
            before = readers(world)
            world.adopt(plan(replace(trigger("a"), generation="a-2")))
            await until(lambda: b"a-2" in world.in_force() and clock() - EPOCH > 10)
            assert readers(world) == before
            world.adopt(plan(replace(trigger("a"), generation="a-2"), trigger("b")))
            await until(lambda: world.says("dispatcher-0", "b") and clock() - EPOCH > 20)
            assert readers(world) == before + 1

    run(scenario)


def test_who_told_it_when_the_partition_was_gone_had_no_cursor_there(caplog: pytest.LogCaptureFixture) -> None:
    """The owner heard of the Trigger late, and so told it when it had lost the partition: since the moment when the
    heir had told it, though the owner has written since then how far it had read."""

    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(OWNER), contextlib.AsyncExitStack() as heir:
            await world.log.append(on(0, event("before")))
            await until(lambda: world.subscribers.ids("http://a") == ["before"] and clock() - EPOCH > 5)
            await heir.enter_async_context(world.dispatcher(HEIR))
            (late, heirs), new = world.plans, plan(trigger("a"), trigger("b"))
            heirs.put_nowait(new)
            await until(lambda: world.says(HEIR, "b") and clock() - EPOCH > 10)
            await world.log.append(on(0, event("since")))
            await until(lambda: clock() - EPOCH > 15)
            world.store.leaderless.add(ONLY)
            late.put_nowait(new)
            await until(lambda: clock() - EPOCH > 30)
            assert not world.says(OWNER, "b")
            world.store.fence(world.settings.dispatcher_group, OWNER)
            await until(lambda: world.all_say("b") and clock() - EPOCH > 40)
            world.store.leaderless.clear()
            await until(lambda: world.subscribers.ids("http://b"))
            await until(lambda: clock() - EPOCH > 60)
        assert world.subscribers.ids("http://b") == ["since"]
        assert "cursor is missing" not in [record.getMessage() for record in caplog.records]

    run(scenario)


def test_who_gave_it_up_while_it_delivered_had_no_cursor_there(caplog: pytest.LogCaptureFixture) -> None:
    """The leader is back, and the reader goes on before the Trigger has its place.  The partition is given up before it
    has, and how far the reader came is written last of all: what is told before that would be of this partition."""

    async def scenario() -> None:
        world = World(partitions=1, latency=2.0)
        world.adopt(plan(trigger("a")))
        async with contextlib.AsyncExitStack() as heir:
            async with world.dispatcher():
                await world.log.append(on(0, event("before")))
                await until(lambda: world.subscribers.ids("http://a") == ["before"] and clock() - EPOCH > 5)
                await heir.enter_async_context(world.dispatcher(HEIR))
                world.store.leaderless.add(ONLY)
                world.adopt(plan(trigger("a"), trigger("b")))
                await until(lambda: clock() - EPOCH > 20)
                world.store.leaderless.clear()
                await world.log.append(on(0, event("since")))
                await asyncio.sleep(0.1)
            await until(lambda: world.subscribers.ids("http://b"))
            await until(lambda: clock() - EPOCH > 60)
        assert world.subscribers.ids("http://b") == ["since"]
        assert "cursor is missing" not in [record.getMessage() for record in caplog.records]

    run(scenario)


def test_a_lost_cursor_is_missing_though_nothing_moved_since_its_trigger_was_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        down = replace(trigger("b"), subscriber=Target(None))
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("dispatcher-0", kill=True):
            for number in range(3):
                await world.log.append(on(0, event(number)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 3 and clock() - EPOCH > 5)
            world.adopt(plan(trigger("a"), replace(down, start=starts.EARLIEST)))
            await until(lambda: world.all_say("b"))
            await until(lambda: clock() - EPOCH > 10)
        await lose_cursor(world, b"/b/")
        world.adopt(plan(trigger("a"), trigger("b")))
        async with world.dispatcher(HEIR):
            pass
        assert "cursor is missing" in [record.getMessage() for record in caplog.records]

    run(scenario)


def test_a_lost_cursor_is_missing_though_who_told_it_has_told_it_again_in_another_life(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a"), trigger("b")))
        async with contextlib.AsyncExitStack() as heir:
            async with world.dispatcher(OWNER, kill=True):
                await world.log.append(on(0, event("before")))
                await until(lambda: world.subscribers.ids("http://b") and clock() - EPOCH > 5)
                await heir.enter_async_context(world.dispatcher(HEIR))
                world.store.leaderless.add(ONLY)
            await lose_cursor(world, b"/b/")
            async with world.dispatcher(OWNER):
                await until(lambda: clock() - EPOCH > 30)
                world.store.leaderless.clear()
                await until(lambda: clock() - EPOCH > 60)
        assert "cursor is missing" in [record.getMessage() for record in caplog.records]

    run(scenario)


def test_what_only_a_dispatcher_that_is_gone_told_of_a_trigger_counts_no_more_once_that_is_deleted() -> None:
    """Though it was the last to own a partition of a topic that no Broker has any more, and so is remembered."""

    async def scenario() -> None:
        world, passed = World(partitions=1), [0.0]
        other = NamespacedName("default", "other")
        both = plan(trigger("a"), trigger("b"))
        brokers = {**both.brokers, other: BrokerPlan(other, TopicPlan("other"), "other.dead-letters")}
        world.adopt(replace(both, brokers=brokers))
        async with world.dispatcher(HEIR):
            await until(lambda: world.all_say("b") and clock() - EPOCH > 5)
        world.adopt(both)
        async with world.dispatcher(wall=lambda: clock() + passed[0]) as dispatcher:
            await until(lambda: clock() - EPOCH > 10)
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 15)
            await world.log.append(on(0, event("old")))
            await until(lambda: world.subscribers.ids("http://a") == ["old"])
            passed[0] = KEPT + 60
            await dispatcher._sweeper.sweep()
            await dispatcher._sweeper.sweep()
            assert not world.says(HEIR, "b") and world.says(HEIR, "a")
            await until(lambda: clock() - EPOCH > 20)
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: world.all_say("b"))
            await world.log.append(on(0, event("new")))
            await until(lambda: "new" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["new"]

    run(scenario)

"""Stored events looked up beside a dispatcher: what became of each, and by which filter."""

from dataclasses import replace

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, TOPIC, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer
from tradewind.filters.compiling import compiled
from tradewind.filters.tree import digest, read
from tradewind.plan import Target, TriggerPlan
from tradewind.ports import Bounds, NewRecord
from tradewind.trigger_dispatcher import lookup, outside
from tradewind.trigger_dispatcher.lookup import Stored


async def fates(world: World, one: TriggerPlan) -> list[str]:
    """What became of each record for a Trigger, behind `?` where its filter as it is now has decided nothing."""
    topic = await outside.found(world.log, TOPIC)
    known = await lookup.known(world.log, world.plan.brokers[BROKER], topic, world.settings.cursors_topic)
    ((_, bounds),) = (await outside.bounds_of(world.log, topic)).items()
    found = []
    for offset in range(bounds.end):
        stored = await lookup.at(world.log, topic, 0, offset)
        assert isinstance(stored, Stored)
        assert stored.event is not None
        now = digest(one.filter, max_data_bytes=world.settings.max_data_bytes)
        fate = known.fate(one, stored.record, matches=compiled(one.filter)(stored.event.attributes), digest=now)
        found.append(("" if fate.by_this else "?") + fate.what.value)
    return found


async def seconds(more: float) -> None:
    """So many seconds later."""
    end = clock() + more
    await until(lambda: clock() > end, within=more + 10)


OLD = trigger("a", type="com.example.a")
NEW = replace(OLD, filter=read([{"any": [{"exact": {"subject": "new"}}, {"cesql": "n > 3"}]}]), generation="a-2")


def test_a_filter_that_was_changed_is_no_reason_for_what_was_decided_before() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(OLD))
        async with world.dispatcher():
            await world.post(event(0), event(1, type="other"))
            await until(lambda: world.subscribers.ids("http://a") == ["0"])
            await seconds(3)
            assert await fates(world, OLD) == ["settled", "filtered out"]
            assert await fates(world, NEW) == ["?settled or filtered out"] * 2  # not in force yet
            world.adopt(plan(replace(OLD, subscriber=Target("http://b"), generation="a-1b")))
            await seconds(3)
            assert await fates(world, OLD) == ["settled", "filtered out"]  # the filter is the same
            world.adopt(plan(NEW))
            await seconds(3)
            await world.post(event(2), event(3, subject="new"), event(4, n="7"))
            await until(lambda: len(world.subscribers.ids("http://a")) == 3)
            await seconds(3)
            changed = [*["?settled or filtered out"] * 2, "filtered out", "settled", "settled"]
            assert await fates(world, NEW) == changed
            assert world.subscribers.ids("http://a") == ["0", "3", "4"]
        await world.post(event(5, subject="new"))
        assert await fates(world, NEW) == [*changed, "not looked at yet"]
        world.adopt(plan(replace(OLD, generation="a-3")))  # while nobody runs
        async with world.dispatcher():
            await until(lambda: "5" in world.subscribers.ids("http://a"))
            await seconds(3)
            assert await fates(world, replace(OLD, generation="a-3")) == [*["?settled or filtered out"] * 5, "settled"]

    run(scenario)


def test_a_changed_filter_takes_back_no_match() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.subscribers.at["http://a"] = lambda _: Answer(503, {"retry-after": "60"})
        world.adopt(plan(OLD))
        async with world.dispatcher():
            await world.post(event(0))
            await until(lambda: len(world.subscribers.ids("http://a")) == 1)
            world.adopt(plan(NEW))
            await seconds(3)
            assert await fates(world, NEW) == ["?waiting for a retry"]
            world.subscribers.at["http://a"] = lambda _: Answer(204)
            await until(lambda: world.subscribers.ids("http://a") == ["0", "0"], within=100)
            await seconds(3)
            assert await fates(world, NEW) == ["?settled or filtered out"]

    run(scenario)


def test_dead_letters_and_what_nobody_serves() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(OLD))
        world.subscribers.at["http://a"] = lambda one: Answer(204 if one.id == "1" else 400)
        async with world.dispatcher():
            await world.post(event(0), event(1))
            await until(lambda: world.dead_letters())
            await seconds(3)
            assert await fates(world, OLD) == ["dead letter", "settled"]
            assert await fates(world, trigger("b")) == ["?no place yet"] * 2

    run(scenario)


def test_what_is_not_there() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(OLD))
        async with world.dispatcher():
            await world.post(event(0))
            await world.log.append(NewRecord(TOPIC, b"no event"))
            topic = await outside.found(world.log, TOPIC)
            assert await lookup.at(world.log, topic, 0, 2) == Bounds(0, 2)
            no_event = await lookup.at(world.log, topic, 0, 1)
            assert isinstance(no_event, Stored)
            assert (no_event.event, no_event.place) == (None, f"{TOPIC}[0], offset 1")
            empty = await lookup.known(world.log, world.plan.brokers[BROKER], topic, "not.there")
            assert (empty.view.cursors, empty.letters) == ({}, {})

    run(scenario)


def test_an_event_is_found_by_source_and_id_as_often_as_it_was_sent() -> None:
    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan(OLD))
        async with world.dispatcher():
            await world.post(event(1))
            await seconds(100)
            await world.post(event(1), event(1, source="/other"), event(2), event(1))
            await world.log.append(NewRecord(TOPIC, b"no event"))
            topic = await outside.found(world.log, TOPIC)
            found = await lookup.search(world.log, topic, "/test", "1", since=clock() - 50)
            assert [one.event and (one.event.source, one.event.id) for one in found] == [("/test", "1")] * 2
            assert len(await lookup.search(world.log, topic, "/test", "1", since=EPOCH)) == 3
            assert await lookup.search(world.log, topic, "/test", "3", since=EPOCH) == []

    run(scenario)

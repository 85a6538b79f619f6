"""Two processes of sources: each source runs in one, goes on in the other, and nothing of it is lost; in fake time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pytest

from tests import fake_time
from tests.shell.sources_running import BROKERS, MINUTE, SETTINGS, Making, World, emitting, ping, running
from tradewind.adapters.memory_log import MemoryStore
from tradewind.errors import SlotTaken
from tradewind.events.model import Event
from tradewind.plan import Plan, SourcePlan
from tradewind.ports import NewRecord, TopicInfo, TopicSpec
from tradewind.resources.model import NamespacedName
from tradewind.sources.emission import Emission, Emissions, Given
from tradewind.sources.positions import (
    AGAIN,
    PositionRecord,
    SourceKey,
    StatusRecord,
    View,
    encode,
    partition_of,
    position_key,
    status_key,
)
from tradewind.sources.sweeper import INTERVAL
from tradewind.topics import sources_specs

NAMES = [f"ping-{number}" for number in range(20)]
TICK = SourceKey("PingSource", NamespacedName("default", "tick"))
OTHER = SourceKey("PingSource", NamespacedName("default", "other"))


def view(store: MemoryStore) -> View:
    """All that the topic says."""
    found = View()
    for record in store.records(SETTINGS.sources_topic) if SETTINGS.sources_topic in store.topics else ():
        found.apply(record.key or b"", record.value)
    return found


def two(maker: Making | None = None) -> tuple[World, World]:
    """Two processes on one Kafka."""
    maker = maker or Making()
    first = World(maker=maker, slot="sources-0")
    first.make_topics()
    return first, World(log=first.log.store.client(), maker=maker, slot="sources-1")


def runs(world: World) -> set[str]:
    """The sources that run in a process."""
    return {key.name.name for key in world.process.hosts}


async def shared_out(first: World, second: World) -> None:
    """Wait until each of the pings runs in one of them, and both run some."""
    await fake_time.until(
        lambda: runs(first) and runs(second) and sorted([*runs(first), *runs(second)]) == sorted(NAMES)
    )


@contextlib.asynccontextmanager
async def both(url: str | None = None) -> AsyncIterator[tuple[World, World, "asyncio.Task[None]"]]:
    """Two processes that share the pings; the task is that of the second."""
    first, second = two()
    async with first.run(), second.run() as task:
        for world in (first, second):
            world.declare(*(ping(name, url=url) for name in NAMES))
        await shared_out(first, second)
        yield first, second, task


def ticks(events: list[Event]) -> dict[str, list[str]]:
    """The instants of each ping, repeats included."""
    found: dict[str, list[str]] = {}
    for event in events:
        found.setdefault(event.source.rpartition("/")[2], []).append(event.id)
    return found


def test_each_source_fires_once_in_one_of_two_processes() -> None:
    async def scenario() -> None:
        async with both() as (first, _, _):
            await first.stored(5 * len(NAMES))
            await asyncio.sleep(1.0)
            for ids in ticks(first.events).values():
                assert len(ids) == len(set(ids)) == 5

    fake_time.run(scenario)


def test_what_a_process_ran_that_is_killed_another_runs_from_its_positions() -> None:
    async def scenario() -> None:
        async with both() as (first, second, task):
            await first.stored(3 * len(NAMES))
            await asyncio.sleep(2.0)
            second.log.down = True  # nothing that it would do in its end gets out
            task.cancel()
            await asyncio.sleep(2 * MINUTE)
            first.log.store.fence(SETTINGS.sources_group, "sources-1")
            await fake_time.until(lambda: runs(first) == set(NAMES))
            second.log.down = False
            await asyncio.sleep(3 * MINUTE)
        for ids in ticks(first.events).values():
            assert len(set(ids)) == len(ids) == 8, "and what was missed meanwhile came, too"

    fake_time.run(scenario)


def test_a_process_that_stops_gives_its_sources_over_without_a_repeat_and_one_that_comes_takes_its_share() -> None:
    async def scenario() -> None:
        async with both() as (first, second, _):
            await first.stored(2 * len(NAMES))
            second.stop.set()
            await fake_time.until(lambda: runs(first) == set(NAMES))
            await first.stored(4 * len(NAMES))
            third = World(log=first.log.store.client(), slot="sources-2")
            async with third.run():
                third.declare(*(ping(name) for name in NAMES))
                await shared_out(first, third)
                await first.stored(6 * len(NAMES))
                await asyncio.sleep(1.0)
                for ids in ticks(first.events).values():
                    assert len(ids) == len(set(ids)) == 6

    fake_time.run(scenario)


def test_a_source_may_be_removed_while_its_partition_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with both() as (first, _, _):
            ensure, asked = first.log.ensure_topics, asyncio.Event()

            async def slowly(specs: Sequence[TopicSpec]) -> Mapping[str, TopicInfo]:
                asked.set()
                await asyncio.sleep(3.0)
                return await ensure(specs)

            monkeypatch.setattr(first.log, "ensure_topics", slowly)
            third = World(log=first.log.store.client(), slot="sources-2")
            async with third.run():
                third.declare(*(ping(name) for name in NAMES))
                await asked.wait()
                first.declare(ping(NAMES[0]))
                await fake_time.until(lambda: runs(third))
                first.declare(*(ping(name) for name in NAMES))
                await first.stored(5 * len(NAMES))

    fake_time.run(scenario)


def test_who_was_away_sends_nothing_before_it_has_joined_anew() -> None:
    """It wakes up with instants that are due, and cannot reach its group yet."""

    async def scenario() -> None:
        async with both(url="http://sink/") as (first, second, _):
            await fake_time.until(lambda: len(first.sender.sent) + len(second.sender.sent) == 2 * len(NAMES))
            await asyncio.sleep(2.0)
            second.log.down = True
            first.log.store.fence(SETTINGS.sources_group, "sources-1")
            second.slept += 12.0
            sent = len(second.sender.sent)
            await fake_time.until(lambda: runs(first) == set(NAMES))
            await asyncio.sleep(2 * MINUTE)
            assert len(second.sender.sent) == sent
            assert not runs(second)
            second.log.down = False
            await shared_out(first, second)
            assert second.process.custody is not None
            assert second.process.custody.rejoined == 1
            await asyncio.sleep(MINUTE)
            assert len(second.sender.sent) > sent
            ids = [headers["ce-id"] for _, headers, _ in first.sender.sent + second.sender.sent]
            assert len(ids) == len(set(ids)) == 5 * len(NAMES)

    fake_time.run(scenario)


def test_a_late_write_of_another_owner_is_written_over() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping())
        await world.stored(2)
        await asyncio.sleep(2.0)
        number = partition_of(TICK, SETTINGS.partitions)
        late = encode(PositionRecord(0, "sources-9:old", 12.5))
        await world.log.append(NewRecord(SETTINGS.sources_topic, late, (), position_key(TICK), number))
        await asyncio.sleep(AGAIN + 2.0)
        assert view(world.log.store).lies[position_key(TICK)] != late
        assert "tick" in runs(world)

    running(scenario)


def test_a_greater_claim_ends_a_source_here_until_the_group_has_had_time() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping())
        number = partition_of(TICK, SETTINGS.partitions)
        claim = encode(PositionRecord(99, "sources-9:new", None))
        await world.log.append(NewRecord(SETTINGS.sources_topic, claim, (), position_key(TICK), number))
        await fake_time.until(lambda: not runs(world))
        ended = fake_time.clock()
        await fake_time.until(lambda: runs(world))
        assert 10.0 <= fake_time.clock() - ended < 12.0
        await asyncio.sleep(2.0)
        assert view(world.log.store).positions[TICK].term == 100

    running(scenario)


def test_a_position_is_handed_back_and_counts_for_the_same_object_alone() -> None:
    handed: list[object] = []

    async def emit(_source: SourcePlan, given: Given) -> Emissions:
        handed.append(given.position)
        yield Emission(Event({"specversion": "1.0", "id": "1", "source": "s", "type": "t"}), position={"at": [1]})
        await asyncio.Event().wait()

    async def scenario() -> None:
        store = MemoryStore()
        for lives, uid in enumerate(["1", "1", "2"], 1):
            world, plan = World(log=store.client(), maker=Making(emit)), ping()
            world.make_topics()
            metadata = replace(plan.source.metadata, uid=uid)
            async with world.run():
                world.declare(replace(plan, source=replace(plan.source, metadata=metadata)))
                await world.stored(lives)

    fake_time.run(scenario)
    assert handed == [None, {"at": [1]}, None]


def test_one_that_was_made_again_between_two_plans_begins_anew() -> None:
    handed: list[object] = []

    async def emit(_source: SourcePlan, given: Given) -> Emissions:
        handed.append(given.position)
        yield Emission(Event({"specversion": "1.0", "id": "1", "source": "s", "type": "t"}), position={"at": [1]})
        await asyncio.Event().wait()

    def of(uid: str) -> SourcePlan:
        plan = ping()
        return replace(plan, source=replace(plan.source, metadata=replace(plan.source.metadata, uid=uid)))

    async def scenario(world: World) -> None:
        await world.begun_and_held(of("1"))
        await world.stored(1)
        world.declare(of("2"))
        await asyncio.sleep(3.0)
        assert view(world.log.store).positions[TICK].uid == "1", "as long as something of the first is on its way"
        world.log.held = False
        world.log.release()
        await world.stored(2)
        world.declare(of("3"))
        await world.stored(3)
        assert handed == [None, None, None]
        await asyncio.sleep(2.0)
        assert runs(world) == {"tick"}
        assert view(world.log.store).positions[TICK].uid == "3"

    running(scenario, make=emit)


def test_a_source_that_runs_everywhere_does_so_and_says_so_for_each_process() -> None:
    async def scenario() -> None:
        first, second = two(Making(here=True))
        async with first.run():
            async with second.run():
                for world in (first, second):
                    world.declare(ping())
                await fake_time.until(lambda: runs(first) == runs(second) == {"tick"})
                await fake_time.until(
                    lambda: set(view(first.log.store).statuses.get(TICK, {})) == {first.slot, second.slot}
                )
                assert TICK not in view(first.log.store).positions
            assert set(view(first.log.store).statuses[TICK]) == {first.slot}, "it has said good-bye"
            first.declare()
            await asyncio.sleep(2.0)
            assert TICK not in view(first.log.store).statuses
            first.declare(ping())
            await asyncio.sleep(2.0)
            assert set(view(first.log.store).statuses[TICK]) == {first.slot}

    fake_time.run(scenario)


def test_one_that_runs_everywhere_goes_on_in_a_process_that_was_away() -> None:
    async def scenario() -> None:
        first, second = two(Making(here=True))
        async with first.run(), second.run():
            for world in (first, second):
                world.declare(ping(url="http://sink/"))
            await fake_time.until(lambda: second.sender.sent)
            (host,) = second.process.hosts.values()
            second.slept += 12.0
            await fake_time.until(lambda: len(second.sender.sent) == 4)
            assert list(second.process.hosts.values()) == [host]
            assert second.process.custody is not None
            assert second.process.custody.rejoined == 1

    fake_time.run(scenario)


def test_a_removed_source_leaves_nothing_behind() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping(), ping("other"))
        await world.stored(2)
        await asyncio.sleep(2.0)
        world.declare(ping("other"))
        await asyncio.sleep(2.0)
        found = view(world.log.store)
        assert set(found.positions) == set(found.statuses) == {OTHER}
        world.declare(ping(), ping("other"))
        await asyncio.sleep(2.0)
        assert TICK in view(world.log.store).positions

    running(scenario)


def test_a_topic_that_was_made_again_is_read_from_its_start_and_says_again_what_is_so() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping())
        await asyncio.sleep(2.0)
        before = view(world.log.store).positions[TICK]
        world.log.store.recreate_topic(SETTINGS.sources_topic)
        await asyncio.sleep(AGAIN + 2.0)
        assert view(world.log.store).positions[TICK] == before
        assert view(world.log.store).statuses[TICK]

    running(scenario, make=emitting())


def test_what_left_while_no_process_ran_is_removed_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.sources.positions.DAY", INTERVAL)  # a real one is a minute of fake time

    async def scenario(world: World) -> None:
        await world.begun(ping(schedule="0 0 1 1 *"))
        for key, value in (
            (position_key(OTHER), encode(PositionRecord(1, "sources-9:x", 7))),
            (status_key(OTHER), encode(StatusRecord("sources-9:x", "Ready", 0.0))),
            (status_key(TICK, "sources-9"), encode(StatusRecord("sources-9:x", "Ready", 0.0))),
            (status_key(TICK, "sources-0"), encode(StatusRecord("sources-0:x", "Ready", 0.0))),
        ):
            place = partition_of(OTHER if key.endswith(b"other") else TICK, SETTINGS.partitions)
            await world.log.append(NewRecord(SETTINGS.sources_topic, value, (), key, place))
        await asyncio.sleep(INTERVAL + 60.0)
        assert set(view(world.log.store).positions) == {TICK, OTHER}
        await asyncio.sleep(INTERVAL)
        found = view(world.log.store)
        assert set(found.positions) == set(found.statuses) == {TICK}
        assert set(found.statuses[TICK]) == {"", "sources-0"}

    running(scenario)


@pytest.mark.parametrize("partitions", [None, 3])
def test_topics_that_are_deleted_are_made_again_and_nobody_begins_anew(partitions: int | None) -> None:
    topics = SETTINGS.sources_topic, SETTINGS.sources_dead_letter_topic

    async def scenario() -> None:
        async with both() as (first, second, _):
            await first.stored(2 * len(NAMES))
            await asyncio.sleep(2.0)
            store = first.log.store
            before = view(store).positions
            await first.log.delete_topics(topics)
            if partitions is not None:
                store.make(replace(sources_specs(SETTINGS)[0], partitions=partitions))
            await fake_time.until(lambda: all(topic in store.topics for topic in topics))
            assert len(store.topics[SETTINGS.sources_topic].partitions) == (partitions or SETTINGS.partitions)
            await fake_time.until(lambda: len(view(store).positions) == len(NAMES))
            if partitions is None:
                after = view(store).positions
                assert [after[key].position for key in before] == [one.position for one in before.values()]
            await first.stored(5 * len(NAMES))
            await asyncio.sleep(1.0)
            await shared_out(first, second)
            for ids in ticks(first.events).values():
                assert len(ids) == len(set(ids)) == 5

    fake_time.run(scenario)


def test_what_runs_everywhere_says_so_again_in_a_topic_that_was_made_again() -> None:
    async def scenario() -> None:
        first, second = two(Making(emitting(), here=True))
        async with first.run(), second.run():
            for world in (first, second):
                world.declare(ping())
            store = first.log.store
            await fake_time.until(lambda: len(view(store).statuses.get(TICK, ())) == 2)
            await first.log.delete_topics([SETTINGS.sources_topic])
            await asyncio.sleep(30.0)
            assert len(view(store).statuses[TICK]) == 2

    fake_time.run(scenario)


def test_partitions_that_are_added_move_no_source() -> None:
    async def scenario() -> None:
        async with both() as (first, second, _):
            await first.stored(2 * len(NAMES))
            await asyncio.sleep(2.0)
            first.log.store.add_partitions(SETTINGS.sources_topic, 25)
            third = World(log=first.log.store.client(), slot="sources-2")
            async with third.run():
                third.declare(*(ping(name) for name in NAMES))
                await fake_time.until(lambda: third.health.ready)
                second.stop.set()
                await fake_time.until(lambda: sorted([*runs(first), *runs(third)]) == sorted(NAMES))
                await first.stored(5 * len(NAMES))
                await asyncio.sleep(1.0)
                for ids in ticks(first.events).values():
                    assert len(ids) == len(set(ids)) == 5

    fake_time.run(scenario)


def test_two_in_one_slot_end_with_its_name() -> None:
    async def scenario() -> None:
        first, second = two()
        second.slot = first.slot
        second.__post_init__()
        with pytest.RaisesGroup(SlotTaken):
            async with first.run(), second.run() as task:
                for world in (first, second):
                    world.declare(ping())
                await asyncio.wait([task], timeout=60.0)

    fake_time.run(scenario)


def test_nothing_runs_without_a_plan() -> None:
    async def scenario(world: World) -> None:
        await asyncio.sleep(5.0)
        assert not world.health.ready
        world.plans.put_nowait(Plan(BROKERS))
        await fake_time.until(lambda: world.health.ready)

    running(scenario)

"""The second reader, by itself."""

import asyncio

from tests.fake_time import clock, run, until
from tests.shell.dispatching import BROKER, TOPIC, World, event, plan, trigger
from tests.shell.late import SlowToTell
from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName
from tradewind.topics import topic_specs
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.catch_up import CatchUp
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster
from tradewind.trigger_dispatcher.turns import Turns
from tradewind.trigger_dispatcher.worker import Worker

TOO_SMALL = {"max.message.bytes": "1"}
"""Of a topic that refuses every record."""


def test_what_the_log_still_holds_is_not_taken_for_lost_where_another_trigger_stands_beyond_its_end() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        roster = Roster(max_data_bytes=world.settings.max_data_bytes)
        behind = trigger("b")
        await world.log.ensure_topics(topic_specs(plan().brokers[BROKER], world.settings))
        await world.post(*(event(number) for number in range(10)))
        here = PartitionId(world.store.topics[TOPIC].id, 0)
        partition = OwnedPartition(Ground(here, TOPIC, 1, Bounds(0, 500), False), owner="o", seen=0, position=1000)
        partition.pin(behind.name, 500, since=0.0)
        partition.served.add(behind.name)
        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, clock)

        async def truncated(owned: OwnedPartition) -> None:
            owned.truncated(Bounds(0, 10), asked_at=owned.position)

        async with asyncio.TaskGroup() as tasks:
            catch_up = CatchUp(edges, roster, truncated, turns := Turns(tasks))
            roster.adopt(plan(behind))
            roster.hire(Worker(behind, edges, catch_up, turns, Budget(1 << 20), tasks))
            roster.take(partition)
            running = tasks.create_task(catch_up.run())
            catch_up.wake()
            await asyncio.sleep(0)  # it reads at 500 by now
            assert await catch_up.fetch(partition, 3) == event(3)
            running.cancel()

    run(scenario)


def test_what_is_asked_for_of_a_partition_that_has_been_given_up_ends_at_once() -> None:
    """Nobody would ever read it: the event would keep its place among those that run."""

    async def scenario() -> None:
        world = World()
        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, clock)

        async def truncated(_: OwnedPartition) -> None:
            raise AssertionError("nothing is read")

        roster = Roster(max_data_bytes=world.settings.max_data_bytes)
        catch_up = CatchUp(edges, roster, truncated, Turns(asyncio.TaskGroup()))
        ground = Ground(PartitionId("id", 0), TOPIC, 1, Bounds(0, 9), False)
        partition = OwnedPartition(ground, owner="o", seen=0, position=0)
        before = asyncio.create_task(catch_up.fetch(partition, 3))
        await asyncio.sleep(0)
        catch_up.release(partition)
        after = asyncio.create_task(catch_up.fetch(partition, 3))
        await asyncio.wait([before, after], timeout=1)
        assert (before.cancelled(), after.cancelled()) == (True, True)

    run(scenario)


def test_what_was_read_again_counts_until_the_log_is_cut_and_is_kept_while_its_partition_is_ours() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, clock)
        roster = Roster(max_data_bytes=world.settings.max_data_bytes)
        await world.log.ensure_topics(topic_specs(plan().brokers[BROKER], world.settings))
        await world.post(*(event(number) for number in range(10)))

        async def truncated(owned: OwnedPartition) -> None:
            catch_up.forget(owned)

        def owning() -> OwnedPartition:
            ground = Ground(PartitionId("id", 0), TOPIC, 1, Bounds(0, 10), False)
            roster.take(owned := OwnedPartition(ground, owner="o", seen=0, position=10))
            return owned

        async with asyncio.TaskGroup() as tasks:
            catch_up = CatchUp(edges, roster, truncated, Turns(tasks))
            running = tasks.create_task(catch_up.run())
            partition = owning()
            assert await catch_up.fetch(partition, 3) == event(3)
            world.store.recreate_topic(TOPIC)  # as after an election of a leader that had less
            await world.post(*(event(number) for number in range(100, 105)))
            assert await catch_up.fetch(partition, 20) is None
            assert await catch_up.fetch(partition, 3) == event(103)
            catch_up.release(partition)
            assert not catch_up._again._kept
            partition = owning()
            reading = tasks.create_task(catch_up.fetch(partition, 7))
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # it waits for records by now
            catch_up.release(partition)
            await asyncio.wait([reading])
            await asyncio.sleep(1)
            assert not catch_up._again._kept
            running.cancel()

    run(scenario)


def test_what_is_being_read_while_the_log_is_cut_is_read_again() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        log = SlowToTell(world.store)
        edges = Edges(log, world.subscribers, world.settings, clock, world.random.random, clock)
        roster = Roster(max_data_bytes=world.settings.max_data_bytes)
        await world.log.ensure_topics(topic_specs(plan().brokers[BROKER], world.settings))
        await world.post(*(event(number) for number in range(10)))

        async def truncated(owned: OwnedPartition) -> None:
            catch_up.forget(owned)

        async with asyncio.TaskGroup() as tasks:
            catch_up = CatchUp(edges, roster, truncated, Turns(tasks))
            running = tasks.create_task(catch_up.run())
            ground = Ground(PartitionId("id", 0), TOPIC, 1, Bounds(0, 10), False)
            roster.take(partition := OwnedPartition(ground, owner="o", seen=0, position=10))
            reading = tasks.create_task(catch_up.fetch(partition, 3))
            await asyncio.sleep(0.5)
            world.store.recreate_topic(TOPIC)  # as after an election of a leader that had less, and got more
            await world.post(*(event(number) for number in range(100, 115)))
            catch_up.forget(partition)  # the shared reader met it
            assert await reading == event(103)
            running.cancel()

    run(scenario)


def test_who_comes_while_a_stretch_is_read_and_stands_before_it_skips_nothing() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        roster = Roster(max_data_bytes=world.settings.max_data_bytes)
        early, late = trigger("early"), trigger("late")
        await world.log.ensure_topics(topic_specs(plan().brokers[BROKER], world.settings))
        await world.post(*(event(number) for number in range(10)))
        here = PartitionId(world.store.topics[TOPIC].id, 0)
        partition = OwnedPartition(Ground(here, TOPIC, 1, Bounds(0, 10), False), owner="o", seen=0, position=10)
        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, clock)

        async def truncated(_: OwnedPartition) -> None:
            raise AssertionError("the log is whole")

        def serve(name: NamespacedName, offset: int) -> None:
            partition.pin(name, offset, since=0.0)
            partition.served.add(name)

        async with asyncio.TaskGroup() as tasks:
            catch_up = CatchUp(edges, roster, truncated, turns := Turns(tasks))
            roster.adopt(plan(early, late))
            for one in (early, late):
                roster.hire(Worker(one, edges, catch_up, turns, Budget(1 << 20), tasks))
            roster.take(partition)
            serve(early.name, 5)
            running = tasks.create_task(catch_up.run())
            catch_up.wake()
            await asyncio.sleep(0)  # it reads at 5 by now
            serve(late.name, 0)
            await until(lambda: len(world.subscribers.ids("http://late")) >= 5 and partition.serves(late.name))
            running.cancel()
        assert sorted(world.subscribers.ids("http://early")) == [str(number) for number in range(5, 10)]
        assert sorted(world.subscribers.ids("http://late")) == [str(number) for number in range(10)]

    run(scenario)

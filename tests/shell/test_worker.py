"""A Trigger's Worker by itself: what becomes of what it reads again when its Trigger goes, or the process was away."""

import asyncio

from tests.fake_time import clock, run
from tests.shell.dispatching import TOPIC, World, event, trigger
from tradewind.ports import Bounds
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.ledger import Ledger, Owed
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition
from tradewind.trigger_dispatcher.worker import Worker

TOO_SMALL = {"max.message.bytes": "1"}
"""Of a topic that refuses every record."""


def test_a_trigger_that_goes_while_its_owed_events_are_read_again_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        world, budget, go = World(), Budget(1 << 20), asyncio.Event()
        ordered = trigger("a", order=Order.ORDERED)
        partition = OwnedPartition(
            Ground(PartitionId("id", 0), TOPIC, 1, Bounds(0, 9), False), owner="o", seen=0, position=9
        )
        partition.ledgers[ordered.name] = Ledger(9, [Owed(offset) for offset in range(9)], partitions=1)

        async def fetch(_: OwnedPartition, offset: int):  # type: ignore[no-untyped-def]
            await go.wait()
            return event(offset)

        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, clock)
        async with asyncio.TaskGroup() as tasks:
            worker = Worker(ordered, edges, fetch, tasks, lambda: None, budget)
            worker.resume(partition)
            await asyncio.sleep(1)
            worker.retire()
            go.set()
        assert (budget.total, worker.lanes.bytes) == (0, 0)

    run(scenario)


def test_what_was_read_while_the_process_was_away_is_not_sent() -> None:
    """Its partition may be another's: it stays owed, and goes on after the rebalance."""

    async def scenario() -> None:
        world, go, away = World(), asyncio.Event(), 0.0
        one = trigger("a")
        partition = OwnedPartition(
            Ground(PartitionId("id", 0), TOPIC, 1, Bounds(0, 9), False), owner="o", seen=0, position=9
        )
        partition.ledgers[one.name] = Ledger(9, [Owed(3)], partitions=1)

        async def fetch(_: OwnedPartition, offset: int):  # type: ignore[no-untyped-def]
            await go.wait()
            return event(offset)

        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, lambda: clock() + away)
        async with asyncio.TaskGroup() as tasks:
            worker = Worker(one, edges, fetch, tasks, lambda: None, Budget(1 << 20))
            worker.resume(partition)
            await asyncio.sleep(1)
            away = 60.0
            go.set()
        assert (world.subscribers.got, list(partition.ledgers[one.name].owed)) == ({}, [3])

    run(scenario)

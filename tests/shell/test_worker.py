"""A Trigger's Worker by itself: what becomes of what it reads again when its Trigger goes, or the process was away; and
what it begins in a turn of the loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, trigger
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events import kafka, stored
from tradewind.events.model import Event
from tradewind.plan import Target, TriggerPlan
from tradewind.ports import Bounds, Exchange, Told
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.ledger import Ledger, Owed
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition
from tradewind.trigger_dispatcher.turns import Turns
from tradewind.trigger_dispatcher.worker import Worker

TOO_SMALL = {"max.message.bytes": "1"}
"""Of a topic that refuses every record."""


class Second:
    """A second reader that gives what a function says, and has nobody behind."""

    someone_behind = False

    def __init__(self, fetch: Callable[[OwnedPartition, int], Awaitable[Event | None]]) -> None:
        self._fetch = fetch

    def room(self) -> None:
        pass

    async def fetch(self, partition: OwnedPartition, offset: int) -> Event | None:
        return await self._fetch(partition, offset)


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
            worker = Worker(ordered, edges, Second(fetch), Turns(tasks), budget, tasks)
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
            worker = Worker(one, edges, Second(fetch), Turns(tasks), Budget(1 << 20), tasks)
            worker.resume(partition)
            await asyncio.sleep(1)
            away = 60.0
            go.set()
        assert (world.subscribers.got, list(partition.ledgers[one.name].owed)) == ({}, [3])

    run(scenario)


def test_an_address_that_goes_while_an_event_is_read_again_costs_no_attempt() -> None:
    """Its Trigger was edited: with `retry: 0` one attempt that was none would end in the dead letters."""

    async def scenario() -> None:
        world, go = World(), asyncio.Event()
        one = trigger("a", retry=0)
        partition = owning(0, one, 1)

        async def fetch(_: OwnedPartition, offset: int) -> Event:
            await go.wait()
            return event(offset)

        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, lambda: 0.0)
        async with asyncio.TaskGroup() as tasks:
            worker = Worker(one, edges, Second(fetch), Turns(tasks), Budget(1 << 20), tasks)
            worker.resume(partition)
            await asyncio.sleep(1)
            worker.adopt(replace(one, subscriber=Target(None, "edited")))
            go.set()
            await asyncio.sleep(100)
            assert [owed.journey.attempts for owed in partition.ledgers[one.name].owed.values()] == [0]
            worker.adopt(replace(one, subscriber=Target("http://b")))
            await until(lambda: world.subscribers.ids("http://b") == ["0"])

    run(scenario)


def owning(number: int, one: TriggerPlan, owed: int) -> OwnedPartition:
    ground = Ground(PartitionId("id", number), TOPIC, 2, Bounds(0, owed), False)
    partition = OwnedPartition(ground, owner="o", seen=0, position=owed)
    partition.ledgers[one.name] = Ledger(owed, [Owed(offset) for offset in range(owed)], partitions=2)
    return partition


async def fetched(partition: OwnedPartition, offset: int) -> Event | None:
    return event(f"{partition.identity.partition}-{offset}")


def test_a_partition_that_is_given_up_waits_for_its_own_events_and_for_no_others() -> None:
    async def scenario() -> None:
        world, one = World(latency=1.0), replace(trigger("a"), max_in_flight=1)
        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, clock)
        given, kept = owning(0, one, 1), owning(1, one, 10)
        async with asyncio.TaskGroup() as tasks:
            worker = Worker(one, edges, Second(fetched), Turns(tasks), Budget(1 << 20), tasks)
            worker.resume(given)
            worker.resume(kept)
            await asyncio.sleep(0.5)
            await worker.release(given, grace=5.5)
            assert clock() - EPOCH < 2
            assert not given.ledgers[one.name].owed
        assert world.subscribers.ids("http://a") == ["0-0", *(f"1-{offset}" for offset in range(10))]

    run(scenario)


def test_what_does_not_end_within_the_grace_is_cut_short_and_stays_owed() -> None:
    async def scenario() -> None:
        world, one = World(latency=100.0), trigger("a")
        edges = Edges(world.log, world.subscribers, world.settings, clock, world.random.random, clock)
        given, budget = owning(0, one, 3), Budget(1 << 30)
        async with asyncio.TaskGroup() as tasks:
            worker = Worker(one, edges, Second(fetched), Turns(tasks), budget, tasks)
            worker.resume(given)
            await asyncio.sleep(1)
            assert world.subscribers.running == 3
            await worker.release(given, grace=2)
            await asyncio.sleep(0)
        assert clock() - EPOCH < 4
        assert (world.subscribers.running, len(worker.lanes.running), budget.total) == (0, 0, 0)
        assert list(given.ledgers[one.name].owed) == [0, 1, 2]

    run(scenario)


class Unanswered:
    """A Sender that remembers whom to tell what became of each request, and has not answered yet."""

    def __init__(self, began: Callable[[], None] = lambda: None) -> None:
        self.telling: list[Callable[[], None]] = []
        self._began = began

    def begin(self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object) -> Exchange:
        self.telling.append(partial(told, about, Answer(204)))
        self._began()
        return self

    def give_up(self, about: object) -> None:
        pass

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        raise AssertionError("nothing here needs a task")

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def beginning(
    one: TriggerPlan, sender: Unanswered, *, elapsed: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[tuple[Worker, OwnedPartition]]:
    """A Trigger's Worker and a partition on which nothing is owed yet."""
    world, partition = World(), owning(0, one, 0)
    edges = Edges(world.log, sender, world.settings, clock, world.random.random, elapsed)
    async with asyncio.TaskGroup() as tasks:
        yield Worker(one, edges, Second(fetched), Turns(tasks), Budget(1 << 20), tasks), partition


def offered(worker: Worker, partition: OwnedPartition, count: int) -> None:
    """So many events that match, as a reader of records finds them."""
    for offset in range(count):
        headers, value = kafka.write(event(offset))
        owed, found = partition.ledgers[worker.plan.name].match(offset, room=True), stored.event(headers, value)
        assert owed is not None and found is not None
        worker.offer(partition, owed, found)


def test_what_several_answers_make_room_for_is_sent_together() -> None:
    """Each request that goes out alone wakes its subscriber, which costs more than the request."""

    async def scenario() -> None:
        one, sender = replace(trigger("a"), max_in_flight=2), Unanswered()
        async with beginning(one, sender) as (worker, partition):
            offered(worker, partition, 4)
            await asyncio.sleep(0)
            assert len(sender.telling) == 2
            sender.telling[0]()
            sender.telling[1]()
            assert (len(sender.telling), len(partition.ledgers[one.name].owed)) == (2, 2)
            await asyncio.sleep(0)
            assert len(sender.telling) == 4

    run(scenario)


def test_what_was_begun_and_ends_is_counted_with_the_time_that_it_took() -> None:
    async def scenario() -> None:
        one, sender = trigger("a"), Unanswered()
        async with beginning(one, sender) as (worker, partition):
            offered(worker, partition, 2)
            await asyncio.sleep(3)
            for tell in sender.telling:
                tell()
            attempts = worker.counts.subscriber
            assert attempts.statuses == {204: 2}
            assert attempts.latency.sum == pytest.approx(6.0)
            assert (partition.ledgers[one.name].owed, worker.lanes.running) == ({}, {})

    run(scenario)


def test_what_a_process_that_was_stopped_had_yet_to_send_is_not_sent() -> None:
    """It was stopped between two requests of those that it sends together: the next may be another's by now."""

    async def scenario() -> None:
        elapsed = 0.0

        def stopped() -> None:
            nonlocal elapsed
            elapsed += 60.0

        one, sender = trigger("a"), Unanswered(stopped)
        async with beginning(one, sender, elapsed=lambda: elapsed) as (worker, partition):
            offered(worker, partition, 3)
            await asyncio.sleep(1)
            assert len(sender.telling) == 1
            assert list(partition.ledgers[one.name].owed) == [0, 1, 2]

    run(scenario)


@pytest.mark.parametrize("rate", [None, 1.0])
def test_a_fault_of_ours_in_a_turn_of_the_loop_ends_the_process(
    rate: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Trigger would stand still, and nobody would know; with a rate the turn is that of a timer."""

    async def scenario() -> None:
        one, sender = replace(trigger("a"), rate=rate), Unanswered()
        with pytest.RaisesGroup(ZeroDivisionError):
            async with beginning(one, sender) as (worker, partition):
                offered(worker, partition, 2)
                if rate:
                    await asyncio.sleep(0.5)
                    assert len(sender.telling) == 1
                monkeypatch.setattr(worker.lanes, "take", lambda *, now: 1 // 0)
                await asyncio.sleep(100)
        assert clock() - EPOCH < 2

    run(scenario)

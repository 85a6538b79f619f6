"""Cursors that Kafka does not take at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import World, event, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.delivery.journey import Journey
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import NewRecord, Position
from tradewind.trigger_dispatcher.counts import Counts
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.writer import AT_ONCE


class Failing(MemoryLog):
    """A log that stores so many of its records without saying so."""

    fails = 0

    def append(self, record: NewRecord) -> Awaitable[Position]:
        stored = super().append(record)
        if not self.fails:
            return stored
        self.fails -= 1
        failed: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        failed.set_exception(LogUnavailable("no answer"))
        return failed


def test_after_a_write_that_failed_the_owner_has_another_name() -> None:
    """What was written under the old one may arrive late, and nothing may speak for it."""

    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        log = Failing(world.store)
        async with world.dispatcher(log=log) as dispatcher:
            await until(lambda: clock() - EPOCH > 5)
            (partition,) = dispatcher._roster.partitions()
            before, log.fails = partition.owner, 1
            await world.post(event(1))
            await until(lambda: clock() - EPOCH > 10)
            assert partition.owner.partition(":")[0] == before.partition(":")[0]
            assert partition.owner != before

    run(scenario)


def test_what_is_given_up_is_written_once_more_where_that_failed() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        log = Failing(world.store)
        async with world.dispatcher(log=log):
            await until(lambda: clock() - EPOCH > 5.005)
            await world.post(*(event(number) for number in range(5)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 5)
            log.fails = 1
        async with world.dispatcher():
            await until(lambda: clock() - EPOCH > 20)
        assert len(world.subscribers.ids("http://a")) == 5

    run(scenario)


class Counting(MemoryLog):
    """A log that counts records of a kind that are on their way to it at once; each takes a while, or is refused."""

    on_the_way = 0
    most = 0
    seen = 0
    answer: Callable[[], LogUnavailable | LogRefused | None] = staticmethod(lambda: None)

    kind = b"cursor/"

    def append(self, record: NewRecord) -> Awaitable[Position]:
        stored = super().append(record)
        return self._after_a_while(stored) if (record.key or b"").startswith(self.kind) else stored

    async def _after_a_while(self, stored: Awaitable[Position]) -> Position:
        self.on_the_way += 1
        self.seen += 1
        self.most = max(self.most, self.on_the_way)
        await asyncio.sleep(0.01)
        self.on_the_way -= 1
        if (failed := self.answer()) is not None:
            raise failed
        return await stored


@contextlib.asynccontextmanager
async def a_thousand() -> AsyncIterator[tuple[Counting, OwnedPartition, Counts]]:
    """The log, the one partition of a thousand Triggers whose cursors are all written, and what was counted."""
    world = World(partitions=1)
    world.adopt(plan(*(trigger(f"t{number}") for number in range(1000))))
    log = Counting(world.store)
    async with world.dispatcher(log=log) as dispatcher:
        (partition,) = dispatcher._roster.partitions()
        await until(lambda: not any(ledger.changed for ledger in partition.ledgers.values()))
        yield log, partition, dispatcher._edges.counts


def test_a_thousand_cursors_are_not_written_at_once() -> None:
    """Each costs memory until Kafka has it, which then stays with the process."""

    async def scenario() -> None:
        async with a_thousand() as (log, partition, _):
            pass
        assert (log.most, len(partition.ledgers)) == (AT_ONCE, 1000)

    run(scenario)


@pytest.mark.parametrize(("failure", "tried"), [(LogUnavailable("away"), AT_ONCE), (LogRefused("too large"), 1000)])
def test_while_kafka_is_away_the_rest_is_not_tried_and_what_it_refuses_keeps_no_other_from_it(
    failure: LogUnavailable | LogRefused, tried: int
) -> None:
    async def scenario() -> None:
        async with a_thousand() as (log, partition, counts):
            ledgers = partition.ledgers.values()
            for ledger in ledgers:
                ledger.changed = True
            log.seen, log.answer = 0, lambda: failure
            await until(lambda: log.seen and not log.on_the_way and counts.cursor_failures)
            assert log.seen == tried
            assert all(ledger.changed for ledger in ledgers)
            log.answer = lambda: None
            await until(lambda: not any(ledger.changed for ledger in ledgers))

    run(scenario)


def test_retries_that_were_not_tried_are_written_when_kafka_is_back() -> None:
    """Nothing else says that they are to be written: of a cursor the owner's new name does."""

    async def scenario() -> None:
        async with a_thousand() as (log, partition, counts):
            log.kind, log.answer, log.seen = b"owed/", lambda: LogUnavailable("away"), 0
            ledger = next(iter(partition.ledgers.values()))
            for offset in range(1000, 1000 + 2 * AT_ONCE):
                ledger.owe(offset)
                ledger.wait(offset, Journey(attempts=1), clock() + 1000)
            await until(lambda: log.seen and not log.on_the_way and counts.cursor_failures)
            assert log.seen == AT_ONCE
            log.answer = lambda: None
            await until(lambda: all(entry.recorded for entry in ledger.owed.values()))

    run(scenario)

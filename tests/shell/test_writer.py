"""Cursors that Kafka does not take at once."""

import asyncio
from collections.abc import Awaitable

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import World, event, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.errors import LogUnavailable
from tradewind.ports import NewRecord, Position


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

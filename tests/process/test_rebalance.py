"""Dispatchers come, go and stand still under load: nothing lost, few repeats, each key in its order."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import pytest

from tests.conftest import KafkaServer
from tests.contracts.driving import until
from tests.process.fleet import Fleet, fleet, slot
from tradewind.adapters.kafka_log.log import SESSION

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

RATE = 300
"""Events in a second."""
REPEATED = 5 * RATE
"""What one kill may repeat, of each Trigger: what was in flight or moved since the cursors were last written.  That is
a second, on a machine that has time."""


@contextlib.asynccontextmanager
async def fed(made: Fleet) -> AsyncIterator[None]:
    """While the block runs events come; after it all of them must be accounted for."""
    enough = asyncio.Event()
    feeding = asyncio.create_task(made.feed(RATE, enough))
    try:
        yield
    finally:
        enough.set()
        await feeding
    await made.until_delivered()
    made.check_order()
    print(f"{len(made.accepted)} events, repeats: {made.repeats()}")


async def some(made: Fleet, count: int) -> None:
    """Wait for so many more events."""
    goal = len(made.accepted) + count
    async with asyncio.timeout(60):
        while len(made.accepted) < goal:
            await asyncio.sleep(0.02)


async def test_one_three_two_by_sigterm_and_sigkill(kafka_server: KafkaServer, tmp_path: Path) -> None:
    server = await kafka_server(tmp_path / "kafka")
    async with fleet(tmp_path, server.bootstrap, [slot(0)]) as made:
        async with fed(made):
            await some(made, 2 * RATE)
            for number in (1, 2):
                await made.start(slot(number))
                await made.until_said(slot(number), "partitions taken over")
            await some(made, 2 * RATE)
            taken = made.said(slot(1), "partitions taken over")
            await made.end(slot(0), SIGTERM)
            await made.until_said(slot(1), "partitions taken over", taken + 1)
            await made.start(slot(0))
            await made.until_said(slot(0), "partitions taken over", 2)
            in_order = made.repeats()
            await made.end(slot(2), SIGKILL)
            await some(made, 9 * RATE)  # longer than the session: others have its partitions
        repeats = made.repeats()
    print(f"repeats before the kill: {in_order}")  # none, where the machine has time
    assert all(count <= REPEATED for count in repeats.values()), repeats


async def test_a_dispatcher_that_stands_still_beyond_its_session(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """It is stopped in the midst of its work; when it goes on its partitions are another's, and it must see that."""
    server = await kafka_server(tmp_path / "kafka")
    async with fleet(tmp_path, server.bootstrap, [slot(0), slot(1)]) as made:
        async with fed(made):
            await made.until_said(slot(1), "partitions taken over")
            await some(made, 3 * RATE)
            taken = made.said(slot(0), "partitions taken over")
            made.signal(slot(1), SIGSTOP)
            await made.until_said(slot(0), "partitions taken over", taken + 1)
            await some(made, 3 * RATE)
            made.signal(slot(1), SIGCONT)
            await made.until_said(slot(1), "this process was away")
            await made.until_said(slot(1), "partitions taken over", 2)
            await some(made, 2 * RATE)
        repeats = made.repeats()
        assert all(process.returncode is None for process in made.running.values())
    assert all(count <= REPEATED for count in repeats.values()), repeats


async def test_a_kafka_that_stands_still_beyond_the_sessions(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """It expels every member when it goes on; those that it fences are replaced by themselves."""
    server = await kafka_server(tmp_path / "kafka")
    async with fleet(tmp_path, server.bootstrap, [slot(0), slot(1)]) as made:
        async with fed(made):
            await some(made, 2 * RATE)
            os.kill(server.pid, SIGSTOP)
            stopped = time.monotonic()
            await until(lambda: time.monotonic() > stopped + SESSION + 3)
            os.kill(server.pid, SIGCONT)
            await some(made, 2 * RATE)
        assert all(process.returncode is None for process in made.running.values())

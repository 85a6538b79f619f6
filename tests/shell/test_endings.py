"""How what runs is ended."""

import asyncio

import pytest

from tests.fake_time import run
from tradewind.endings import ended, unless


async def slow_to_end() -> None:
    try:
        await asyncio.sleep(100)
    finally:
        await asyncio.sleep(10)


async def failing() -> None:
    try:
        await asyncio.sleep(100)
    finally:
        raise ValueError("at the end")


def test_a_task_is_over_and_its_end_is_nobodys_cancellation() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(slow_to_end())
        await asyncio.sleep(1)
        await ended(task)
        assert task.cancelled()
        with pytest.raises(ValueError, match="at the end"):
            failed = asyncio.create_task(failing())
            await asyncio.sleep(1)
            await ended(failed)

    run(scenario)


def test_whoever_waits_for_an_end_and_is_cancelled_ends_as_well() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(slow_to_end())
        await asyncio.sleep(1)
        waiting = asyncio.create_task(ended(task))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        await asyncio.wait([task])

    run(scenario)


def test_work_is_done_unless_stopped_before() -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        assert await unless(stop, asyncio.sleep(1, "done")) == "done"
        asyncio.get_running_loop().call_later(1, stop.set)
        assert await unless(stop, asyncio.sleep(10, "done")) is None

    run(scenario)

"""How what runs is ended."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def unless(stop: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """The result of `work`, or None when `stop` is set before it ends."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work)
        stopping = tasks.create_task(stop.wait())
        done, _ = await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return working.result() if working in done else None


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait until it is over.  Raises what it ended with, where that is anything else."""
    task.cancel()
    await asyncio.wait([task])  # rather than the task itself: its CancelledError could not be told from ours
    if not task.cancelled():
        task.result()

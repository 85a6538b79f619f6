"""How a member's thread asks an Ownership, which lives on the event loop, and waits for its answer."""

import asyncio
import concurrent.futures
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

DEADLINE = 60.0
"""Seconds an Ownership may take.  Above a dispatcher's grace; meanwhile others wait for the partitions."""

POLL = 0.05
"""Seconds after which the thread looks whether the Ownership wants something done meanwhile."""


def answer(
    question: Coroutine[Any, Any, T],  # Any: what a coroutine yields and is sent is asyncio's own
    loop: asyncio.AbstractEventLoop | None,
    meanwhile: Callable[[], None],
) -> T:
    """Await a coroutine on the loop, from the thread, which does `meanwhile` again and again.

    Raises what the coroutine does; RuntimeError where there is no loop, TimeoutError after DEADLINE.
    """
    if loop is None or not loop.is_running():
        question.close()
        raise RuntimeError("the event loop has ended")
    asked = asyncio.run_coroutine_threadsafe(question, loop)
    deadline = time.monotonic() + DEADLINE
    while True:
        answered, _ = concurrent.futures.wait([asked], timeout=POLL)
        if answered:
            return asked.result()
        if not loop.is_running() or time.monotonic() > deadline:
            asked.cancel()
            raise TimeoutError(f"an Ownership had not answered after {DEADLINE:.0f} s")
        meanwhile()

"""Time and chance as sources have them, which tests replace."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds since the epoch, a wait, a number in [0, 1), and a clock that goes on while the process is stopped."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    elapsed: Callable[[], float] = time.monotonic
    """Of `adapters.elapsed` where the machine may sleep, too."""

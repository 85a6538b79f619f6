"""A clock that goes on while the machine sleeps.

Linux has one (`CLOCK_BOOTTIME`).  Elsewhere the monotonic clock may stop with the machine, and the wall clock may be
set: what passed is the longer of what these two say.  One that was set forward looks like sleep: a rebalance more.
"""

import time
from collections.abc import Callable
from functools import partial


def longer(monotonic: Callable[[], float], wall: Callable[[], float]) -> Callable[[], float]:
    """Seconds that have passed by these two clocks, since this was called."""
    before, elapsed = (monotonic(), wall()), 0.0

    def passed() -> float:
        nonlocal before, elapsed
        now = monotonic(), wall()
        elapsed += max(now[0] - before[0], now[1] - before[1])
        before = now
        return elapsed

    return passed


def clock() -> Callable[[], float]:
    """The best of this platform, in seconds since some moment."""
    boottime: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if boottime is None:
        return longer(time.monotonic, time.time)
    return partial(time.clock_gettime, boottime)

"""An event loop whose clock jumps: an hour of back-off passes as soon as nobody has anything else to do.

Only for worlds without I/O and threads (MemoryLog): the loop never waits for the outside.
"""

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Args = TypeVarTuple("Args")

EPOCH = 1_700_000_000.0
"""Wall-clock seconds at which every fake clock starts."""


class _Jump(selectors.DefaultSelector):
    loop: "FakeTimeLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits for something that nothing will bring")
        self.loop.now += timeout
        self.loop.turns += 1
        return super().select(0)


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """Its time moves only by its timers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = 0
        """How often it has looked for what may run."""
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Whoever waits for the rest of a time, which floats may make too small to be added to it, gets on."""
        return super().call_later(
            max(delay, math.ulp(self.now)) if delay > 0 else delay, callback, *args, context=context
        )


def clock() -> float:
    """The fake wall clock of the running loop."""
    return EPOCH + asyncio.get_running_loop().time()


def run(scenario: Callable[[], Coroutine[Any, Any, T]], *, patience: float = 3600.0) -> T:
    """Run a scenario in fake time; one that takes longer than `patience` fake seconds has failed."""

    async def bounded() -> T:
        async with asyncio.timeout(patience):
            return await scenario()

    with asyncio.Runner(loop_factory=FakeTimeLoop) as runner:
        return runner.run(bounded())


async def until(condition: Callable[[], object], *, within: float = 600.0, what: str = "") -> None:
    """Wait until a condition holds, looking every hundredth of a (fake) second."""
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or condition}")
        await asyncio.sleep(0.01)

"""When deliveries are begun: in the turns of the loop, a queue for all Triggers.

soon ──► queue ──the loop's next turn──► begun, one Trigger after the other ──about a SLICE──► the rest, a turn later
                                  └──► passed: whoever reads on has waited for those before it

Once for all that comes in a turn: requests that go out together wake their subscriber once.  In slices, and read no
faster than begun, since each request that is under way keeps memory warm: 400 of them cost a fifth more each than 100.
"""

import asyncio
from collections import deque
from collections.abc import Callable

OFFERS = 1000
"""Events that a reader offers to Triggers in one turn of the loop: each costs some 2 µs, and a batch that matches a
hundred Triggers would keep everything else waiting, what is healthy included."""

SLICE = 100
"""Deliveries after which the other Triggers wait for the loop's next turn, so that answers are heard meanwhile: as many
as one has under way by default.  One with a greater width begins as many more in a turn as that lets it."""


class Turns:
    """Of one dispatcher.  A fault in a turn ends it: nobody else would hear of it, and a Trigger would stand still."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._queue: deque[Callable[[], int]] = deque()
        """Whose turn it is stays in it until that is over: as long as there is anything in it, the loop will call."""

    def soon(self, begin: Callable[[], int]) -> None:
        """Call `begin` in its turn; it says how many deliveries it has begun."""
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._run)
        self._queue.append(begin)

    async def passed(self) -> None:
        """All that is queued now has been begun, as far as it may be; at once where nothing is."""
        if self._queue:
            passed = asyncio.get_running_loop().create_future()
            self.soon(lambda: _resolve(passed))
            await passed

    def fault(self, error: Exception) -> None:
        """A fault of ours that no task met."""
        self._tasks.create_task(_raised(error))

    def _run(self) -> None:
        queue, left = self._queue, SLICE
        while queue and left > 0:
            try:
                left -= queue[0]()
            except Exception as error:
                self.fault(error)
            queue.popleft()
        if queue:
            asyncio.get_running_loop().call_soon(self._run)


def _resolve(passed: "asyncio.Future[None]") -> int:
    if not passed.done():
        passed.set_result(None)
    return 0


async def _raised(error: Exception) -> None:
    raise error

"""Where the requests of one source wait for their events to be stored: between the port and the sources' runner.

    port ──offer──► Waiter: its emissions ──take──► runner ──ack, ack──► the sender is answered
                      └── its sender gave up: what nobody has taken of it is passed over

So many, and so many bytes, wait at once: beyond that the port says 503, and a source that is flooded takes no more room
than any other.  It outlives the lives of its source: what waits when a source is changed goes on with the next.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from tradewind.sources.emission import Emission, NoEvent


class Waiter:
    """One request.  `stored` ends when all of it is: True, or False where that will not be."""

    __slots__ = ("_left", "_untouched", "stored", "weight")

    def __init__(self, number: int, weight: int) -> None:
        self.stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.weight = weight
        self._left = number
        self._untouched = True

    @property
    def gone(self) -> bool:
        """Nobody waits for it any more, and nothing of it was taken: it need not be stored."""
        return self._untouched and self.stored.done()

    def taken(self) -> None:
        """Some of it is on its way now, so that all of it must go."""
        self._untouched = False

    def settled(self) -> None:
        """One of its emissions is settled."""
        self._left -= 1
        if not self._left and not self.stored.done():
            self.stored.set_result(True)

    def ends(self) -> None:
        """It will not be stored."""
        if not self.stored.done():
            self.stored.set_result(False)


class Desk:
    """Of one source."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.held_bytes = 0
        """Bytes of what waits here, and is not on its way."""
        self.reading = 0
        """Bytes of bodies that are being read for it."""
        self._most = most
        self._most_bytes = most_bytes
        self._line: deque[tuple[Waiter, Emission | NoEvent]] = deque()
        self._came = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether nothing more may be offered."""
        return bool(self._line) and (len(self._line) >= self._most or self.held_bytes >= self._most_bytes)

    def offer(self, emissions: Sequence[Emission | NoEvent], weight: int) -> Waiter:
        """Let these wait, of so many bytes together; for a desk that is not full."""
        waiter = Waiter(len(emissions), weight // len(emissions))
        for emission in emissions:
            if isinstance(emission, Emission):
                self._line.append((waiter, Emission(emission.event, waiter.settled)))
            else:
                self._line.append((waiter, emission._replace(ack=waiter.settled)))
            self.held_bytes += waiter.weight
        self._came.set()
        return waiter

    async def take(self) -> Emission | NoEvent:
        """The next one for which somebody waits."""
        while True:
            while not self._line:
                self._came.clear()
                await self._came.wait()
            waiter, emission = self._line.popleft()
            self.held_bytes -= waiter.weight
            if not waiter.gone:
                waiter.taken()
                return emission

    def dismiss(self) -> None:
        """Nobody will take what waits here."""
        for waiter, _ in self._line:
            waiter.ends()
        self._line.clear()
        self.held_bytes = 0

"""One timer for all connections: each names the moment at which it has taken too long."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from tradewind.broker.guard import guarded

IDLE = 95.0
"""Seconds an idle connection is kept.  Above the 90 s of Go's clients: who closes first must be the client, or a POST
crosses the close."""

HEAD = 30.0
"""Seconds a sender may take for a request's head, once it has begun."""

BODY = 30.0
"""Seconds a sender may take for a body.  The largest event needs less at 300 kbit/s."""

LINGER = 5.0
"""Seconds in which a sender may see that its body is refused while it is under way; what it sends is dropped."""

NEVER = float("inf")
"""The deadline of what waits for nobody but us."""

SWEEP = 1.0
"""Seconds between two looks.  A timer for each request would cost more than the request."""


class Expiring(Protocol):
    """A connection."""

    deadline: float
    """Seconds by the loop's clock; NEVER where nothing is waited for."""

    def expire(self) -> None:
        """The deadline has passed."""

    def give_up(self) -> None:
        """The server's grace is over."""

    def abort(self) -> None:
        """End it as it is."""


@guarded
def _tell(_connection: Expiring, what: Callable[[], None]) -> None:
    what()


class Sweeper:
    """Ends what has passed its deadline."""

    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time
        self._connections: set[Expiring] = set()

    def add(self, connection: Expiring) -> None:
        """Watch this one, until it is discarded."""
        self._connections.add(connection)

    def discard(self, connection: Expiring) -> None:
        """It is gone."""
        self._connections.discard(connection)

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP)
            now = self.now()
            for connection in [one for one in self._connections if one.deadline <= now]:
                connection.deadline = NEVER
                _tell(connection, connection.expire)

    def end(self) -> None:
        """The server's grace is over."""
        for connection in tuple(self._connections):
            _tell(connection, connection.give_up)

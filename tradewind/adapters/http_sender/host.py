"""The connections to one host and port: those that are idle, how many there are, and who waits for one.

take  ──► an idle one, the one used last first, so that what is not needed grows old and is closed
turn  ──► else a new one; at PER_HOST connections the first that comes free, in the order of asking
queue ──► the same for a request that was begun, where nothing else than that is waited for
"""

import asyncio
import math
import socket
from collections import deque
from collections.abc import Callable
from itertools import chain

from aiohappyeyeballs import start_connection

from tradewind.adapters.http_sender.bounds import HEAD_START
from tradewind.adapters.http_sender.connection import Connection
from tradewind.adapters.http_sender.requests import Target
from tradewind.delivery.verdicts import Dropped, NoAnswer, Outcome
from tradewind.ports import Told


class Queued:
    """A request that was begun, and waits for a connection first: see Exchange."""

    __slots__ = ("about", "body", "connection", "deadline", "head", "timeout", "told")

    def __init__(self, head: bytes, body: bytes, *, deadline: float, timeout: float, told: Told, about: object) -> None:
        self.head = head
        self.body = body
        self.deadline = deadline
        self.timeout = timeout
        self.told: Told | None = told
        self.about = about
        self.connection: Connection | None = None
        """What it was sent on; which may carry another by now, and knows."""

    def give_up(self, about: object) -> None:
        """See Exchange."""
        if self.connection is not None:
            self.connection.give_up(about)
        self.told = None

    def tell(self, outcome: Outcome | Dropped) -> None:
        """It gets no connection."""
        told, self.told = self.told, None
        if told is not None:
            told(self.about, outcome)

    def send(self, connection: Connection) -> None:
        """Its turn has come."""
        told = self.told
        assert told is not None
        self.connection = connection
        connection.ask(self.head, self.body, deadline=self.deadline, timeout=self.timeout, told=told, about=self.about)


class Host:
    """See above.  `rest` is told of each connection that goes idle, `empty` when the last one is gone."""

    def __init__(
        self,
        target: Target,
        *,
        make: Callable[["Host"], Connection],
        most: int,
        rest: Callable[[Connection], None],
        empty: Callable[["Host"], None],
    ) -> None:
        self.place = target.place
        self.connections: set[Connection] = set()
        self._is_name = target.is_name
        self._make = make
        self._most = most
        self._rest = rest
        self._empty = empty
        self._idle: dict[Connection, None] = {}
        self._open: set[Connection] = set()
        """Connections, and those that are being made.  A set, since of one that is given up while it is made the loop
        may tell an end or not: uvloop tells none of what was cancelled just after it was made."""
        self._waiting: deque[asyncio.Future[Connection | None] | Queued] = deque()

    def take(self, now: float) -> Connection | None:
        """An idle connection, if there is one."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.closed:
                continue
            if connection.deadline > now:
                return connection
            connection.abort()
        return None

    @property
    def full(self) -> bool:
        """Whether there are as many connections as may be."""
        return len(self._open) >= self._most

    def queue(self, request: Queued) -> None:
        """Send it on the first connection that comes free, in its turn; only where there are as many as may be."""
        self._waiting.append(request)

    def overdue(self, now: float) -> None:
        """Tell everybody whose time is over; connections that were idle for too long are closed."""
        for connection in tuple(self.connections):
            if connection.deadline <= now:
                connection.overdue()
        for request in self._queued():
            if request.deadline <= now:
                request.tell(NoAnswer(f"timed out after {request.timeout:g} s"))

    def nearest(self) -> float:
        """When somebody's time is over next."""
        connections = (connection.deadline for connection in self.connections)
        queued = (request.deadline for request in self._queued() if request.told is not None)
        return min(chain(connections, queued), default=math.inf)

    async def turn(self) -> Connection:
        """A new connection, or one that comes free.  Raises OSError."""
        if len(self._open) >= self._most:
            given = await self._given()
            if given is not None:
                return given
        return await self.connect()

    async def connect(self) -> Connection:
        """A new connection, whatever the bound.  Raises OSError, socket.gaierror for a name that is not found."""
        loop = asyncio.get_running_loop()
        connection = self._make(self)
        self._open.add(connection)
        try:
            flags = socket.AI_ADDRCONFIG if self._is_name else socket.AI_NUMERICHOST
            found = await loop.getaddrinfo(*self.place, type=socket.SOCK_STREAM, flags=flags)
            connected = await start_connection(found, happy_eyeballs_delay=HEAD_START)
            await loop.create_connection(lambda: connection, sock=connected)
        except BaseException:
            connection.abort()
            self._less(connection)
            raise
        self.connections.add(connection)
        if connection.closed:
            self.connections.discard(connection)
        return connection

    def free(self, connection: Connection) -> None:
        """See Keeper."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if isinstance(waiting, Queued):
                if waiting.told is not None:
                    waiting.send(connection)
                    return
            elif not waiting.done():
                waiting.set_result(connection)
                return
        self._idle[connection] = None
        self._rest(connection)

    def lost(self, connection: Connection) -> None:
        """See Keeper."""
        self._idle.pop(connection, None)
        self.connections.discard(connection)
        self._less(connection)

    def abandon(self) -> None:
        """Close everything; whoever waits gets no connection."""
        for connection in tuple(self.connections):
            connection.abort()
        while self._waiting:
            waiting = self._waiting.popleft()
            if isinstance(waiting, Queued):
                waiting.tell(NoAnswer("the sender is closed"))
            elif not waiting.done():
                waiting.set_exception(ConnectionAbortedError("the sender is closed"))

    async def _given(self) -> Connection | None:
        """A connection that came free; None where one may be made."""
        waiting: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                given = waiting.result()
                if given is not None:
                    self.free(given)
                else:
                    self._next()
            raise

    def _queued(self) -> list[Queued]:
        return [each for each in self._waiting if isinstance(each, Queued)]

    def _less(self, connection: Connection) -> None:
        if connection not in self._open:
            return
        self._open.discard(connection)
        self._next()
        if not self._open and not self._waiting:
            self._empty(self)

    def _next(self) -> None:
        """Let the first who waits make a connection."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if isinstance(waiting, Queued):
                if waiting.told is not None:
                    waiting.tell(Dropped("a connection must be made"))
                    return
            elif not waiting.done():
                waiting.set_result(None)
                return

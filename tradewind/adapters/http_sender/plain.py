"""HTTP/1.1 out on sockets and httptools, for plain requests: what nearly every delivery is.

    begin ──► idle connection, or the next that comes free ──► told, by a callback: what nearly every delivery is
    post ──► idle connection, or a new one ──► answer ──► Answer, cut at its bound
               │ Dropped, and it was an old one
               └──► once more, on a connection made for it: costs no attempt

One timer looks after every connection (`Watch`), be it asked or idle: a timer for each post would cost as much as a
third of the post.
"""

import asyncio
import math
import socket
from collections.abc import Awaitable

from tradewind.adapters.http_sender.bounds import KEEP_ALIVE, PER_HOST, words
from tradewind.adapters.http_sender.connection import Connection
from tradewind.adapters.http_sender.host import Host, Queued
from tradewind.adapters.http_sender.requests import Target
from tradewind.delivery.verdicts import Dropped, NoAnswer, Outcome
from tradewind.ports import Exchange, Told


class PlainSender:
    """Made within a running loop; `max_answer_bytes` bounds the body of what may be a reply."""

    def __init__(self, *, max_answer_bytes: int, keep_alive: float = KEEP_ALIVE, per_host: int = PER_HOST) -> None:
        self._max_answer_bytes = max_answer_bytes
        self._keep_alive = keep_alive
        self._per_host = per_host
        self._loop = asyncio.get_running_loop()
        self._hosts: dict[tuple[str, int], Host] = {}
        self._rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def begin(
        self, target: Target, fields: bytes, body: bytes, *, timeout: float, told: Told, about: object
    ) -> Exchange | None:
        """See Sender.begin; None, and nothing is done, where a connection must be made first."""
        host = self._hosts.get(target.place)
        if host is None:
            return None
        now = self._loop.time()
        connection, deadline = host.take(now), now + timeout
        if connection is None and not host.full:
            return None
        head = _head(target, fields, body)
        self._ring_by(deadline)
        if connection is None:
            queued = Queued(head, body, deadline=deadline, timeout=timeout, told=told, about=about)
            host.queue(queued)
            return queued
        connection.ask(head, body, deadline=deadline, timeout=timeout, told=told, about=about)
        return connection

    async def post(self, target: Target, fields: bytes, body: bytes, *, timeout: float, anew: bool) -> Outcome:
        """POST once; see Sender.post.  `fields` are the lines of what the caller's headers say."""
        if self._closed:
            raise RuntimeError("the sender is closed")
        now = self._loop.time()
        deadline = now + timeout
        host = self._hosts.get(target.place) or self._host(target)
        head = _head(target, fields, body)
        connection = None if anew else host.take(now)
        try:
            if connection is None:
                connection = await _until(deadline, timeout, host.connect() if anew else host.turn())
            was_reused = connection.reused
            outcome = await self._exchange(connection, head, body, deadline, timeout)
            if was_reused and isinstance(outcome, Dropped):
                connection = await _until(deadline, timeout, host.connect())
                outcome = await self._exchange(connection, head, body, deadline, timeout)
        except (socket.gaierror, UnicodeError):  # the latter of a name whose labels are empty or too long
            return NoAnswer(f"name not found: {target.place[0]}")
        except OSError as error:
            return NoAnswer(words(error))
        return NoAnswer(outcome.reason) if isinstance(outcome, Dropped) else outcome

    async def close(self) -> None:
        """See Sender.close."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._hosts:
            for host in tuple(self._hosts.values()):
                host.abandon()
            await asyncio.sleep(0)  # what is closed is told so at the loop's next turns

    async def _exchange(
        self, connection: Connection, head: bytes, body: bytes, deadline: float, timeout: float
    ) -> Outcome | Dropped:
        asked: asyncio.Future[Outcome | Dropped] = self._loop.create_future()
        connection.ask(head, body, deadline=deadline, timeout=timeout, told=_resolve, about=asked)
        self._ring_by(deadline)
        try:
            return await asked
        except asyncio.CancelledError:
            connection.give_up(asked)
            raise

    def _host(self, target: Target) -> Host:
        made = self._hosts[target.place] = Host(
            target,
            make=lambda host: Connection(host, self._max_answer_bytes),
            most=self._per_host,
            rest=self._rest,
            empty=self._empty,
        )
        return made

    def _empty(self, host: Host) -> None:
        if self._hosts.get(host.place) is host:
            del self._hosts[host.place]

    def _rest(self, connection: Connection) -> None:
        connection.deadline = self._loop.time() + self._keep_alive
        self._ring_by(connection.deadline)

    # ── the one timer ───────────────────────────────────────────────────────────────────────────────────────────────

    def _ring_by(self, moment: float) -> None:
        if moment >= self._rings_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        now = self._loop.time()
        for host in tuple(self._hosts.values()):
            host.overdue(now)
        self._timer, self._rings_at = None, math.inf
        nearest = min(
            (host.nearest() for host in self._hosts.values()), default=math.inf
        )  # who was told has begun more
        self._ring_by(nearest)


def _head(target: Target, fields: bytes, body: bytes) -> bytes:
    return b"%b%bContent-Length: %d\r\n\r\n" % (target.head, fields, len(body))


def _resolve(asked: "asyncio.Future[Outcome | Dropped]", outcome: Outcome | Dropped) -> None:
    if not asked.done():
        asked.set_result(outcome)


async def _until(deadline: float, timeout: float, connecting: Awaitable[Connection]) -> Connection:
    """The connection, or OSError with the words for a time that is over."""
    scope = asyncio.timeout_at(deadline)
    try:
        async with scope:
            return await connecting
    except TimeoutError as error:  # the system has one of this name, too, which has a number
        if scope.expired():
            raise OSError(f"timed out after {timeout:g} s") from None
        raise error

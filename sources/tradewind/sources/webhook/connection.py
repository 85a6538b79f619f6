"""One connection to the port: uvicorn's httptools protocol, bounded where its defaults are not.

- A head has a bound of bytes, and of seconds; so has a connection that says nothing, and the rest of a refused body.
- What is refused is read on and dropped for a while, or its sender would be reset before it has read the answer.
- So many connections at once; beyond that who has most of them gives way, or they are closed as they come (`crowd`).
- An offer of an upgrade (Java's default client makes one with each POST) would leave httptools with an empty body: such
  a connection is h11's from its first bytes on; where the offer comes later, it is closed, and its sender comes again.
- A request that is whole when its turn comes is begun and answered without a task.
"""

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from tradewind.errors import Rejected
from tradewind.observe.logs import Log
from tradewind.sources.webhook.answers import Answer, Begins, Due
from tradewind.sources.webhook.crowd import Crowd
from tradewind.web import problem
from tradewind.web.framing import CLOSING

log = Log("sources")

HEAD = 10.0
"""Seconds that a head may take, and that a connection may be silent before its first."""

SWEEP = 1.0
"""Seconds between two looks."""

MOST = 1000
"""Connections at once.  Each gets its turn of the loop, so this bounds how long others wait for theirs."""

MORE = 100
"""Connections beyond that, while others leave for them."""

_UPGRADE = b"\nupgrade:"


def _closing(status: int, why: str, headers: dict[str, str] = CLOSING) -> bytes:
    """An answer, whole, after which the connection ends."""
    _, fields, body = problem.answer(Rejected(status, why, headers={**CLOSING, **headers}))
    fields.append(("Content-Length", f"{len(body)}"))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status} {problem.phrase(status)}\r\n{head}\r\n".encode() + body


_TOO_LARGE = _closing(431, "The head is too large.")
_NOT_IN_TIME = _closing(408, "The head did not arrive in time.")
_FULL = _closing(503, f"There are {MOST} connections already.", {"Retry-After": "1"})
_AGAIN = _closing(503, "Come again on a connection of your own, without an Upgrade.", {"Retry-After": "1"})


class Guard:
    """Of all connections of a port: when their heads began, and a look at them now and then."""

    def __init__(self, head_bytes: int) -> None:
        self.head_bytes = head_bytes
        self.now = asyncio.get_running_loop().time
        self.began: dict[asyncio.Protocol, tuple[float, asyncio.Transport, bytes]] = {}
        """Connections of which something is awaited, since when, their transports, and what is said at the end."""
        self._crowd = Crowd[asyncio.Transport](MOST, MORE)
        self.turned_away = 0
        """Connections that were closed as they came: there were too many."""

    @property
    def open(self) -> int:
        """Connections that are."""
        return self._crowd.there

    def lets_in(self, transport: asyncio.Transport) -> bool:
        """Whether there is room for a connection; where another must make it, that ends with its next answer."""
        address = (transport.get_extra_info("peername") or ("",))[0]
        if not self._crowd.enter(transport, address):
            self.turned_away += 1
            return False
        if (giver := self._crowd.gives_way) is not None:
            giver.get_protocol().shutdown()  # type: ignore[attr-defined]  # uvicorn's, of both kinds
        return True

    def left(self, transport: asyncio.Transport) -> None:
        """A connection that was let in is over."""
        self._crowd.left(transport)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(SWEEP)
            latest = self.now() - HEAD
            for connection, (since, transport, told) in list(self.began.items()):
                if since <= latest:
                    del self.began[connection]
                    if not transport.is_closing():
                        transport.write(told)
                        transport.close()

    def awaits(self, connection: asyncio.Protocol, transport: asyncio.Transport, told: bytes = _NOT_IN_TIME) -> None:
        """Close it, with this, if it does not come to an end in time.  What is awaited already goes on."""
        self.began.setdefault(connection, (self.now(), transport, told))

    def came(self, connection: asyncio.Protocol) -> None:
        """What was awaited of it."""
        self.began.pop(connection, None)


class Connection(HttpToolsProtocol):
    """See above.  `arguments` are uvicorn's."""

    def __init__(self, guard: Guard, app: Begins, **arguments: Any) -> None:  # Any: uvicorn's own, handed on to its own
        super().__init__(**arguments)
        self._guard = guard
        self._app = app
        self._arguments = arguments
        self._head = 0
        """Bytes of a head that has not ended."""
        self._in_head = True
        self._fresh = True
        self._counted = False
        self._refused = False
        self._upgrading = False

    def connection_made(self, transport: Any) -> None:  # Any: asyncio's name for it, and uvicorn's, differ
        """See asyncio."""
        if not self._guard.lets_in(transport):
            transport.write(_FULL)
            transport.close()
            return
        self._counted = True
        super().connection_made(transport)
        self._guard.awaits(self, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if self._counted:
            self._guard.left(self.transport)
            self._guard.came(self)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if not self._counted or self._refused or self.transport.is_closing():
            return
        if self._fresh and _UPGRADE in data.lower():
            self._hand_over(data)
            return
        self._fresh = False
        if self._in_head:
            self._guard.awaits(self, self.transport)
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > self._guard.head_bytes and not self.transport.is_closing():
            self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._in_head, self._head = False, 0
        self._guard.came(self)
        self._upgrading = self.parser.should_upgrade()
        if not self._upgrading:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See uvicorn."""
        if not self._upgrading:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """See uvicorn."""
        if not self._upgrading:
            self._in_head = True
            self._guard.came(self)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        if not self._in_head:  # it was answered before all of its body came
            self._guard.awaits(self, self.transport, b"")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # Any: uvicorn's word for an app
        """See uvicorn, which says so when the head is whole: what has come of the body is read by the next turn."""
        self.loop.call_soon(self._begin, cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:  # Any: as above
        if cycle.disconnected:
            return
        plain = not cycle.more_body and not self.flow.write_paused
        begun = self._app.begin(cycle.scope, bytes(cycle.body)) if plain else None  # type: ignore[arg-type]  # a dict
        if begun is None:
            super()._start_asgi_task(cycle, app)
        elif isinstance(begun, Due):
            self.tasks.add(begun.stored)  # type: ignore[arg-type]  # uvicorn waits for it, and cancels it, as for a task
            begun.stored.add_done_callback(partial(self._ended, cycle, begun))
        else:
            self._say(cycle, begun)

    def _ended(self, cycle: RequestResponseCycle, due: Due, stored: asyncio.Future[bool]) -> None:
        self.tasks.discard(stored)
        self._say(cycle, due.answer())

    def _say(self, cycle: RequestResponseCycle, answer: Answer) -> None:
        """As the cycle's `send` would, in one piece."""
        if cycle.disconnected:
            return
        fields = [*self.server_state.default_headers, *answer.fields]
        if not cycle.keep_alive and not answer.closes:
            fields.append((b"connection", b"close"))
        lines = [b"%b: %b\r\n" % field for field in fields]
        body = b"" if cycle.scope["method"] == "HEAD" else answer.body
        self.transport.write(b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", body)))
        cycle.response_started = cycle.response_complete = True
        if answer.closes or not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def handle_websocket_upgrade(self) -> None:
        """Never asked for, as there is no protocol of websockets here."""
        self._unsupported_upgrade_warning()

    def _unsupported_upgrade_warning(self) -> None:
        """Its body would be lost: the sender must come again."""
        self._refuse(_AGAIN)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered, and not logged: anybody could fill the log with it."""
        super().send_400_response(msg)

    def _refuse(self, answer: bytes) -> None:
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()  # others are still to be answered: whoever waits for this one comes again
            return
        self.transport.write(answer)
        self.transport.write_eof()
        self._guard.came(self)
        self._guard.awaits(self, self.transport, b"")

    def _hand_over(self, data: bytes) -> None:
        self._guard.came(self)
        self.connections.discard(self)
        behind = _Behind(self._guard, **self._arguments)
        behind.connection_made(self.transport)
        self.transport.set_protocol(behind)
        behind.data_received(data)


class _Behind(H11Protocol):
    """What h11 serves: its own bound of a head's bytes, and our bound of its seconds."""

    def __init__(self, guard: Guard, **arguments: Any) -> None:  # Any: as above
        super().__init__(**arguments)
        self._guard = guard

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self.cycle is None or self.cycle.response_complete:
            self._guard.awaits(self, self.transport)
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._guard.came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._guard.left(self.transport)
        self._guard.came(self)
        super().connection_lost(exc)

    def _unsupported_upgrade_warning(self) -> None:
        """Passed over in silence (RFC 9110 7.8)."""

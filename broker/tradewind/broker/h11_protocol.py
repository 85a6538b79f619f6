"""What stands behind the front: uvicorn's H11 protocol, bent where its defaults would break a promise.

- H11, not httptools, which empties the body of a POST that offers an upgrade; Java's default client does on each.
- What h11 takes and we do not, or the other way round, is `h11_connection`'s.
- Offers of an upgrade are passed over in silence.
- What is no HTTP is not logged: uvicorn's warning names neither peer nor reason, and anyone could fill the log with it
  (`serve` lets it log errors only).
- What h11 refuses is answered with a problem document, and a head that is too large with 431.
- What h11 keeps counts against the process's bound (`room`), as what the front keeps.
- One connection gets so many of h11's events in one turn of the loop, then all others have theirs.
- Whatever a client is to do next has a deadline, and a client that sends no more still gets its answers.
"""

import contextlib
import sys
from typing import Any

import h11
from uvicorn.protocols.http.flow_control import CLOSE_HEADER, FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol

from tradewind.broker import admission, deadlines, h11_connection, malformed
from tradewind.broker.deadlines import NEVER, Sweeper
from tradewind.broker.guard import guarded
from tradewind.broker.h11_connection import Connection
from tradewind.broker.ingress import Ingress
from tradewind.errors import Rejected
from tradewind.web import problem


class _Flow(FlowControl):
    """uvicorn's, and reading stays paused while the connection rests, whatever the route asks for."""

    resting = False
    """It has had its turn of the loop, and goes on in the next."""

    def rest(self) -> None:
        """Pause reading; uvicorn resumes it past this in places, so that `read_paused` may not tell."""
        self.resting = self.read_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read, except while it rests."""
        if not self.resting:
            super().resume_reading()


class Protocol(H11Protocol):
    """One connection, from its first request that is not plain on.  `arguments` are uvicorn's."""

    def __init__(self, ingress: Ingress, sweeper: Sweeper, **arguments: Any) -> None:  # Any: uvicorn's
        super().__init__(**arguments)
        self._limits = ingress.limits
        self._counts = ingress.counts
        self.conn: Connection = Connection(h11.SERVER, self._limits.header_bytes)
        self.deadline = NEVER
        self._sweeper = sweeper
        self._awaited = ""
        """What the deadline is for."""
        self._no_more = False
        """The client has sent its last."""
        self._room = ingress.room
        self._full: Rejected | None = None
        """There was no room for more of them: what else comes is dropped, and this is the last answer."""

    # ── asyncio's callbacks ─────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: Any) -> None:  # Any: asyncio's name for it, and uvicorn's, differ
        """See asyncio."""
        super().connection_made(transport)
        self.flow: _Flow = _Flow(transport)
        self._sweeper.add(self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._sweeper.discard(self)
        super().connection_lost(exc)
        self.conn.drop()
        self._count()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._full:
            return
        super().data_received(data)
        self._count()
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's closes at once
        """See asyncio.  Whoever sends no more may still read the answers to what has come."""
        self._no_more = True
        if goes_on := self._owes() or self.flow.resting:
            return goes_on
        self._sent_last()
        return False

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        self._watch()

    # ── what uvicorn, the server and the clock ask ──────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        """An answer is out; uvicorn begins the request behind it, if it has come."""
        self._room.forget(self)  # what is behind it has been waiting for us, and comes anew
        super().on_response_complete()
        self._count()
        if self._full:
            self._refuse(self._full)
        else:
            self._end_if_sent()
        self._watch()

    def handle_events(self) -> None:
        """Serve what has come, and leave to the next turn of the loop what is too much for this one."""
        self.conn.left = h11_connection.AT_ONCE
        super().handle_events()
        if not self.conn.left and not self.flow.resting:
            self.flow.rest()
            self.loop.call_soon(self._rested)

    @guarded
    def _rested(self) -> None:
        self.flow.resting = False
        if self._full or self.transport.is_closing():
            return
        self.flow.resume_reading()
        self.handle_events()
        self._end_if_sent()
        self._count()
        self._watch()

    def shutdown(self) -> None:
        """uvicorn stops.  It would raise for a connection whose fault was met after its answer, and not end.

        An answer that is due is the last, and says so: uvicorn repeats in it what the request says of that.
        """
        try:
            super().shutdown()
        except h11.LocalProtocolError:
            self.transport.close()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.scope["headers"] = [*self.cycle.scope["headers"], CLOSE_HEADER]

    def expire(self) -> None:
        """The deadline has passed: of a head, of a body nobody wants, of a client that does not read, or idle."""
        if self.transport.is_closing() or self.flow.write_paused:
            self.transport.abort()
        elif self._awaited == "head":
            self._refuse(admission.too_slow("head", deadlines.HEAD))
        else:
            self._close()

    def abort(self) -> None:
        """End it as it is."""
        self.transport.abort()

    def give_up(self) -> None:
        """The server's grace is over: uvicorn cancels what still runs, which answers for itself."""

    @guarded
    def give_way(self, rejected: Rejected) -> None:
        """There is no room for what h11 keeps: this is the last answer, behind the one that is due."""
        self._full = rejected
        self.conn.drop()
        if not self._owes():
            self._refuse(rejected)

    def send_400_response(self, msg: str) -> None:
        """Called in the handler of h11's error, which knows the status: 400, 431, 501.

        What comes behind a request that is the connection's last says nothing of that request, which may be stored.
        """
        if self._owes():
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        error = sys.exc_info()[1]
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        self._refuse(malformed.refusal(str(error or msg), hint, self.conn.head, self._limits))

    def _refuse(self, rejected: Rejected) -> None:
        """Answer for the last time, in place of the route: it learns that nobody waits for it any more."""
        self._counts.refused[rejected.status] += 1
        status, headers, body = problem.answer(rejected)
        with contextlib.suppress(h11.LocalProtocolError):  # an answer is on its way already: only close
            dated = [(name.decode(), value.decode()) for name, value in self.server_state.default_headers]
            fields = {**dict(headers), "Content-Length": str(len(body)), "Connection": "close"}
            head = h11.Response(status_code=status, headers=[*dated, *fields.items()], reason=problem.phrase(status))
            for part in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._close()

    def _end_if_sent(self) -> None:
        if self._no_more and not self._owes() and not self.flow.resting:
            self._sent_last()

    def _sent_last(self) -> None:
        """The client has sent its last, and every request that came whole is answered: close, and say what is missing.

        h11 is told of the end only where it makes a fault of it; uvicorn would look for more events without end.
        """
        if self.conn.their_state is h11.SEND_BODY or (self.conn.their_state is h11.IDLE and self.conn.coming):
            self.conn.receive_data(b"")
            self.handle_events()
        self._close()

    def _close(self) -> None:
        """Close when all is out; abort if the client does not take it in time."""
        self.transport.close()
        self.deadline = self._sweeper.now() + deadlines.IDLE

    def _owes(self) -> bool:
        """A request that has come whole waits for its answer."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def _count(self) -> None:
        """Count what h11 keeps: a head that is not whole, and all that came behind a request that waits."""
        try:
            self._room.hold(self, len(self.conn.coming))
        except Rejected as rejected:
            self.give_way(rejected)

    def _watch(self) -> None:
        """Set the deadline for what is awaited now; more of the same head or body gets no more time."""
        their, cycle = self.conn.their_state, self.cycle
        working = cycle is not None and not (cycle.response_complete or cycle.disconnected)
        if self.flow.write_paused:
            awaited, seconds = "reading", deadlines.IDLE
        elif their is h11.IDLE and self.conn.coming:
            awaited, seconds = "head", deadlines.HEAD
        elif working:
            awaited, seconds = "answer", NEVER  # the route has deadlines of its own
        elif their is h11.SEND_BODY:
            awaited, seconds = "refused body", deadlines.BODY
        else:
            awaited, seconds = "request", deadlines.IDLE  # no matter how many empty lines come before it
        if awaited != self._awaited:
            self.deadline = self._sweeper.now() + seconds
        self._awaited = awaited

    def _should_upgrade(self) -> bool:
        return False

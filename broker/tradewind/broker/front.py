"""The front: plain POSTs of events are served here, on one `asyncio.Protocol`, without a task or a scope (DESIGN §4).

    bytes ──► head ──► plain? ──► body ──► admission ──► append ──► answers, in the order of their requests
                        │ no
                        ▼
              the connection, whole, with what it has sent: `h11_protocol` and FastAPI's route

Laws: what is appended is what was sent, to the octet.  Answers leave in the order of requests; at most MOST_WAITING
wait on one connection, then it is read no further.  One connection begins at most AT_ONCE in one turn of the loop.
Whatever is not plain goes over only when all answers are out.  No exception leaves a callback.  A connection stays in
uvicorn's list until its last answer.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from uvicorn.server import ServerState

from tradewind.broker import deadlines, heads
from tradewind.broker.admission import cut_short, failed, stopping, too_slow, weight
from tradewind.broker.answers import Answers
from tradewind.broker.deadlines import NEVER, Sweeper
from tradewind.broker.guard import broke, guarded
from tradewind.broker.heads import Head
from tradewind.broker.ingress import Ingress
from tradewind.errors import Rejected
from tradewind.observe.logs import Log

MOST_WAITING = 64
"""Requests of one connection that may wait for Kafka.  A client that pipelines more waits for its answers."""

AT_ONCE = 16
"""Requests of one connection that are begun in one turn of the loop.  Refusals wait for nobody: without a bound, few
clients that pipeline some would keep all others waiting for seconds."""

log = Log("ingress")


class Waiting:
    """A request's place in the order of answers."""

    __slots__ = ("answer", "held")

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self.held = 0
        """Bytes of its records, which count against the process's bound until it is answered."""


class Front(asyncio.Protocol):
    """One connection.  `fallback` makes the protocol that takes it over when something is not plain.

    Of a request that is not whole, `_part` holds what has come: of its head, or once that is complete (`_head`) of its
    body.  What must wait for the answers before it is in `_part`, too, and counts as begun when they are out.
    """

    def __init__(
        self,
        ingress: Ingress,
        *,
        state: ServerState,
        answers: Answers,
        sweeper: Sweeper,
        fallback: Callable[[], asyncio.Protocol],
    ) -> None:
        self.deadline = NEVER
        self._ingress = ingress
        self._state = state
        self._answers = answers
        self._sweeper = sweeper
        self._fallback = fallback
        self._transport: asyncio.Transport
        self._waiting: deque[Waiting] = deque()
        self._part = bytearray()
        self._head: Head | None = None
        self._stalled = False
        """`_part` waits: the connection has too many answers due, goes over once they are out, or rests."""
        self._going = False
        """It goes over."""
        self._resting = False
        """It has had its turn of the loop, and goes on in the next."""
        self._ending = False
        """No further request is begun; the connection ends with the last answer."""
        self._no_more = False
        """The client has sent its last."""
        self._choked = False
        """The client does not read its answers."""
        self._lingers = False
        """What is refused still comes: closing at once would take the answer from the client (RFC 9112 9.6)."""

    # ── asyncio's callbacks ─────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport  # type: ignore[assignment]  # the loop's word for a TCP connection's
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn names its own protocols only
        self._sweeper.add(self)
        self.deadline = self._sweeper.now() + deadlines.IDLE

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        try:
            if self._stalled or self._head or self._part:
                self._more(data)
            else:
                self._requests(data)
        except Exception:
            broke(self)

    def eof_received(self) -> bool:
        """The client sends no more; it may still read what it waits for."""
        self._no_more = True
        if not self._stalled:
            self._sent_last()
        return bool(self._waiting) or self._stalled

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._forget()
        self._waiting.clear()
        self._leave()

    def pause_writing(self) -> None:
        """See asyncio."""
        self._choked = True
        self._steer()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._choked = False
        self._steer()

    # ── what the server and the clock ask ───────────────────────────────────────────────────────────────────────────

    def shutdown(self) -> None:
        """uvicorn stops: a request whose head has come is finished, nothing after it is begun."""
        self._ending = True
        if self._head is None:
            self._end()

    def expire(self) -> None:
        """The deadline has passed: of a head, of a body, of waiting for the next request, or for answers to be read."""
        if self._choked or self._transport.is_closing():
            self._transport.abort()
        elif self._part or self._head:
            self._refuse(too_slow("body", deadlines.BODY) if self._head else too_slow("head", deadlines.HEAD))
        else:
            self._lingers = False
            self._end()

    def abort(self) -> None:
        """End it as it is."""
        self._transport.abort()

    def give_up(self) -> None:
        """The server's grace is over: whoever still waits is told that it is not known whether the event is stored."""
        for waiting in self._waiting:
            if waiting.answer is None:
                waiting.answer = self._refused(stopping())
        if self._head:
            self._refuse(stopping())
        self._lingers = False
        self._end()

    @guarded
    def give_way(self, rejected: Rejected) -> None:
        """Others need the room that what is coming takes."""
        self._refuse(rejected)

    # ── requests in ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _requests(self, data: bytes) -> None:
        """Serve every whole request of what has come; keep the rest."""
        at = begun = 0
        while at < len(data) and not self._ending:
            if begun == AT_ONCE:
                self._rest(data[at:])
                return
            if len(self._waiting) >= MOST_WAITING:
                self._stall(data[at:])
                return
            end = data.find(heads.END, at)
            if end < 0:
                self._begin(None, data[at:])
                return
            head = heads.plain(data[at:end])
            if head is None or not self._ingress.serves(head, end - at):
                self._stall(data[at:], going=True)
                return
            body = end + len(heads.END)
            at = body + head.length
            if at > len(data):
                self._begin(head, data[body:])
                return
            self._serve(head, data[body:at])
            begun += 1

    def _more(self, data: bytes) -> None:
        """More of what is in `_part`."""
        part, searched = self._part, max(0, len(self._part) - len(heads.END) + 1)
        part += data
        if self._stalled:
            self._count()
            return
        if self._head is None:
            if part.find(heads.END, searched) < 0:
                self._keep(len(data))
                return
            whole = bytes(part)
            self._forget()
            self._requests(whole)
        elif len(part) < self._head.length:
            self._keep(len(data))
        else:
            head, body, rest = self._head, bytes(part[: self._head.length]), bytes(part[self._head.length :])
            self._forget()
            self._serve(head, body)
            self._requests(rest)
            if self._ending:
                self._end()

    def _begin(self, head: Head | None, part: bytes) -> None:
        """A request that is not whole yet."""
        self._head = head
        self._part += part
        self.deadline = self._sweeper.now() + (deadlines.HEAD if head is None else deadlines.BODY)
        self._keep(len(part))

    def _keep(self, size: int) -> None:
        """Count what is kept of a request; a head that is too long, or cannot be plain, is the fallback's to refuse."""
        part = self._part
        if self._head is None and (
            len(part) > self._ingress.limits.header_bytes or heads.hopeless(part, len(part) - size)
        ):
            self._forget()
            self._stall(bytes(part), going=True)
            return
        self._count()

    def _count(self) -> None:
        """Count `_part` against the process's bound."""
        try:
            self._ingress.room.hold(self, len(self._part))
        except Rejected as rejected:
            self._refuse(rejected)

    def _forget(self) -> None:
        """Nothing is kept of a request any more."""
        self._head = None
        self._part = bytearray()
        self._ingress.room.forget(self)

    def _stall(self, rest: bytes, *, going: bool = False) -> None:
        """Go on with this when the answers before it are out."""
        self._part = bytearray(rest)
        self._stalled, self._going = True, going
        self.deadline = NEVER
        self._steer()
        if self._waiting or self._resting:
            self._count()
        self._flush()

    def _rest(self, rest: bytes) -> None:
        """Go on with this in the next turn of the loop."""
        self._resting = True
        asyncio.get_running_loop().call_soon(self._rested)
        self._stall(rest)

    @guarded
    def _rested(self) -> None:
        self._resting = False
        if self._stalled and not self._transport.is_closing():
            self._go_on()

    def _serve(self, head: Head, body: bytes) -> None:
        self._waiting.append(waiting := Waiting())
        self.deadline = NEVER
        try:
            records = self._ingress.admit(head, body)
            self._ingress.room.wait(held := weight(records))
            waiting.held = held
            self._ingress.append(records, partial(self._answered, waiting))
        except Rejected as rejected:
            self._answered(waiting, rejected)
        except Exception:
            log.exception("request failed", method="POST", path=head.target.decode())
            self._answered(waiting, failed())

    def _refuse(self, rejected: Rejected) -> None:
        """Answer a request that is not whole, and take nothing more."""
        self._forget()
        self._ending = self._lingers = True
        if self._stalled:
            self._stalled = self._going = False
            self._steer()
        self._waiting.append(waiting := Waiting())
        self._answered(waiting, rejected)

    # ── answers out ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _answered(self, waiting: Waiting, rejected: Rejected | None) -> None:
        self._ingress.room.answered(waiting.held)
        waiting.held = 0
        if waiting.answer is None:
            waiting.answer = self._answers.accepted() if rejected is None else self._refused(rejected)
        if self._waiting and self._waiting[0] is waiting:
            self._flush()

    def _refused(self, rejected: Rejected) -> bytes:
        self._ingress.counts.refused[rejected.status] += 1
        return self._answers.refused(rejected)

    def _flush(self) -> None:
        """Write every answer whose turn has come; then do what had to wait for that."""
        try:
            waiting, ready = self._waiting, []
            while waiting and (answer := waiting[0].answer) is not None:
                waiting.popleft()
                ready.append(answer)
            ends = self._ending and not waiting and self._head is None
            if ends and ready:
                ready[-1] = self._answers.last(ready[-1])
            if ready and not self._transport.is_closing():
                self._transport.write(ready[0] if len(ready) == 1 else b"".join(ready))
            if ends and self._lingers and not self._no_more:
                if ready:
                    self._transport.write_eof()
                    self.deadline = self._sweeper.now() + deadlines.LINGER
            elif ends:
                self._transport.close()
                self.deadline = self._sweeper.now() + deadlines.IDLE
            elif self._stalled:
                if not self._resting and (not waiting or (not self._going and len(waiting) <= MOST_WAITING // 2)):
                    self._go_on()
            elif not waiting and not self._part and self._head is None:
                self.deadline = self._sweeper.now() + deadlines.IDLE
        except Exception:
            broke(self)

    def _go_on(self) -> None:
        rest, going = bytes(self._part), self._going
        self._forget()
        self._stalled = self._going = False
        if going:
            self._go_over(rest)
        else:
            self._requests(rest)
            if self._transport.get_protocol() is not self:  # the rest took the connection over
                return
            self._steer()
            if self._no_more and not self._stalled:
                self._sent_last()

    def _go_over(self, rest: bytes) -> None:
        """The connection is another's from now on."""
        self._leave()
        heir = self._fallback()
        self._transport.set_protocol(heir)
        heir.connection_made(self._transport)
        if self._choked:
            heir.pause_writing()
        self._transport.resume_reading()
        heir.data_received(rest)
        if self._no_more and not heir.eof_received():
            self._transport.close()

    def _sent_last(self) -> None:
        """The client has sent its last: a request that is not whole by now is refused."""
        if self._head:
            self._refuse(cut_short("body", came=len(self._part), announced=self._head.length))
        elif self._part:
            self._refuse(cut_short())
        else:
            self._end()

    def _end(self) -> None:
        """Begin nothing more; close when the last answer is out."""
        self._ending = True
        self._forget()
        self._stalled = self._going = False
        self._flush()

    def _leave(self) -> None:
        self._state.connections.discard(self)
        self._sweeper.discard(self)

    def _steer(self) -> None:
        """Read or not, as things stand."""
        if self._transport.is_closing():
            return
        if self._stalled or self._choked:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

"""One connection of the client of our own, and one exchange at a time on it.

idle ──ask──► asked ──whole answer──► idle, if the server keeps it and nothing is left of either message; then told
  │             │ closed before the first byte ──► Dropped: worth one more try, where the connection was an old one
  │             │ anything else that ends it   ──► NoAnswer; the connection is closed
  └─ the server says something unasked, or nothing is asked for KEEP_ALIVE: closed
"""

import asyncio
import math
from typing import Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tradewind.adapters.http_sender.bounds import ERROR_BYTES, MAX_HEAD_BYTES, REPLIES, words
from tradewind.delivery.verdicts import Answer, Dropped, NoAnswer, Outcome
from tradewind.ports import Told

FRAMING = 8
"""Bytes of framing that may come with each byte of a chunked body, beyond MAX_HEAD_BYTES: a chunk of one byte has 6."""

APART = 16 * 1024
"""Bytes of a body up to which it is copied behind its head: that costs less than two pieces do."""

SWITCHING = 101
"""The one informational status after which no other answer comes."""


class Keeper(Protocol):
    """Who keeps connections."""

    def free(self, connection: "Connection") -> None:
        """The connection may be asked again."""

    def lost(self, connection: "Connection") -> None:
        """The connection is closed."""


class Connection(asyncio.Protocol):
    """`deadline` is the moment of the loop's clock at which `overdue` is to be called."""

    def __init__(self, keeper: Keeper, max_answer_bytes: int) -> None:
        self.deadline = math.inf
        self.reused = False
        """It has served an exchange before: the server may close it at any time."""
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self._keeper = keeper
        self._max_answer_bytes = max_answer_bytes
        self._told: Told | None = None
        """Who asked, while an answer is due."""
        self._about: object = None
        self._timeout = 0.0
        self._parser = HttpResponseParser(self)
        # As aiohttp reads answers: what can be understood is, since there is nobody to correct.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._begin()

    def _begin(self) -> None:
        self._read = 0
        """Bytes of the answer so far, framing included."""
        self._status = 0
        self._fields: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = 0
        """Bytes of the body so far."""
        self._limit = 0
        self._headed = False
        """The head of the answer, an informational one not counted, is whole."""
        self._whole = False
        self._keep = False

    def ask(self, head: bytes, body: bytes, *, deadline: float, timeout: float, told: Told, about: object) -> None:
        """Send a request; `told(about, …)` says what came of it, unless `give_up(about)` comes first."""
        self._told, self._about = told, about
        self.deadline, self._timeout = deadline, timeout
        if self.closed or self.transport is None:
            self._end(Dropped("connection closed before an answer"))
        elif len(body) > APART:
            self.transport.writelines((head, body))
        else:
            self.transport.write(head + body)

    def give_up(self, about: object) -> None:
        """Nobody waits for this answer any more: what still comes of it must not be taken for another's."""
        if self._told is not None and self._about is about:
            self._told = self._about = None
            self.abort()

    def overdue(self) -> None:
        """The deadline has passed."""
        if self._told is not None:
            self._end(NoAnswer(f"timed out after {self._timeout:g} s"))
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self.closed = True
        self.deadline = math.inf
        if self.transport is not None:
            self.transport.abort()

    # ── asyncio's callbacks ─────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = transport  # type: ignore[assignment]  # the loop's word for a TCP connection's

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._told is None:
            self.abort()
            return
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._whole, self._keep = True, False
        except HttpParserError as error:
            self._keep = False
            if not self._whole:
                self._end(self._broken(f"not an HTTP answer: {' '.join(str(error).split())}"))
                return
        if self._whole:
            self._answered()
        elif self._size > self._limit:
            self._end(Answer(self._status, self._fields, b"".join(self._parts)[: self._limit], cut=True))
        elif self._read > MAX_HEAD_BYTES + FRAMING * self._size:
            self._end(self._broken("not an HTTP answer: its head is too long"))

    def eof_received(self) -> None:
        """See asyncio."""
        self._over(None)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.closed = True
        self._over(exc)
        self._keeper.lost(self)

    # ── httptools' callbacks ────────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """See httptools.  A second message that nobody asked for spoils the connection."""
        if self._whole:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools.  Trailers are no part of the answer."""
        if not self._headed:
            text = value.strip(b" \t").decode("utf-8", "surrogateescape")
            self._fields[name.lower().decode("utf-8", "surrogateescape")] = text

    def on_headers_complete(self) -> None:
        """See httptools."""
        if self._whole:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != SWITCHING:
            self._fields = {}
            return
        self._status, self._headed = status, True
        self._limit = self._max_answer_bytes if status in REPLIES else ERROR_BYTES
        self._keep = self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        """See httptools."""
        if not self._whole:
            self._size += len(part)
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._whole = self._headed

    # ── how an exchange ends ────────────────────────────────────────────────────────────────────────────────────────

    def _answered(self) -> None:
        """The answer is whole.  One that came before all of the request was sent leaves its rest in the way."""
        body = b"".join(self._parts)
        if len(body) > self._limit:
            self._end(Answer(self._status, self._fields, body[: self._limit], cut=True))
            return
        answer = Answer(self._status, self._fields, body)
        assert self.transport is not None
        if not self._keep or self.transport.get_write_buffer_size():
            self._end(answer)
            return
        told, about = self._told, self._about
        self._told = self._about = None
        self._begin()
        self.reused = True
        self._keeper.free(self)  # first: who is told may ask again at once
        if told is not None:
            told(about, answer)

    def _over(self, error: Exception | None) -> None:
        """The other side has sent its last."""
        if self._told is None:
            return
        reason = words(error) if isinstance(error, OSError) else "connection closed before an answer"
        if not self._read:
            self._end(Dropped(reason))
        elif self._headed and error is None and not self._framed:
            self._whole, self._keep = True, False
            self._answered()
        else:
            self._end(self._broken(reason))

    @property
    def _framed(self) -> bool:
        """Whether the head says where the body ends; where it does not, the connection's end is the body's."""
        coding = self._fields.get("transfer-encoding")
        if coding is not None:
            return coding.rpartition(",")[2].strip().lower() == "chunked"
        return "content-length" in self._fields

    def _broken(self, reason: str) -> NoAnswer:
        return NoAnswer(f"the answer (status {self._status}) broke off" if self._headed else reason)

    def _end(self, outcome: Outcome | Dropped) -> None:
        told, about = self._told, self._about
        self._told = self._about = None
        self.abort()
        if told is not None:
            told(about, outcome)

"""One connection to one broker: requests out, answers in, in the order of the requests."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from tradewind.adapters.kafka_log.produce import requests
from tradewind.adapters.kafka_log.produce.requests import Answer

T = TypeVar("T")

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes; what announces more is no answer of Kafka's."""

SIZE = struct.Struct(">i")


class Link(asyncio.Protocol):
    """A connection.  Whoever waits for an answer when it is lost is told that there is none; then `lost` is told.

    Requests may be made once it is connected.  What cannot be read as an answer ends it.
    """

    def __init__(self, client_id: str, lost: "Callable[[Link], None]") -> None:
        self._client_id = client_id
        self._lost = lost
        self._transport: asyncio.Transport
        self._waiting: deque[tuple[int, Callable[[Answer | None], None]]] = deque()
        self._part = bytearray()
        self._correlation = 0
        self.open = True
        self.ended: Exception | None = None
        """Why it was lost, where the system or TLS says so."""

    def request(
        self, api: int, payload: bytes, read: Callable[[Answer], T], answered: Callable[[T | None], None]
    ) -> None:
        """Send a request.  `answered` is told once: what `read` finds in the answer, None when there will be none."""

        def told(answer: Answer | None) -> None:
            try:
                found = None if answer is None else read(answer)
            except (struct.error, UnicodeDecodeError):
                self.abort()
                found = None
            answered(found)

        if not self.open:
            answered(None)
            return
        self._correlation = (self._correlation + 1) % (1 << 31)
        self._waiting.append((self._correlation, told))
        self._transport.write(requests.frame(api, self._correlation, self._client_id, payload))

    async def ask(self, api: int, payload: bytes, read: Callable[[Answer], T]) -> T | None:
        """Send a request and wait for what its answer says; None when there will be none."""
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self.request(api, payload, read, lambda found: None if answer.done() else answer.set_result(found))
        return await answer

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    # ── asyncio's callbacks ─────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport  # type: ignore[assignment]  # the loop's word for a TCP connection's

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        part = self._part
        part += data
        while len(part) >= SIZE.size:
            (size,) = SIZE.unpack_from(part)
            end = SIZE.size + size
            if not requests.CORRELATION.size <= size <= LARGEST_ANSWER:
                self.abort()
                return
            if len(part) < end:
                return
            answer = Answer(bytes(part[SIZE.size : end]))
            del part[:end]
            if not self._waiting or self._waiting[0][0] != answer.correlation:
                self.abort()
                return
            self._waiting.popleft()[1](answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.open, self.ended = False, exc
        self._lost(self)
        while self._waiting:
            self._waiting.popleft()[1](None)

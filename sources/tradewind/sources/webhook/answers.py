"""What the port says to a sender: an answer, or one that is due once something is stored."""

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, NamedTuple, Protocol

Scope = MutableMapping[str, Any]  # Any: of ASGI
Headers = list[tuple[bytes, bytes]]


class Answer(Exception):
    """What a request is answered with; raised where that is found while it is still being read."""

    def __init__(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = b"" if status == 204 else body
        self.fields: Headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if status != 204:
            self.fields.append((b"content-length", str(len(body)).encode()))
        self.closes = (b"connection", b"close") in self.fields
        """Whether the connection ends with it."""


class Due(NamedTuple):
    """An answer that is known once `stored` is done."""

    stored: asyncio.Future[bool]
    answer: Callable[[], Answer]
    """To be called once, then."""


class Begins(Protocol):
    """The app, for a request that is whole."""

    def begin(self, scope: Scope, body: bytes) -> Answer | Due | None:
        """Its answer, or when that will be known; None where more than Kafka must be waited for, in a task."""

"""A connection over which we must be let in first, and again before Kafka's patience with that is over (KIP-368).

handshake ─► authenticate … ─► let in ─► requests ─► at AGAIN of the session's lifetime: handshake ─► …
                                                      └ requests made meanwhile are held back: Kafka takes none then
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from tradewind.adapters.kafka_log.login import Login
from tradewind.adapters.kafka_log.produce import requests
from tradewind.adapters.kafka_log.produce.link import Link
from tradewind.adapters.kafka_log.produce.requests import Answer
from tradewind.adapters.kafka_log.produce.sasl import Conversation
from tradewind.errors import LogDenied

T = TypeVar("T")

AGAIN = 0.85
"""Of a session's lifetime, after which we ask to be let in again, as Java's client does; then Kafka would end it."""

UNKNOWN_MECHANISM, WRONG_STATE = 33, 34


class SaslLink(Link):
    """See Link.  Requests may be made once it has been let in.

    It is aborted where it is not let in again within `patience` seconds.
    """

    def __init__(self, client_id: str, lost: "Callable[[Link], None]", login: Login, patience: float) -> None:
        super().__init__(client_id, lost)
        self._login = login
        self._patience = patience
        self._held: list[Callable[[], None]] | None = None
        self._due: asyncio.TimerHandle | None = None
        self.renewing: asyncio.Task[None] | None = None
        """Lets it in again."""
        self.admissions = 0
        """How often it was let in."""

    def request(
        self, api: int, payload: bytes, read: Callable[[Answer], T], answered: Callable[[T | None], None]
    ) -> None:
        """See Link.request."""
        if self._held is None:
            super().request(api, payload, read, answered)
        else:
            self._held.append(partial(super().request, api, payload, read, answered))

    async def let_in(self) -> None:
        """Ask to be let in.  Raises LogDenied with Kafka's words, ConnectionError where the connection is lost."""
        await self._converse(await self._login.conversation())

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if self._due is not None:
            self._due.cancel()
        if self.renewing is not None:
            self.renewing.cancel()
        super().connection_lost(exc)

    async def _converse(self, talk: Conversation) -> None:
        mechanism = self._login.auth.mechanism
        answer = await self._said(requests.SASL_HANDSHAKE, requests.sasl_handshake(mechanism), requests.mechanisms)
        error, spoken = answer
        if error == UNKNOWN_MECHANISM:
            raise LogDenied(f"it does not speak this mechanism; it speaks {', '.join(spoken) or 'none'}")
        if error:
            raise LogDenied("it asks for no user there" if error == WRONG_STATE else f"error {error}")
        token: bytes | None = next(talk)
        lifetime = 0
        while token is not None:
            payload = requests.sasl_authenticate(token)
            step = await self._said(requests.SASL_AUTHENTICATE, payload, requests.authenticated)
            if step.error:
                raise LogDenied(step.why or f"error {step.error}")
            lifetime = step.lifetime
            token = await asyncio.to_thread(_next, talk, step.token)  # SCRAM's takes some milliseconds
        self.admissions += 1
        if lifetime > 0 and self.open:
            self._due = asyncio.get_running_loop().call_later(lifetime / 1000 * AGAIN, self._renew)

    async def _said(self, api: int, payload: bytes, read: Callable[[Answer], T]) -> T:
        """What is answered to a step, past those that are held back."""
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        told = partial(_tell, answer)
        super().request(api, payload, read, told)
        found = await answer
        if found is None:
            raise ConnectionResetError("closed the connection")
        return found

    def _renew(self) -> None:
        self.renewing = asyncio.get_running_loop().create_task(self._let_in_again())

    async def _let_in_again(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                talk = await self._login.conversation()
                self._held = []
                await self._converse(talk)
        except (LogDenied, ConnectionError, TimeoutError):
            self.abort()  # the next connection tells why
        finally:
            held, self._held = self._held or (), None
            for request in held:
                request()


def _next(talk: Conversation, said: bytes) -> bytes | None:
    """What to send next; None when all is said."""
    try:
        return talk.send(said)
    except StopIteration:
        return None


def _tell(answer: "asyncio.Future[T | None]", found: T | None) -> None:
    if not answer.done():
        answer.set_result(found)

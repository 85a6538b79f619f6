"""A connection to a broker, from nothing until it may be asked things: a token, TCP, TLS, its versions, SASL."""

import asyncio
import ssl
from collections.abc import Callable

from tradewind.adapters.kafka_log import tls
from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.produce import requests
from tradewind.adapters.kafka_log.produce.link import Link
from tradewind.adapters.kafka_log.produce.sasl_link import SaslLink
from tradewind.errors import LogDenied


class NotOpened(Exception):
    """No connection came about."""

    def __init__(self, why: str, *, connected: bool, closed: bool) -> None:
        super().__init__(why)
        self.why = why
        self.connected = connected
        """Something listens there."""
        self.closed = closed
        """It has closed the connection in place of an answer, as Kafka does where it expects another protocol."""


async def opened(
    connection: Connection, address: tuple[str, int], lost: Callable[[Link], None], *, patience: float
) -> Link:
    """One, within so many seconds.  Raises LogDenied where we are not let in, or do not trust it; else NotOpened."""
    login, link = connection.login, None

    def make() -> Link:
        if login.auth.sasl:
            return SaslLink(connection.client_id, lost, login, patience)
        return Link(connection.client_id, lost)

    try:
        await login.prepare()
        async with asyncio.timeout(patience):
            _, link = await asyncio.get_running_loop().create_connection(make, *address, ssl=login.tls)
            await _introduced(link)
            return link
    except BaseException as error:
        if link is not None:
            link.abort()
        if isinstance(error, ssl.SSLError):
            raise LogDenied(tls.refusal(error)) from error
        if isinstance(error, LogDenied) or not isinstance(error, Exception):
            raise
        # The system's words, a timeout, what is no name or no port: the next one may do.
        closed = isinstance(error, ConnectionResetError | ConnectionAbortedError)
        raise NotOpened(str(error) or "no answer", connected=link is not None, closed=closed) from error


async def _introduced(link: Link) -> None:
    """Ask what it speaks, then to be let in."""
    speaks = await link.ask(requests.API_VERSIONS, b"", requests.speaks)
    if isinstance(link.ended, ssl.SSLError):  # with TLS 1.3 a client's certificate is judged after the handshake
        raise link.ended
    if not link.open:
        raise ConnectionResetError("closed the connection")
    if not speaks:
        raise ValueError("speaks no version of ours")
    if isinstance(link, SaslLink):
        await link.let_in()

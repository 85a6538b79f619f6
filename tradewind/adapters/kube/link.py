"""One request to the API server, or one watch: a deadline, and an answer or an ApiFailed.

The package `kubernetes` brings connections, TLS and credentials.  What it has above that is not used: its calls are
typed models, whose unknown fields are lost, and its Watch reads by lines that aiohttp bounds at 4 MiB, which an object
of 1 MiB passes when much of it must be escaped (`<` is six bytes in Go's JSON).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.config import ConfigException

from tradewind.adapters.kube import answers
from tradewind.api_server import Object
from tradewind.errors import ApiUnavailable

DEADLINE = 10.0
"""Seconds for one request.  Webhooks may take theirs on its way, and a Lease's renewal has to fit its 10 s, by a
deadline of its own."""

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
USER_AGENT = "tradewind"
"""Also the name under which the API server notes who set a field (`managedFields`)."""

UNKNOWN = 401
"""Status for credentials that do not count (any more)."""

Renew = Callable[[], Awaitable[bool]]


class Link:
    """Connections to one API server, as one identity.

    `renew` is told when the API server does not know who we are, and answers whether asking again may help.
    """

    def __init__(self, client: ApiClient, renew: Renew | None = None, *, deadline: float = DEADLINE) -> None:
        self._client = client
        self._renew = renew
        self._client.user_agent = USER_AGENT
        self._deadline = deadline

    async def ask(
        self, method: str, path: str, body: Object | None = None, *, kind: str = JSON, deadline: float = 0.0
    ) -> Object:
        """One request and the JSON it is answered with.  Raises ApiFailed."""
        asked = _asked(method, path)
        async with _answered(asked, deadline or self._deadline):
            response = await self._begin(method, path, body, kind)
            try:
                content = await response.read()
            finally:
                response.release()
        return answers.read(asked, response.status, content)

    @asynccontextmanager
    async def watch(self, path: str, *, deadline: float) -> AsyncIterator[AsyncIterator[Object]]:
        """A watch that the API server has begun: its events, until it ends it.  Raises ApiFailed.

        The body is over after `deadline` seconds at the latest, with ApiUnavailable.
        """
        asked = _asked("WATCH", path)
        async with _answered(asked, deadline):
            async with asyncio.timeout(self._deadline):
                response = await self._begin("GET", path, None, JSON)
            try:
                if response.status != 200:
                    answers.read(asked, response.status, await response.read())
                async with aclosing(_events(asked, response)) as events:
                    yield events
            finally:
                # Nobody reads the rest.  An ordinary end of TLS waits for the other side's, longer than the loop lives.
                if response.connection is not None and response.connection.transport is not None:
                    response.connection.transport.abort()
                response.close()

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _begin(self, method: str, path: str, body: Object | None, kind: str) -> aiohttp.ClientResponse:
        response = await self._send(method, path, body, kind)
        if response.status == UNKNOWN and self._renew is not None and await self._renew():
            response.release()
            response = await self._send(method, path, body, kind)
        return response

    async def _send(self, method: str, path: str, body: Object | None, kind: str) -> aiohttp.ClientResponse:
        try:
            # The path has its query and is quoted.  BearerToken is what the package calls any `authorization`; its
            # file may be just about to be written, or hold what cannot stand in a header.
            _, url, headers, content, _ = await self._client.param_serialize(
                method, path, header_params={"Content-Type": kind}, body=body, auth_settings=["BearerToken"]
            )
            answer = await self._client.call_api(method, url, header_params=headers, body=content)
        except (ConfigException, ValueError) as error:
            raise ApiUnavailable(f"{_asked(method, path)}: {error}") from error
        response: aiohttp.ClientResponse = answer.response
        return response


def _asked(method: str, path: str) -> str:
    """A request as messages name it: its query says nothing to people."""
    return f"{method} {path.partition('?')[0]}"


@asynccontextmanager
async def _answered(asked: str, deadline: float) -> AsyncIterator[None]:
    """Any way not to get an answer in time is one: ApiUnavailable."""
    try:
        async with asyncio.timeout(deadline):
            yield
    except TimeoutError as error:
        raise ApiUnavailable(f"{asked}: no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ApiUnavailable(f"{asked}: {str(error) or type(error).__name__}") from error


async def _events(asked: str, response: aiohttp.ClientResponse) -> AsyncGenerator[Object]:
    async with aclosing(_lines(response)) as lines:
        async for line in lines:
            yield answers.event(asked, line)


async def _lines(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """Lines of a body, of whatever length."""
    parts: list[bytes] = []
    async for chunk in response.content.iter_any():
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*parts, line])
            parts.clear()
        parts.append(rest)

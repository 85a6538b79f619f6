"""Clients, real and by hand, and a Kafka that acknowledges when a test says so."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import aiohttp
import pytest

from tests.builders import http_headers
from tests.shell.ingress_running import DEADLINE, Answer, Running, read_answer, until
from tradewind.config import KIB, Settings
from tradewind.ports import NewRecord, Position

HEADERS = {name.decode(): value.decode() for name, value in http_headers()}
EVENT = b'{"specversion":"1.0","id":"1","source":"/tests","type":"tests.happened"}'
SMALL = Settings(max_event_bytes=1000, max_header_bytes=8 * KIB, grace=2.0)


async def post(
    at: Running,
    body: Any = b"",
    headers: dict[str, str] | None = None,
    path: str = "/default/hello",
    method: str = "POST",
) -> tuple[int, Any, bytes]:
    """One request with a real client; the body of a problem comes parsed."""
    given = HEADERS if headers is None else headers
    async with (
        aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as client,
        client.request(method, at.url + path, data=body, headers=given) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


def problem(answer: tuple[int, Any, bytes]) -> dict[str, Any]:
    """The problem document of an answer, whose form is checked."""
    status, headers, body = answer
    assert headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(body)
    assert document["status"] == status
    assert document["type"] == "about:blank" and document["title"] and document["detail"]
    return document


def head(path: str = "/default/hello", *lines: str) -> bytes:
    """The head of a POST of a valid event in binary mode, with more header lines."""
    fields = [f"{name.decode()}: {value.decode()}" for name, value in http_headers()]
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *fields, *lines, "", ""]).encode("latin-1")


def plain(body: bytes, path: str = "/default/hello", *lines: str) -> bytes:
    """A plain POST."""
    return head(path, f"Content-Length: {len(body)}", *lines) + body


def chunked(*chunks: bytes, trailers: bytes = b"", lines: tuple[str, ...] = ()) -> bytes:
    """A POST whose body comes in chunks."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head("/default/hello", "Transfer-Encoding: chunked", *lines) + body + b"0\r\n" + trailers + b"\r\n"


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *pieces: bytes) -> None:
        """Send."""
        self.writer.write(b"".join(pieces))

    async def answers(self, number: int) -> list[Answer]:
        """So many."""
        async with asyncio.timeout(DEADLINE):
            return [await read_answer(self.reader) for _ in range(number)]

    async def statuses(self, number: int) -> list[int]:
        """Of so many answers."""
        return [answer.status for answer in await self.answers(number)]

    async def ended(self) -> bool:
        """Whether the server ends the connection, and sends nothing before."""
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read() == b""


@contextlib.asynccontextmanager
async def client_of(at: Running) -> AsyncIterator[Client]:
    """A connection, which is closed at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class Acknowledgements:
    """Kafka's, which a test gives one by one, in any order."""

    def __init__(self, at: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.due: list[asyncio.Future[Position]] = []
        append = at.log.append

        def appended(record: NewRecord) -> Awaitable[Position]:
            append(record)
            future: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
            self.due.append(future)
            return future

        monkeypatch.setattr(at.log, "append", appended)

    def give(self, place: int = 0) -> None:
        """Acknowledge one."""
        self.due.pop(place).set_result(Position(0, 0))


async def idle(at: Running) -> None:
    """Wait until the ingress holds nothing of any request any more."""
    await until(lambda: at.ingress.room.held == 0)


def values(at: Running) -> list[bytes | None]:
    """What is stored."""
    return [record.value for record in at.stored()]

"""A GET of a URL that somebody else named: bounded, and following nothing."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator

import pytest

from tradewind.adapters import https_get
from tradewind.adapters.https_get import MAX_BYTES


@contextlib.asynccontextmanager
async def saying(*pieces: bytes, endless: bool = False, silent: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """The URL of a server, and the heads that came to it.

    It says this to each request and hangs up; or the last piece for ever, or nothing more.
    """
    heads: list[bytes] = []
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            for piece in pieces:
                writer.write(piece)
            await writer.drain()
            if silent:
                await reader.read()
            while endless:
                writer.write(pieces[-1])
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=c", heads
    for task in serving:
        assert task is not None
        await asyncio.wait([task], timeout=10.0)


def answer(status: str, body: bytes = b"", *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines, "", ""]).encode() + body


async def test_the_body_of_a_200() -> None:
    async with saying(answer("200 OK", b"-----BEGIN")) as (url, heads):
        assert await https_get.get(url) == b"-----BEGIN"
        assert heads[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content"])
async def test_another_status_is_why_there_is_none(status: str) -> None:
    async with saying(answer(status)) as (url, _):
        assert await https_get.get(url) == f"it answers {status[:3]}"


async def test_no_redirect_is_followed() -> None:
    async with saying(answer("200 OK", b"inside")) as (inside, reached):
        async with saying(answer("302 Found", b"", f"Location: {inside}")) as (url, _):
            assert await https_get.get(url) == "it answers 302"
        assert not reached


async def test_a_body_has_a_bound_whether_its_length_is_told_or_not() -> None:
    async with saying(answer("200 OK", b"x" * MAX_BYTES)) as (url, _):
        assert await https_get.get(url) == b"x" * MAX_BYTES
    async with saying(answer("200 OK", b"x" * (MAX_BYTES + 1))) as (url, _):
        assert await https_get.get(url) == f"it is more than {MAX_BYTES} bytes"
    async with saying(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000, endless=True) as (url, _):
        assert await https_get.get(url) == f"it is more than {MAX_BYTES} bytes"


async def test_what_is_packed_is_not_unpacked() -> None:
    packed = gzip.compress(b"\0" * 10_000_000)
    async with saying(answer("200 OK", packed, "Content-Encoding: gzip")) as (url, heads):
        assert await https_get.get(url) == packed
        assert b"\r\nAccept-Encoding: identity\r\n" in heads[0]


async def test_it_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https_get, "SECONDS", 0.05)
    for pieces in ((), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx",)):
        async with saying(*pieces, silent=True) as (url, _):
            assert await https_get.get(url) == "TimeoutError"


@pytest.mark.parametrize("said", [b"no HTTP\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntorn"])
async def test_what_is_no_answer_is_why_there_is_none(said: bytes) -> None:
    async with saying(said) as (url, _):
        assert isinstance(found := await https_get.get(url), str)
        assert found


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no.such.host.invalid/", "nonsense", "http://[::1/"])
async def test_what_cannot_be_reached_is_why_there_is_none(url: str) -> None:
    assert isinstance(found := await https_get.get(url), str)
    assert found

"""The HTTP sender against real sockets on loopback: whatever the other side does is an Outcome."""

import asyncio
import contextlib
import gzip
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from tradewind.adapters.http_sender import HttpSender
from tradewind.adapters.http_sender.bounds import ERROR_BYTES
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome

LIMIT = 200_000
PATIENCE = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Request:
    """What the server read of one request."""

    head: str
    body: bytes
    connection: int
    """Which of the server's connections, from 1."""

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.head.split("\r\n")[1:]
        return [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines if line)]


Script = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A server that reads whole requests and leaves the answer to its script."""

    script: Script
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request = Request(head, b"", number)
                request.body = await reader.readexactly(int(dict(request.fields).get("content-length", "0")))
                self.requests.append(request)
                await self.script(request, writer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Server]:
    server = Server(script)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await server.serve(reader, writer)
        writer.close()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=512)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*answers: bytes) -> Script:
    """Each request gets the next answer, the last one for ever."""
    left = list(answers)

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return script


def closing(answer: bytes) -> Script:
    """Answer, then close."""

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    return script


@pytest.fixture
async def sender() -> AsyncIterator[HttpSender]:
    made = HttpSender(max_answer_bytes=LIMIT)
    yield made
    await made.close()


async def post(sender: HttpSender, url: str, *headers: tuple[str, str], body: bytes = b"") -> Outcome:
    return await sender.post(url, headers, body, timeout=PATIENCE)


async def test_a_request_is_what_its_caller_wrote(sender: HttpSender) -> None:
    async with serving(answering(OK)) as server:
        headers = [("ce-id", "%C3%A9"), ("ce-type", "a"), ("Prefer", "reply"), ("x-two", "1"), ("x-two", "2")]
        outcome = await post(sender, server.url + "a%2Fb?c=%2C", *headers, body=b"\x00\xff")
    assert outcome == Answer(200, {"content-length": "2"}, b"ok")
    request = server.requests[0]
    assert request.head.startswith("POST /a%2Fb?c=%2C HTTP/1.1\r\n")
    assert request.body == b"\x00\xff"
    assert {(name.lower(), value) for name, value in headers} <= set(request.fields)
    added = {name for name, _ in request.fields} - {name.lower() for name, _ in headers}
    assert added == {"host", "content-length", "user-agent", "accept-encoding"}, "and no content type of our own"


async def test_no_data_is_sent_with_length_0_and_no_content_type(sender: HttpSender) -> None:
    async with serving(answering(OK)) as server:
        await post(sender, server.url)
    assert ("content-length", "0") in server.requests[0].fields
    assert "content-type" not in dict(server.requests[0].fields)


@pytest.mark.parametrize("status", [200, 202, 204, 400, 404, 429, 500, 503, 799])
async def test_every_status_is_an_answer(sender: HttpSender, status: int) -> None:
    async with serving(answering(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        assert await post(sender, server.url) == Answer(status, {"content-length": "0"})


async def test_names_are_lower_case_and_the_last_of_several_counts(sender: HttpSender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nCe-Id: 1\r\nX-A: one\r\nX-A: two\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(answer)) as server:
        outcome = await post(sender, server.url)
    assert outcome == Answer(200, {"ce-id": "1", "x-a": "two", "content-length": "0"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(sender: HttpSender, status: int) -> None:
    async with serving(answering(b"HTTP/1.1 %d x\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        outcome = await post(sender, server.url + "a")
    assert isinstance(outcome, Answer)
    assert (outcome.status, outcome.headers["location"]) == (status, "/b")
    assert len(server.requests) == 1


async def test_cookies_are_not_kept(sender: HttpSender) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as server:
        await post(sender, server.url)
        await post(sender, server.url)
    assert "cookie" not in dict(server.requests[1].fields)


async def test_content_is_not_decoded(sender: HttpSender) -> None:
    packed = gzip.compress(b"x" * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with serving(answering(head + packed)) as server:
        outcome = await post(sender, server.url)
    assert isinstance(outcome, Answer)
    assert outcome.body == packed
    assert dict(server.requests[0].fields)["accept-encoding"] == "identity"


async def test_a_chunked_answer_is_put_together(sender: HttpSender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with serving(answering(answer)) as server:
        assert await post(sender, server.url) == Answer(200, {"transfer-encoding": "chunked"}, b"abcde")


async def test_an_http_1_0_answer_ends_with_its_connection(sender: HttpSender) -> None:
    async with serving(closing(b"HTTP/1.0 200 OK\r\n\r\nabc")) as server:
        assert await post(sender, server.url) == Answer(200, {}, b"abc")
        assert await post(sender, server.url) == Answer(200, {}, b"abc")
    assert [request.connection for request in server.requests] == [1, 2]


async def test_connections_are_kept(sender: HttpSender) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(3):
            await post(sender, server.url)
    assert [request.connection for request in server.requests] == [1, 1, 1]


async def test_more_than_a_hundred_deliveries_run_at_once(sender: HttpSender) -> None:
    everybody = asyncio.Event()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 150:
            everybody.set()
        await everybody.wait()
        writer.write(OK)

    async with serving(script) as server, asyncio.TaskGroup() as group:
        tasks = [group.create_task(post(sender, server.url)) for _ in range(150)]
    assert all(isinstance(task.result(), Answer) for task in tasks)


@pytest.mark.parametrize(("status", "limit"), [(200, LIMIT), (201, LIMIT), (202, ERROR_BYTES), (500, ERROR_BYTES)])
async def test_an_answer_is_read_up_to_its_bound(sender: HttpSender, status: int, limit: int) -> None:
    def answer(size: int) -> bytes:
        return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, size) + b"a" * size

    async with serving(answering(answer(limit), answer(limit + 1), answer(20_000_000), answer(1))) as server:
        outcomes = [await post(sender, server.url) for _ in range(4)]
    found = [(o.status, len(o.body), o.cut) for o in outcomes if isinstance(o, Answer)]
    assert found == [(status, limit, False), (status, limit, True), (status, limit, True), (status, 1, False)]


async def test_a_reply_may_lie_wholly_in_its_headers(sender: HttpSender) -> None:
    value = b"v" * 60_000
    async with serving(answering(b"HTTP/1.1 200 OK\r\nce-big: " + value + b"\r\nContent-Length: 0\r\n\r\n")) as server:
        outcome = await post(sender, server.url)
    assert isinstance(outcome, Answer)
    assert outcome.headers["ce-big"] == value.decode()


async def test_silence_ends_at_the_timeout(sender: HttpSender) -> None:
    async with serving(answering(b"")) as server:
        outcome = await sender.post(server.url, (), b"", timeout=0.05)
    assert outcome == NoAnswer("timed out after 0.05 s")
    assert len(server.requests) == 1


async def test_the_timeout_is_for_the_body_too(sender: HttpSender) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")) as server:
        assert await sender.post(server.url, (), b"", timeout=0.05) == NoAnswer("timed out after 0.05 s")


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"])
async def test_an_answer_that_breaks_off_is_none(sender: HttpSender, framing: bytes) -> None:
    async with serving(closing(b"HTTP/1.1 200 OK\r\n" + framing)) as server:
        assert await post(sender, server.url) == NoAnswer("the answer (status 200) broke off")
    assert len(server.requests) == 1


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00\x02", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_garbage_is_no_answer(sender: HttpSender, garbage: bytes) -> None:
    async with serving(closing(garbage)) as server:
        outcome = await post(sender, server.url)
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("not an HTTP answer: ")
    assert "\n" not in outcome.reason


async def test_a_reset_is_named(sender: HttpSender) -> None:
    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async with serving(script) as server:
        assert await post(sender, server.url) == NoAnswer("connection reset")
    assert len(server.requests) == 1, "a new connection is not tried again"


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_a_close_without_an_answer_is_named(sender: HttpSender) -> None:
    async with serving(closing(b"")) as server:
        assert await post(sender, server.url) == NoAnswer("connection closed before an answer")
    assert len(server.requests) == 1, "a new connection is not tried again"


@pytest.mark.parametrize("end", [lambda writer: writer.close(), reset], ids=["close", "reset"])
async def test_a_kept_connection_that_ends_before_an_answer_is_tried_once_more(
    sender: HttpSender, end: Callable[[asyncio.StreamWriter], None]
) -> None:
    """The race of keep-alive: the server closed while the request was on its way."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 2:
            end(writer)
        else:
            writer.write(OK)

    async with serving(script) as server:
        assert isinstance(await post(sender, server.url, body=b"1"), Answer)
        assert isinstance(await post(sender, server.url, body=b"2"), Answer)
    assert [(request.connection, request.body) for request in server.requests] == [(1, b"1"), (1, b"2"), (2, b"2")]


async def test_it_is_tried_once_more_and_not_twice(sender: HttpSender) -> None:
    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 1:
            writer.write(OK)
        else:
            writer.close()

    async with serving(script) as server:
        await post(sender, server.url)
        assert await post(sender, server.url) == NoAnswer("connection closed before an answer")
    assert len(server.requests) == 3


async def test_after_the_first_byte_of_an_answer_it_is_not_tried_again(sender: HttpSender) -> None:
    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(OK if len(server.requests) == 1 else b"HTTP/1.1 20")
        if len(server.requests) > 1:
            writer.close()

    async with serving(script) as server:
        await post(sender, server.url)
        assert isinstance(await post(sender, server.url), NoAnswer)
    assert len(server.requests) == 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection_is_named(sender: HttpSender, host: str) -> None:
    assert await post(sender, f"http://{host}:{free_port()}/") == NoAnswer("connection refused")


async def test_an_unknown_name_is_named(sender: HttpSender) -> None:
    assert await post(sender, "http://nobody.invalid/") == NoAnswer("name not found: nobody.invalid")


@pytest.mark.parametrize("url", ["", "nonsense", "/path", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/"])
async def test_an_invalid_url_is_no_answer(sender: HttpSender, url: str) -> None:
    outcome = await post(sender, url)
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("invalid URL: ")


async def test_a_header_that_would_break_the_request_is_not_sent(sender: HttpSender) -> None:
    async with serving(answering(OK)) as server:
        outcome = await post(sender, server.url, ("ce-id", "a\r\nx-evil: 1"))
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("invalid request: ")
    assert not server.requests


async def test_tls_to_a_plain_port_is_named(sender: HttpSender) -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        outcome = await post(sender, f"https://127.0.0.1:{port}/")
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("TLS failed: ")


async def test_proxies_of_the_environment_are_not_used(sender: HttpSender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", f"http://127.0.0.1:{free_port()}")
    async with serving(answering(OK)) as server:
        assert isinstance(await post(sender, server.url), Answer)


async def test_being_cancelled_is_not_an_outcome(sender: HttpSender) -> None:
    arrived = asyncio.Event()

    async def script(_request: Request, _writer: asyncio.StreamWriter) -> None:
        arrived.set()

    async with serving(script) as server:
        task = asyncio.ensure_future(post(sender, server.url))
        await asyncio.wait_for(arrived.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

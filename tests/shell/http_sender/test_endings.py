"""How exchanges and connections end: whatever the other side does is an Outcome, and no connection is used that has
something left of the exchange before."""

import asyncio
import os
from collections.abc import Callable

import pytest

from tests.shell.http_sender.conftest import Make
from tests.shell.http_sender.serving import OK, PATIENCE, Request, answering, closing, post, reset, serving
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.ports import Sender


async def test_connections_are_kept(sender: Sender) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(3):
            await post(sender, server.url)
    assert [request.connection for request in server.requests] == [1, 1, 1]


async def test_more_than_a_hundred_deliveries_run_at_once(sender: Sender) -> None:
    everybody = asyncio.Event()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 150:
            everybody.set()
        await everybody.wait()
        writer.write(OK)

    async with serving(script) as server, asyncio.TaskGroup() as group:
        tasks = [group.create_task(post(sender, server.url)) for _ in range(150)]
    assert all(isinstance(task.result(), Answer) for task in tasks)


async def test_silence_ends_at_the_timeout(sender: Sender) -> None:
    async with serving(answering(b"")) as server:
        outcome = await sender.post(server.url, (), b"", timeout=0.05)
    assert outcome == NoAnswer("timed out after 0.05 s")
    assert len(server.requests) == 1


async def test_the_timeout_is_for_the_body_too(sender: Sender) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")) as server:
        assert await sender.post(server.url, (), b"", timeout=0.05) == NoAnswer("timed out after 0.05 s")


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"])
async def test_an_answer_that_breaks_off_is_none(sender: Sender, framing: bytes) -> None:
    async with serving(closing(b"HTTP/1.1 200 OK\r\n" + framing)) as server:
        assert await post(sender, server.url) == NoAnswer("the answer (status 200) broke off")
    assert len(server.requests) == 1


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00\x02", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_garbage_is_no_answer(sender: Sender, garbage: bytes) -> None:
    async with serving(closing(garbage)) as server:
        outcome = await post(sender, server.url)
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("not an HTTP answer: ")
    assert "\n" not in outcome.reason


async def test_a_reset_is_named(sender: Sender) -> None:
    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async with serving(script) as server:
        assert await post(sender, server.url) == NoAnswer("connection reset")
    assert len(server.requests) == 1, "a new connection is not tried again"


async def test_a_close_without_an_answer_is_named(sender: Sender) -> None:
    async with serving(closing(b"")) as server:
        assert await post(sender, server.url) == NoAnswer("connection closed before an answer")
    assert len(server.requests) == 1, "a new connection is not tried again"


@pytest.mark.parametrize("end", [lambda writer: writer.close(), reset], ids=["close", "reset"])
async def test_a_kept_connection_that_ends_before_an_answer_is_tried_once_more(
    sender: Sender, end: Callable[[asyncio.StreamWriter], None]
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


async def test_it_is_tried_once_more_and_not_twice(sender: Sender) -> None:
    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 1:
            writer.write(OK)
        else:
            writer.close()

    async with serving(script) as server:
        await post(sender, server.url)
        assert await post(sender, server.url) == NoAnswer("connection closed before an answer")
    assert len(server.requests) == 3


async def test_after_the_first_byte_of_an_answer_it_is_not_tried_again(sender: Sender) -> None:
    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(OK if len(server.requests) == 1 else b"HTTP/1.1 20")
        if len(server.requests) > 1:
            writer.close()

    async with serving(script) as server:
        await post(sender, server.url)
        assert isinstance(await post(sender, server.url), NoAnswer)
    assert len(server.requests) == 2


async def test_being_cancelled_is_not_an_outcome(sender: Sender) -> None:
    arrived = asyncio.Event()

    async def script(_request: Request, _writer: asyncio.StreamWriter) -> None:
        arrived.set()

    async with serving(script) as server:
        task = asyncio.ensure_future(post(sender, server.url))
        await asyncio.wait_for(arrived.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_an_idle_connection_is_closed(make: Make) -> None:
    sender, ended = make(keep_alive=0.05), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()
        ended.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        assert isinstance(await post(sender, f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"), Answer)
        await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_no_more_connections_to_a_host_than_its_bound(make: Make) -> None:
    sender = make(per_host=3)
    async with serving(answering(OK)) as server, asyncio.TaskGroup() as group:
        tasks = [group.create_task(post(sender, server.url)) for _ in range(20)]
    assert all(isinstance(task.result(), Answer) for task in tasks)
    assert server.connections <= 3


async def test_who_waits_for_a_connection_may_be_overdue_or_cancelled(make: Make) -> None:
    sender, busy, go = make(per_host=1), asyncio.Event(), asyncio.Event()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        busy.set()
        await go.wait()
        writer.write(OK)

    async with serving(script) as server, asyncio.TaskGroup() as group:
        first = group.create_task(post(sender, server.url))
        await asyncio.wait_for(busy.wait(), PATIENCE)
        assert await sender.post(server.url, (), b"", timeout=0.05) == NoAnswer("timed out after 0.05 s")
        given_up = asyncio.ensure_future(post(sender, server.url))
        await asyncio.sleep(0)
        given_up.cancel()
        last = group.create_task(post(sender, server.url))
        await asyncio.sleep(0)
        go.set()
    assert isinstance(first.result(), Answer)
    assert isinstance(last.result(), Answer)
    assert given_up.cancelled()
    assert len(server.requests) == 2


async def test_a_connection_given_to_who_was_cancelled_just_then_is_not_lost(make: Make) -> None:
    sender, go = make(per_host=1), asyncio.Event()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(OK)

    async def first() -> None:
        await post(sender, server.url)
        second.cancel()  # it was given the connection as this answer was told, and has not run since

    def told(_about: object, _outcome: object) -> None:
        second.cancel()

    async with serving(script) as server:
        go.set()
        await post(sender, server.url)
        go.clear()
        begun = sender.begin(server.url, b"", b"", timeout=PATIENCE, told=told, about=None)
        running = asyncio.ensure_future(first()) if begun is None else None  # by the way that begins nothing
        await asyncio.sleep(0)
        second = asyncio.ensure_future(post(sender, server.url))
        await asyncio.sleep(0)
        go.set()
        if running is not None:
            await running
        with pytest.raises(asyncio.CancelledError):
            await second
        assert isinstance(await post(sender, server.url), Answer)
    assert [request.connection for request in server.requests] == [1, 1, 1]


async def test_a_host_whose_connections_broke_is_reached_again(make: Make) -> None:
    """Whoever waits for a place gets it, be it by an answer or by a connection's end."""
    sender = make(per_host=2)

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) % 2:
            reset(writer)
        else:
            writer.write(OK)

    async with serving(script) as server, asyncio.TaskGroup() as group:
        tasks = [group.create_task(post(sender, server.url)) for _ in range(30)]
    assert {type(task.result()) for task in tasks} == {Answer, NoAnswer}


async def test_a_cancelled_post_leaves_its_connection_to_nobody(sender: Sender) -> None:
    """What is still to come on it is the answer to a question that nobody asks any more."""
    arrived, go = asyncio.Event(), asyncio.Event()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.body == b"slow":
            arrived.set()
            await go.wait()
        answer = request.body
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))

    async with serving(script) as server:
        await post(sender, server.url, body=b"warm")
        task = asyncio.ensure_future(post(sender, server.url, body=b"slow"))
        await asyncio.wait_for(arrived.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()
        for _ in range(3):
            outcome = await post(sender, server.url, body=b"next")
            assert isinstance(outcome, Answer)
            assert outcome.body == b"next"


async def test_a_timeout_leaves_its_connection_to_nobody(sender: Sender) -> None:
    late = asyncio.Event()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.body == b"slow":
            await late.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + request.body)

    async with serving(script) as server:
        await post(sender, server.url, body=b"warm")
        assert await sender.post(server.url, (), b"slow", timeout=0.05) == NoAnswer("timed out after 0.05 s")
        late.set()
        outcome = await post(sender, server.url, body=b"next")
    assert isinstance(outcome, Answer)
    assert outcome.body == b"next"


@pytest.mark.parametrize("more", [b"x", OK, b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"])
async def test_what_comes_after_an_answer_is_nobodys(own: Sender, more: bytes) -> None:
    """aiohttp may lose the answer before it."""
    async with serving(answering(OK + more, OK)) as server:
        for _ in range(2):
            assert await post(own, server.url) == Answer(200, {"content-length": "2"}, b"ok")
    assert [request.connection for request in server.requests] == [1, 2]


async def test_what_comes_unasked_is_nobodys(own: Sender) -> None:
    """aiohttp takes it for the answer to the next request."""
    written = asyncio.Event()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        if request.connection == 1:
            await writer.drain()
            asyncio.get_running_loop().call_later(0.01, unasked, writer)

    def unasked(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 unasked\r\nContent-Length: 0\r\n\r\n")
        asyncio.get_running_loop().call_later(0.01, written.set)

    async with serving(script) as server:
        await post(own, server.url)
        await asyncio.wait_for(written.wait(), PATIENCE)
        assert await post(own, server.url) == Answer(200, {"content-length": "2"}, b"ok")
    assert [request.connection for request in server.requests] == [1, 2]


async def test_an_answer_may_come_before_the_request_is_whole(sender: Sender) -> None:
    """The rest of the request would be read as the beginning of the next one."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 too large\r\nContent-Length: 0\r\n\r\n")
        await held.wait()
        writer.close()

    held = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
        for _ in range(2):
            assert await post(sender, url, body=bytes(30_000_000)) == Answer(413, {"content-length": "0"})
        held.set()
    assert connections == 2


async def test_a_large_request_arrives_whole(sender: Sender) -> None:
    body = os.urandom(5_000_000)
    async with serving(answering(OK)) as server:
        for _ in range(2):
            assert isinstance(await post(sender, server.url, body=body), Answer)
    assert [request.body == body for request in server.requests] == [True, True]


async def test_after_its_end_it_sends_nothing(sender: Sender) -> None:
    async with serving(answering(OK)) as server:
        await post(sender, server.url)
        await sender.close()
        with pytest.raises(RuntimeError, match="closed"):
            await post(sender, server.url)
    assert len(server.requests) == 1

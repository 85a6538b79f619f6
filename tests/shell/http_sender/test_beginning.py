"""Requests that are begun: on a connection that is idle, told by a callback, and never within the call."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.shell.http_sender.serving import OK, PATIENCE, Request, answering, post, reset, serving
from tradewind.adapters.http_sender import HttpSender
from tradewind.delivery.verdicts import Answer, Dropped, NoAnswer, Outcome

LINES = b"ce-id: 1\r\n"


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[HttpSender]:
    made = HttpSender(max_answer_bytes=1000)
    yield made
    await made.close()


class Asker:
    """Hears what came of requests, by the numbers it knows them by."""

    def __init__(self) -> None:
        self.heard: dict[object, Outcome | Dropped] = {}
        self._more = asyncio.Event()

    def told(self, about: object, outcome: Outcome | Dropped) -> None:
        assert about not in self.heard
        self.heard[about] = outcome
        self._more.set()

    async def until(self, about: object) -> Outcome | Dropped:
        while about not in self.heard:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), PATIENCE)
        return self.heard[about]


async def test_nothing_is_sent_where_no_connection_is_idle(sender: HttpSender) -> None:
    asker = Asker()
    async with serving(answering(OK)) as server:
        assert sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=asker.told, about=1) is None
        await post(sender, server.url)
        assert sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=asker.told, about=2) is not None
        assert sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=asker.told, about=3) is None
        await asker.until(2)
    assert len(server.requests) == 2 and list(asker.heard) == [2]


async def test_where_all_connections_are_taken_it_goes_on_the_next_that_comes_free() -> None:
    sender, asker, go = HttpSender(max_answer_bytes=1000, per_host=1), Asker(), asyncio.Event()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) > 1:
            await go.wait()
        writer.write(OK)

    async with serving(script) as server:
        await post(sender, server.url)
        for about in range(1, 5):
            assert sender.begin(server.url, LINES, b"%d" % about, timeout=PATIENCE, told=asker.told, about=about)
        queued = sender.begin(server.url, LINES, b"", timeout=0.05, told=asker.told, about="late")
        given_up = sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=asker.told, about="given up")
        assert queued is not None and given_up is not None
        given_up.give_up("given up")
        assert await asker.until("late") == NoAnswer("timed out after 0.05 s")
        go.set()
        await asker.until(4)
        await sender.close()
    assert [request.connection for request in server.requests] == [1] * 5
    assert [request.body for request in server.requests[1:]] == [b"1", b"2", b"3", b"4"]
    assert list(asker.heard) == ["late", 1, 2, 3, 4]


async def test_what_waited_for_a_connection_is_given_up_on_it() -> None:
    """Where it is the connection that has it by then, and serves another after it only once it is closed."""
    sender, asker = HttpSender(max_answer_bytes=1000, per_host=1), Asker()
    first, queued = asyncio.Event(), asyncio.Event()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.body == b"1":
            await first.wait()
        if request.body == b"2":
            queued.set()
            await asyncio.sleep(0.05)
        writer.write(OK)

    async with serving(script) as server:
        await post(sender, server.url)
        sender.begin(server.url, LINES, b"1", timeout=PATIENCE, told=asker.told, about=1)
        begun = sender.begin(server.url, LINES, b"2", timeout=PATIENCE, told=asker.told, about=2)
        assert begun is not None
        first.set()
        await asyncio.wait_for(queued.wait(), PATIENCE)
        begun.give_up("another")
        begun.give_up(2)
        await post(sender, server.url, body=b"3")
        await sender.close()
    assert list(asker.heard) == [1]
    assert [request.connection for request in server.requests] == [1, 1, 1, 2]


@pytest.mark.parametrize("closed", [False, True])
async def test_what_waits_for_a_connection_hears_when_there_will_be_none(closed: bool) -> None:
    sender, asker = HttpSender(max_answer_bytes=1000, per_host=1), Asker()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 1:
            writer.write(OK)
        elif not closed:
            reset(writer)

    async with serving(script) as server:
        await post(sender, server.url)
        for about in (1, 2):
            assert sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=asker.told, about=about)
        if closed:
            await sender.close()
        assert isinstance(await asker.until(2), NoAnswer if closed else Dropped)
        await sender.close()


async def test_who_is_told_of_a_timeout_and_begins_another_hears_of_that_in_time(sender: HttpSender) -> None:
    asker = Asker()

    def again(about: object, outcome: Outcome | Dropped) -> None:
        asker.told(about, outcome)
        if about == 1:
            assert sender.begin(server.url, LINES, b"", timeout=0.05, told=again, about=2) is not None

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) <= 2:
            await both.wait()
            writer.write(OK)

    async with serving(script) as server:
        both = asyncio.Event()
        posts = [asyncio.ensure_future(post(sender, server.url)) for _ in range(2)]
        while len(server.requests) < 2:
            await asyncio.sleep(0.001)
        both.set()
        await asyncio.gather(*posts)
        sender.begin(server.url, LINES, b"", timeout=0.05, told=again, about=1)
        assert await asyncio.wait_for(asker.until(2), 2.0) == NoAnswer("timed out after 0.05 s")


async def test_what_another_way_must_send_is_not_begun(sender: HttpSender) -> None:
    asker = Asker()
    assert sender.begin("https://127.0.0.1:1/", LINES, b"", timeout=1.0, told=asker.told, about=1) is None
    assert not asker.heard


async def test_it_is_the_request_that_post_sends(sender: HttpSender) -> None:
    asker = Asker()
    async with serving(answering(OK)) as server:
        await post(sender, server.url, ("ce-id", "1"), body=b"data")
        sender.begin(server.url, LINES, b"data", timeout=PATIENCE, told=asker.told, about=1)
        assert isinstance(await asker.until(1), Answer)
    posted, begun = server.requests
    assert (posted.head, posted.body) == (begun.head, begun.body)


async def test_who_is_told_may_begin_the_next_on_the_same_connection(sender: HttpSender) -> None:
    asker = Asker()

    def next_one(about: object, outcome: Outcome | Dropped) -> None:
        asker.told(about, outcome)
        assert isinstance(about, int)
        if about < 5:
            begun = sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=next_one, about=about + 1)
            assert begun is not None and about + 1 not in asker.heard

    async with serving(answering(OK)) as server:
        await post(sender, server.url)
        sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=next_one, about=1)
        await asker.until(5)
    assert [request.connection for request in server.requests] == [1] * 6


async def test_a_connection_that_closes_first_drops_the_request_and_a_new_one_takes_it(sender: HttpSender) -> None:
    asker = Asker()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 2:
            reset(writer)
        else:
            writer.write(OK)

    async with serving(script) as server:
        await post(sender, server.url)
        sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=asker.told, about=1)
        assert isinstance(await asker.until(1), Dropped)
        await asyncio.gather(*(post(sender, server.url) for _ in range(3)))
        assert isinstance(await sender.post(server.url, (), b"", timeout=PATIENCE, anew=True), Answer)
    connections = [request.connection for request in server.requests]
    assert connections[:2] == [1, 1] and connections[-1] == max(connections) == len({*connections})


async def test_silence_is_told_at_the_timeout(sender: HttpSender) -> None:
    asker = Asker()
    async with serving(answering(OK, b"")) as server:
        await post(sender, server.url)
        sender.begin(server.url, LINES, b"", timeout=0.05, told=asker.told, about=1)
        assert await asker.until(1) == NoAnswer("timed out after 0.05 s")


@pytest.mark.parametrize("other", [False, True])
async def test_what_is_given_up_is_not_told(sender: HttpSender, other: bool) -> None:
    """And giving up what the connection no longer carries ends nothing."""
    asker, go = Asker(), asyncio.Event()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) > 1:
            await go.wait()
        writer.write(OK)

    async with serving(script) as server:
        await post(sender, server.url)
        begun = sender.begin(server.url, LINES, b"", timeout=PATIENCE, told=asker.told, about=1)
        assert begun is not None
        begun.give_up(2 if other else 1)
        go.set()
        if other:
            assert isinstance(await asker.until(1), Answer)
        await post(sender, server.url)
    assert [request.connection for request in server.requests][-1] == (1 if other else 2)
    assert list(asker.heard) == ([1] if other else [])

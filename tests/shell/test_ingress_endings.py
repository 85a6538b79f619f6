"""How connections end: half-closed, too slow, unread, and when the server stops."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from tests.shell.ingress_clients import chunked, client_of, head, idle, plain, values
from tests.shell.ingress_running import OTHER, running, until
from tradewind.broker import deadlines
from tradewind.config import KIB, Settings
from tradewind.plan import Plan

ONE = Settings(partitions=1, grace=2.0)

pytestmark = pytest.mark.usefixtures("way")


@contextlib.contextmanager
def each_on_its_own(port: int, parts: Sequence[bytes]) -> Iterator[None]:
    """A connection for each of these, over which no more comes."""
    with contextlib.ExitStack() as connections:
        for part in parts:
            connections.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(part)
        yield


class TestHalfClosed:
    @pytest.mark.parametrize("last", [plain(b"c"), chunked(b"c")])
    async def test_whoever_sends_no_more_still_gets_every_answer(self, last: bytes) -> None:
        async with running(ONE) as at, client_of(at) as client:
            at.log.held = True
            client.send(plain(b"a"), chunked(b"b"), last)
            client.writer.write_eof()
            await until(lambda: len(at.stored()) >= 1)
            at.log.held = False
            at.log.release()
            assert await client.statuses(3) == [202] * 3
            assert await client.ended()
            assert values(at) == [b"a", b"b", b"c"]
            await idle(at)

    @pytest.mark.parametrize("part", [head()[:30], head("/default/hello", "Content-Length: 5") + b"hell"])
    @pytest.mark.parametrize("before", [b"", plain(b"a"), chunked(b"a"), plain(b"a") + chunked(b"b")])
    async def test_a_request_cut_short_is_refused_and_those_before_are_answered(
        self, before: bytes, part: bytes
    ) -> None:
        whole = before.count(b"POST")
        async with running(ONE) as at, client_of(at) as client:
            at.log.held = True
            client.send(before, part)
            client.writer.write_eof()
            await until(lambda: len(at.stored()) >= bool(whole))
            at.log.held = False
            at.log.release()
            assert await client.statuses(whole + 1) == [202] * whole + [400]
            assert await client.ended()
            assert values(at) == [b"a", b"b"][:whole]
            await idle(at)

    @pytest.mark.parametrize(
        "part, found, expected",
        [
            (head("/default/hello", "Content-Length: 5") + b"hell", "4 bytes, and no more", "5 bytes (Content-Length)"),
            (head("/default/hello", "Content-Length: 5"), "0 bytes, and no more", "5 bytes (Content-Length)"),
            (
                head("/default/hello", "Content-Length: 5", "TE: x") + b"hell",
                "4 bytes, and no more",
                "5 bytes (Content-Length)",
            ),
            (chunked(b"hello")[:-4], "the end of the connection", "all of the request"),
            (chunked(b"hello")[:-5], "the end of the connection", "all of the body"),
            (head()[:-2], "the end of the connection", "all of the request"),
            (b"P", "the end of the connection", "all of the request"),
            (b"\r", "the end of the connection", "all of the request"),
        ],
    )
    async def test_a_request_cut_short_is_told_what_is_missing(self, part: bytes, found: str, expected: str) -> None:
        """RFC 9112 8: such a request may be answered before the connection is closed."""
        async with running(ONE) as at, client_of(at) as client:
            client.send(part)
            await client.writer.drain()
            for _ in range(5):  # the server's turn
                await asyncio.sleep(0)
            client.writer.write_eof()
            (answer,) = await client.answers(1)
            assert (answer.status, answer.headers["connection"]) == (400, "close")
            (fault,) = json.loads(answer.body)["faults"]
            assert (fault["found"], fault["expected"], fault["rule"]) == (found, expected, "RFC 9112 8")
            assert await client.ended()
            assert values(at) == []
            await idle(at)

    async def test_a_body_cut_short_whose_request_is_refused_already(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/no/broker", "Content-Length: 5", "Expect: 100-continue"), b"hell")
            assert await client.statuses(1) == [404]
            client.writer.write_eof()
            assert await client.ended()

    async def test_whoever_is_gone_while_kafka_is_asked(self) -> None:
        async with running(ONE) as at:
            at.log.held = True
            async with client_of(at) as client:
                client.send(plain(b"a"), plain(b"b"))
                await until(lambda: len(at.stored()) >= 1)
                client.writer.transport.abort()
            at.log.release()
            at.log.held = False
            await idle(at)


class TestSlow:
    async def test_half_a_head(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadlines, "HEAD", 0.05)
        monkeypatch.setattr(deadlines, "SWEEP", 0.05)
        async with running(ONE) as at, client_of(at) as client:
            client.send(head()[:30])
            (answer,) = await client.answers(1)
            assert answer.status == 408
            assert "head did not arrive within 0.05" in json.loads(answer.body)["detail"]
            assert await client.ended()
            await idle(at)

    @pytest.mark.parametrize("before", [plain(b"a"), chunked(b"a"), plain(b"a", "/no/broker")])
    async def test_half_a_head_behind_a_request(self, before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadlines, "HEAD", 0.05)
        monkeypatch.setattr(deadlines, "SWEEP", 0.05)
        async with running(ONE) as at, client_of(at) as client:
            client.send(before + head()[:30])
            assert (await client.statuses(2))[1] == 408
            assert await client.ended()

    @pytest.mark.parametrize("before", [b"", plain(b"a"), chunked(b"a")])
    async def test_an_idle_connection(self, before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadlines, "IDLE", 1)
        monkeypatch.setattr(deadlines, "SWEEP", 0.05)
        async with running(ONE) as at, client_of(at) as client:
            client.send(before)
            assert await client.statuses(bool(before)) == [202] * bool(before)
            assert await client.ended()

    @pytest.mark.parametrize("rest", [b"h", b"hello"])
    async def test_silence_behind_a_refusal_before_the_body(self, rest: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """Such a connection is idle, or too slow with its body; either way it ends."""
        monkeypatch.setattr(deadlines, "IDLE", 1)
        monkeypatch.setattr(deadlines, "BODY", 0.2)
        monkeypatch.setattr(deadlines, "SWEEP", 0.05)
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/no/broker", "Content-Length: 5", "Expect: 100-continue"))
            assert await client.statuses(1) == [404]
            client.send(rest)
            assert await client.ended()

    async def test_many_that_are_slow_keep_nobody_else_waiting(self) -> None:
        """What they have sent counts against the bound, not what they say they will send: that is many times more."""
        half = [head()[:-1], head("/default/hello", "Content-Length: 60000") + b"x" * 1000] * 100
        large = b"a" * 64 * KIB
        async with running(Settings(queue_bytes=512 * KIB, grace=2.0)) as at:
            with each_on_its_own(at.port, half):
                await until(lambda: at.ingress.room.held >= 100 * 1000)
                async with client_of(at) as client:
                    client.send(plain(large), chunked(large))
                    assert await client.statuses(2) == [202, 202]
            await idle(at)

    async def test_those_that_hold_everything_give_way_to_whoever_sends_what_he_has(self) -> None:
        """Also where that comes in many pieces; who gives way is told."""
        half = head("/default/hello", "Content-Length: 60000") + b"x" * 8 * KIB
        honest = [size * b"a" for size in (20_000, 64 * KIB, 1)]
        async with running(replace(ONE, queue_bytes=2000 * KIB)) as at, AsyncExitStack() as stack:
            slow = [await stack.enter_async_context(client_of(at)) for _ in range(150)]
            for one in slow:
                one.send(half)
            await until(lambda: at.ingress.room.held > 990 * KIB)
            for body in honest:
                async with client_of(at) as client:
                    for at_octet in range(0, len(request := plain(body)), 1460):
                        client.send(request[at_octet : at_octet + 1460])
                        await client.writer.drain()
                        for _ in range(2):  # the server's turn
                            await asyncio.sleep(0)
                    assert await client.statuses(1) == [202]
            (answer,) = await slow[0].answers(1)
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert "coming longest" in json.loads(answer.body)["detail"]
            assert at.ingress.room.held > 800 * KIB, "no more of them gave way than had to"
            assert values(at) == honest
        await idle(at)

    async def test_those_that_hold_everything_make_room_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadlines, "BODY", 1)
        monkeypatch.setattr(deadlines, "SWEEP", 0.05)
        half = [head("/default/hello", "Content-Length: 60000") + b"x" * 16 * KIB] * 16
        async with running(Settings(queue_bytes=256 * KIB, grace=2.0)) as at:
            with each_on_its_own(at.port, half):
                await until(lambda: at.ingress.room.held == 256 * KIB)
                await idle(at)

    async def test_a_client_that_never_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is read no further once its answers pile up, and ends as any that is too slow."""
        for wait in ("HEAD", "BODY", "IDLE"):
            monkeypatch.setattr(deadlines, wait, 1)
        monkeypatch.setattr(deadlines, "SWEEP", 0.05)
        async with running(ONE) as at:
            loop = asyncio.get_running_loop()
            at.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # few answers fill it
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.setblocking(False)
                await loop.sock_connect(client, ("127.0.0.1", at.port))
                refused = plain(b"x" * 10).replace(b"ce-specversion", b"ce-nothing") * 1000
                with pytest.raises(ConnectionError):
                    async with asyncio.timeout(60):
                        while True:
                            await loop.sock_sendall(client, refused)
            await idle(at)


class TestBounds:
    async def test_a_body_beyond_the_bound_is_refused_in_words(self) -> None:
        """Also where its sender does not look before it has sent everything."""
        async with running(Settings(queue_bytes=256 * KIB, grace=2.0)) as at, client_of(at) as client:
            size = 900_000
            client.send(head("/default/hello", f"Content-Length: {size}"))
            for _ in range(size // 20_000):
                client.send(b"x" * 20_000)
                await client.writer.drain()
                await asyncio.sleep(0)
            (answer,) = await client.answers(1)
            assert answer.status == 503
            assert "--queue-bytes" in json.loads(answer.body)["detail"]
            await idle(at)
            assert values(at) == []

    @pytest.mark.parametrize("first", [plain(b"a"), chunked(b"a")])
    async def test_what_many_pipeline_behind_requests_that_wait(self, first: bytes) -> None:
        """They hold no more than the bound between them, and lose no answer that is due."""
        bound, number = 256 * KIB, 8
        behind = plain(b"", "/default/hello", "TE: x", "ce-x: " + "y" * 1000) * 60
        async with running(Settings(partitions=1, queue_bytes=bound, grace=2.0)) as at, AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(client_of(at)) for _ in range(number)]
            at.log.held = True
            for client in clients:
                client.send(first)
            await until(lambda: len(at.stored()) == number)
            for client in clients:
                client.send(behind)
            await until(lambda: at.ingress.room.held > bound - len(behind))
            assert at.ingress.room.held <= bound
            at.log.held = False
            at.log.release()
            for client in clients:
                assert await client.statuses(1) == [202]
                assert (await client.statuses(1))[0] in (202, 503)
        await idle(at)

    async def test_a_broker_that_goes_while_a_body_is_under_way(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/default/hello", "Content-Length: 5"), b"hel")
            await until(lambda: at.ingress.room.held == 3)
            at.ingress.adopt(Plan(brokers={OTHER.name: OTHER}))
            client.send(b"lo")
            (status,) = await client.statuses(1)
            assert (status, values(at)) in [(404, []), (202, [b"hello"])]
            await idle(at)

    async def test_endless_headers(self) -> None:
        async with running(replace(ONE, max_header_bytes=8 * KIB)) as at, client_of(at) as client:
            client.send(head()[:-2])
            answered = asyncio.create_task(client.answers(1))
            while not answered.done():
                client.send(b"ce-x: y\r\n")
                await asyncio.sleep(0)
            assert [answer.status for answer in await answered] == [431]
            await idle(at)


class TestStop:
    async def test_acknowledgements_that_are_due_are_waited_for(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            at.log.held = True
            client.send(plain(b"a"))
            await until(lambda: len(at.stored()) == 1)
            at.stop.set()
            await until(lambda: not at.listening())
            at.log.release()
            (answer,) = await client.answers(1)
            assert (answer.status, answer.headers["connection"]) == (202, "close")
            assert await client.ended()
            await asyncio.wait_for(at.done, 5)
            assert at.ingress.room.held == 0

    @pytest.mark.parametrize("part", [b"", head()[:30]])
    async def test_what_has_not_begun_ends_at_once(self, part: bytes) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(plain(b"a"), part)
            assert await client.statuses(1) == [202]
            at.stop.set()
            assert await client.ended()
            await asyncio.wait_for(at.done, 5)
            assert at.ingress.room.held == 0

    async def test_a_body_that_is_under_way_is_waited_for(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/default/hello", "Content-Length: 5"), b"hel")
            await until(lambda: at.ingress.room.held == 3)
            at.stop.set()
            await until(lambda: not at.listening())
            client.send(b"lo")
            (answer,) = await client.answers(1)
            assert (answer.status, answer.headers["connection"]) == (202, "close")
            assert await client.ended()
            assert values(at) == [b"hello"]

    async def test_whoever_is_not_done_within_the_grace_is_told(self) -> None:
        async with running(Settings(grace=1.0)) as at, client_of(at) as waits, client_of(at) as sends:
            at.log.held = True
            sends.send(head("/default/hello", "Content-Length: 5"), b"hel")
            waits.send(plain(b"a"))
            await until(lambda: len(at.stored()) == 1 and at.ingress.room.held > 1000)
            at.stop.set()
            for client in (waits, sends):
                (answer,) = await client.answers(1)
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                assert "stops" in json.loads(answer.body)["detail"]
                assert await client.ended()
            await asyncio.wait_for(at.done, 5)
            at.log.release()
            await idle(at)

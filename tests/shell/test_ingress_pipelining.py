"""Many requests on one connection, of both kinds, and connections that end in every way."""

import asyncio
import json

import pytest

from tests.shell.ingress_clients import Acknowledgements, chunked, client_of, head, idle, plain, values
from tests.shell.ingress_running import running, until
from tradewind.broker import front
from tradewind.config import Settings

ONE = Settings(partitions=1, grace=2.0)
"""So that records are read in the order in which they were stored."""

pytestmark = pytest.mark.usefixtures("way")


class TestPipelining:
    async def test_more_than_may_wait_are_read_no_further_and_all_answered_in_order(self) -> None:
        bodies = [b"%d" % number for number in range(300)]
        async with running(ONE) as at, client_of(at) as client:
            at.log.held = True
            client.send(*(plain(body, "/default/hello" if n % 3 else "/no/broker") for n, body in enumerate(bodies)))
            await until(lambda: len(at.stored()) >= 1)
            assert len(at.stored()) <= front.MOST_WAITING
            at.log.held = False
            at.log.release()
            assert await client.statuses(300) == [202 if n % 3 else 404 for n in range(300)]
            assert values(at) == [body for n, body in enumerate(bodies) if n % 3]
            await idle(at)

    async def test_acknowledgements_in_any_order_are_answers_in_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with running(ONE) as at, client_of(at) as client:
            kafka = Acknowledgements(at, monkeypatch)
            client.send(plain(b"a"), plain(b"b"), plain(b"c", "/no/broker"), plain(b"d"))
            answers = asyncio.create_task(client.statuses(4))
            while not answers.done():
                await until(lambda: bool(kafka.due) or answers.done())
                if kafka.due:
                    kafka.give(-1)
            assert await answers == [202, 202, 404, 202]
            assert values(at) == [b"a", b"b", b"d"]

    async def test_both_kinds_in_turn(self) -> None:
        """What is not plain waits for the answers before it, and what follows it is served all the same."""
        async with running(ONE) as at, client_of(at) as client:
            at.log.held = True
            client.send(plain(b"1"), chunked(b"2", b"2"), plain(b"3"), plain(b"4", "/no/broker"), chunked(b"5"))
            answers = asyncio.create_task(client.statuses(5))
            await until(lambda: len(at.stored()) >= 1)
            at.log.held = False
            at.log.release()
            assert await answers == [202, 202, 202, 404, 202]
            assert values(at) == [b"1", b"22", b"3", b"5"]
            await idle(at)

    async def test_what_is_not_plain_behind_all_that_may_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its first acknowledgement comes last, so that all the answers go out at once."""
        number = front.MOST_WAITING
        async with running(ONE) as at, client_of(at) as client:
            kafka = Acknowledgements(at, monkeypatch)
            client.send(*(plain(b"%d" % n) for n in range(number)), chunked(b"x"), plain(b"y"))
            answers = asyncio.create_task(client.statuses(number + 2))
            while not answers.done():
                await until(lambda: bool(kafka.due) or answers.done())
                if kafka.due:
                    kafka.give(-1)
            assert await answers == [202] * (number + 2)
            assert values(at) == [*(b"%d" % n for n in range(number)), b"x", b"y"]
            await idle(at)

    async def test_a_request_in_single_bytes(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            for byte in plain(b"hello") + chunked(b"he", b"llo") + plain(b"again"):
                client.send(bytes([byte]))
                await client.writer.drain()
                await asyncio.sleep(0)
            assert await client.statuses(3) == [202] * 3
            assert values(at) == [b"hello", b"hello", b"again"]


class TestHttp:
    async def test_trailers_are_no_headers_and_no_body(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(chunked(b"hello", trailers=b"ce-id: other\r\nContent-Length: 3\r\n", lines=("Trailer: ce-id",)))
            client.send(plain(b"next"))
            assert await client.statuses(2) == [202, 202]
            assert values(at) == [b"hello", b"next"]
            assert {dict(record.headers)["ce_id"] for record in at.stored()} == {b"1"}

    async def test_chunks_with_extensions_and_any_size(self) -> None:
        body = b"5;name=value\r\nhello\r\n0a \r\n0123456789\r\n000\r\n\r\n"
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/default/hello", "Transfer-Encoding: Chunked"), body)
            assert await client.statuses(1) == [202]
            assert values(at) == [b"hello0123456789"]

    @pytest.mark.parametrize("coding", ["gzip, chunked", "identity", "chunked, chunked", "xchunked"])
    async def test_other_transfer_codings(self, coding: str) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/default/hello", f"Transfer-Encoding: {coding}"), b"5\r\nhello\r\n0\r\n\r\n")
            (answer,) = await client.answers(1)
            assert answer.status in (400, 501)
            assert json.loads(answer.body)["status"] == answer.status
            assert await client.ended()
            assert values(at) == []

    async def test_connection_close(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(plain(b"a", "/default/hello", "Connection: close"), plain(b"b"))
            (answer,) = await client.answers(1)
            assert (answer.status, answer.headers["connection"]) == (202, "close")
            assert await client.ended()
            assert values(at) == [b"a"]

    async def test_more_behind_connection_close_takes_no_answer_from_what_is_stored(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            at.log.held = True
            client.send(plain(b"a", "/default/hello", "Connection: close"))
            await until(lambda: len(at.stored()) == 1)
            client.send(plain(b"b"))
            client.writer.write_eof()
            for _ in range(20):  # the server's turn
                await asyncio.sleep(0)
            at.log.release()
            assert await client.statuses(1) == [202]
            assert values(at) == [b"a"]

    @pytest.mark.parametrize("line, ends", [(None, True), ("Connection: keep-alive", False)])
    async def test_http_1_0(self, line: str | None, ends: bool) -> None:
        async with running(ONE) as at, client_of(at) as client:
            old = plain(b"a", "/default/hello", *([line] if line else [])).replace(b"HTTP/1.1", b"HTTP/1.0")
            client.send(old.replace(b"Host: x\r\n", b""))
            assert await client.statuses(1) == [202]
            assert values(at) == [b"a"]
            if ends:
                assert await client.ended()

    async def test_expect_100_continue_before_a_refusal(self) -> None:
        """The body is not asked for."""
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/no/broker", "Content-Length: 5", "Expect: 100-continue"))
            assert await client.statuses(1) == [404]

    async def test_expect_100_continue_with_the_body_at_once_behind_a_plain_request(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(plain(b"a"), plain(b"b", "/default/hello", "Expect: 100-continue"), plain(b"c"))
            statuses = await client.statuses(3)
            if 100 in statuses:
                statuses = [*(status for status in statuses if status != 100), *await client.statuses(1)]
            assert statuses == [202] * 3
            assert values(at) == [b"a", b"b", b"c"]

    async def test_what_javas_client_sends_first_and_then(self) -> None:
        """java.net.http offers HTTP/2 with each request until one is answered, body and all."""
        offer = (
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAA",
        )
        async with running(ONE) as at, client_of(at) as client:
            client.send(plain(b"offered", "/default/hello", *offer))
            (answer,) = await client.answers(1)
            assert (answer.status, "upgrade" in answer.headers) == (202, False)
            client.send(chunked(b"offered ", b"too", lines=offer), plain(b"no more"))
            assert await client.statuses(2) == [202, 202]
            assert values(at) == [b"offered", b"offered too", b"no more"]

    @pytest.mark.parametrize("end", [b"\n\n", b"\r\n\n", b"\n\r\n"])
    async def test_lines_that_end_in_lf_alone(self, end: bytes) -> None:
        """RFC 9112 2.2 lets us take them; who sends them is answered at once, not when the head's time is over."""
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/default/hello", "Content-Length: 5")[:-4], end, b"hello")
            assert await client.statuses(1) == [202]
            assert values(at) == [b"hello"]

    @pytest.mark.parametrize("lines", [b"\r\n", b"\r\n\r\n", 1000 * b"\r\n"])
    async def test_empty_lines_before_a_request(self, lines: bytes) -> None:
        """RFC 9112 2.2: some clients send one behind a body."""
        async with running(ONE) as at, client_of(at) as client:
            at.log.held = True  # so that what is pipelined is met while an answer is due
            client.send(lines, plain(b"\r\na"), lines, chunked(b"b"), lines, plain(b"c", "/no/broker"), lines)
            await until(lambda: len(at.stored()) == 1)
            at.log.held = False
            at.log.release()
            assert await client.statuses(3) == [202, 202, 404]
            client.send(plain(b"d"), lines)
            client.writer.write_eof()
            assert await client.statuses(1) == [202]
            assert await client.ended()
            assert values(at) == [b"\r\na", b"b", b"d"]

    async def test_an_empty_line_in_parts(self) -> None:
        async with running(ONE) as at, client_of(at) as client:
            for piece in (b"\r", b"\n", b"\r", b"\n" + plain(b"a"), b"\r", b"\n", plain(b"b")):
                client.send(piece)
                await client.writer.drain()
                for _ in range(3):  # the server's turn
                    await asyncio.sleep(0)
            assert await client.statuses(2) == [202, 202]
            assert values(at) == [b"a", b"b"]

    @pytest.mark.parametrize("line", [b"\n", b"\rPOST", b" \r\n"])
    async def test_what_is_no_empty_line(self, line: bytes) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(line, plain(b"a"))
            assert await client.statuses(1) == [400]
            assert await client.ended()
            assert values(at) == []

    @pytest.mark.parametrize("start", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00"])
    async def test_what_never_was_http_is_refused_at_once(self, start: bytes) -> None:
        """As a client does that speaks TLS to this port."""
        async with running(ONE) as at, client_of(at) as client:
            client.send(start)
            assert await client.statuses(1) == [400]
            assert await client.ended()

    async def test_every_refusal_says_when(self) -> None:
        """RFC 9110 6.6.1."""
        async with running(ONE) as at:
            for wrong in (b"x\r\n\r\n", plain(b"", "/no/broker"), head("/default/hello", "Content-Length: x")):
                async with client_of(at) as client:
                    client.send(wrong)
                    assert (await client.answers(1))[0].headers["date"]

    @pytest.mark.parametrize("digits", [15, 16, 20, 21, 5000])
    async def test_lengths_without_end(self, digits: int) -> None:
        async with running(ONE) as at, client_of(at) as client:
            client.send(head("/default/hello", f"Content-Length: {'9' * digits}"))
            (answer,) = await client.answers(1)
            assert answer.status == (413 if digits <= 20 else 400)
            assert await client.ended()

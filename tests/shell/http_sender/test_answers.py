"""What comes back: every whole answer is an Answer, cut at its bound."""

import asyncio
import gzip

import pytest

from tests.shell.http_sender.serving import LIMIT, OK, Request, answering, closing, post, serving
from tradewind.adapters.http_sender.bounds import ERROR_BYTES
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.ports import Sender


@pytest.mark.parametrize("status", [200, 202, 204, 400, 404, 429, 500, 503, 799])
async def test_every_status_is_an_answer(sender: Sender, status: int) -> None:
    async with serving(answering(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        assert await post(sender, server.url) == Answer(status, {"content-length": "0"})


async def test_names_are_lower_case_and_the_last_of_several_counts(sender: Sender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nCe-Id: 1\r\nX-A: one\r\nX-A: two\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(answer)) as server:
        outcome = await post(sender, server.url)
    assert outcome == Answer(200, {"ce-id": "1", "x-a": "two", "content-length": "0"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(sender: Sender, status: int) -> None:
    async with serving(answering(b"HTTP/1.1 %d x\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        outcome = await post(sender, server.url + "a")
    assert isinstance(outcome, Answer)
    assert (outcome.status, outcome.headers["location"]) == (status, "/b")
    assert len(server.requests) == 1


async def test_content_is_not_decoded(sender: Sender) -> None:
    packed = gzip.compress(b"x" * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with serving(answering(head + packed)) as server:
        outcome = await post(sender, server.url)
    assert isinstance(outcome, Answer)
    assert outcome.body == packed
    assert dict(server.requests[0].fields)["accept-encoding"] == "identity"


async def test_a_chunked_answer_is_put_together(sender: Sender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with serving(answering(answer)) as server:
        assert await post(sender, server.url) == Answer(200, {"transfer-encoding": "chunked"}, b"abcde")


async def test_an_http_1_0_answer_ends_with_its_connection(sender: Sender) -> None:
    async with serving(closing(b"HTTP/1.0 200 OK\r\n\r\nabc")) as server:
        assert await post(sender, server.url) == Answer(200, {}, b"abc")
        assert await post(sender, server.url) == Answer(200, {}, b"abc")
    assert [request.connection for request in server.requests] == [1, 2]


@pytest.mark.parametrize(("status", "limit"), [(200, LIMIT), (201, LIMIT), (202, ERROR_BYTES), (500, ERROR_BYTES)])
async def test_an_answer_is_read_up_to_its_bound(sender: Sender, status: int, limit: int) -> None:
    def answer(size: int) -> bytes:
        return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, size) + b"a" * size

    async with serving(answering(answer(limit), answer(limit + 1), answer(20_000_000), answer(1))) as server:
        outcomes = [await post(sender, server.url) for _ in range(4)]
    found = [(o.status, len(o.body), o.cut) for o in outcomes if isinstance(o, Answer)]
    assert found == [(status, limit, False), (status, limit, True), (status, limit, True), (status, 1, False)]


async def test_a_reply_may_lie_wholly_in_its_headers(sender: Sender) -> None:
    value = b"v" * 60_000
    async with serving(answering(b"HTTP/1.1 200 OK\r\nce-big: " + value + b"\r\nContent-Length: 0\r\n\r\n")) as server:
        outcome = await post(sender, server.url)
    assert isinstance(outcome, Answer)
    assert outcome.headers["ce-big"] == value.decode()


async def test_an_empty_answer_needs_no_length(sender: Sender) -> None:
    async with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 x\r\n\r\n", OK)) as server:
        assert await post(sender, server.url) == Answer(204)
        assert await post(sender, server.url) == Answer(304)
        assert await post(sender, server.url) == Answer(200, {"content-length": "2"}, b"ok")
    assert [request.connection for request in server.requests] == [1, 1, 1]


async def test_informational_answers_are_passed_over(sender: Sender) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with serving(answering(early + OK)) as server:
        assert await post(sender, server.url) == Answer(200, {"content-length": "2"}, b"ok")
        assert await post(sender, server.url) == Answer(200, {"content-length": "2"}, b"ok")
    assert [request.connection for request in server.requests] == [1, 1]


async def test_an_informational_answer_alone_is_none(sender: Sender) -> None:
    async with serving(closing(b"HTTP/1.1 100 Continue\r\n\r\n")) as server:
        assert isinstance(await post(sender, server.url), NoAnswer)
    assert len(server.requests) == 1


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_body_without_framing_ends_with_its_connection(sender: Sender, version: bytes) -> None:
    async with serving(closing(b"HTTP/%b 200 OK\r\nX-A: b\r\n\r\nabc" % version)) as server:
        assert await post(sender, server.url) == Answer(200, {"x-a": "b"}, b"abc")


async def test_an_http_1_0_server_may_keep_its_connection(sender: Sender) -> None:
    answer = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    async with serving(answering(answer)) as server:
        for _ in range(2):
            assert (await post(sender, server.url)) == Answer(
                200, {"connection": "keep-alive", "content-length": "2"}, b"ok"
            )
    assert [request.connection for request in server.requests] == [1, 1]


async def test_a_server_that_will_close_is_not_asked_again(sender: Sender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with serving(answering(answer)) as server:
        await post(sender, server.url)
        await post(sender, server.url)
    assert [request.connection for request in server.requests] == [1, 2]


async def test_trailers_and_chunk_extensions_are_no_part_of_an_answer(sender: Sender) -> None:
    body = b"3;a=b\r\nabc\r\n0\r\nX-After: 1\r\n\r\n"
    async with serving(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)) as server:
        for _ in range(2):
            assert await post(sender, server.url) == Answer(200, {"transfer-encoding": "chunked"}, b"abc")
    assert [request.connection for request in server.requests] == [1, 1]


async def test_an_answer_may_come_byte_by_byte(sender: Sender) -> None:
    whole = b"HTTP/1.1 200 OK\r\nCe-Id: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        for octet in whole:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(script) as server:
        assert await post(sender, server.url) == Answer(200, {"ce-id": "1", "transfer-encoding": "chunked"}, b"abc")


async def test_values_are_stripped_and_may_hold_any_octets(sender: Sender) -> None:
    fields = b"X-A:   b c \t\r\nX-B:\r\nX-C: \xc3\xa9\xff\r\n"
    async with serving(answering(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 0\r\n\r\n")) as server:
        outcome = await post(sender, server.url)
    assert outcome == Answer(200, {"x-a": "b c", "x-b": "", "x-c": "é\udcff", "content-length": "0"})


async def test_a_reply_is_read_whole_whatever_its_framing(sender: Sender) -> None:
    body = bytes(range(256)) * (LIMIT // 256)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:1], body[1:70_000], body[70_000:]))
    framed = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % chunks,
    )
    async with serving(answering(*framed)) as server:
        for _ in framed:
            outcome = await post(sender, server.url)
            assert isinstance(outcome, Answer)
            assert (outcome.body, outcome.cut) == (body, False)
    assert [request.connection for request in server.requests] == [1, 1]


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nx-big: ", b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nx", b"HTTP/1.1 200 OK\r\n"]
)
async def test_an_endless_head_is_no_answer(sender: Sender, head: bytes) -> None:
    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        more = b"x-a: b\r\n" * 5000 if head.endswith(b"\n") else b"v" * 40_000
        while not writer.is_closing():
            writer.write(more)
            await writer.drain()

    async with serving(script) as server:
        outcome = await post(sender, server.url)
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("not an HTTP answer: ")

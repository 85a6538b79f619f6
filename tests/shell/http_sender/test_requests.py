"""What is sent, and where to: the same bytes both ways."""

import asyncio
import os
from typing import Any

import pytest

from tests.shell.http_sender.serving import OK, Server, answering, free_port, post, serving
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.ports import Sender


async def test_a_request_is_what_its_caller_wrote(sender: Sender) -> None:
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


async def test_no_data_is_sent_with_length_0_and_no_content_type(sender: Sender) -> None:
    async with serving(answering(OK)) as server:
        await post(sender, server.url)
    assert ("content-length", "0") in server.requests[0].fields
    assert "content-type" not in dict(server.requests[0].fields)


async def test_cookies_are_not_kept(sender: Sender) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as server:
        await post(sender, server.url)
        await post(sender, server.url)
    assert "cookie" not in dict(server.requests[1].fields)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection_is_named(sender: Sender, host: str) -> None:
    assert await post(sender, f"http://{host}:{free_port()}/") == NoAnswer("connection refused")


async def test_an_unknown_name_is_named(sender: Sender) -> None:
    assert await post(sender, "http://nobody.invalid/") == NoAnswer("name not found: nobody.invalid")


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.invalid"])
async def test_a_name_that_can_be_none_is_no_answer(sender: Sender, host: str) -> None:
    """Its labels are empty or too long: whoever looks names up says so in an error of another kind."""
    assert isinstance(await post(sender, f"http://{host}/"), NoAnswer)


@pytest.mark.parametrize("url", ["", "nonsense", "/path", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/"])
async def test_an_invalid_url_is_no_answer(sender: Sender, url: str) -> None:
    outcome = await post(sender, url)
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("invalid URL: ")


async def test_a_header_that_would_break_the_request_is_not_sent(sender: Sender) -> None:
    async with serving(answering(OK)) as server:
        outcome = await post(sender, server.url, ("ce-id", "a\r\nx-evil: 1"))
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("invalid request: ")
    assert not server.requests


async def test_tls_to_a_plain_port_is_named(sender: Sender) -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        outcome = await post(sender, f"https://127.0.0.1:{port}/")
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason.startswith("TLS failed: ")


async def test_proxies_of_the_environment_are_not_used(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", f"http://127.0.0.1:{free_port()}")
    async with serving(answering(OK)) as server:
        assert isinstance(await post(sender, server.url), Answer)


HOSTS = ("127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "user:pass%40word@127.0.0.1:{port}")
PATHS = (
    "",
    "/",
    "/?",
    "?a=b",
    "/a/../b",
    "/a%2Fb?c=%2C&d",
    "//x",
    "/a;b=c?d=[e]|{",
    "/a#part",
    "/é?ü=ß",
    "/a b",
    "/?a?b/c",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", HOSTS)
async def test_a_url_is_sent_as_it_is_written(sender: Sender, host: str, path: str) -> None:
    """By the bytes that aiohttp sends: whoever serves a path must not see which way we went."""
    shown = {"/a b": "/a%20b", "/é?ü=ß": "/%C3%A9?%C3%BC=%C3%9F", "/a#part": "/a", "/?": "/", "?a=b": "/?a=b", "": "/"}
    async with serving(answering(OK)) as server:
        name = host.format(port=server.port)
        outcome = await post(sender, f"http://{name}{path}", ("ce-id", "1"), ("Content-Type", "a/b"), body=b"xy")
    assert isinstance(outcome, Answer)
    user, _, seen = name.rpartition("@")
    if " " in path or not path.isascii():
        seen = seen.lower()  # as yarl does where it encodes
    lines = [
        f"POST {shown.get(path, path)} HTTP/1.1",
        f"Host: {seen}",
        "User-Agent: tradewind",
        "Accept-Encoding: identity",
        "ce-id: 1",
        "Content-Type: a/b",
        *(["Authorization: Basic dXNlcjpwYXNzQHdvcmQ="] if user else []),
        "Content-Length: 2",
        "",
        "",
    ]
    assert server.requests[0].head.split("\r\n") == lines


async def test_ipv6(sender: Sender) -> None:
    server = Server(answering(OK))
    try:
        listener = await asyncio.start_server(server.serve, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        assert isinstance(await post(sender, f"http://[::1]:{port}/a"), Answer)
        await sender.close()
    assert server.requests[0].head.startswith(f"POST /a HTTP/1.1\r\nHost: [::1]:{port}\r\n")


@pytest.mark.parametrize(
    "header", [("User-Agent", "x"), ("Host", "elsewhere"), ("x-é", "1"), ("x-a", "é"), ("x-a", "a\tb"), ("a b", "c")]
)
async def test_odd_fields_arrive_as_aiohttp_sends_them(sender: Sender, header: tuple[str, str]) -> None:
    name, value = (text.encode().decode("latin-1") for text in header)
    async with serving(answering(OK)) as server:
        assert isinstance(await post(sender, server.url, header), Answer)
    assert [v for n, v in server.requests[0].fields if n == name.lower()] == [value]


async def test_a_name_is_looked_up_for_each_connection(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """A subscriber that moves to another address is found there, without waiting for a cache of ours."""
    loop, asked = asyncio.get_running_loop(), []
    ask = loop.getaddrinfo

    async def moving(host: Any, port: Any, **how: Any) -> Any:  # Any: as asyncio's own
        if host == "moves.test":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return await ask(host, port, **how)

    one, two = Server(answering(OK)), Server(answering(OK))
    port = unused_tcp_port
    monkeypatch.setattr(loop, "getaddrinfo", moving)
    one.script = two.script = answering(b"HTTP/1.1 204 x\r\nConnection: close\r\n\r\n")
    async with (
        await asyncio.start_server(one.serve, "127.0.0.1", port),
        await asyncio.start_server(two.serve, "127.0.0.2", port),
    ):
        for _ in range(2):
            assert isinstance(await post(sender, f"http://moves.test:{port}/"), Answer)
    assert asked == ["moves.test", "moves.test"]
    assert (len(one.requests), len(two.requests)) == (1, 1)

"""The ingress' HTTP itself: probes, handshakes, what is no HTTP, and the end."""

import asyncio
import json

import pytest

from tests.shell.ingress_clients import client_of, head, post, problem
from tests.shell.ingress_running import PLAN, read_answer, running, until
from tradewind.broker import deadlines
from tradewind.broker.serve import bind
from tradewind.config import Settings
from tradewind.errors import StartFailed

pytestmark = pytest.mark.usefixtures("way")


class TestProbes:
    async def test_before_there_is_a_plan_no_broker_is_called_unknown(self) -> None:
        async with running(plan=None) as at:
            answer = await post(at)
            assert answer[0] == 503
            assert "manifests" in problem(answer)["detail"]

    async def test_alive_before_ready(self) -> None:
        async with running(plan=None) as at:
            assert (await post(at, path="/healthz", method="GET"))[0] == 200
            answer = await post(at, path="/readyz", method="GET")
            assert answer[0] == 503
            assert "manifests" in problem(answer)["detail"]
            at.ingress.adopt(PLAN)
            await until(lambda: at.ingress.health.ready)
            assert (await post(at, path="/readyz", method="GET"))[0] == 200

    async def test_knatives_network_probe(self) -> None:
        async with running() as at:
            status, headers, _ = await post(
                at, b"", {"K-Network-Probe": "probe", "K-Network-Hash": "abc"}, method="GET"
            )
            assert (status, headers["K-Network-Hash"]) == (200, "abc")

    async def test_the_webhook_handshake(self) -> None:
        async with running() as at:
            sent = {"WebHook-Request-Origin": "example.com", "WebHook-Request-Rate": "10"}
            status, headers, _ = await post(at, b"", sent, method="OPTIONS")
            assert (status, headers["Allow"]) == (200, "POST, OPTIONS")
            assert (headers["WebHook-Allowed-Origin"], headers["WebHook-Allowed-Rate"]) == ("example.com", "*")
            assert (await post(at, b"", sent, path="/no/broker", method="OPTIONS"))[0] == 404


class TestHttp:
    async def test_an_offered_upgrade_keeps_the_body(self) -> None:
        """Java's default client offers one with each POST in the clear."""
        lines = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA")
        async with running() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            for _ in range(2):
                writer.write(head("/default/hello", *lines, "Content-Length: 5") + b"hello")
                assert (await read_answer(reader)).status == 202
            writer.close()
            assert [record.value for record in at.stored()] == [b"hello", b"hello"]

    async def test_a_websocket_is_an_ordinary_request(self) -> None:
        async with running() as at:
            lines = ("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 5")
            assert (await at.raw(head("/default/hello", *lines) + b"hello")).status == 202
            assert at.stored()[0].value == b"hello"

    @pytest.mark.parametrize(
        "lines, body",
        [
            (("Content-Length: 5", "Transfer-Encoding: chunked"), b"5\r\nhello\r\n0\r\n\r\n"),
            (("Transfer-Encoding: chunked", "Content-Length: 5"), b"5\r\nhello\r\n0\r\n\r\n"),
            (("Content-Length: 5", "Content-Length: 6"), b"hello!"),
            (("Content-Length: 5, 6",), b"hello!"),
            (("Content-Length: 5", "content-length:5"), b"hello"),
            (("Content-Length: 5, 5",), b"hello"),
            (("Content-Length: 5", "ce-x: y", "CONTENT-LENGTH: 5", "Transfer-Encoding: chunked"), b"hello"),
            (("Content-Length: 5", " , 5"), b"hello"),
            (("Content-Length: +5",), b"hello"),
            (("Content-Length: five",), b"hello"),
            (("Transfer-Encoding: chunked",), b"zz\r\nhello\r\n0\r\n\r\n"),
            (("ce-bad: a\0b", "Content-Length: 0"), b""),
            (("ce bad: a", "Content-Length: 0"), b""),
        ],
    )
    async def test_what_is_no_http_is_refused_and_never_stored(self, lines: tuple[str, ...], body: bytes) -> None:
        async with running() as at:
            answer = await at.raw(head("/default/hello", *lines) + body)
            assert (answer.status, answer.reason) == (400, "Bad Request")
            assert (faults := json.loads(answer.body)["faults"])
            assert "b'" not in str(faults) and "bytearray" not in str(faults)
            assert answer.headers["connection"] == "close"
            assert at.stored() == []

    @pytest.mark.parametrize("request_line", ["POST /default/hello", "GET /healthz", "OPTIONS /default/hello"])
    async def test_two_lengths_are_refused_in_words_for_any_request(self, request_line: str) -> None:
        """RFC 9112 6.3 lets a recipient take equal ones for one; whoever stands before us may not have done so."""
        lines = f"{request_line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0, 0\r\n\r\n"
        async with running() as at:
            answer = await at.raw(lines.encode())
            assert answer.status == 400
            fault, *of_event = json.loads(answer.body)["faults"]
            expected = {"found": '3 of them, "0, 0, 0"', "expected": "at most one", "rule": "RFC 9112 6.3"}
            assert fault == {"path": "Content-Length", **expected}
            assert bool(of_event) == request_line.startswith("POST")

    @pytest.mark.parametrize("target", ["*", "/default/hello", "/no/broker"])
    async def test_another_version_of_http_is_refused_once(self, target: str) -> None:
        """As a client does that takes us for a server of HTTP/2 (RFC 9113 3.4)."""
        async with running() as at, client_of(at) as client:
            client.send(f"PRI {target} HTTP/2.0\r\nHost: x\r\n\r\nSM\r\n\r\n".encode())
            assert await client.statuses(1) == [505]
            assert await client.ended()

    @pytest.mark.parametrize("start", [b"x" * 200_000 + b" /", b"POST /" + b"x" * 200_000])
    async def test_a_request_line_without_end(self, start: bytes) -> None:
        async with running() as at, client_of(at) as client:
            client.send(start + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await client.statuses(1) == [431]

    @pytest.mark.parametrize(("path", "told"), [("/", True), ("/healthz/", True), ("/default/none", False)])
    async def test_who_looks_for_a_probe_is_told_where_they_are(self, path: str, told: bool) -> None:
        async with running() as at:
            answer = await at.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert answer.status == 404
            assert ("/healthz and /readyz" in json.loads(answer.body)["detail"]) == told

    async def test_what_looks_like_two_lengths_and_is_none(self) -> None:
        body = b"\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"
        async with running() as at:
            for lines in (
                ("ce-x: Content-Length: 1",),
                ("x-content-length: 1", "content-length-x: 1"),
                ("Upgrade: h2c",),
            ):
                sent = head("/default/hello", *lines, f"Content-Length: {len(body)}") + body
                assert (await at.raw(sent)).status == 202
            assert [record.value for record in at.stored()] == [body] * 3

    @pytest.mark.parametrize(
        "line, part", [("Content-Length: 10", b"hello"), ("Transfer-Encoding: chunked", b"5\r\nhello\r\n")]
    )
    async def test_a_body_cut_short_is_never_stored(self, line: str, part: bytes) -> None:
        async with running() as at:
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(head("/default/hello", line) + part)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert (await post(at, b"whole"))[0] == 202
            assert [record.value for record in at.stored()] == [b"whole"]

    async def test_a_body_that_never_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadlines, "BODY", 0.05)
        async with running() as at:
            answer = await at.raw(head("/default/hello", "Content-Length: 10"), b"hello")
            assert answer.status == 408
            assert "0.05 seconds" in json.loads(answer.body)["detail"]
            assert at.stored() == []

    async def test_a_target_in_absolute_form(self) -> None:
        async with running() as at:
            assert (await at.raw(head("http://x/default/hello", "Content-Length: 0"))).status == 202

    async def test_a_target_that_is_a_star(self) -> None:
        async with running() as at:
            answer = await at.raw(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")

    async def test_expect_100_continue(self) -> None:
        async with running() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(head("/default/hello", "Content-Length: 5", "Expect: 100-continue"))
            assert (await read_answer(reader)).status == 100
            writer.write(b"hello")
            assert (await read_answer(reader)).status == 202
            writer.close()

    async def test_requests_one_behind_the_other(self) -> None:
        async with running() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(head("/default/hello", "Content-Length: 1") + b"a" + head("/no/broker", "Content-Length: 0"))
            assert [(await read_answer(reader)).status, (await read_answer(reader)).status] == [202, 404]
            writer.close()


class TestStop:
    async def test_what_was_begun_is_finished(self) -> None:
        async with running() as at:
            at.log.held = True
            request = asyncio.create_task(post(at))
            await until(lambda: len(at.stored()) == 1)
            at.stop.set()
            with pytest.raises(ConnectionError):
                while True:
                    _, writer = await asyncio.open_connection("127.0.0.1", at.port)
                    writer.close()
                    await asyncio.sleep(0)
            assert not request.done()
            at.log.release()
            assert (await request)[0] == 202
            await asyncio.wait_for(at.done, 5)

    async def test_it_ends_within_its_grace(self) -> None:
        async with running(Settings(grace=1.0)) as at:
            at.log.held = True
            request = asyncio.create_task(post(at))
            await until(lambda: len(at.stored()) == 1)
            at.stop.set()
            await asyncio.wait_for(at.done, 5)
            answer = await request
            assert answer[0] == 503
            assert "stops" in problem(answer)["detail"]

    def test_a_taken_port(self) -> None:
        with bind("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(StartFailed, match=f"port {port} .*\n.*--port"):
                bind("127.0.0.1", port)


async def test_what_is_no_http_leaves_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Anyone may send it, as often as they like; who sent it has the reason."""
    async with running() as at:
        answer = await at.raw(b"no HTTP\r\n\r\n")
    assert answer.status == 400
    assert [record.getMessage() for record in caplog.records] == []

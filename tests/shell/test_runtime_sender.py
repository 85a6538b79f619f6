"""The sender that sources get: none until the first post, then the real one."""

import subprocess
import sys

import pytest
from aiohttp import web

from tradewind.config import Settings
from tradewind.delivery.verdicts import Answer
from tradewind.runtime import SenderOnDemand

START = "import sys, tradewind.runtime, tradewind.sources.runner; sys.exit('aiohttp' in sys.modules)"


def test_sources_start_without_the_http_client() -> None:
    assert subprocess.run([sys.executable, "-c", START], check=False).returncode == 0


async def test_it_posts_and_closes(unused_tcp_port: int) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=202, body=request.headers["ce-id"].encode() + await request.read())

    app = web.Application()
    app.router.add_post("/sink", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    sender = SenderOnDemand(Settings())
    try:
        for body in (b"one", b"two"):
            url = f"http://127.0.0.1:{unused_tcp_port}/sink"
            outcome = await sender.post(url, [("ce-id", "1-")], body, timeout=5.0)
            assert isinstance(outcome, Answer)
            assert (outcome.status, outcome.body) == (202, b"1-" + body)
    finally:
        await sender.close()
        await runner.cleanup()
    with pytest.raises(RuntimeError, match="closed"):
        await sender.post(url, [], b"", timeout=5.0)


async def test_one_that_was_never_used_closes() -> None:
    await SenderOnDemand(Settings()).close()

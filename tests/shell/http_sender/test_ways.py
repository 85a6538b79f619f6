"""Which way a request goes: what is plain never needs aiohttp, a third of what a small process costs at its start."""

import asyncio
import subprocess
import sys

import pytest

from tests.shell.http_sender.serving import LIMIT, OK, answering, post, serving
from tradewind.adapters.http_sender import HttpSender
from tradewind.delivery.verdicts import Answer

START = "import sys, tradewind.runtime, tradewind.sources.runner; sys.exit('aiohttp' in sys.modules)"
PLAIN = """
import asyncio, sys
from tradewind.adapters.http_sender import HttpSender

async def main():
    sender = HttpSender(max_answer_bytes=1000)
    outcome = await sender.post(sys.argv[1], [("ce-id", "1")], b"data", timeout=5)
    await sender.close()
    return outcome.status

sys.exit(asyncio.run(main()) != 200 or 'aiohttp' in sys.modules)
"""


def test_processes_start_without_aiohttp() -> None:
    assert subprocess.run([sys.executable, "-c", START], check=False).returncode == 0


async def test_a_plain_request_is_sent_without_aiohttp() -> None:
    async with serving(answering(OK)) as server:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", PLAIN, server.url)
        assert await child.wait() == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["http://{}/a b", "http://user@{}/", "http://{}/#part"])
async def test_what_is_not_plain_goes_by_aiohttp(url: str) -> None:
    sender = HttpSender(max_answer_bytes=LIMIT)
    async with serving(answering(OK)) as server:
        for _ in range(2):
            assert isinstance(await post(sender, url.format(f"127.0.0.1:{server.port}")), Answer)
            assert isinstance(await post(sender, server.url), Answer)
        await sender.close()
    assert {request.connection for request in server.requests} == {1, 2}, "each way has connections of its own"


async def test_one_that_was_never_used_closes() -> None:
    await HttpSender(max_answer_bytes=LIMIT).close()

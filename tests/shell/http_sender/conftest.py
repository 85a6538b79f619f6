"""Fixtures of the HTTP sender's contract: each case runs both ways, on asyncio's loop and on uvloop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import pytest
import uvloop

from tests.shell.http_sender.serving import LIMIT
from tradewind.adapters.http_sender import HttpSender
from tradewind.adapters.http_sender.general import GeneralSender
from tradewind.ports import Sender


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop is what runs in production; on asyncio's own loop the sender has no more than what asyncio promises."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Make(Protocol):
    """Makes a sender of the way under test, closed after the test."""

    def __call__(self, *, keep_alive: float = 4.0, per_host: int = 1024) -> Sender: ...


@pytest.fixture(params=[HttpSender, GeneralSender], ids=["own", "aiohttp"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Both ways of sending."""
    async with contextlib.AsyncExitStack() as made:

        def make_one(*, keep_alive: float = 4.0, per_host: int = 1024) -> Sender:
            sender: Sender = request.param(max_answer_bytes=LIMIT, keep_alive=keep_alive, per_host=per_host)
            made.push_async_callback(sender.close)
            return sender

        yield make_one


@pytest.fixture
async def sender(make: Make) -> Sender:
    """A sender as processes have it."""
    return make()


@pytest.fixture
async def own() -> AsyncIterator[Sender]:
    """Our own way alone, for what aiohttp does not do."""
    made = HttpSender(max_answer_bytes=LIMIT)
    yield made
    await made.close()

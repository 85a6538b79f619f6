"""Serves the port, from its first source on, until the process ends."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial

import uvicorn

from tradewind.endings import ended, unless
from tradewind.sources.webhook.app import Endpoint
from tradewind.sources.webhook.connection import Connection, Guard
from tradewind.sources.webhook.port import BACKLOG, Port

IDLE = 95.0
"""Seconds an idle connection is kept.  Above the 90 s of Go's clients: who closes first must be the client."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again at the end, which spoils the exit code."""
        yield


async def serve(port: Port, stop: asyncio.Event) -> None:
    """Until `stop`; then what is on its way has the settings' grace."""
    try:
        if await unless(stop, port.wanted.wait()):
            await _serve(port, stop)
    finally:
        port.stop()
        if port.listener is not None:
            port.listener.close()


async def _serve(port: Port, stop: asyncio.Event) -> None:
    assert port.listener is not None
    guard = Guard(port.settings.max_header_bytes)
    config = uvicorn.Config(
        Endpoint(port),
        http=partial(Connection, guard),  # type: ignore[arg-type]  # it asks for a class, and only calls it
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=round(IDLE),
        h11_max_incomplete_event_size=port.settings.max_header_bytes,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(port.settings.grace)),
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        guarding = tasks.create_task(guard.run())
        running = tasks.create_task(server.serve(sockets=[port.listener]))
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait({stopping, running}, return_when=asyncio.FIRST_COMPLETED)
        port.stop()
        server.should_exit = True
        await running
        await ended(guarding)
        stopping.cancel()

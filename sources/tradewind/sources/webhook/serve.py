"""Serves the port, from its first source on, until the process ends."""

import asyncio
from functools import partial

from tradewind import serving
from tradewind.endings import ended, unless
from tradewind.sources.webhook.app import Endpoint
from tradewind.sources.webhook.connection import Connection, Guard
from tradewind.sources.webhook.port import BACKLOG, Port

IDLE = 95.0
"""Seconds an idle connection is kept.  Above the 90 s of Go's clients: who closes first must be the client."""


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
    port.guard = guard = Guard(port.settings.max_header_bytes)
    app = Endpoint(port)
    config = serving.configured(
        app,
        partial(Connection, guard, app),
        idle=IDLE,
        grace=port.settings.grace,
        backlog=BACKLOG,
        log_level="critical",
        head_bytes=port.settings.max_header_bytes,
    )
    async with asyncio.TaskGroup() as tasks:
        guarding = tasks.create_task(guard.run())
        await serving.serve(config, port.listener, stop, stopping=port.stop)
        await ended(guarding)

"""Serves HTTP on a listening socket with uvicorn, as every server here does: quietly, with a bounded end, and with the
signals left to whoever started it.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again at the end, which spoils the exit code."""
        yield


def configured(
    app: Callable[..., Any],  # Any: of ASGI, for which uvicorn has types of its own
    http: Any,  # Any: uvicorn asks for a class, and only calls it
    *,
    idle: float,
    grace: float,
    backlog: int,
    log_level: str = "error",
    head_bytes: int | None = None,
) -> uvicorn.Config:
    """How to serve an app.

    `idle`: seconds that a silent connection is kept.  `grace`: seconds that what was begun has at the end.  `backlog`:
    connections that may wait to be accepted.  `head_bytes` bounds the heads that h11 reads; None leaves that to it.
    """
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=log_level,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=backlog,
        timeout_keep_alive=round(idle),
        timeout_graceful_shutdown=max(1, round(grace)),
        h11_max_incomplete_event_size=head_bytes,
    )


async def serve(
    config: uvicorn.Config, listener: socket.socket, stop: asyncio.Event, *, stopping: Callable[[], None] | None = None
) -> None:
    """Serve until `stop`; then finish what was begun.  `stopping` is called as that begins."""
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.serve(sockets=[listener]))
        stopped = tasks.create_task(stop.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopping is not None:
            stopping()
        server.should_exit = True
        await running
        stopped.cancel()

"""The ingress' HTTP server: uvicorn, with the front on every connection and H11 behind it.

- Signals are the caller's: `stop` ends the server within a bounded time, and nothing is raised again.
- The port is bound before anything else, so that a taken one is a StartFailed with its remedy.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn

from tradewind import listening
from tradewind.broker import deadlines
from tradewind.broker.answers import Answers
from tradewind.broker.app import make_app
from tradewind.broker.deadlines import Sweeper
from tradewind.broker.front import Front
from tradewind.broker.h11_protocol import Protocol
from tradewind.broker.ingress import Ingress
from tradewind.config import Settings
from tradewind.observe.health import Health

BACKLOG = 2048
"""Connections that may wait to be accepted.  A deployment's senders all reconnect at once after a restart."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again at the end, which spoils the exit code."""
        yield


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; StartFailed where the port is taken or the address is none of this machine's.

    `shared` lets others listen there too that say the same; the system gives each a share of the connections.
    """
    return listening.bind(host, port, backlog=BACKLOG, flag="--port", shared=shared)


def connections(ingress: Ingress, sweeper: Sweeper) -> Callable[..., asyncio.Protocol]:
    """What uvicorn calls for each connection."""
    answers: Answers | None = None

    def connection(**arguments: Any) -> asyncio.Protocol:  # Any: uvicorn's own, handed on to its own
        nonlocal answers
        state = arguments["server_state"]
        answers = answers or Answers(state)
        behind = partial(Protocol, ingress, sweeper, **arguments)
        return Front(ingress, state=state, answers=answers, sweeper=sweeper, fallback=behind)

    return connection


async def serve(
    ingress: Ingress,
    *,
    host: str,
    port: int,
    health: Health,
    settings: Settings,
    stop: asyncio.Event,
    listener: socket.socket | None = None,
) -> None:
    """Serve until `stop`; then finish what was begun, within the settings' grace.  Raises StartFailed.

    `listener` is a socket that listens already (`bind`), for whoever must know the port before.
    """
    _raise_file_limit()
    listener = listener or bind(host, port)
    sweeper = Sweeper()
    config = uvicorn.Config(
        make_app(ingress),
        http=connections(ingress, sweeper),  # type: ignore[arg-type]  # it asks for a class, and only calls it
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=round(deadlines.IDLE),
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        others = [tasks.create_task(ingress.run()), tasks.create_task(sweeper.run())]
        running = tasks.create_task(server.serve(sockets=[listener]))
        health.reached("listener")
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait({stopping, running}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await running
        sweeper.end()
        for task in (*others, stopping):
            task.cancel()


def _raise_file_limit() -> None:
    """Let this process open as many files as it may: each connection is one, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems name a hard limit they do not grant
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

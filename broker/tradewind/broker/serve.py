"""The ingress' HTTP server: uvicorn, with the front on every connection and H11 behind it.

- Signals are the caller's: `stop` ends the server within a bounded time, and nothing is raised again.
- The port is bound before anything else, so that a taken one is a StartFailed with its remedy.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from tradewind import listening, serving
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
    config = serving.configured(
        make_app(ingress),
        connections(ingress, sweeper),
        idle=deadlines.IDLE,
        grace=settings.grace,
        backlog=BACKLOG,
    )
    async with asyncio.TaskGroup() as tasks:
        others = [tasks.create_task(ingress.run()), tasks.create_task(sweeper.run())]
        health.reached("listener")
        await serving.serve(config, listener, stop)
        sweeper.end()
        for task in others:
            task.cancel()


def _raise_file_limit() -> None:
    """Let this process open as many files as it may: each connection is one, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems name a hard limit they do not grant
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

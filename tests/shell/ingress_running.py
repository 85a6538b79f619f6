"""An ingress on a real port over a log in memory."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from tests.builders import broker_plan
from tradewind.adapters.memory_log import MemoryLog
from tradewind.broker import serve as server
from tradewind.broker.ingress import NEEDS, Ingress
from tradewind.broker.serve import bind, serve
from tradewind.config import Settings
from tradewind.observe.health import Health
from tradewind.plan import Plan
from tradewind.ports import Record

DEADLINE = 5.0
HELLO = broker_plan()
OTHER = broker_plan("shop/orders")
PLAN = Plan(brokers={HELLO.name: HELLO, OTHER.name: OTHER})

WAYS = ("front", "h11")
"""The ways a request may go: the front, and what stands behind it."""


def take(way: str, patch: pytest.MonkeyPatch) -> str:
    """Have every ingress that is started from now on go this way: `h11` leaves the front out."""
    if way == "h11":
        patch.setattr(server, "Front", lambda _, *, fallback, **_others: fallback())
    return way


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fails at the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, as it came over the wire."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Running:
    """What a test may touch of it."""

    ingress: Ingress
    log: MemoryLog
    port: int
    stop: asyncio.Event
    done: "asyncio.Task[None]"
    listener: socket.socket
    disk: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.port}"

    def listening(self) -> bool:
        """Whether it takes connections."""
        return self.listener.fileno() >= 0

    def stored(self, topic: str = HELLO.topic.name) -> list[Record]:
        """What Kafka would hold; nothing where there is no topic."""
        return self.log.store.records(topic) if topic in self.log.store.topics else []

    async def raw(self, *pieces: bytes) -> Answer:
        """Send bytes as they are, read one response."""
        return await ask(self.port, *pieces)


async def ask(port: int, *pieces: bytes) -> Answer:
    """Send bytes as they are to this port, read one response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(DEADLINE):
            for piece in pieces:
                writer.write(piece)
            return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """One response with its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    _, status, reason = head[0].split(" ", 2)
    return Answer(int(status), reason, headers, body)


@contextlib.asynccontextmanager
async def running(settings: Settings | None = None, *, plan: Plan | None = PLAN) -> AsyncIterator[Running]:
    """Start it; with a Plan, wait until it takes events.  Stopped at the end, which must not fail."""
    settings = settings or Settings(grace=2.0)
    log, stop, health, disk = MemoryLog(), asyncio.Event(), Health(*NEEDS), list[str]()
    ingress = Ingress(log, settings, health, disk_low=lambda: disk[0] if disk else None)
    if plan is not None:
        ingress.adopt(plan)
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    task = asyncio.create_task(
        serve(ingress, host="127.0.0.1", port=port, health=health, settings=settings, stop=stop, listener=listener)
    )
    try:
        await until(lambda: health.ready or (plan is None and "listener" not in health.missing))
        yield Running(ingress, log, port, stop, task, listener, disk)
    finally:
        log.release()
        stop.set()
        await asyncio.wait_for(task, DEADLINE)

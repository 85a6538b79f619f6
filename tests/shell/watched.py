"""A front, and what stands behind it, on a transport that a test watches."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from tests import fake_time
from tests.shell.ingress_running import PLAN
from tradewind.adapters.memory_log import MemoryLog
from tradewind.broker.answers import Answers
from tradewind.broker.app import make_app
from tradewind.broker.deadlines import Sweeper
from tradewind.broker.front import Front
from tradewind.broker.h11_protocol import Protocol
from tradewind.broker.ingress import NEEDS, Ingress
from tradewind.broker.room import Room
from tradewind.config import KIB, Settings
from tradewind.observe.health import Health


class Transport(asyncio.Transport):
    """Keeps what is asked of it.  Its client reads nothing, so that only `abort` takes the connection away."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self.reading = True
        self.written = b""
        self.shut = False
        """No more can be written."""
        self._closing = False
        self._protocol = protocol

    def pause_reading(self) -> None:
        """See asyncio."""
        self.reading = False

    def resume_reading(self) -> None:
        """See asyncio."""
        self.reading = True

    def is_reading(self) -> bool:
        """See asyncio."""
        return self.reading

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._closing

    def close(self) -> None:
        """See asyncio."""
        self._closing = True
        self.reading = False

    def abort(self) -> None:
        """See asyncio."""
        self.close()
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def write(self, data: Any) -> None:  # Any: whatever has bytes
        """See asyncio."""
        if self.shut:
            raise RuntimeError("write after write_eof")
        self.written += data

    def can_write_eof(self) -> bool:
        """See asyncio."""
        return True

    def write_eof(self) -> None:
        """See asyncio."""
        self.shut = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See asyncio."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """See asyncio."""
        return self._protocol


class Heir(asyncio.Protocol):
    """Takes a connection over, and reads no further."""

    got = b""
    may_write = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self.got += data
        self._transport.pause_reading()  # type: ignore[attr-defined]  # it is a Transport

    def pause_writing(self) -> None:
        """See asyncio."""
        self.may_write = False

    def resume_writing(self) -> None:
        """See asyncio."""
        self.may_write = True


@dataclass(frozen=True, slots=True)
class Connection:
    """A front on a watched transport, over a log in memory, in fake time."""

    front: Front
    transport: Transport
    log: MemoryLog
    state: ServerState
    room: Room

    def send(self, *pieces: bytes) -> None:
        """What a client sends, which comes in these pieces."""
        for piece in pieces:
            self.front.data_received(piece)

    def send_no_more(self) -> None:
        """The client's EOF."""
        if not self.front.eof_received():
            self.transport.close()

    def answers(self, status: int) -> int:
        """How many of this status are out."""
        return self.transport.written.count(b"HTTP/1.1 %d " % status)

    def open(self) -> bool:
        """Whether it lasts."""
        return not self.transport.is_closing()


async def turns_until(condition: Callable[[], bool]) -> None:
    """Wait a few turns of the loop, in which anyone else has theirs, too, until the condition holds."""
    for _ in range(30):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it takes more than a few turns")


BOUND = 256 * KIB


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[tuple[Ingress, Sweeper, MemoryLog]]:
    """An ingress that takes events, and holds BOUND bytes of requests, and its clock."""
    log, sweeper = MemoryLog(), Sweeper()
    ingress = Ingress(log, Settings(queue_bytes=BOUND), Health(*NEEDS))
    ingress.adopt(PLAN)
    tasks = [asyncio.create_task(ingress.run()), asyncio.create_task(sweeper.run())]
    await fake_time.until(lambda: not ingress.waiting)
    try:
        yield ingress, sweeper, log
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@contextlib.asynccontextmanager
async def connected(fallback: Callable[[], asyncio.Protocol] = Heir) -> AsyncIterator[Connection]:
    """A connection to the front of an ingress."""
    async with watched() as (ingress, sweeper, log):
        state = ServerState()
        one = Front(ingress, state=state, answers=Answers(state), sweeper=sweeper, fallback=fallback)
        transport = Transport(one)
        one.connection_made(transport)
        yield Connection(one, transport, log, state, ingress.room)


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the front, on a watched transport, in fake time."""

    protocol: Protocol
    transport: Transport
    ingress: Ingress
    log: MemoryLog
    state: ServerState


@contextlib.asynccontextmanager
async def behind() -> AsyncIterator[Behind]:
    """A connection that the front has handed over, or would have."""
    async with watched() as (ingress, sweeper, log):
        config, state = Config(make_app(ingress), ws="none", log_config=None, log_level="error"), ServerState()
        one = Protocol(ingress, sweeper, config=config, server_state=state, app_state={})
        transport = Transport(one)
        one.connection_made(transport)
        yield Behind(one, transport, ingress, log, state)
        transport.abort()
        await fake_time.until(lambda: not state.tasks)

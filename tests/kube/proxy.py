"""A way to the API server that a test can freeze, cut and shut.

    client ──► Proxy ──► API server          forward:  bytes go to and fro
                                             frozen:   connections are taken, held ones stay; nothing goes through
                                             refusing: held ones are cut, new ones refused

It runs in a thread with a loop of its own, so that nothing a test blocks on holds it up.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Self

from tradewind.adapters.embedded_kafka.ports import free_ports

HOST = "127.0.0.1"
CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)
"""A close that lingers for no time at all is a reset."""
ANSWER = 10.0
"""Seconds for the proxy's own loop to do what it is told."""


class Proxy:
    """Forwards from a port of its own to one on loopback, from `with` until its end."""

    def __init__(self, target: int) -> None:
        self.port = free_ports(1)[0]
        self.accepted = 0
        """Connections so far: a client's tries, those among them that the target refused."""
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._flows = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._held: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """What a kubeconfig names to lead through it."""
        return f"https://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.forward()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def forward(self) -> None:
        """Bytes go to and fro, those held back first."""
        self._do(self._forward())

    def freeze(self) -> None:
        """Nothing goes through from now on, and nobody is told."""
        self._do(self._freeze())

    def cut(self) -> None:
        """Reset the connections that are there; new ones are taken as before."""
        self._do(self._cut())

    def refuse(self) -> None:
        """Reset the connections that are there, and refuse new ones."""
        self._do(self._refuse())

    def _do(self, what: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(ANSWER)

    async def _forward(self) -> None:
        self._flows.set()
        await self._listen()

    async def _freeze(self) -> None:
        self._flows.clear()
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._take, HOST, self.port)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        held = dict(self._held)
        for task, writer in held.items():
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
            task.cancel()
        if held:
            await asyncio.wait(held)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._held[task] = writer
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):  # either end may go at any time
                await self._flows.wait()
                await self._join(reader, writer)
        finally:
            del self._held[task]
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_connection(HOST, self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, target_writer))
                both.create_task(self._carry(target_reader, writer))
        except* OSError:
            pass
        finally:
            target_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        await self._flows.wait()
        with contextlib.suppress(OSError):
            writer.write_eof()

"""Child processes that end with their supervisor: each in a session of its own, on a leash (leash.py).

    start() ──► ready(deadline) ──► ended()          and at any time stop(deadline) or kill()

A child that announces itself inherits a pipe (`TRADEWIND_READY_FD`, see observe.health) and writes one line when it is
ready.  Its output goes where ours goes, or is read by us (`piped`).
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from dataclasses import dataclass, field

from tradewind.adapters import leash
from tradewind.observe.health import READY_FD


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run."""

    name: str
    """What it is called in messages."""
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables set in addition to ours, or all that there are (`bare`)."""
    bare: bool = False
    """Whether it gets nothing of our environment."""
    folder: str | None = None
    """Where it runs; None: where we do."""
    piped: bool = False
    """Whether its output, and its errors', is for us to read (`output`)."""
    announces: bool = False
    """Whether it says on its pipe when it is ready; one that does not is ready as soon as it runs."""


class Child:
    """One run of one command.  Its methods belong to the main thread: the kernel ties a child to the thread that
    forked it, not to the process."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: Process | None = None
        self._leash = -1
        self._ready: asyncio.Future[bool] | None = None
        self._output: asyncio.StreamReader | None = None
        self._pipe: asyncio.BaseTransport | None = None

    @property
    def pid(self) -> int:
        """Pid of the command itself, and number of its process group."""
        return self._running().pid

    @property
    def status(self) -> int | None:
        """Exit status (negative: the signal that ended it); None while it runs."""
        return self._running().returncode

    async def start(self) -> None:
        """Start it; no child is started twice."""
        if self._process is not None or threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a child is started once, from the main thread")
        leashed, self._leash = os.pipe()
        hears, says = os.pipe()
        environment = {**({} if self.command.bare else os.environ), **self.command.environment}
        if self.command.announces:
            environment[READY_FD] = str(says)
        self._ready = asyncio.get_running_loop().create_future()
        written = await self._piped() if self.command.piped else None
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), str(leashed), *self.command.argv),
                env=environment,
                cwd=self.command.folder,
                stdin=DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
                pass_fds=(leashed, says) if self.command.announces else (leashed,),
            )
        finally:
            os.close(leashed)
            os.close(says)
            if written is not None:
                os.close(written)
            self._listen(hears)

    async def ready(self, deadline: float | None) -> bool:
        """Wait up to `deadline` seconds (None: as long as it runs) until it is ready; False if it ended first.

        Raises TimeoutError.
        """
        process, ready = self._running(), self._ready
        if ready is None or not self.command.announces:
            return process.returncode is None
        async with asyncio.timeout(deadline):
            return await asyncio.shield(ready)

    async def ended(self) -> int:
        """Wait for its end; answers with the exit status.  What it has left running in its group is killed."""
        status = await self._running().wait()
        self._let_go()
        return status

    async def stop(self, deadline: float) -> int:
        """End the group with SIGTERM, after `deadline` seconds with SIGKILL; answers with the exit status."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(deadline):
                return await self.ended()
        except TimeoutError:
            self.kill()
            return await self.ended()

    def kill(self) -> None:
        """End the group at once."""
        self._signal(signal.SIGKILL)

    async def output(self, most: int) -> bytes:
        """Some of what it wrote, up to `most` bytes; empty at the end, when nobody can write any more.  (A pipe of our
        own: with asyncio's a process has not ended as long as somebody holds its output open.)"""
        if self._output is None:
            raise RuntimeError("only of a child that was started, and is piped")
        return await self._output.read(most)

    def drop(self) -> None:
        """Kill the group, if it is still there, and wait for nothing; nothing of it is read any more."""
        self.kill()
        self._let_go()
        if self._pipe is not None:
            self._pipe.close()

    async def _piped(self) -> int:
        """Its end of a pipe whose other end we read."""
        reads, writes = os.pipe()
        self._output = reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        self._pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reads, "rb", buffering=0)
        )
        return writes

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError("start() comes first")
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        """To the whole group.  While the leash is held its watcher is in the group, so the number is still ours."""
        if self._process is not None and self._leash >= 0:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _let_go(self) -> None:
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1

    def _listen(self, hears: int) -> None:
        loop, ready = asyncio.get_running_loop(), self._ready

        def heard() -> None:
            said = os.read(hears, 64)
            loop.remove_reader(hears)
            os.close(hears)
            if ready is not None and not ready.done():
                ready.set_result(bool(said))

        loop.add_reader(hears, heard)

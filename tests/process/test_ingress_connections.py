"""What many connections at once cost the ingress: memory, files, and others' time."""

import asyncio
import contextlib
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shell.ingress_clients import head, plain
from tests.shell.ingress_running import Answer, ask, read_answer
from tradewind.config import KIB, MIB

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
IDLE = 10_000
SPARE = 200
"""Files that a process has open besides its connections."""


@dataclass(slots=True)
class Process:
    """An ingress, and where it listens."""

    child: asyncio.subprocess.Process
    port: int

    def resident(self) -> int:
        """Bytes of memory it has in use."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * KIB

    def files(self) -> int:
        """Files it has open."""
        return len(list(Path(f"/proc/{self.child.pid}/fd").iterdir()))

    async def served(self) -> int:
        """The status of an event posted on a fresh connection."""
        return (await ask(self.port, plain(b"hello"))).status

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def ingress(*flags: str, soft: int | None = None, hard: int | None = None) -> AsyncIterator[Process]:
    """One that takes events, with these limits of open files; SIGTERM must end it with 0."""

    def limit() -> None:
        now = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft or hard or now[0], hard or now[1]))

    arguments = [sys.executable, "-m", "tests.process.ingress_process", *flags]
    child = await asyncio.create_subprocess_exec(
        *arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=limit
    )
    assert child.stdout is not None
    try:
        at = Process(child, int(await child.stdout.readline()))
        async with asyncio.timeout(DEADLINE):
            while await at.served() != 202:
                await asyncio.sleep(0.02)
        yield at
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), DEADLINE) == 0
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


@pytest.fixture
def many_files() -> None:
    """Raise this process's own soft limit; the ingress raises its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + SPARE:
        pytest.skip(f"the hard limit of open files is {hard}, {IDLE + SPARE} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + SPARE), hard))


def connect(at: Process, number: int, stack: contextlib.ExitStack) -> list[socket.socket]:
    """So many connections."""
    made = []
    for _ in range(number):
        made.append(stack.enter_context(socket.create_connection(("127.0.0.1", at.port), timeout=DEADLINE)))
    return made


async def answer(client: socket.socket) -> Answer:
    """One answer on a connection made by `connect`."""
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        return await asyncio.wait_for(read_answer(reader), DEADLINE)
    finally:
        writer.close()


async def test_ten_thousand_idle_connections(many_files: None) -> None:
    async with ingress("held=no", soft=1000) as at:
        before = at.resident()
        with contextlib.ExitStack() as stack:
            connections = await asyncio.to_thread(connect, at, IDLE, stack)
            await at.until(lambda: at.files() > IDLE)
            assert await at.served() == 202
            connections[-1].sendall(plain(b"hello"))
            assert (await answer(connections[-1])).status == 202
            after = at.resident()
            print(f"{before / MIB:.0f} MiB before, {after / MIB:.0f} MiB with {IDLE} connections")
            assert after < 400 * MIB
        await at.until(lambda: at.files() < SPARE)


async def test_ten_thousand_idle_connections_do_not_hold_up_its_end(many_files: None) -> None:
    with contextlib.ExitStack() as stack:
        async with ingress("held=no") as at:
            await asyncio.to_thread(connect, at, IDLE, stack)
            await at.until(lambda: at.files() > IDLE)


async def test_bodies_sent_in_part_are_bounded_and_others_served() -> None:
    """1,000 connections with 100 KiB each are more than --queue-bytes holds."""
    part = head("/default/hello", f"Content-Length: {200 * KIB}") + b"x" * (100 * KIB)
    async with ingress("held=no", f"queue_bytes={16 * MIB}") as at:
        before = at.resident()
        with contextlib.ExitStack() as stack:
            connections = await asyncio.to_thread(connect, at, 1000, stack)
            for one in connections:
                await asyncio.to_thread(one.sendall, part)
            refused = await answer(connections[0])  # who has been coming longest gives way
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")
            assert b"--queue-bytes" in refused.body
            await asyncio.to_thread(connections[-1].sendall, b"x" * (100 * KIB))
            assert (await answer(connections[-1])).status == 202
            after = at.resident()
            print(f"{before / MIB:.0f} MiB before, {after / MIB:.0f} MiB with 1000 bodies in part")
            assert after < before + 100 * MIB
            assert await at.served() == 202


async def test_more_connections_than_files() -> None:
    """Those beyond are not served; when some are gone, others are."""
    async with ingress("held=no", hard=300) as at:
        with contextlib.ExitStack() as stack:
            await asyncio.to_thread(connect, at, 400, stack)
            await at.until(lambda: at.files() >= 299)
        async with asyncio.timeout(DEADLINE):
            while True:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                    if await at.served() == 202:
                        break
                await asyncio.sleep(0.02)

"""What the benchmarks share: a Kafka as a server runs it, processes, and what they use of the machine."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported untyped
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tradewind.adapters.embedded_kafka import EmbeddedKafka, Request, prepare
from tradewind.adapters.embedded_kafka.properties import FAST_JVM, NODE

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where Linux has files in memory."""
TICK = 1 / os.sysconf("SC_CLK_TCK")
HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": "a3f1c9d2-7b64-4c0e-9a51-0d2f6e8b7c13",
    "ce-source": "/benchmarks",
    "ce-type": "com.example.benchmark",
    "ce-time": "2026-01-31T12:00:00.123456Z",
    "ce-subject": "orders/1",
    "content-type": "application/json",
}
"""The event of every benchmark; its data is a JSON string of so many bytes."""


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, its threads' and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def memory(pid: int) -> float:
    """MiB resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def threads(pid: int) -> int:
    """Threads of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def record_headers(**more: str) -> list[tuple[str, str | bytes | None]]:
    """HEADERS as those of a record; `more` are further attributes."""
    fields = {**HEADERS, **{f"ce-{name}": value for name, value in more.items()}}
    return [(name.replace("ce-", "ce_"), value.encode()) for name, value in fields.items()]


@contextlib.contextmanager
def process(*argv: str) -> Iterator[tuple[int, str]]:
    """A Python process that prints one line when it is ready; yields its pid and the line."""
    with subprocess.Popen([sys.executable, *argv], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child.pid, child.stdout.readline().strip()
        finally:
            ended(child)


@contextlib.contextmanager
def tradewind(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Tradewind, silent, ended after the block."""
    command = [sys.executable, "-m", "tradewind.cli.main", *argv]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
        try:
            yield child
        finally:
            ended(child)


def ended(child: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    """Ask a process to end, and see that it does."""
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(30)
    child.kill()


@contextlib.asynccontextmanager
async def kafka(folder: Path) -> AsyncIterator[EmbeddedKafka]:
    """A Kafka as a server runs it: the ordinary JIT, and no file forced to disk each second."""
    server = EmbeddedKafka(prepare(Request(data=folder, port=0, jvm=FAST_JVM, disk_floor=0)))
    await server.start()
    await server.wait_ready(60)
    never = ConfigEntry("log.flush.interval.ms", str(2**63 - 1), incremental_operation=AlterConfigOpType.SET)
    broker = ConfigResource(ResourceType.BROKER, str(NODE), incremental_configs=[never])
    admin = AdminClient({"bootstrap.servers": server.bootstrap, "log_level": 0})
    for done in admin.incremental_alter_configs([broker]).values():
        await asyncio.wrap_future(done)
    try:
        yield server
    finally:
        await server.stop(20)

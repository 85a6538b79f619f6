"""Kafka's process: is it ready, why did it die, and, for tests and benchmarks, an owner of it.

`tradewind up` runs `Prepared.command` as one more of its children; EmbeddedKafka is for whoever has no supervisor.
"""

import asyncio
import contextlib
import os
import time
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tradewind.adapters.children import Child, Command
from tradewind.adapters.embedded_kafka.layout import last_words, port_was_taken
from tradewind.adapters.embedded_kafka.preparation import Prepared
from tradewind.adapters.embedded_kafka.properties import HOST
from tradewind.errors import StartFailed

LOOK = 0.05
"""Seconds between two looks at a process or a port."""
ANSWER = 1.0
"""Seconds a Kafka that listens may take to answer before it is asked again."""
TAIL = 64 * 1024
"""Bytes of kafka.log that are read for its last words."""


async def answers(port: int) -> bool:
    """Whether the Kafka on this port answers now, as a client sees it."""
    try:
        async with asyncio.timeout(ANSWER):
            _, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return await asyncio.to_thread(_has_broker, port)


def said_since(log: Path, offset: int) -> str:
    """The last words of kafka.log after this offset (0 where it was rolled over since)."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = offset if offset <= end else 0
        file.seek(max(start, end - TAIL))
        return last_words(file.read().decode(errors="replace").splitlines())
    return last_words(())


def died_early(prepared: Prepared, status: int, offset: int = 0) -> StartFailed:
    """What to tell the user when Kafka ended before it was ready; `offset` is kafka.log's length before the start."""
    log = prepared.layout.kafka_log
    said = said_since(log, offset)
    remedy = (
        f"End what listens on {prepared.bootstrap}, or name another port with {prepared.port_flag}."
        if port_was_taken(said)
        else f"If the data folder {prepared.layout.root} is broken, --reset moves its data aside."
    )
    return StartFailed(f"Kafka ended at its start (status {status}):\n{said}", f"{log} says more. {remedy}")


class EmbeddedKafka:
    """One Kafka process that ends with its owner, even when the owner is killed.  It belongs to one event loop.

    start() ──► wait_ready() ──► died() … ──► start() again, or stop()
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.bootstrap = prepared.bootstrap
        self._child = Child(Command(name="kafka", argv=prepared.command))
        self._offset = 0

    @property
    def pid(self) -> int:
        """Pid of the JVM."""
        return self._child.pid

    async def start(self) -> None:
        """Start the process, or start it again after its death."""
        log = self.prepared.layout.kafka_log
        self._offset = log.stat().st_size if log.exists() else 0
        self._child = Child(self._child.command)
        await self._child.start()

    async def wait_ready(self, deadline: float) -> None:
        """Return when Kafka answers.  Raises StartFailed when it died, or did not within `deadline` seconds."""
        until = time.monotonic() + deadline
        while not await answers(self.prepared.port):
            if self._child.status is not None:
                raise died_early(self.prepared, self._child.status, self._offset)
            if time.monotonic() > until:
                raise StartFailed(
                    f"Kafka did not answer on {self.bootstrap} within {deadline:g} s:\n"
                    f"{said_since(self.prepared.layout.kafka_log, self._offset)}",
                    f"{self.prepared.layout.kafka_log} says more.",
                )
            await asyncio.sleep(LOOK)

    async def died(self) -> int:
        """Wait for the end of the process; answers with its exit status (negative: the signal)."""
        return await self._child.ended()

    async def stop(self, deadline: float) -> None:
        """End the process in order, after `deadline` seconds by force; then let go of the data folder."""
        await self._child.stop(deadline)
        self.prepared.lock.release()


def _has_broker(port: int) -> bool:
    client = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0})
    try:
        return bool(client.list_topics(timeout=ANSWER).brokers)
    except KafkaException:
        return False

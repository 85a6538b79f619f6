"""What 202 and 503 mean while the real Kafka is slow, is gone and comes back: the ingress as a process of its own.

stopped (SIGSTOP)   connections stand, nothing is answered: what a full disk or a long pause looks like
killed  (SIGKILL)   connections break, the port is closed
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.process.numbered import Sender, check
from tradewind.adapters.embedded_kafka import EmbeddedKafka, free_ports
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.errors import LogUnavailable
from tradewind.events import kafka as kafka_codec
from tradewind.events.model import Event
from tradewind.ports import Bounds, Record, TopicPartition

KafkaServer = Callable[[Path], Awaitable[EmbeddedKafka]]

pytestmark = [pytest.mark.kafka, pytest.mark.process]

DEADLINE = 60.0
PATH = "/default/default"
TOPIC = "knative-broker-default-default"
BODY = b"x" * 8000
FIT = 8
"""Events of this size that fit into the queue of these tests, with what each takes besides."""
SMALL_QUEUE = ("--queue-bytes", str(FIT * (len(BODY) + 1300)), "--max-event-bytes", str(64 * 1024))
BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
"""


class Taking:
    """A running `tradewind ingress`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, kafka: EmbeddedKafka) -> None:
        self.process = process
        self.port = port
        self.kafka = kafka
        self.url = f"http://127.0.0.1:{port}{PATH}"

    def stop_kafka(self) -> None:
        """Let Kafka stand still."""
        os.kill(self.kafka.pid, signal.SIGSTOP)

    def continue_kafka(self) -> None:
        """Let it go on."""
        os.kill(self.kafka.pid, signal.SIGCONT)

    async def is_ready(self) -> bool:
        """What its probe says."""
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with aiohttp.request("GET", f"http://127.0.0.1:{self.port}/readyz") as answer:
                return answer.status == 200
        return False

    async def accepts(self) -> bool:
        """Whether it takes a new connection."""
        with contextlib.suppress(ConnectionError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    async def stored(self) -> list[Event]:
        """What Kafka holds, partition by partition, each in its order."""
        log, held = KafkaLog(self.kafka.bootstrap, client_id="test"), list[Record]()
        bounds: Mapping[TopicPartition, Bounds] = {}

        async def asked() -> bool:
            """A Kafka that stood still leads nothing for a while."""
            nonlocal bounds
            with contextlib.suppress(LogUnavailable):
                partitions = range((await log.topics([TOPIC]))[TOPIC].partitions)
                bounds = await log.bounds([TopicPartition(TOPIC, n) for n in partitions])
            return bool(bounds)

        await until(asked, "the bounds of what is stored")
        reader = log.reader()
        await reader.assign({at: found.start for at, found in bounds.items()})
        try:
            async with asyncio.timeout(DEADLINE):
                while any(reader.position(at) < found.end for at, found in bounds.items()):
                    held += await reader.take(1000, 0.5)
        finally:
            await reader.close()
            await log.close()
        held.sort(key=lambda record: (record.partition, record.offset))
        return [kafka_codec.read(record.headers, record.value) for record in held]


@contextlib.asynccontextmanager
async def taking(kafka: EmbeddedKafka, folder: Path, *flags: str) -> AsyncIterator[Taking]:
    """An ingress over this Kafka, ready; ended by force where the test has not ended it."""
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "broker.yaml").write_text(BROKER)
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradewind.cli.main", "ingress", "-f", str(manifests), "--kafka", kafka.bootstrap),
        *("--port", str(port), "--host", "127.0.0.1", *flags),
    )
    at = Taking(process, port, kafka)
    try:
        await until(at.is_ready, "ready")
        yield at
    finally:
        with contextlib.suppress(ProcessLookupError):
            at.continue_kafka()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], what: str) -> None:
    """Wait until the condition holds."""
    end = asyncio.get_running_loop().time() + DEADLINE
    while not (found if isinstance(found := condition(), bool) else await found):
        assert asyncio.get_running_loop().time() < end, f"not within {DEADLINE:g} s: {what}"
        await asyncio.sleep(0.02)


class Answered:
    """One answer."""

    def __init__(self, status: int, retry_after: str | None, detail: str) -> None:
        self.status = status
        self.retry_after = retry_after
        self.detail = detail


async def post(client: aiohttp.ClientSession, at: Taking, number: int) -> Answered:
    """POST one event."""
    headers = {"ce-specversion": "1.0", "ce-id": str(number), "ce-source": "/x", "ce-type": "t"}
    async with client.post(at.url, headers=headers, data=BODY) as answer:
        body = await answer.read()
        detail = json.loads(body)["detail"] if body else ""
        return Answered(answer.status, answer.headers.get("Retry-After"), detail)


def connections() -> aiohttp.ClientSession:
    """A client with a connection for each request."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def test_a_kafka_that_stands_still_fills_a_bounded_queue(tmp_path: Path, kafka_server: KafkaServer) -> None:
    kafka = await kafka_server(tmp_path / "data")
    async with taking(kafka, tmp_path, *SMALL_QUEUE, "--kafka-patience", "6") as at, connections() as client:
        at.stop_kafka()
        posted = [asyncio.create_task(post(client, at, number)) for number in range(3 * FIT)]
        await until(lambda: sum(task.done() for task in posted) == 2 * FIT, "an answer for all that do not fit")
        for full in (task.result() for task in posted if task.done()):
            assert (full.status, full.retry_after) == (503, "1")
            assert "are waiting for Kafka already (--queue-bytes)" in full.detail
        late = [task for task in posted if not task.done()]
        for waited in await asyncio.wait_for(asyncio.gather(*late), DEADLINE):
            assert (waited.status, waited.retry_after) == (503, "1")
            assert "Kafka did not take the event" in waited.detail
        at.continue_kafka()
        again = len(posted)

        async def taken() -> bool:
            nonlocal again
            again += 1
            return (await post(client, at, again)).status == 202

        await until(taken, "an event taken")
        ids = [event.id for event in await at.stored()]
        assert len(ids) == len(set(ids)) and str(again) in ids


@pytest.mark.parametrize("outage", ["stopped", "killed"])
async def test_order_and_no_duplicates_through_an_outage(
    outage: str, tmp_path: Path, kafka_server: KafkaServer
) -> None:
    kafka = await kafka_server(tmp_path / "data")
    async with taking(kafka, tmp_path, "--kafka-patience", "2", "--partitions", "2") as at:
        senders = [Sender(at.port, PATH, f"key-{n}", width) for n, width in enumerate((1, 1, 1, 8))]
        enough = asyncio.Event()
        async with asyncio.timeout(3 * DEADLINE), asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.send(enough))
            await until(lambda: all(sender.saw(202, times=20) for sender in senders), "events taken")
            if outage == "stopped":
                at.stop_kafka()
            else:
                os.kill(kafka.pid, signal.SIGKILL)
                await kafka.died()
            await until(lambda: all(sender.saw(503, times=2) for sender in senders), "events refused")
            down = [len(sender.statuses) for sender in senders]
            if outage == "stopped":
                at.continue_kafka()
            else:
                await kafka.start()
                await kafka.wait_ready(DEADLINE)
            await until(
                lambda: all(
                    sender.saw(202, after=after, times=20) for sender, after in zip(senders, down, strict=True)
                ),
                "events taken again",
            )
            enough.set()
        held = await at.stored()
        assert at.process.returncode is None
    assert all(set(sender.statuses) == {202, 503} for sender in senders)
    check(senders, held)


async def test_sigterm_while_kafka_stands_still(tmp_path: Path, kafka_server: KafkaServer) -> None:
    """It takes no more, and what it has taken is stored and answered once Kafka goes on."""
    kafka = await kafka_server(tmp_path / "data")
    patience = ("--kafka-patience", str(DEADLINE), "--grace", str(DEADLINE))
    async with taking(kafka, tmp_path, *SMALL_QUEUE, *patience) as at, connections() as client:
        at.stop_kafka()
        posted = [asyncio.create_task(post(client, at, number)) for number in range(FIT + 1)]
        await until(lambda: any(task.done() for task in posted), "an answer for the one that does not fit")
        at.process.send_signal(signal.SIGTERM)

        async def refuses() -> bool:
            return not await at.accepts()

        await until(refuses, "the port closed")
        assert sum(task.done() for task in posted) == 1
        assert at.process.returncode is None
        at.continue_kafka()
        answers = await asyncio.wait_for(asyncio.gather(*posted), DEADLINE)
        assert sorted(answer.status for answer in answers) == [202] * FIT + [503]
        assert await asyncio.wait_for(at.process.wait(), DEADLINE) == 0
        stored = sorted(event.id for event in await at.stored())
        assert stored == sorted(str(n) for n, answer in enumerate(answers) if answer.status == 202)


async def test_sigterm_while_kafka_stays_away(tmp_path: Path, kafka_server: KafkaServer) -> None:
    """The end is bounded: whoever still waits is refused in words, and the status is 0."""
    kafka = await kafka_server(tmp_path / "data")
    flags = (*SMALL_QUEUE, "--kafka-patience", "3", "--grace", "1")
    async with taking(kafka, tmp_path, *flags) as at, connections() as client:
        at.stop_kafka()
        posted = [asyncio.create_task(post(client, at, number)) for number in range(FIT + 1)]
        await until(lambda: any(task.done() for task in posted), "an answer for the one that does not fit")
        at.process.send_signal(signal.SIGTERM)
        answers = await asyncio.wait_for(asyncio.gather(*posted), DEADLINE)
        assert {(answer.status, answer.retry_after) for answer in answers} == {(503, "1")}
        assert await asyncio.wait_for(at.process.wait(), DEADLINE) == 0

"""WebhookSource in processes of its own over a real Kafka: what is answered with 2xx is stored, whatever is killed."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.process.running import stop
from tradewind.adapters.embedded_kafka import EmbeddedKafka, free_ports
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.errors import LogUnavailable
from tradewind.events import kafka as kafka_codec
from tradewind.events.model import Event
from tradewind.ports import Bounds, Record, TopicPartition, TopicSpec

KafkaServer = Callable[[Path], Awaitable[EmbeddedKafka]]

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

DEADLINE = 60.0
TOPIC = "knative-broker-default-default"
SECRET = b"a word that both know"
AWAY = 20.0
"""Seconds that Kafka is gone."""
MANIFESTS = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
---
apiVersion: v1
kind: Secret
metadata: {name: github}
stringData: {token: a word that both know}
---
apiVersion: sources.knative.dev/v1alpha1
kind: GitHubSource
metadata: {name: repository}
spec:
  ownerAndRepository: o/r
  eventTypes: [push]
  accessToken: {secretKeyRef: {name: github, key: token}}
  secretToken: {secretKeyRef: {name: github, key: token}}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
"""


class Process:
    """A running `tradewind sources`, or one that was killed and started again."""

    def __init__(self, folder: Path, kafka: EmbeddedKafka, slot: str) -> None:
        self._folder, self._kafka, self._slot = folder, kafka, slot
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}/webhooks/default/repository"
        self.running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until its source takes requests."""
        self.running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tradewind.cli.main", "sources", "-f", str(self._folder)),
            *("--kafka", self._kafka.bootstrap, "--sources-port", str(self.port), "--sources-slot", self._slot),
            *("--kafka-patience", "2"),
            env={name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")},
        )
        async with asyncio.timeout(DEADLINE):
            while not await self.serves():
                await asyncio.sleep(0.05)

    async def serves(self) -> bool:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with aiohttp.request("OPTIONS", self.url) as answer:
                return answer.status == 200
        return False

    async def kill(self) -> None:
        """kill -9."""
        assert self.running is not None
        with contextlib.suppress(ProcessLookupError):
            self.running.kill()
        await self.running.wait()

    async def stop(self) -> int:
        """As Kubernetes and `up` do."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            return await self.running.wait()

    async def send(self, delivery: str) -> int:
        """One attempt of GitHub's; the status, or 0 where no answer came."""
        body = json.dumps({"ref": delivery, "repository": {"url": "https://api.github.com/repos/o/r"}}).encode()
        signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signature, "X-GitHub-Event": "push", "X-GitHub-Delivery": delivery}
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.request(
                "POST", self.url, data=body, headers={**headers, "Content-Type": "application/json"}
            ) as answer:
                return answer.status
        return 0


@contextlib.asynccontextmanager
async def running(folder: Path, kafka: EmbeddedKafka, *slots: str) -> AsyncIterator[list[Process]]:
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "all.yaml").write_text(MANIFESTS)
    log = KafkaLog(kafka.bootstrap, client_id="test")
    await log.ensure_topics([TopicSpec(TOPIC, 3, None, {})])
    await log.close()
    processes = [Process(manifests, kafka, slot) for slot in slots]
    try:
        for process in processes:
            await process.start()
        yield processes
    finally:
        for process in processes:
            if process.running is not None:
                await process.kill()


async def stored(kafka: EmbeddedKafka) -> list[Event]:
    """What the Broker's topic holds."""
    log, held = KafkaLog(kafka.bootstrap, client_id="test"), list[Record]()
    bounds: dict[TopicPartition, Bounds] = {}
    async with asyncio.timeout(DEADLINE):
        while not bounds:
            with contextlib.suppress(LogUnavailable):
                bounds = dict(await log.bounds([TopicPartition(TOPIC, n) for n in range(3)]))
    reader = log.reader()
    await reader.assign({at: found.start for at, found in bounds.items()})
    try:
        async with asyncio.timeout(DEADLINE):
            while any(reader.position(at) < found.end for at, found in bounds.items()):
                held += await reader.take(1000, 0.5)
    finally:
        await reader.close()
        await log.close()
    return [kafka_codec.read(record.headers, record.value) for record in held]


async def test_killed_between_receipt_and_acknowledgement_it_has_answered_nothing(
    tmp_path: Path, kafka_server: KafkaServer
) -> None:
    kafka = await kafka_server(tmp_path / "data")
    async with running(tmp_path, kafka, "sources-0") as (process,):
        assert await process.send("before") == 202
        await asyncio.to_thread(stop, kafka.pid)
        sending = [asyncio.create_task(process.send(f"held-{number}")) for number in range(20)]
        done, _ = await asyncio.wait(sending, timeout=1.0)
        assert not done, "nothing is answered that Kafka does not have"
        await process.kill()
        assert await asyncio.gather(*sending) == [0] * 20
        os.kill(kafka.pid, signal.SIGCONT)
        await process.start()
        async with asyncio.timeout(DEADLINE):
            for number in range(20):
                while await process.send(f"held-{number}") != 202:
                    pass
        ids = [event.id for event in await stored(kafka)]
        assert set(ids) == {"before", *(f"held-{number}" for number in range(20))}
        assert await process.stop() == 0


async def test_kafka_gone_for_a_while_is_503_and_nothing_is_lost(tmp_path: Path, kafka_server: KafkaServer) -> None:
    kafka = await kafka_server(tmp_path / "data")
    async with running(tmp_path, kafka, "sources-0") as (process,):
        loop, answers, accepted = asyncio.get_running_loop(), dict[int, int](), set[str]()

        async def persist(name: str) -> None:
            """A sender that tries again, as most do."""
            while (status := await process.send(name)) != 202:
                answers[status] = answers.get(status, 0) + 1
                await asyncio.sleep(0.2)
            accepted.add(name)

        async with asyncio.timeout(2 * DEADLINE), asyncio.TaskGroup() as tasks:
            os.kill(kafka.pid, signal.SIGKILL)
            await kafka.died()
            back = loop.time() + AWAY
            for number in range(50):
                tasks.create_task(persist(f"{number}"))
            while loop.time() < back:
                assert not accepted
                await asyncio.sleep(0.1)
            await kafka.start()
            await kafka.wait_ready(DEADLINE)
        assert answers.keys() == {503}
        events = await stored(kafka)
        assert {event.id for event in events} == accepted == {f"{number}" for number in range(50)}
        assert {event.type for event in events} == {"com.github.push"}


async def test_each_of_two_processes_takes_requests(tmp_path: Path, kafka_server: KafkaServer) -> None:
    kafka = await kafka_server(tmp_path / "data")
    async with running(tmp_path, kafka, "sources-0", "sources-1") as (first, second):
        assert [await first.send("a"), await second.send("b")] == [202, 202]
        await first.kill()
        assert [await first.send("c"), await second.send("c")] == [0, 202]
        assert sorted(event.id for event in await stored(kafka)) == ["a", "b", "c"]

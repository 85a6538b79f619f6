"""The ingress as a process of its own, and over a real Kafka."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.builders import broker_plan
from tests.process.numbered import Sender, check
from tradewind.adapters.embedded_kafka import EmbeddedKafka
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.adapters.kafka_log.produce import producer
from tradewind.broker.ingress import NEEDS, Ingress
from tradewind.broker.serve import bind, serve
from tradewind.config import Settings
from tradewind.events import kafka as kafka_codec
from tradewind.events.model import Event
from tradewind.observe.health import Health
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import TopicPartition

KafkaServer = Callable[[Path], Awaitable[EmbeddedKafka]]

DEADLINE = 30.0
ROOT = Path(__file__).parents[2]
HEAD = (
    b"POST /default/hello HTTP/1.1\r\nHost: x\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-source: /x\r\nce-type: t\r\n"
    b"Content-Length: 5\r\n\r\n"
)


@pytest.mark.process
async def test_sigterm_finishes_what_waits_for_kafka_and_ends_with_0() -> None:
    arguments = [sys.executable, "-m", "tests.process.ingress_process"]
    process = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            port = int(await process.stdout.readline())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while True:
                writer.write(HEAD + b"hello")
                if (answer := await _first_line(process.stdout, reader)) == b"stored\n":
                    break
                assert b" 503 " in answer  # its topic is not made yet
            process.send_signal(signal.SIGTERM)
            while await _accepts(port):
                pass
            process.stdin.write(b"release\n")
            assert b" 202 " in await reader.readline()
            writer.close()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _first_line(announced: asyncio.StreamReader, reader: asyncio.StreamReader) -> bytes:
    """What comes first: the log has the event, or the ingress refuses it (whose answer is then read to its end)."""
    tasks = [asyncio.create_task(stream.readline()) for stream in (announced, reader)]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.wait(tasks)
    line = next(iter(done)).result()
    if line.startswith(b"HTTP/"):
        length = 0
        while (field := await reader.readline()) != b"\r\n":
            name, _, value = field.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        await reader.readexactly(length)
    return line


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


class Serving:
    """An ingress in this process, over a real Kafka."""

    def __init__(self, bootstrap: str, broker: BrokerPlan, settings: Settings) -> None:
        self.log = KafkaLog(bootstrap, client_id="ingress", patience=settings.kafka_patience)
        self.broker = broker
        self.health = Health(*NEEDS)
        self._stop = asyncio.Event()
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self.port = 0
        self.url = ""

    async def __aenter__(self) -> "Serving":
        ingress = Ingress(self.log, self._settings, self.health)
        ingress.adopt(Plan(brokers={self.broker.name: self.broker}))
        listener = bind("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/{self.broker.name}"
        self._task = asyncio.create_task(
            serve(
                ingress,
                host="",
                port=0,
                health=self.health,
                settings=self._settings,
                stop=self._stop,
                listener=listener,
            )
        )
        async with asyncio.timeout(DEADLINE):
            while not self.health.ready:
                await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        assert self._task is not None
        await asyncio.wait_for(self._task, DEADLINE)
        await self.log.close()

    async def ids(self) -> Counter[str]:
        """The id of every event that Kafka holds, and how often."""
        return Counter(event.id for event in await self.held())

    async def held(self) -> list[Event]:
        """Every event that Kafka holds, each partition in its order."""
        topic = self.broker.topic.name
        partitions = range((await self.log.topics([topic]))[topic].partitions)
        bounds = await self.log.bounds([TopicPartition(topic, n) for n in partitions])
        reader = self.log.reader()
        await reader.assign({at: found.start for at, found in bounds.items()})
        held: list[Event] = []
        try:
            async with asyncio.timeout(DEADLINE):
                while any(reader.position(at) < found.end for at, found in bounds.items()):
                    for record in await reader.take(1000, 0.5):
                        held.append(kafka_codec.read(record.headers, record.value))
        finally:
            await reader.close()
        return held


def fresh_broker() -> BrokerPlan:
    """A Broker whose topics no other test has."""
    return broker_plan(f"tests/ingress-{uuid4().hex[:8]}")


async def post(client: aiohttp.ClientSession, url: str, number: int) -> tuple[int, str | None]:
    """POST one event; status and Retry-After."""
    headers = {"ce-specversion": "1.0", "ce-id": str(number), "ce-source": "/x", "ce-type": "t"}
    async with client.post(url, headers=headers, data=b'{"a": 1.10}') as answer:
        await answer.read()
        return answer.status, answer.headers.get("Retry-After")


@pytest.mark.kafka
async def test_kafka_has_every_event_that_got_202(kafka: str) -> None:
    async with Serving(kafka, fresh_broker(), Settings(partitions=3)) as at:
        async with aiohttp.ClientSession() as client:
            answers = await asyncio.gather(*(post(client, at.url, number) for number in range(500)))
        assert {status for status, _ in answers} == {202}
        assert await at.ids() == Counter({str(number): 1 for number in range(500)})


@pytest.mark.kafka
async def test_the_largest_event_fits_and_one_byte_more_does_not(kafka: str) -> None:
    settings = Settings(partitions=1)
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": "t", "Content-Type": "a/b"}
    attributes = len("specversion1.0id1source/xtypetdatacontenttypea/b")
    async with Serving(kafka, fresh_broker(), settings) as at, aiohttp.ClientSession() as client:
        for extra, status in ((0, 202), (1, 413)):
            body = b"x" * (settings.max_event_bytes - attributes + extra)
            async with client.post(at.url, headers=headers, data=body) as answer:
                assert answer.status == status, await answer.text()


@pytest.mark.kafka
@pytest.mark.process
async def test_kafka_killed_under_load_means_503_and_then_202_again(tmp_path: Path, kafka_server: KafkaServer) -> None:
    server = await kafka_server(tmp_path / "data")
    settings = Settings(partitions=1, kafka_patience=2.0)
    async with Serving(server.bootstrap, fresh_broker(), settings) as at, aiohttp.ClientSession() as client:
        answers: dict[int, tuple[int, str | None]] = {}

        async def load(until: asyncio.Event) -> None:
            while not until.is_set():
                number = len(answers)
                answers[number] = (0, None)
                answers[number] = await post(client, at.url, number)

        def saw(status: int, after: int = 0) -> bool:
            return any(found == status for number, (found, _) in answers.items() if number >= after)

        enough = asyncio.Event()
        async with asyncio.timeout(2 * DEADLINE), asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(load(enough))
            await _until(lambda: saw(202))
            os.kill(server.pid, signal.SIGKILL)
            await server.died()
            await _until(lambda: saw(503))
            down = len(answers)
            await server.start()
            await server.wait_ready(DEADLINE)
            await _until(lambda: saw(202, down))
            enough.set()
        assert {status for status, _ in answers.values()} == {202, 503}
        assert all(retry == "1" for status, retry in answers.values() if status == 503)
        held = await at.ids()
        assert {str(number) for number, (status, _) in answers.items() if status == 202} <= held.keys()


@pytest.mark.kafka
@pytest.mark.process
async def test_what_is_sent_again_after_a_silence_is_stored_once(
    tmp_path: Path, kafka_server: KafkaServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka stores a request that its client has given up, and the same again: the producer must be idempotent."""
    server = await kafka_server(tmp_path / "data")
    settings = Settings(partitions=2, kafka_patience=DEADLINE)
    monkeypatch.setattr(producer, "SILENCE", 0.05)
    async with Serving(server.bootstrap, fresh_broker(), settings) as at:
        senders = [Sender(at.port, f"/{at.broker.name}", f"key-{n}", width) for n, width in enumerate((1, 8, 8))]
        enough = asyncio.Event()
        async with asyncio.timeout(2 * DEADLINE), asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.send(enough))
            await _until(lambda: all(sender.saw(202, times=20) for sender in senders))
            os.kill(server.pid, signal.SIGSTOP)
            try:
                await _until(lambda: "does not answer" in caplog.text)
            finally:
                os.kill(server.pid, signal.SIGCONT)
            down = [len(sender.statuses) for sender in senders]
            await _until(lambda: all(s.saw(202, after=n, times=20) for s, n in zip(senders, down, strict=True)))
            enough.set()
        assert {status for sender in senders for status in sender.statuses} == {202}
        check(senders, await at.held())


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.02)

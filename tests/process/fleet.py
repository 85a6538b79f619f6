"""Dispatchers and a subscriber as processes that are stopped, killed and started again, and what must be so after."""

import asyncio
import contextlib
import itertools
import os
import signal as signals
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from tradewind.adapters.embedded_kafka.ports import free_ports
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.errors import LogUnavailable
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.ports import NewRecord, TopicPartition

TOPIC = "knative-broker-default-default"
DEAD = f"{TOPIC}.dead-letters"
KEYS = 40
TRIGGERS = ("ordered", "unordered")
SUBSCRIBER = Path(__file__).with_name("recording_subscriber.py")

MANIFESTS = """---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
spec: {delivery: {retry: 500, backoffDelay: PT0.1S, backoffPolicy: linear}}
""" + "".join(
    f"""---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {{name: {name}, annotations: {{kafka.eventing.knative.dev/delivery.order: {name}}}}}
spec:
  broker: default
  subscriber: {{ref: {{apiVersion: v1, kind: Service, name: recorder}}, uri: /{name}}}
"""
    for name in TRIGGERS
)

Process = asyncio.subprocess.Process


class Fleet:
    """Dispatchers by slot, one subscriber, one feeder."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.running: dict[str, Process] = {}
        self.accepted: list[int] = []
        """Numbers of the events that Kafka has acknowledged."""
        (self._port,) = free_ports(1)
        self._deliveries = folder / "deliveries"
        self._manifests = folder / "manifests"
        self._manifests.mkdir()
        (self._manifests / "all.yaml").write_text(MANIFESTS)
        self._log = KafkaLog(bootstrap, client_id="feeder", patience=2.0)
        self._numbers = itertools.count()

    async def start(self, name: str) -> None:
        """Start a dispatcher in this slot, or the `subscriber`."""
        program = [str(SUBSCRIBER), str(self._port), str(self._deliveries)]
        if name != "subscriber":
            program = ["-m", "tradewind.cli.main", "dispatcher", "--kafka", self.bootstrap, "--slot", name]
            program += ["-f", str(self._manifests), "--service", f"default/recorder=127.0.0.1:{self._port}"]
            program += ["--max-backoff", "1"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = await asyncio.create_subprocess_exec(sys.executable, *program, stdout=log, stderr=log)

    def signal(self, name: str, number: signals.Signals) -> None:
        """Send a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.running[name].send_signal(number)

    async def end(self, name: str, number: signals.Signals) -> None:
        """End one by this signal."""
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        await process.wait()

    async def revive(self) -> list[str]:
        """Start again what has ended by itself, as a supervisor would; says which."""
        ended = [name for name, process in self.running.items() if process.returncode is not None]
        for name in ended:
            await self.start(name)
        return ended

    def said(self, name: str, words: str) -> int:
        """How often a dispatcher has said this."""
        return (self.folder / f"{name}.log").read_text(errors="replace").count(words)

    async def until_said(self, name: str, words: str, times: int = 1) -> None:
        """Wait until it has said this so often."""
        async with asyncio.timeout(60):
            while self.said(name, words) < times:
                await asyncio.sleep(0.05)

    async def feed(self, rate: float, enough: asyncio.Event) -> None:
        """Append numbered events, each key's in order, until there are enough.  One that fails is not counted."""
        await self._until_made()
        some = max(1, round(rate / 50))
        while not enough.is_set():
            turn = [(number, self._append(number)) for number in itertools.islice(self._numbers, some)]
            for number, stored in turn:
                with contextlib.suppress(LogUnavailable):
                    await stored
                    self.accepted.append(number)
            await asyncio.sleep(some / rate)

    async def _until_made(self) -> None:
        while True:
            with contextlib.suppress(LogUnavailable):
                if await self._log.topics([TOPIC]):
                    return
            await asyncio.sleep(0.05)

    async def _append(self, number: int) -> None:
        core = {"id": str(number), "source": "/fleet", "type": "numbered", "specversion": "1.0"}
        event = Event({**core, "partitionkey": f"key-{number % KEYS}"}, b"x" * 200)
        headers, value = kafka.write(event)
        await self._log.append(NewRecord(TOPIC, value, headers, kafka.key(event)))

    def delivered(self) -> Mapping[str, list[int]]:
        """What each Trigger's subscriber has accepted, in order, repeats included."""
        found: dict[str, list[int]] = {name: [] for name in TRIGGERS}
        for line in self._deliveries.read_text().splitlines():
            name, number, status = line.split()
            if status == "204":
                found[name].append(int(number))
        return found

    async def dead_letters(self) -> Mapping[str, set[int]]:
        """What lies in the dead letters, by Trigger."""
        at, found = TopicPartition(DEAD, 0), {name: set[int]() for name in TRIGGERS}
        bounds = (await self._log.bounds([at]))[at]
        reader = self._log.reader()
        await reader.assign({at: bounds.start})
        while reader.position(at) < bounds.end:
            for record in await reader.take(1000, 0.5):
                name = dict(record.headers)["tradewind-trigger"].decode().partition("/")[2]
                found[name].add(int(kafka.read(record.headers, record.value).id))
        await reader.close()
        return found

    async def until_delivered(self, within: float = 120.0) -> None:
        """Wait until what was accepted is delivered or lies in the dead letters, for each Trigger."""
        end, missing = time.monotonic() + within, {"": {0}}
        while any(missing.values()):
            await self.revive()
            dead, got = await self.dead_letters(), self.delivered()
            missing = {name: set(self.accepted) - set(got[name]) - dead[name] for name in TRIGGERS}
            assert time.monotonic() < end, {name: (len(lost), sorted(lost)[:20]) for name, lost in missing.items()}
            await asyncio.sleep(0.2)

    def repeats(self) -> Mapping[str, int]:
        """How many deliveries there were besides the first of each event."""
        return {name: len(got) - len(set(got)) for name, got in self.delivered().items()}

    def check_order(self) -> None:
        """First deliveries of the ordered Trigger are in each key's order."""
        accepted, kept = set(self.accepted), Counter[int]()
        by_key: dict[int, list[int]] = {}
        for number in self.delivered()["ordered"]:
            kept[number] += 1
            if kept[number] == 1 and number in accepted:
                by_key.setdefault(number % KEYS, []).append(number)
        for key, numbers in by_key.items():
            wrong = [pair for pair in itertools.pairwise(numbers) if pair[0] > pair[1]]
            assert not wrong, f"key {key} out of order: {wrong[:5]}"

    async def close(self) -> None:
        for process in self.running.values():
            if process.returncode is None:
                os.kill(process.pid, signals.SIGKILL)  # also of one that is stopped
                await process.wait()
        await self._log.close()


@contextlib.asynccontextmanager
async def fleet(folder: Path, bootstrap: str, slots: Sequence[str]) -> AsyncIterator[Fleet]:
    """A fleet whose subscriber and dispatchers run; ended after the block."""
    made = Fleet(folder, bootstrap)
    try:
        for name in ("subscriber", *slots):
            await made.start(name)
        for slot in slots:
            await made.until_said(slot, "triggers in force")
        yield made
    finally:
        await made.close()


def slot(number: int) -> str:
    """The name of a slot."""
    return f"dispatcher-{number}"

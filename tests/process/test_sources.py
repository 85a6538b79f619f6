"""Processes of sources on a real Kafka: killed, stopped, cut off; each ping fires, once but for what a kill repeats."""

import asyncio
import calendar
import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

import pytest

from tests.conftest import KafkaServer
from tests.process.commands import Shell
from tests.process.sources_processes import SourcesProcesses
from tradewind.adapters.kafka_log.log import SESSION
from tradewind.cli.source_rows import Row
from tradewind.config import Settings
from tradewind.errors import LogUnavailable
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.ports import NewRecord, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.sources.positions import PositionRecord, SourceKey, encode, partition_of, position_key
from tradewind.topics import topic_specs

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

TOPIC = "knative-broker-default-default"
NAMES = [f"ping-{number}" for number in range(8)]
TAKEN_OVER = 10.0
"""Seconds after a kill -9 within which another fires what the killed one did."""

BROKER = """apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
"""
PING = """---
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {{name: {name}}}
spec:
  schedule: "* * * * * *"
  sink: {{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}}
"""


class Pinging(SourcesProcesses):
    """Processes of sources by slot, and what lies in their Broker's topic."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        super().__init__(folder, bootstrap, deadline=60.0)
        (self.manifests / "all.yaml").write_text(BROKER + "".join(PING.format(name=name) for name in NAMES))
        self.fired: dict[str, Counter[int]] = {name: Counter() for name in NAMES}
        """The instants of each ping, in seconds."""
        self.heard: dict[str, float] = {}
        """When each was heard of last, by the monotonic clock."""

    async def listen(self) -> None:
        """Read the topic, without end."""
        reader = self.log.reader()
        await reader.assign({TopicPartition(TOPIC, 0): 0})
        try:
            while True:
                with contextlib.suppress(LogUnavailable):  # Kafka may be away
                    for record in await reader.take(1000, 0.2):
                        self._note(kafka.read(record.headers, record.value))
        finally:
            await reader.close()

    def _note(self, event: Event) -> None:
        name = event.source.rpartition("/")[2]
        instant = time.strptime(event.id.rpartition("/")[2], "%Y-%m-%dT%H:%M:%SZ")
        self.fired[name][calendar.timegm(instant)] += 1
        self.heard[name] = time.monotonic()

    async def more(self, count: int) -> None:
        """Wait for so many more instants of every ping."""
        await self.more_of(list(self.fired), count)

    async def more_of(self, names: list[str], count: int) -> None:
        """Wait for so many more instants of these."""
        goals = {name: len(self.fired[name]) + count for name in names}
        await self.until(lambda: all(len(self.fired[name]) >= goal for name, goal in goals.items()))

    def missing(self) -> dict[str, list[int]]:
        """Instants between a ping's first and last that never came."""
        return {
            name: lost
            for name, got in self.fired.items()
            if (lost := sorted(set(range(min(got), max(got))) - set(got)))
        }

    def repeats(self) -> int:
        """Events that were stored before under the same id."""
        return sum(count - 1 for got in self.fired.values() for count in got.values())


@contextlib.asynccontextmanager
async def pinging(folder: Path, bootstrap: str, *slots: str) -> AsyncIterator[Pinging]:
    """Processes in these slots that share the pings; at the end nothing may be missing."""
    made = Pinging(folder, bootstrap)
    broker = BrokerPlan(NamespacedName("default", "default"), TopicPlan(TOPIC, partitions=1), f"{TOPIC}.dead-letters")
    await made.log.ensure_topics(topic_specs(broker, Settings()))
    listening = asyncio.create_task(made.listen())
    try:
        for slot in slots:
            await made.start(slot)
        await made.until(lambda: sum(made.said(slot, "source started") > 0 for slot in slots) == len(slots))
        await made.more(3)
        yield made
        assert not made.missing()
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await made.close()


async def test_two_share_the_pings_and_one_takes_over_what_the_other_ran(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    server = await kafka_server(tmp_path / "kafka")
    async with pinging(tmp_path, server.bootstrap, "sources-a", "sources-b") as made:
        shell = Shell(made.manifests, made.bootstrap)

        async def owners() -> dict[str, set[str]]:
            rows: list[Row] = json.loads(await shell.done("get", "sources", "-o", "json"))
            assert {one["state"] for one in rows} <= {"Ready", "Connecting", "Unserved"}
            found: dict[str, set[str]] = {}
            for one in rows:
                for process in one["processes"]:
                    found.setdefault(process["slot"], set()).add(one["name"])
            return found

        shared = await owners()
        assert shared.keys() == {"sources-a", "sources-b"}
        assert sorted([*shared["sources-a"], *shared["sources-b"]]) == sorted(NAMES)
        assert made.repeats() == 0, "each fires once"
        theirs = shared["sources-b"]
        await made.end("sources-b", SIGKILL)
        killed = time.monotonic()
        await made.until(lambda: all(made.heard[name] > killed + SESSION / 2 for name in theirs))
        taken = max(made.heard[name] for name in theirs) - killed
        print(f"taken over {taken:.1f} s after the kill, repeats: {made.repeats()}")
        assert taken < TAKEN_OVER
        await made.more(3)
        assert made.repeats() <= 3 * len(theirs), "what was not written down yet"
        repeated = made.repeats()
        assert (await owners())["sources-a"] == set(NAMES)

        await made.start("sources-b")
        await made.until(lambda: made.said("sources-b", "source started") > len(theirs))
        await made.more(3)
        assert await made.end("sources-a", SIGTERM) == 0
        await made.more(3)
        assert made.repeats() == repeated, "in order nothing is repeated"


async def test_one_that_stands_still_beyond_its_session(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """Another fires what it fired; when it goes on it does nothing before it has joined anew."""
    server = await kafka_server(tmp_path / "kafka")
    async with pinging(tmp_path, server.bootstrap, "sources-a", "sources-b") as made:
        taken = made.said("sources-a", "partitions taken over")
        made.running["sources-b"].send_signal(SIGSTOP)
        await made.until(lambda: made.said("sources-a", "partitions taken over") > taken)
        await made.more(3)
        repeated = made.repeats()
        made.running["sources-b"].send_signal(SIGCONT)
        await made.until(lambda: made.said("sources-b", "this process was away") > 0)
        await made.until(lambda: made.said("sources-b", "partitions taken over") > 1)
        await made.more(5)
        assert made.repeats() == repeated, "it sent nothing that was another's"
        assert all(process.returncode is None for process in made.running.values())


@pytest.mark.parametrize("number", [SIGSTOP, SIGKILL])
async def test_a_kafka_that_is_gone_for_twenty_seconds(
    kafka_server: KafkaServer, tmp_path: Path, number: Signals
) -> None:
    server = await kafka_server(tmp_path / "kafka")
    async with pinging(tmp_path, server.bootstrap, "sources-a", "sources-b") as made:
        os.kill(server.pid, number)
        gone = time.monotonic()
        await made.until(lambda: time.monotonic() > gone + 20)
        if number is SIGSTOP:
            os.kill(server.pid, SIGCONT)
        else:
            await server.died()
            await server.start()
        await made.more(22)
        print(f"repeats: {made.repeats()}")
        assert all(process.returncode is None for process in made.running.values())


async def test_the_topic_of_their_positions_is_deleted(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """Each goes on where it was, whichever process has it then."""
    server = await kafka_server(tmp_path / "kafka")
    async with pinging(tmp_path, server.bootstrap, "sources-a", "sources-b") as made:
        topics = Settings().sources_topic, Settings().sources_dead_letter_topic
        for _ in range(2):
            before = await made.log.topics(topics)
            await made.log.delete_topics(topics)
            await made.more(5)
            after = await made.log.topics(topics)
            assert after.keys() == before.keys()
            assert all(after[name].id != before[name].id for name in topics)
        print(f"repeats: {made.repeats()}")
        assert all(process.returncode is None for process in made.running.values())


AN_HOUR = 3600.0
MISSED = """---
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {{name: {name}, annotations: {{tradewind.dev/missed: {missed}}}}}
spec:
  schedule: "*/10 * * * *"
  sink: {{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}}
"""


async def test_what_was_missed_while_every_process_was_down(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """What a process that was killed an hour ago left in the topic says where each of them goes on."""
    server = await kafka_server(tmp_path / "kafka")
    async with pinging(tmp_path, server.bootstrap, "sources-a") as made:
        await made.end("sources-a", SIGKILL)
        (topic,) = (await made.log.topics([Settings().sources_topic])).values()
        left = time.time() - AN_HOUR
        for missed in ("skip", "once", "all"):
            key = SourceKey("PingSource", NamespacedName("default", missed))
            stood = {"done": left, "schedule": "*/10 * * * *", "timezone": None}
            record = encode(PositionRecord(1, "sources-a:killed", stood))
            await made.log.append(
                NewRecord(topic.name, record, (), position_key(key), partition_of(key, topic.partitions))
            )
            made.fired[missed] = Counter()
        manifests = made.manifests / "missed.yaml"
        manifests.write_text("".join(MISSED.format(name=name, missed=name) for name in ("skip", "once", "all")))
        await made.start("sources-b")
        await made.until(lambda: len(made.fired["all"]) >= 5 and len(made.fired["once"]) >= 1)
        await made.more_of(NAMES, 3)
        due = [instant for instant in range(int(left) + 1, int(time.time()) + 1) if instant % 600 == 0]
        assert sorted(made.fired["all"]) == due
        assert set(due[-1:]) <= made.fired["once"].keys() <= set(due[-2:])
        assert made.fired["skip"].keys() <= set(due[-2:])
        assert made.repeats() <= 3 * len(NAMES), "what was not written down yet"
        for name in ("skip", "once", "all"):
            del made.fired[name]

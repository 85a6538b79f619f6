"""Kafka passes the suite, and what only a real server can do to a log."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # the latter untyped

from tests.conftest import READY, KafkaServer
from tests.contracts import raw_headers
from tests.contracts.driving import DEADLINE, Owner, append_all, driving, numbered, take, until
from tests.contracts.event_log import EventLogContract
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.adapters.kafka_log.connection import Connection, Seldom
from tradewind.adapters.kafka_log.log import SESSION
from tradewind.adapters.kafka_log.produce.producer import Producer as TradewindProducer
from tradewind.errors import LogUnavailable
from tradewind.ports import Bounds, EventLog, NewRecord, Record, TopicPartition, TopicSpec

pytestmark = pytest.mark.kafka


class KafkaCluster:
    """The suite's administrator for a Kafka."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.logs: list[KafkaLog] = []
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def client(self) -> KafkaLog:
        log = KafkaLog(self.bootstrap, client_id="contract", patience=10.0)
        self.logs.append(log)
        return log

    async def delete_records_before(self, at: TopicPartition, offset: int) -> None:
        for future in self.admin.delete_records([KafkaPartition(*at, offset)]).values():
            await asyncio.wrap_future(future)

    async def recreate_topic(self, name: str) -> None:
        log = self.logs[0]
        (before,) = (await log.topics([name])).values()
        for future in self.admin.delete_topics([name]).values():
            await asyncio.wrap_future(future)
        await self._until_gone(log, name)
        await log.ensure_topics([TopicSpec(name, before.partitions, None, {})])

    async def _until_gone(self, log: KafkaLog, name: str) -> None:
        async with asyncio.timeout(READY):
            while await log.topics([name]):
                pass

    async def add_partitions(self, topic: str, total: int) -> None:
        for future in self.admin.create_partitions([NewPartitions(topic, total)]).values():
            await asyncio.wrap_future(future)

    async def add_hole(self, at: TopicPartition) -> None:
        await asyncio.to_thread(self._abort, at)

    def _abort(self, at: TopicPartition) -> None:
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "transactional.id": f"hole-{time.time_ns()}", "log_level": 0}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(at.topic, b"taken back", partition=at.partition)
        producer.flush(30)
        producer.abort_transaction(30)

    async def close(self) -> None:
        for log in self.logs:
            await log.close()


class TestKafkaLog(EventLogContract):
    """The suite on a real server."""

    @pytest.fixture
    async def cluster(self, kafka: str) -> AsyncIterator[KafkaCluster]:
        cluster = KafkaCluster(kafka)
        yield cluster
        await cluster.close()

    async def test_a_full_queue_is_unavailable_at_once(self, cluster: KafkaCluster, topic: str) -> None:
        log = KafkaLog(cluster.bootstrap, client_id="small", patience=5.0, queue_bytes=64 * 1024)
        cluster.logs.append(log)
        stored = []
        with pytest.raises(LogUnavailable, match=f"^topic {topic}: 65536 bytes already wait for Kafka$"):
            while True:
                stored.append(log.append(NewRecord(topic, bytes(10_000))))
        assert [position.offset for position in await asyncio.gather(*stored)] == list(range(6))
        assert (await log.append(NewRecord(topic, b"room again"))).offset == len(stored)

    async def test_headers_that_nobody_can_read_stop_nothing(
        self, cluster: KafkaCluster, log: EventLog, topic: str
    ) -> None:
        """Python runs often used code in another way, in which the client library's fault shows itself elsewhere."""
        good = [NewRecord(topic, b"good", [("ce_id", b"1")])] * 200
        await append_all(log, good)
        for _ in range(3):
            await asyncio.to_thread(raw_headers.append, cluster.bootstrap, topic, b"poison", (b"ce_\xff", b"x"))
        await append_all(log, good)
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        records = await take(reader, 403)
        assert [record.value for record in records] == [b"good"] * 200 + [b"poison"] * 3 + [b"good"] * 200
        assert [tuple(record.headers) for record in records if record.value == b"poison"] == [(), (), ()]
        assert {tuple(record.headers) for record in records if record.value == b"good"} == {(("ce_id", b"1"),)}
        await reader.close()

    async def test_mirror_names_what_is_refused(self, log: EventLog, name: str, topic: str) -> None:
        refused = await log.mirror(name, {TopicPartition(topic, 0): 0, TopicPartition(f"{topic}-none", 0): 0})
        assert list(refused) == [TopicPartition(f"{topic}-none", 0)]


@asynccontextmanager
async def connected(bootstrap: str, patience: float) -> AsyncIterator[KafkaLog]:
    """A log that must close whatever has become of its Kafka."""
    log = KafkaLog(bootstrap, client_id="outage", patience=patience)
    try:
        yield log
    finally:
        async with asyncio.timeout(DEADLINE):
            await log.close()


async def eventually(appending: Callable[[], Awaitable[object]]) -> None:
    """Try until the log takes it."""
    deadline = time.monotonic() + READY
    while True:
        try:
            await appending()
            return
        except LogUnavailable:
            assert time.monotonic() < deadline, "the log did not come back"


async def test_questions_that_an_outage_left_unanswered_do_not_hold_up_later_ones(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    """All kinds together, in flight while Kafka is killed: group offsets asked for then stay unanswered for good."""
    server, at = await kafka_server(tmp_path / "kafka"), TopicPartition("t", 0)
    async with connected(server.bootstrap, patience=1.0) as log:
        await log.ensure_topics([TopicSpec("t", 1, None, {})])
        kinds: list[Callable[[], Awaitable[object]]] = [
            lambda: log.mirror("g", {at: 0}),
            lambda: log.group_offsets("g", [at]),
            lambda: log.topics(["t"]),
            lambda: log.bounds([at]),
        ]
        for ask in kinds:
            await eventually(ask)

        async def again_and_again(ask: Callable[[], Awaitable[object]]) -> None:
            while True:
                with contextlib.suppress(LogUnavailable):
                    await ask()
                await asyncio.sleep(0.1)

        asking = [asyncio.create_task(again_and_again(ask)) for ask in kinds]
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.died()
        await server.start()
        await server.wait_ready(READY)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        for ask in kinds:
            await eventually(ask)


async def test_everything_is_unavailable_while_kafka_is_and_comes_back_with_it(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    server = await kafka_server(tmp_path / "kafka")
    owner, at = Owner(), TopicPartition("t", 0)
    async with connected(server.bootstrap, patience=2.0) as log:
        await log.ensure_topics([TopicSpec("t", 1, None, {})])
        await append_all(log, numbered("t", 5))
        reader, member = log.reader(), log.member(group="g", instance="a", ownership=owner)
        await reader.assign({at: 0})
        await member.subscribe(["t"])
        assert len(await take(reader, 5)) == len(await take(member, 5)) == 5
        owner.start = {at: 5}
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.died()
        async with asyncio.timeout(DEADLINE):  # librdkafka's own patience is five minutes
            with pytest.raises(LogUnavailable):
                await log.append(NewRecord("t", b"lost"))
            with pytest.raises(LogUnavailable):
                await log.bounds([at])
            with pytest.raises(LogUnavailable):
                await log.topics(["t"])
        for source in (reader, member):
            with pytest.raises(LogUnavailable):
                await take(source, 1, wait=0.5)
        await server.start()
        await server.wait_ready(READY)
        await eventually(lambda: log.append(NewRecord("t", b"back")))
        assert (await log.bounds([at]))[at] == Bounds(0, 6)
        for source in (reader, member):
            records: list[Record] = []
            while not records:
                try:
                    records = await take(source, 1)
                except LogUnavailable:
                    continue
            assert [record.value for record in records] == [b"back"]
        async with driving(member):
            await until(lambda: owner.owned == {at})
        await reader.close()
        await member.close()


async def test_a_kafka_that_hangs_is_unavailable_and_the_member_returns(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    """Hung for longer than the session, so the group's coordinator expels the member and librdkafka fences it."""
    server = await kafka_server(tmp_path / "kafka")
    owner, at = Owner(), TopicPartition("t", 0)
    async with connected(server.bootstrap, patience=1.0) as log:
        await log.ensure_topics([TopicSpec("t", 1, None, {})])
        member = log.member(group="g", instance="a", ownership=owner)
        await member.subscribe(["t"])
        async with driving(member) as driven:
            await until(lambda: owner.owned == {at})
            assert server.pid is not None
            os.kill(server.pid, signal.SIGSTOP)
            try:
                started = time.monotonic()
                while time.monotonic() < started + 8.0:
                    with pytest.raises(LogUnavailable):
                        await log.append(NewRecord("t", b"hung"))
            finally:
                os.kill(server.pid, signal.SIGCONT)
            await eventually(lambda: log.append(NewRecord("t", b"back")))
            await until(lambda: any(record.value == b"back" for record in driven.records))
            assert owner.owned == {at}
        await member.close()


NUDGE = f"""
import sys, time
from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.nudge import Nudge
nudge = Nudge(Connection(sys.argv[1], "nudge", 10.0), sys.argv[2], {SESSION})
nudge.begin(frozenset())
while True:
    nudge.serve(0.0, missing=True)
    time.sleep(0.01)
"""


async def test_a_nudge_that_dies_holds_its_group_no_longer_than_a_member(kafka: str) -> None:
    """With its process, or given up while it joined: it has not said that it leaves."""
    name, owner, cluster = f"nudged-{time.time_ns()}", Owner(), KafkaCluster(kafka)

    async def nudged() -> bool:
        (described,) = cluster.admin.describe_consumer_groups([name], request_timeout=300).values()
        try:
            return bool((await asyncio.wrap_future(described)).members)
        except KafkaException:  # no such group yet
            return False

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", NUDGE, kafka, name)
    try:
        async with asyncio.timeout(DEADLINE):
            while not await nudged():
                await asyncio.sleep(0.1)
    finally:
        process.kill()
        await process.wait()
    async with connected(kafka, patience=10.0) as log:
        await log.ensure_topics([TopicSpec(name, 1, None, {})])
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([name])
        async with driving(member):
            await until(lambda: bool(owner.owned), seconds=3 * SESSION)
        await member.close()


async def test_nothing_listens() -> None:
    async with connected("127.0.0.1:1", patience=0.3) as log:
        with pytest.raises(LogUnavailable, match=r"Kafka at 127\.0\.0\.1:1 did not answer within 0\.3 s"):
            await log.ensure_topics([TopicSpec("t", 1, None, {})])
        with pytest.raises(LogUnavailable, match="topic t"):
            await log.append(NewRecord("t", b""))


async def test_close_tells_how_many_were_not_stored() -> None:
    producer = TradewindProducer(Connection("127.0.0.1:1", "nobody", 0.3), queue_bytes=1024 * 1024)
    waiting = [producer.append(NewRecord("t", b"")) for _ in range(3)]
    assert await producer.close() == 3
    for one in waiting:
        with pytest.raises(LogUnavailable):
            await one
    with pytest.raises(LogUnavailable, match="closed"):
        producer.append(NewRecord("t", b""))


async def test_a_log_that_lost_kafka_still_closes(kafka_server: KafkaServer, tmp_path: Path) -> None:
    server = await kafka_server(tmp_path / "kafka")
    owner, at = Owner(), TopicPartition("t", 0)
    async with connected(server.bootstrap, patience=1.0) as log:
        await log.ensure_topics([TopicSpec("t", 1, None, {})])
        reader, member = log.reader(), log.member(group="g", instance="a", ownership=owner)
        await reader.assign({at: 0})
        await member.subscribe(["t"])
        async with driving(member):
            await until(lambda: owner.owned == {at})
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.died()
        waiting = log.append(NewRecord("t", b"lost"))
    assert owner.owned == set()
    with pytest.raises(LogUnavailable):
        await waiting


def test_librdkafka_says_each_kind_of_thing_seldom() -> None:
    now = 0.0
    seldom = Seldom(clock=lambda: now)

    def said(text: str) -> bool:
        return seldom.filter(logging.LogRecord("kafka", logging.ERROR, "", 0, text, None, None))

    assert said("FAIL [a] refused")
    assert not said("FAIL [b] refused again")
    assert said("REQTMOUT [a]")
    assert not said("GETPID [a] Broker: Coordinator load in progress: retrying")
    now = 31.0
    assert said("FAIL [a] refused")

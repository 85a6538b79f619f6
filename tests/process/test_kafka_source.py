"""A KafkaSource on a real Kafka: killed, cut off, shared, barred; each record becomes an event."""

import asyncio
import json
import os
from base64 import b64encode
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # the latter untyped

from tests.conftest import KafkaServer
from tests.contracts.guarded_kafka import GuardedKafka
from tests.process.kafka_reading import GROUP, Reading, reading
from tradewind.adapters.kafka_log.asker import REQUEST_TIMEOUT
from tradewind.ports import NewRecord, TopicPartition
from tradewind.resources.kafka_auth import Mechanism, Protocol

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

EARLIEST, LATEST = "  initialOffset: earliest", "  initialOffset: latest"
TAKEN_OVER = 15.0
"""Seconds; a session is six of them, and a look for a place two."""

LARGE, BACKLOG = 1_000_000, 400
BOUND = 100
"""MiB; what is fetched ahead is 8 MiB, on its way 4 MiB, for the client library and for our producer, and copies."""


async def test_killed_between_receipt_and_acknowledgement(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """Also while two share the partitions, and while a partition is added, whose first records must come."""
    server = await kafka_server(tmp_path / "kafka")
    async with reading(tmp_path, server.bootstrap, more=f"{EARLIEST}\n  consumers: 2") as made:
        await made.send(100)
        await made.start("a")
        await made.start("b")
        await made.until(lambda: sum(made.came.values()) >= 100)
        for slot in ("a", "b", "a"):
            sending = asyncio.create_task(made.send(2000))
            await made.more(500)
            await made.end(slot, SIGKILL)
            await made.start(slot)
            await sending
        await made.all_came()
        admin = AdminClient({"bootstrap.servers": server.bootstrap, "log_level": 0})
        (added,) = admin.create_partitions([NewPartitions("orders", 4)]).values()
        await asyncio.wrap_future(added)
        await made.until_known(lambda: made.log.bounds([TopicPartition("orders", 3)]))
        await made.send(100, [3])
        await made.all_came()
        await made.committed(4)
        assert made.said("a", "position is gone") == made.said("b", "position is gone") == 0
        assert len({(event.source, event.id, event.data) for event in made.events}) == made.sent, (
            "an id is one record's"
        )
        assert await made.end("a", SIGTERM) == await made.end("b", SIGTERM) == 0
        print(f"repeated: {sum(made.came.values()) - made.sent}")


async def test_kafka_is_gone_for_twenty_seconds(kafka_server: KafkaServer, tmp_path: Path) -> None:
    server = await kafka_server(tmp_path / "kafka")
    async with reading(tmp_path, server.bootstrap, more=EARLIEST) as made:
        await made.start("a")
        await made.send(500)
        await made.all_came()
        sending = asyncio.create_task(made.send(1000))
        await made.until(lambda: sum(made.came.values()) > 700)
        assert server.pid is not None
        os.kill(server.pid, SIGKILL)
        await server.died()
        await asyncio.sleep(20)  # what the scenario is about
        await server.start()
        await server.wait_ready(60.0)
        await sending
        await made.all_came()
        await made.committed()
        assert made.said("a", "position is gone") == 0


async def test_a_group_that_was_away_longer_than_kafka_keeps_its_offsets(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    """Also with `latest`: it begins anew with what is left, not behind what it missed."""
    server = await kafka_server(tmp_path / "kafka")
    async with reading(tmp_path, server.bootstrap, more=LATEST) as made:
        await made.send(50)
        before = made.sent
        await made.start("a")
        await made.until_known(lambda: made.log.group_offsets(GROUP, [TopicPartition("orders", 0)]))
        await made.send(50)
        await made.until(lambda: all(made.came[b"%d" % number] for number in range(before, made.sent)))
        assert not made.came[b"0"], "latest is where it began"
        assert await made.end("a", SIGTERM) == 0
        await made.send(55)
        admin = AdminClient({"bootstrap.servers": server.bootstrap, "log_level": 0})

        async def forgotten() -> bool:
            """As Kafka does after `offsets.retention.minutes`; not while a member may still come back."""
            (future,) = admin.delete_consumer_groups([GROUP], request_timeout=REQUEST_TIMEOUT).values()
            try:
                await asyncio.wrap_future(future)
            except Exception as still:
                print(still)
                return False
            return True

        await made.until_known(forgotten)
        await made.start("a")
        await made.all_came()
        assert made.said("a", "position is gone") == 3


async def test_one_consumer_of_two_processes(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """`consumers: 1`, the default: another stands by, and takes over."""
    server = await kafka_server(tmp_path / "kafka")
    async with reading(tmp_path, server.bootstrap, more=EARLIEST) as made:
        await made.start("a")
        await made.send(10)
        await made.all_came()
        await made.committed()
        await made.start("b")
        await made.until(lambda: made.said("b", "source started") > 0)
        await made.send(10)
        await made.all_came()
        assert {one.split("_")[0] for one in await made.log.members(GROUP)} == {"a"}
        await made.end("a", SIGKILL)
        await made.send(10)
        async with asyncio.timeout(TAKEN_OVER):
            await made.all_came()
        assert sum(made.came.values()) <= 40


async def test_a_rebalance_hands_over_without_loss(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """One comes, one leaves, one comes back, while records come in.  Who gives a partition up has committed what it
    was owed; so nothing is repeated either, as long as none is killed, or leaves while the group shares out."""
    server = await kafka_server(tmp_path / "kafka")
    async with reading(tmp_path, server.bootstrap, more=f"{EARLIEST}\n  consumers: 2") as made:
        await made.start("a")
        enough = asyncio.Event()
        sending = asyncio.create_task(_send_until(made, enough))
        await made.more(100)
        await made.start("b")
        await _shared_out(made, {"a", "b"})
        await made.more(500)
        assert await made.end("a", SIGTERM) == 0
        await made.more(500)
        await made.start("a")
        await _shared_out(made, {"a", "b"})
        await made.more(500)
        enough.set()
        await sending
        await made.all_came()
        await made.committed()
        assert {data: times for data, times in made.came.items() if times > 1} == {}


async def _send_until(made: Reading, enough: asyncio.Event) -> None:
    """Send some hundreds a second."""
    while not enough.is_set():
        await made.send(3)
        await asyncio.sleep(0.01)


async def _shared_out(made: Reading, slots: set[str]) -> None:
    """Until the processes in these slots, and nobody else, have partitions."""
    admin = AdminClient({"bootstrap.servers": made.bootstrap, "log_level": 0})

    def found() -> bool:
        group = admin.describe_consumer_groups([GROUP], request_timeout=REQUEST_TIMEOUT)[GROUP].result(10.0)
        having = [one.group_instance_id for one in group.members if one.assignment.topic_partitions]
        there = {slot.split("_")[0] for slot in having if slot}
        return group.state is ConsumerGroupState.STABLE and there == slots and len(group.members) == len(slots)

    await made.until_known(lambda: asyncio.to_thread(found))


async def test_a_backlog_of_large_records_is_not_taken_into_memory(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """What it holds is bounded by bytes, so 400 MiB of backlog cost no more than 40 would."""
    server = await kafka_server(tmp_path / "kafka")
    async with reading(tmp_path, server.bootstrap, more=EARLIEST) as made:
        small = await _peak_after(made, "a", count=0)
        large = await _peak_after(made, "b", count=BACKLOG)
        print(f"peak memory: {small} MiB without, {large} MiB with a backlog of {BACKLOG} records of {LARGE} bytes")
        assert large - small < BOUND


async def _peak_after(made: Reading, slot: str, *, count: int) -> int:
    """MiB that a process held at the most while it brought a backlog of so many large records to the Broker."""
    for number in range(count):
        await made.log.append(NewRecord("orders", b"%d " % number + bytes(LARGE), (), None, number % 3))
    await made.start(slot)
    await made.send(3)
    await made.all_came()
    await made.committed()
    peak = _peak(made.running[slot].pid)
    assert await made.end(slot, SIGTERM) == 0
    return peak


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return peak // 1024


SECRET = """
---
apiVersion: v1
kind: Secret
metadata: {name: kafka}
data: """
NET = """  initialOffset: earliest
  net:
    sasl:
      enable: %s
      user: {secretKeyRef: {name: kafka, key: user}}
      password: {secretKeyRef: {name: kafka, key: password}}
      type: {secretKeyRef: {name: kafka, key: sasl.mechanism}}
    tls:
      enable: %s
      caCert: {secretKeyRef: {name: kafka, key: ca.crt}}"""
CERTIFICATE = """
      cert: {secretKeyRef: {name: kafka, key: user.crt}}
      key: {secretKeyRef: {name: kafka, key: user.key}}"""
DOORS = [
    (Protocol.SASL_SSL, Mechanism.SCRAM_SHA_512),
    (Protocol.SASL_SSL, Mechanism.SCRAM_SHA_256),
    (Protocol.SASL_PLAINTEXT, Mechanism.PLAIN),
    (Protocol.SSL, Mechanism.PLAIN),
]
"""Each mechanism that Knative's KafkaSource has; the last shows a certificate instead."""


async def test_another_kafka_that_asks_who_one_is(guarded_kafka: GuardedKafka, tmp_path: Path) -> None:
    """One process goes from door to door, as its manifests do, and on where it was."""
    async with reading(tmp_path, guarded_kafka.plain) as made:
        for protocol, mechanism in DOORS:
            secret = {key: b64encode(held).decode() for key, held in guarded_kafka.secret(protocol, mechanism).items()}
            by_name = protocol is not Protocol.SSL
            net = NET % (str(by_name).lower(), str(protocol is not Protocol.SASL_PLAINTEXT).lower())
            made.declare(
                guarded_kafka.at(protocol), net + ("" if by_name else CERTIFICATE), SECRET + json.dumps(secret)
            )
            if not made.running:
                await made.start("a")
            await made.send(50)
            await made.all_came()
            await made.committed()
        assert len(await made.log.members(GROUP)) == 1
        assert made.said("a", "source started") == len(DOORS)
        assert made.said("a", "position is gone") == 0

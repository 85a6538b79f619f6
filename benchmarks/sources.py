"""`make bench-sources`: events a second, latency and CPU of sources, beside floors measured in the same run.

    webhook    `tradewind sources` with a WebhookSource that checks an HMAC, into a Broker
    raw        a bare ASGI endpoint that produces to Kafka with our producer; `rdkafka` does with librdkafka's
    kafka      `tradewind sources` with a KafkaSource of plain records, into a Broker
    copy       librdkafka copying the same records from topic to topic (Consumer.consume, Producer), 1,000 at a time
    bare       the same with an event's headers made for each, and each told of when it is stored: no rule, no bound
    pings      what 500 PingSources add to a process: memory, threads

Each number of connections is measured for all of them in turn, several times: what else runs on the machine then meets
all alike.  Everything shares the machine, wrk and Kafka included, so ratios count and absolute numbers do not.
"""

import argparse
import asyncio
import contextlib
import hmac
import json
import os
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]  # exported untyped

from benchmarks.ingress import CONNECTIONS, TOPIC, WARM
from benchmarks.running import cpu, kafka, memory, process, threads, tradewind
from tradewind.adapters.embedded_kafka import free_ports

HERE = Path(__file__).parent
SIZE = 1024
PARTITIONS = 10
SECRET = b"It's a Secret to Everybody"
PARTS = ["webhook", "kafka", "pings"]
FLOORS = ["raw", "rdkafka"]
PINGS = 500
SETTLED = 75.0
"""Seconds until each of the PingSources, which fire each minute, has fired."""
BROKER = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: default}\n"
WEBHOOK = """apiVersion: v1
kind: Secret
metadata: {name: hook}
stringData: {secret: "It's a Secret to Everybody"}
---
apiVersion: sources.tradewind.dev/v1alpha1
kind: WebhookSource
metadata: {name: hook}
spec:
  verify: {hmac: {header: X-Signature}}
  secrets: [{secretKeyRef: {name: hook, key: secret}}]
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
"""
KAFKA = """apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {{name: copy}}
spec:
  bootstrapServers: ["{bootstrap}"]
  topics: [{topic}]
  consumerGroup: {topic}
  initialOffset: earliest
  sink: {{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}}
"""
PING = """apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {{name: minute-{number}}}
spec:
  schedule: "* * * * *"
  sink: {{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}}
"""


def wrk(url: str, *, connections: int, seconds: float) -> dict[str, float]:
    """One run of wrk: requests, seconds, p50 and p99 in ms, and what was refused or broke."""
    body = b'"' + b"x" * (SIZE - 2) + b'"'
    signature = hmac.digest(SECRET, body, "sha256").hex()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "-s", str(HERE / "hook.lua"), url]
    env = {**os.environ, "SIZE": str(SIZE), "SIGNATURE": signature}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def sources(bootstrap: str, folder: Path) -> Iterator[tuple[int, int]]:
    """`tradewind sources` over this folder; yields its pid and its port."""
    (port,) = free_ports(1)
    where = ["--kafka", bootstrap, "-f", str(folder), "--sources-port", str(port)]
    with tradewind("sources", *where) as child:
        yield child.pid, port


def listens(url: str) -> None:
    """Wait until a source takes requests there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS")):
            return
        time.sleep(0.1)
    raise AssertionError(f"{url} takes no requests")


def webhook(bootstrap: str, kafka_pid: int, folder: Path, asked: argparse.Namespace) -> None:
    """Every number of connections, each with all of the endpoints in turn, so many times; a line each."""
    (folder / "all.yaml").write_text("---\n".join((BROKER, WEBHOOK)))
    _made(bootstrap, TOPIC)
    with contextlib.ExitStack() as running:
        pid, port = running.enter_context(sources(bootstrap, folder))
        there = {"webhook": (pid, f"http://127.0.0.1:{port}/webhooks/default/hook")}
        for floor in FLOORS:
            pid, line = running.enter_context(process("-m", "benchmarks.source_floors", floor, bootstrap))
            there[floor] = pid, f"http://127.0.0.1:{line}/"
        listens(there["webhook"][1])
        for _, url in there.values():
            wrk(url, connections=64, seconds=asked.warm / len(there))
        for connections in asked.connections:
            shares: dict[str, list[float]] = {floor: [] for floor in FLOORS}
            for _ in range(asked.times):
                rates = {
                    name: _measured(name, url, {name: pid, "kafka": kafka_pid}, connections, asked.seconds)
                    for name, (pid, url) in there.items()
                }
                for floor in FLOORS:
                    shares[floor].append(rates["webhook"] / rates[floor])
            said = ", ".join(
                f"{statistics.median(each):.2f} of {floor} ({min(each):.2f} to {max(each):.2f})"
                for floor, each in shares.items()
            )
            print(f"webhook  {connections:4} connections: {said}", flush=True)


def _measured(name: str, url: str, pids: Mapping[str, int], connections: int, seconds: float) -> float:
    """Requests a second of one run; prints what it was."""
    before = {one: cpu(pid) for one, pid in pids.items()}
    got = wrk(url, connections=connections, seconds=seconds)
    used = {one: (cpu(pid) - before[one]) / max(got["requests"], 1) * 1e6 for one, pid in pids.items()}
    spent = "  ".join(f"{one} {each:5.1f}" for one, each in used.items())
    wrong = f"  refused {got['refused']:g}, broken {got['broken']:g}" if got["refused"] + got["broken"] else ""
    rate = got["requests"] / got["seconds"]
    print(
        f"{name:8} {connections:4} {rate:9,.0f}/s  p50 {got['p50']:7.2f}  p99 {got['p99']:7.2f} ms"
        f"  CPU µs: {spent}{wrong}",
        flush=True,
    )
    return rate


def _made(bootstrap: str, topic: str) -> None:
    """A topic; the Broker's a dispatcher or an ingress would make."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        with contextlib.suppress(KafkaException):  # it is there
            made.result()


def copies(bootstrap: str, folder: Path, asked: argparse.Namespace) -> None:
    """KafkaSource and librdkafka in turn, each over records of its own."""
    _made(bootstrap, TOPIC)
    shares = []
    for turn in range(asked.times):
        topic = f"plain-{turn}"
        _made(bootstrap, topic)
        _filled(bootstrap, topic, asked.records)
        floor, each = _copied(bootstrap, topic, asked.records, Message.headers)
        print(f"copy     {asked.records} records {floor:9,.0f}/s  CPU µs: {each:5.1f}", flush=True)
        rate, each = _copied(bootstrap, topic, asked.records, _headers, on_delivery=_told)
        print(f"bare     {asked.records} records {rate:9,.0f}/s  CPU µs: {each:5.1f}", flush=True)
        (folder / "all.yaml").write_text(f"{BROKER}---\n{KAFKA.format(bootstrap=bootstrap, topic=topic)}")
        before = _held(bootstrap, TOPIC)
        with sources(bootstrap, folder) as (pid, _):
            rate, each = _carried(bootstrap, pid, before, asked.records)
        print(f"kafka    {asked.records} records {rate:9,.0f}/s  CPU µs: {each:5.1f}", flush=True)
        shares.append(rate / floor)
    print(f"kafka    {statistics.median(shares):.2f} of copy ({min(shares):.2f} to {max(shares):.2f})", flush=True)


def _filled(bootstrap: str, topic: str, records: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50})
    for number in range(records):
        producer.produce(topic, b"x" * SIZE, key=f"{number}".encode())
        if number % 1000 == 0:
            producer.flush()
    producer.flush()


def _headers(record: Message) -> Sequence[tuple[str, bytes]]:
    """What Knative's mapping makes of a plain record."""
    place = f"{record.partition()}, {record.offset()}"
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"partition:{record.partition()}/offset:{record.offset()}".encode()),
        ("ce_source", b"/apis/v1/namespaces/default/kafkasources/copy#plain"),
        ("ce_type", b"dev.knative.kafka.event"),
        ("ce_subject", place.encode()),
        ("ce_time", str(record.timestamp()[1]).encode()),
        ("ce_key", record.key() or b""),
    ]


def _told(error: object, _record: object) -> None:
    assert error is None, error


def _copied(
    bootstrap: str, topic: str, records: int, headers: Callable[[Message], object], **more: object
) -> tuple[float, float]:
    """Records a second, and CPU µs each, of librdkafka from the first batch that is consumed to the last report."""
    where = {"bootstrap.servers": bootstrap}
    group = f"{'bare' if more else 'copy'}-{topic}"
    consumer = Consumer({**where, "group.id": group, "auto.offset.reset": "earliest"})
    producer = Producer({**where, "enable.idempotence": True, "acks": "all", "linger.ms": 5})
    _made(bootstrap, "copies")
    consumer.subscribe([topic])
    copied, began, used = 0, 0.0, 0.0
    while copied < records:
        taken = consumer.consume(1000, 1.0)
        if not copied and taken:
            began, used = time.perf_counter(), time.process_time()
        for record in taken:
            producer.produce("copies", record.value(), key=record.key(), headers=headers(record), **more)  # type: ignore[arg-type]
            producer.poll(0)
        copied += len(taken)
        while len(producer) > 50_000:
            producer.poll(0.01)
    producer.flush()
    took, used = time.perf_counter() - began, time.process_time() - used
    consumer.close()
    return copied / took, used / copied * 1e6


def _carried(bootstrap: str, pid: int, before: int, records: int) -> tuple[float, float]:
    """The same of a source, from a tenth of its records to the last, by what its Broker's topic holds."""
    while (first := _held(bootstrap, TOPIC) - before) < records / 10:
        time.sleep(0.05)
    began, used = time.perf_counter(), cpu(pid)
    while (last := _held(bootstrap, TOPIC) - before) < records:
        time.sleep(0.05)
    return (last - first) / (time.perf_counter() - began), (cpu(pid) - used) / (last - first) * 1e6


def _held(bootstrap: str, topic: str) -> int:
    """Records of a topic, by the ends of its partitions."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic, number): latest for number in range(PARTITIONS)}
    return sum(found.result().offset for found in admin.list_offsets(asked).values())


def pings(bootstrap: str, folder: Path, seconds: float) -> None:
    """Memory and threads of a process of sources, before and after it was given so many."""
    (folder / "all.yaml").write_text(BROKER)
    with sources(bootstrap, folder) as (pid, _):
        time.sleep(10)
        before = memory(pid), threads(pid)
        (folder / "pings.yaml").write_text("---\n".join(PING.format(number=number) for number in range(PINGS)))
        time.sleep(seconds)
        used = cpu(pid)
        time.sleep(seconds)
        share = (cpu(pid) - used) / seconds
        print(
            f"pings    {PINGS}: {memory(pid) - before[0]:.1f} MiB more than {before[0]:.1f}, "
            f"{threads(pid) - before[1]} threads more than {before[1]}, {share:.1%} of a core",
            flush=True,
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8, help="of each figure")
    parser.add_argument("--times", type=int, default=5, help="that each is measured; the median counts")
    parser.add_argument("--quick", action="store_true", help="two seconds and three times, 16 and 64 connections only")
    parser.add_argument("--only", choices=PARTS, help="one part")
    asked = parser.parse_args()
    asked.connections, asked.warm, asked.records = CONNECTIONS, WARM, 200_000
    if asked.quick:
        asked.connections, asked.seconds, asked.times, asked.warm, asked.records = (16, 64), 2, 3, 12, 50_000
    which = [asked.only] if asked.only else PARTS
    with tempfile.TemporaryDirectory() as folder:
        async with kafka(Path(folder) / "kafka") as server:
            for part in which:
                (manifests := Path(folder) / f"{part}.manifests").mkdir()
                if part == "webhook":
                    webhook(server.bootstrap, server.pid, manifests, asked)
                elif part == "kafka":
                    copies(server.bootstrap, manifests, asked)
                else:
                    pings(server.bootstrap, manifests, 15 if asked.quick else SETTLED)


if __name__ == "__main__":
    asyncio.run(main())

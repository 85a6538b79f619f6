"""`make bench-ingress`: events a second, latency and CPU of the ingress, beside floors measured in the same run.

    asgi       a bare ASGI app on uvicorn that answers 202 and stores nothing
    null       our HTTP stack whole, over a log that answers at once
    ingress    `tradewind ingress` and an embedded Kafka with its ordinary JIT
    rdkafka    librdkafka producing the same records without HTTP, as many outstanding as there are connections

Everything shares the machine, wrk included, so ratios count and absolute numbers do not.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from confluent_kafka import Producer

from benchmarks.running import HEADERS, MEMORY, cpu, kafka, memory, process, record_headers, tradewind
from tradewind.adapters.embedded_kafka import free_ports

HERE = Path(__file__).parent
BROKER = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {{name: {name}}}\nspec: {{config: {config}}}\n"
CONFIG = "{apiVersion: v1, kind: ConfigMap, name: narrow}"
NARROW = """apiVersion: v1
kind: ConfigMap
metadata: {name: narrow}
data: {default.topic.partitions: "1"}
"""
FAN_IN = 1000
"""Brokers of the fan-in."""
TOPIC = "knative-broker-default-default"
CONNECTIONS = (1, 16, 64, 256)
Shapes = tuple[tuple[int, str], ...]
SHAPES: Shapes = ((1024, "binary"), (1024, "structured"), (16384, "binary"), (16384, "structured"))
PARTS = ["asgi", "null", "ingress", "steady", "workers", "fan-in", "rdkafka"]
WARM = 20
"""Seconds until the JVM has compiled what counts."""


def wrk(port: int, *, connections: int, size: int, mode: str, seconds: float, brokers: int = 0) -> dict[str, float]:
    """One run of wrk: requests, seconds, p50 and p99 in ms, and what was refused or broke."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(HERE / "post.lua")]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/default/default"],
        env={**os.environ, "SIZE": str(size), "MODE": mode, "BROKERS": str(brokers)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def ingress(bootstrap: str, folder: Path, *flags: str, brokers: int = 0) -> Iterator[tuple[int, int]]:
    """`tradewind ingress`; yields pid and port when it takes events.

    For the Broker default/default with its ten partitions, or for so many `brokers` with one partition each.
    """
    names = [f"b{number}" for number in range(brokers)] or ["default"]
    config = CONFIG if brokers else "null"
    documents = [NARROW, *(BROKER.format(name=name, config=config) for name in names)]
    (folder / "brokers.yaml").write_text("---\n".join(documents))
    (port,) = free_ports(1)
    where = ["--kafka", bootstrap, "-f", str(folder), "--port", str(port)]
    with tradewind("ingress", *where, *flags) as child:
        deadline = time.monotonic() + 300
        for name in names:
            while _post_once(port, name) != 202:
                assert time.monotonic() < deadline, f"Broker {name} takes no events"
                time.sleep(0.1)
        yield child.pid, port


def _request(size: int, broker: str = "default") -> bytes:
    fields = {"Host": "127.0.0.1", **HEADERS, "Content-Length": str(size)}
    lines = [f"POST /default/{broker} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + b'"' + b"x" * (size - 2) + b'"'


def _post_once(port: int, broker: str) -> int:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(_request(16, broker))
        return int(connection.recv(4096).split(b" ", 2)[1])
    return 0


def steady(port: int, *, rate: int, seconds: float) -> list[float]:
    """Milliseconds from POST to 202 at a steady rate, one after the other on one connection."""
    request, took = _request(1024), []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in _ticks(rate, seconds):
            began = time.perf_counter()
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 202")
            took.append((time.perf_counter() - began) * 1e3)
    return took


def steady_rdkafka(bootstrap: str, *, rate: int, seconds: float) -> list[float]:
    """The same of librdkafka alone: from produce to its delivery report."""
    producer = _producer(bootstrap, linger=0)
    took: list[float] = []
    for _ in _ticks(rate, seconds):
        began = time.perf_counter()
        producer.produce(TOPIC, b"x" * 1024, headers=record_headers())
        while len(producer):
            producer.poll(0.1)
        took.append((time.perf_counter() - began) * 1e3)
    return took


def _ticks(rate: int, seconds: float) -> Iterator[int]:
    began = time.perf_counter()
    for number in range(round(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.perf_counter()))
        yield number


def rdkafka(bootstrap: str, *, outstanding: int, size: int, seconds: float) -> tuple[float, float]:
    """Records a second, and CPU seconds a record, of librdkafka with so many outstanding."""
    producer = _producer(bootstrap, linger=1 if outstanding > 16 else 0)
    left = done = 0

    def stored(*_said: object) -> None:
        nonlocal left, done
        left -= 1
        done += 1

    value, headers = b"x" * size, record_headers()
    began, used = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        while left < outstanding:
            producer.produce(TOPIC, value, headers=headers, on_delivery=stored)
            left += 1
        producer.poll(0.001)
    took, used = time.perf_counter() - began, time.process_time() - used
    producer.flush(10)
    return done / took, used / done


def _producer(bootstrap: str, *, linger: int) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": linger})


def measure(
    what: str, port: int, pids: Mapping[str, int], seconds: float, only: tuple[int, ...], shapes: Shapes
) -> None:
    """Every size, mode and number of connections, a line each."""
    for size, mode in shapes:
        for connections in only:
            wrk(port, connections=connections, size=size, mode=mode, seconds=1)
            before = {name: cpu(pid) for name, pid in pids.items()}
            got = wrk(port, connections=connections, size=size, mode=mode, seconds=seconds)
            used = {name: (cpu(pid) - before[name]) / max(got["requests"], 1) * 1e6 for name, pid in pids.items()}
            spent = "  ".join(f"{name} {each:5.1f}" for name, each in used.items())
            wrong = f"  refused {got['refused']:g}, broken {got['broken']:g}" if got["refused"] + got["broken"] else ""
            print(
                f"{what:8} {size:6} {mode:10} {connections:4} {got['requests'] / got['seconds']:9,.0f}/s"
                f"  p50 {got['p50']:7.2f}  p99 {got['p99']:7.2f} ms  CPU µs: {spent}{wrong}",
                flush=True,
            )


async def fan_in(manifests: Path, seconds: float) -> None:
    """The same load on one Broker and on a thousand, which lie in memory where that can be.

    Kafka maps two files into memory for each partition, and the first write to each page of them may wait for the
    disk's journal: seconds a page on a busy one.
    """
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        async with kafka(Path(folder) / "kafka") as server:
            for brokers in (1, FAN_IN):
                with ingress(server.bootstrap, manifests, brokers=brokers) as (pid, port):
                    wrk(port, connections=256, size=1024, mode="binary", seconds=WARM, brokers=brokers)
                    before = cpu(pid), cpu(server.pid)
                    got = wrk(port, connections=256, size=1024, mode="binary", seconds=seconds, brokers=brokers)
                    used = cpu(pid) - before[0], cpu(server.pid) - before[1]
                    ours, kafkas = (each / max(got["requests"], 1) * 1e6 for each in used)
                    print(
                        f"fan-in   {brokers:5} Brokers {got['requests'] / got['seconds']:9,.0f}/s"
                        f"  CPU µs: ingress {ours:5.1f}  kafka {kafkas:5.1f}",
                        flush=True,
                    )


async def main() -> None:
    """Everything, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (default 5)")
    parser.add_argument("--connections", type=int, action="append", help="only these (default 1, 16, 64, 256)")
    parser.add_argument("--quick", action="store_true", help="1 KiB in binary mode only")
    parser.add_argument("--only", action="append", help="only these of " + ", ".join(PARTS))
    asked = parser.parse_args()
    only, which = tuple(asked.connections or CONNECTIONS), asked.only or PARTS
    shapes = SHAPES[:1] if asked.quick else SHAPES
    print("server    bytes mode       conn  events", flush=True)
    for floor in ("asgi", "null"):
        if floor in which:
            with process("-m", "benchmarks.floors", floor) as (pid, port):
                measure(floor, int(port), {floor: pid}, asked.seconds, only, shapes)
    with tempfile.TemporaryDirectory() as folder:
        (manifests := Path(folder) / "manifests").mkdir()
        if "fan-in" in which:
            await fan_in(manifests, asked.seconds)
        if which == ["fan-in"]:
            return
        async with kafka(Path(folder) / "kafka") as server:
            with ingress(server.bootstrap, manifests) as (pid, port):
                wrk(port, connections=256, size=1024, mode="binary", seconds=WARM)
                if "ingress" in which:
                    measure("ingress", port, {"ingress": pid, "kafka": server.pid}, asked.seconds, only, shapes)
                    print(f"ingress: {memory(pid):.0f} MiB resident", flush=True)
                if "steady" in which:
                    ours = steady(port, rate=500, seconds=asked.seconds)
                    floor_of = steady_rdkafka(server.bootstrap, rate=500, seconds=asked.seconds)
                    for what, took in (("ingress", ours), ("rdkafka", floor_of)):
                        p99 = statistics.quantiles(took, n=100)[98]
                        print(f"{what:8} steady 500/s: p50 {statistics.median(took):.2f}  p99 {p99:.2f} ms", flush=True)
            if "workers" in which:
                with ingress(server.bootstrap, manifests, "--workers", "2") as (pid, port):
                    measure("workers", port, {}, asked.seconds, only, shapes[:1])
            if "rdkafka" in which:
                for outstanding in only:
                    rate, each = rdkafka(server.bootstrap, outstanding=outstanding, size=1024, seconds=asked.seconds)
                    print(
                        f"rdkafka    1024 records    {outstanding:4} {rate:9,.0f}/s  CPU µs: {each * 1e6:5.1f}",
                        flush=True,
                    )


if __name__ == "__main__":
    asyncio.run(main())

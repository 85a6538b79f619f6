"""What the dispatcher's benchmark stands on: events, a dispatcher, an ingress, and what the subscriber saw."""

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from confluent_kafka import Producer

from benchmarks.running import HEADERS, record_headers, tradewind
from tradewind.adapters.embedded_kafka import free_ports

SIZE = 1024
KEYS = 1000
RATE = 500
PATIENCE = 120.0
LIVE = "live"
"""The Broker to which events are POSTed; the topics of the others are filled beforehand."""
SPREAD, NARROW = "knative-broker-default-spread", "knative-broker-default-narrow"
MATCHING = HEADERS["ce-type"]

BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {{name: {name}}}
"""
TRIGGER = """
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: {name}
  annotations: {{kafka.eventing.knative.dev/delivery.order: {order}}}
spec:
  broker: {broker}
  filter: {{attributes: {{type: {type}}}}}
  subscriber: {{uri: "http://127.0.0.1:{port}/"}}
"""
numbers = count()


@dataclass(frozen=True, slots=True)
class Ground:
    """What every part stands on."""

    bootstrap: str
    kafka: int
    subscriber: int
    port: int
    folder: Path
    seconds: float


# --- the subscriber, and the events


def counted(ground: Ground) -> tuple[int, float, list[float]]:
    """What the subscriber has counted since it was asked last: deliveries, when the last came, latencies in ms."""
    with socket.create_connection(("127.0.0.1", ground.port), 30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        answer = connection.makefile("rb")
        answer.readline()
        length = int(answer.readline().split(b":")[1])
        answer.readline()
        said = json.loads(answer.read(length))
        return said["deliveries"], said["last"], said["took"]


def arrived(ground: Ground, wanted: int) -> int:
    """Wait until the subscriber has so many more deliveries; how many it has."""
    found, deadline = 0, time.monotonic() + PATIENCE
    while found < wanted:
        time.sleep(0.02)
        found += counted(ground)[0]
        assert time.monotonic() < deadline, f"{found} of {wanted} deliveries within {PATIENCE:g} s"
    return found


def load(bootstrap: str, topic: str, events: int, *, partition: int | None = None) -> None:
    """Put so many events into a topic: KEYS keys in turn, over all partitions or on one."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 200_000})
    value = b'"' + b"x" * (SIZE - 2) + b'"'
    headers = [record_headers(partitionkey=f"k{number}") for number in range(KEYS)]
    for number in range(events):
        where = number % 10 if partition is None else partition
        while True:
            try:
                producer.produce(topic, value, b"k%d" % (number % KEYS), where, headers=headers[number % KEYS])
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(PATIENCE) == 0


# --- the dispatcher


def triggers(ground: Ground, broker: str, *, order: str = "unordered", matching: int = 1, others: int = 0) -> str:
    """A Broker and its Triggers, under names of their own: they begin at the start of a topic that is new to them."""
    run = next(numbers)
    return BROKER.format(name=broker) + "".join(
        TRIGGER.format(
            name=f"t{run}-{number}",
            order=order,
            broker=broker,
            type=MATCHING if number < matching else f"com.example.other{number}",
            port=ground.port,
        )
        for number in range(matching + others)
    )


@contextlib.contextmanager
def dispatcher(ground: Ground, resources: str, group: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """`tradewind dispatcher` in a group of its own, with cursors of its own."""
    group = group or f"bench-{next(numbers)}"
    (ground.folder / "manifests.yaml").write_text(resources)
    with tradewind(
        "dispatcher", "--kafka", ground.bootstrap, "-f", str(ground.folder / "manifests.yaml"),
        "--dispatcher-group", group, "--cursors-topic", f"{group}.cursors", "--slot", group,
    ) as child:  # fmt: skip
        yield child


# --- events as they come


@contextlib.contextmanager
def ingress(ground: Ground, resources: str) -> Iterator[int]:
    """`tradewind ingress`; its port, when it takes events."""
    (folder := ground.folder / "ingress").mkdir(exist_ok=True)
    (folder / "manifests.yaml").write_text(resources)
    (port,) = free_ports(1)
    with tradewind("ingress", "--kafka", ground.bootstrap, "-f", str(folder), "--port", str(port)):
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    break
            assert time.monotonic() < deadline, "the ingress takes no events"
            time.sleep(0.1)
        yield port


def posts(port: int, stop: threading.Event, keys: int) -> int:
    """POST RATE events a second to the Broker LIVE, one after the other; how many."""
    body = b'"' + b"x" * (SIZE - 2) + b'"'
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in count():
            if stop.is_set():
                return number
            time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            fields = {
                "Host": "127.0.0.1",
                **HEADERS,
                "ce-partitionkey": f"k{number % keys}",
                "ce-sent": str(time.monotonic_ns()),
                "Content-Length": str(SIZE),
            }
            lines = [f"POST /default/{LIVE} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
            connection.sendall("\r\n".join(lines).encode() + body)
            assert connection.recv(4096).startswith(b"HTTP/1.1 202")
    raise AssertionError("unreachable")


@contextlib.contextmanager
def posting(port: int, keys: int = KEYS) -> Iterator[None]:
    """Events come while the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=posts, args=(port, stop, keys))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def level(ground: Ground) -> int:
    """Wait until what is delivered was sent a moment ago; how many deliveries that took."""
    deadline, deliveries = time.monotonic() + PATIENCE, 0
    while True:
        time.sleep(0.1)
        found, _, took = counted(ground)
        deliveries += found
        if took and took[-1] < 100.0:
            return deliveries
        assert time.monotonic() < deadline, "the dispatcher does not catch up"

"""`make bench-sources`: events a second, latency and CPU of sources, beside floors measured in the same run.

    webhook    `tradewind sources` with a WebhookSource that checks an HMAC, into a Broker
    raw        a bare ASGI endpoint that produces to Kafka with our producer; `rdkafka` does with librdkafka's
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
from collections.abc import Iterator, Mapping
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # exported untyped

from benchmarks.ingress import CONNECTIONS, TOPIC, WARM
from benchmarks.running import cpu, kafka, memory, process, threads, tradewind
from tradewind.adapters.embedded_kafka import free_ports

HERE = Path(__file__).parent
SIZE = 1024
PARTITIONS = 10
SECRET = b"It's a Secret to Everybody"
PARTS = ["webhook", "pings"]
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
    _made(bootstrap)
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


def _made(bootstrap: str) -> None:
    """The Broker's topic, which a dispatcher or an ingress would make."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for made in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)]).values():
        made.result()


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
    asked.connections, asked.warm = CONNECTIONS, WARM
    if asked.quick:
        asked.connections, asked.seconds, asked.times, asked.warm = (16, 64), 2, 3, 12
    which = [asked.only] if asked.only else PARTS
    with tempfile.TemporaryDirectory() as folder:
        async with kafka(Path(folder) / "kafka") as server:
            for part in which:
                (manifests := Path(folder) / part).mkdir()
                if part == "webhook":
                    webhook(server.bootstrap, server.pid, manifests, asked)
                else:
                    pings(server.bootstrap, manifests, 15 if asked.quick else SETTLED)


if __name__ == "__main__":
    asyncio.run(main())

"""`make bench-dispatch`: deliveries a second, CPU, latency and memory of the dispatcher, beside floors of the same run.

    floors      librdkafka consuming alone; our HTTP client POSTing alone to the same subscriber; both, and no more
    spread      one Trigger, events over 10 partitions: unordered, then ordered by 1,000 keys
    narrow      the same events all on one partition
    selective   1,000 Triggers of which one matches
    fan-out     100 Triggers that all match
    steady      end to end, from POST to the subscriber, at 500 events a second: unordered, then ordered
    outage      500 events a second on one key, and no dispatcher for 12 s: how long until it is level again
    memory      1 Trigger, then 1,000, idle; then a backlog at a subscriber that is stopped (SIGSTOP)

`tradewind dispatcher` as it is, against a Kafka with its ordinary JIT and a subscriber that answers 204 at once.
Everything shares the machine, so ratios count and absolute numbers do not.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.dispatching import (
    LIVE,
    NARROW,
    RATE,
    SPREAD,
    Ground,
    arrived,
    counted,
    dispatcher,
    ingress,
    level,
    load,
    numbers,
    posting,
    triggers,
)
from benchmarks.running import MEMORY, cpu, kafka, memory, process, threads

PARTS = ["floors", "spread", "narrow", "selective", "fan-out", "steady", "outage", "memory"]
OUTAGE = 12.0
WARM = 10_000
"""Deliveries before counting begins: what starts up is not measured."""
SETTLE = 3.0
"""Seconds after which a process that has nothing to do has come to rest."""


def throughput(ground: Ground, what: str, resources: str) -> None:
    """A backlog as fast as it goes: deliveries a second, and CPU µs a delivery of each process."""
    counted(ground)
    with dispatcher(ground, resources) as child:
        arrived(ground, WARM)
        pids = {"dispatcher": child.pid, "subscriber": ground.subscriber, "kafka": ground.kafka}
        counted(ground)
        began, before = time.monotonic(), {name: cpu(pid) for name, pid in pids.items()}
        time.sleep(ground.seconds)
        used = {name: cpu(pid) - before[name] for name, pid in pids.items()}
        deliveries, last, _ = counted(ground)
        took = min(time.monotonic(), last) - began  # a backlog that has ended says less
        spent = "  ".join(f"{name} {each / max(deliveries, 1) * 1e6:5.1f}" for name, each in used.items())
        print(f"{what:24} {deliveries / took:9,.0f}/s  CPU µs: {spent}  {memory(child.pid):4.0f} MiB", flush=True)
        if took < ground.seconds * 0.9:
            print(f"  (the backlog was at its end after {took:.1f} s)", flush=True)


def floors(ground: Ground) -> None:
    """Each alone, by its own process time."""
    for what, argv in (
        ("librdkafka consuming", ["consuming", ground.bootstrap, SPREAD]),
        ("the two, and no more", ["bare", ground.bootstrap, SPREAD, str(ground.port)]),
        ("our HTTP client", ["posting", str(ground.port)]),
        ("aiohttp", ["aiohttp", str(ground.port)]),
    ):
        command = [sys.executable, "-m", "benchmarks.dispatch_floors", *argv, str(ground.seconds)]
        said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        print(f"{what:24} {said['rate']:9,.0f}/s  CPU µs: {said['cpu']:5.1f}", flush=True)


def steady(ground: Ground, order: str) -> None:
    """From POST to the subscriber's having read it."""
    resources = triggers(ground, LIVE, order=order)
    with ingress(ground, resources) as port, dispatcher(ground, resources) as child, posting(port):
        level(ground)
        time.sleep(SETTLE)
        counted(ground)
        before = cpu(child.pid)
        time.sleep(max(ground.seconds, 10.0))
        used = cpu(child.pid) - before
        deliveries, _, took = counted(ground)
        cuts = statistics.quantiles(took, n=100)
        print(
            f"steady {RATE}/s {order:10}  p50 {statistics.median(took):6.2f}  p99 {cuts[98]:6.2f} ms"
            f"  CPU µs: dispatcher {used / deliveries * 1e6:5.1f}  ({deliveries} deliveries)",
            flush=True,
        )


def outage(ground: Ground) -> None:
    """Events of one key go on coming while there is no dispatcher."""
    resources, group = triggers(ground, LIVE, order="ordered"), f"bench-{next(numbers)}"
    with ingress(ground, resources) as port, posting(port, keys=1):
        with dispatcher(ground, resources, group):
            level(ground)
            time.sleep(SETTLE)
        counted(ground)
        time.sleep(OUTAGE)
        began = time.monotonic()
        with dispatcher(ground, resources, group):
            first, deliveries = 0.0, 0
            while not first:
                time.sleep(0.005)
                found, last, _ = counted(ground)
                first, deliveries = (last, found) if found else (0.0, 0)
            deliveries += level(ground)
            ended = time.monotonic()
    print(
        f"outage of {OUTAGE:g} s, one key: level {ended - began:.1f} s after the start of the process,"
        f" {ended - first:.1f} s after its first delivery ({deliveries} deliveries)",
        flush=True,
    )


# --- memory


def idle(ground: Ground) -> None:
    """What a thousand Triggers add that have nothing to do."""
    seen = []
    for others in (0, 1000):
        with dispatcher(ground, triggers(ground, "narrow", matching=0, others=others + 1)) as child:
            time.sleep(SETTLE * (4 if others else 2))
            seen.append((memory(child.pid), threads(child.pid)))
    (one, few), (thousand, many) = seen
    print(
        f"1,000 idle Triggers: {thousand:.0f} MiB beside {one:.0f} with one ({thousand - one:+.0f}),"
        f" {many - few:+} threads",
        flush=True,
    )


def stopped(ground: Ground) -> None:
    """A backlog at a subscriber that takes connections and answers nothing."""
    os.kill(ground.subscriber, signal.SIGSTOP)
    try:
        with dispatcher(ground, triggers(ground, "spread")) as child:
            most = 0.0
            for _ in range(round(max(ground.seconds * 4, 20.0))):
                time.sleep(1.0)
                most = max(most, memory(child.pid))
        print(f"a backlog at a stopped subscriber: at most {most:.0f} MiB", flush=True)
    finally:
        os.kill(ground.subscriber, signal.SIGCONT)


# --- all of it


def measure(ground: Ground, which: Sequence[str], events: int) -> None:
    """The parts that are asked for, one after the other."""
    for broker in ("spread", "narrow"):
        with dispatcher(ground, triggers(ground, broker)):  # makes the topics
            time.sleep(SETTLE * 2)
    if {"floors", "spread", "selective", "fan-out", "memory"} & {*which}:
        load(ground.bootstrap, SPREAD, events)
    if "floors" in which:
        floors(ground)
    if "spread" in which:
        for order in ("unordered", "ordered"):
            throughput(ground, f"spread, {order}", triggers(ground, "spread", order=order))
    if "narrow" in which:
        load(ground.bootstrap, NARROW, events, partition=0)
        for order in ("unordered", "ordered"):
            throughput(ground, f"narrow, {order}", triggers(ground, "narrow", order=order))
    if "selective" in which:
        throughput(ground, "1 of 1,000 matches", triggers(ground, "spread", matching=1, others=999))
    if "fan-out" in which:
        throughput(ground, "100 of 100 match", triggers(ground, "spread", matching=100))
    if "memory" in which:
        idle(ground)
        stopped(ground)
    if "steady" in which:
        for order in ("unordered", "ordered"):
            steady(ground, order)
    if "outage" in which:
        outage(ground)


async def main() -> None:
    """Everything, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run (default 10)")
    parser.add_argument("--quick", action="store_true", help="3 s of each run, without memory and outage")
    parser.add_argument("--only", action="append", metavar="PART", help="only these of " + ", ".join(PARTS))
    asked = parser.parse_args()
    which = asked.only or (PARTS[:-2] if asked.quick else PARTS)
    seconds = 3.0 if asked.quick else asked.seconds
    events = round(40_000 * (seconds + 1))
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        async with kafka(Path(folder) / "kafka") as server:
            with process("-m", "benchmarks.subscriber") as (pid, port):
                ground = Ground(server.bootstrap, server.pid, pid, int(port), Path(folder), seconds)
                await asyncio.to_thread(measure, ground, which, events)


if __name__ == "__main__":
    asyncio.run(main())

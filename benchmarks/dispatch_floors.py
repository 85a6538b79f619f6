"""What the dispatcher is compared with, each a process that prints one line of JSON: how many a second, CPU µs each.

consuming BOOTSTRAP TOPIC SECONDS     librdkafka alone reads the records that the dispatcher reads
posting PORT SECONDS                  our HTTP client alone POSTs the event to the subscriber, 100 at a time
aiohttp PORT SECONDS                  the same by the other way, for what it is worth
"""

import asyncio
import json
import sys
import time

import uvloop
from confluent_kafka import Consumer, TopicPartition

from benchmarks.running import HEADERS
from tradewind.adapters.http_sender import HttpSender
from tradewind.adapters.http_sender.general import GeneralSender
from tradewind.ports import Sender

AT_ONCE = 100
"""Posts under way: what `max_in_flight` is for one Trigger."""
SIZE = 1024


def told(count: int, took: float, used: float) -> None:
    """Print the line."""
    print(json.dumps({"rate": count / took, "cpu": used / max(count, 1) * 1e6}), flush=True)


def consuming(bootstrap: str, topic: str, seconds: float) -> None:
    """As the dispatcher's reader: offsets assigned, no commits."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "floor", "enable.auto.commit": False, "log_level": 0}
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    while not consumer.consume(1, 1.0):
        pass
    began, used, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < seconds and (records := consumer.consume(500, 1.0)):
        count += len(records)
    told(count, time.perf_counter() - began, time.process_time() - used)
    consumer.close()


async def posting(sender: Sender, port: int, seconds: float) -> None:
    """As many as get an answer."""
    headers = [*HEADERS.items(), ("Prefer", "reply"), ("Kn-Namespace", "default")]
    body, url, count = b'"' + b"x" * (SIZE - 2) + b'"', f"http://127.0.0.1:{port}/", 0

    async def post_on(until: float) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await sender.post(url, headers, body, timeout=30.0)
            count += 1

    for wanted in (0.5, seconds):  # the first to make the connections
        began, used, count = time.perf_counter(), time.process_time(), 0
        async with asyncio.TaskGroup() as posts:
            for _ in range(AT_ONCE):
                posts.create_task(post_on(began + wanted))
    told(count, time.perf_counter() - began, time.process_time() - used)
    await sender.close()


async def main() -> None:
    """The floor that is asked for."""
    match sys.argv[1:]:
        case ["consuming", bootstrap, topic, seconds]:
            consuming(bootstrap, topic, float(seconds))
        case ["posting", port, seconds]:
            await posting(HttpSender(max_answer_bytes=1000), int(port), float(seconds))
        case ["aiohttp", port, seconds]:
            await posting(GeneralSender(max_answer_bytes=1000), int(port), float(seconds))


if __name__ == "__main__":
    uvloop.run(main())

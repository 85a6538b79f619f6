"""What the dispatcher is compared with, each a process that prints one line of JSON: how many a second, CPU µs each.

consuming BOOTSTRAP TOPIC SECONDS     librdkafka alone reads the records that the dispatcher reads
bare BOOTSTRAP TOPIC PORT SECONDS     the two together and nothing else: each record read is POSTed, 100 at a time
posting PORT SECONDS                  our HTTP client alone POSTs the event to the subscriber, 100 at a time
aiohttp PORT SECONDS                  the same by the other way, for what it is worth
"""

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable

import uvloop
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.running import HEADERS
from tradewind.adapters.http_sender import HttpSender
from tradewind.adapters.http_sender.general import GeneralSender
from tradewind.ports import Sender

AT_ONCE = 100
"""Posts under way: what `max_in_flight` is for one Trigger."""
SIZE = 1024
BATCH = 500


def told(count: int, took: float, used: float) -> None:
    """Print the line."""
    print(json.dumps({"rate": count / took, "cpu": used / max(count, 1) * 1e6}), flush=True)


def reading(bootstrap: str, topic: str) -> Consumer:
    """As the dispatcher's reader: offsets assigned, no commits; the first record is here, and passed over."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "floor",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
            "log_level": 0,
        }
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    while not consumer.consume(1, 1.0):
        pass
    return consumer


def consuming(bootstrap: str, topic: str, seconds: float) -> None:
    """Read as much as comes."""
    consumer = reading(bootstrap, topic)
    began, used, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < seconds and (records := consumer.consume(BATCH, 1.0)):
        count += len(records)
    told(count, time.perf_counter() - began, time.process_time() - used)
    consumer.close()


def fields(message: Message) -> list[tuple[str, bytes]]:
    """A record's headers."""
    found = message.headers()
    assert isinstance(found, list)
    return [(name, value) for name, value in found if isinstance(value, bytes)]


class Bare:
    """Each record's headers and value go to the subscriber: no filter, no lanes, no retries, no cursors."""

    def __init__(self, sender: Sender, url: str, until: float) -> None:
        self.count = 0
        self._sender = sender
        self._url = url
        self._until = until
        self._waiting: deque[Message] = deque()
        self._running = 0
        self._moved = asyncio.Event()

    async def run(self, consumer: Consumer) -> None:
        """Read ahead as far as a batch."""
        loop = asyncio.get_running_loop()
        while time.perf_counter() < self._until:
            self._waiting.extend(await loop.run_in_executor(None, consumer.consume, BATCH, 0.1))
            self._pump()
            await self._settled(lambda: len(self._waiting) <= BATCH)
        await self._settled(lambda: not self._running)

    async def _settled(self, enough: Callable[[], bool]) -> None:
        while not enough():
            self._moved.clear()
            await self._moved.wait()

    def _pump(self) -> None:
        while self._running < AT_ONCE and self._waiting:
            message = self._waiting.popleft()
            if time.perf_counter() > self._until:
                continue
            lines = b"".join(
                [b"%b: %b\r\n" % (name.replace("_", "-").encode(), value) for name, value in fields(message)]
            )
            body = value if isinstance(value := message.value(), bytes) else b""
            begun = self._sender.begin(self._url, lines, body, timeout=30.0, told=self._told, about=message)
            assert begun, "a connection for each"
            self._running += 1

    def _told(self, message: object, outcome: object) -> None:
        self._running -= 1
        self.count += 1
        self._moved.set()
        self._pump()


async def bare(bootstrap: str, topic: str, port: int, seconds: float) -> None:
    """What reading and POSTing cost together, in one process with its threads."""
    consumer, sender = reading(bootstrap, topic), HttpSender(max_answer_bytes=1000)
    url = f"http://127.0.0.1:{port}/"
    await asyncio.gather(*(sender.post(url, [], b"", timeout=30.0) for _ in range(AT_ONCE)))  # makes the connections
    began, used = time.perf_counter(), time.process_time()
    one = Bare(sender, url, began + seconds)
    await one.run(consumer)
    told(one.count, time.perf_counter() - began, time.process_time() - used)
    consumer.close()
    await sender.close()


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
        case ["bare", bootstrap, topic, port, seconds]:
            await bare(bootstrap, topic, int(port), float(seconds))
        case ["posting", port, seconds]:
            await posting(HttpSender(max_answer_bytes=1000), int(port), float(seconds))
        case ["aiohttp", port, seconds]:
            await posting(GeneralSender(max_answer_bytes=1000), int(port), float(seconds))


if __name__ == "__main__":
    uvloop.run(main())

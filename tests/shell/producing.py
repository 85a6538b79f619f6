"""A producer at the stand-in for a Kafka."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from tests.shell.ingress_running import until
from tests.shell.kafka_stand_in import Kafka
from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.login import Login
from tradewind.adapters.kafka_log.produce.producer import Producer
from tradewind.ports import NewRecord, Position
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth

LONG = 3600.0
"""Of what never comes, so that what happens does so for another reason."""


def record(value: bytes, *, partition: int | None = None, topic: str = "orders") -> NewRecord:
    """One of a key that all have."""
    return NewRecord(topic, value, key=b"one", partition=partition)


def ours() -> list["asyncio.Task[object]"]:
    """The tasks of producers."""
    return [task for task in asyncio.all_tasks() if "/kafka_log/" in task.get_coro().cr_code.co_filename]  # type: ignore[union-attr]


async def turns(number: int = 20) -> None:
    """Let the loop turn so often."""
    for _ in range(number):
        await asyncio.sleep(0)


async def stored(*futures: asyncio.Future[Position]) -> Sequence[Position]:
    """Where these came to lie; fails at a deadline."""
    async with asyncio.timeout(5):
        return await asyncio.gather(*futures)


@contextlib.asynccontextmanager
async def producing(
    kafka: Kafka,
    bootstrap: str = "",
    *,
    patience: float = 10.0,
    queue_bytes: int = 1 << 24,
    auth: KafkaAuth = PLAINTEXT,
) -> AsyncIterator[Producer]:
    """A producer that must leave nothing behind: no record counted, no task, no connection."""
    connection = Connection(bootstrap or kafka.brokers[0].address, "test", patience, Login(auth))
    producer = Producer(connection, queue_bytes=queue_bytes)
    try:
        yield producer
    except BaseException:
        producer._patience = 0.0
        raise
    finally:
        await producer.close()
    assert (producer._held, producer._count, ours()) == (0, 0, [])
    await turns()
    assert ours() == []
    await until(lambda: not any(broker.open for broker in kafka.brokers))
    assert ours() == []


@contextlib.asynccontextmanager
async def warm(kafka: Kafka, *leaders: int, patience: float = 10.0) -> AsyncIterator[Producer]:
    """A producer that has stored a record in each partition of `orders`, which has more of these leaders."""
    kafka.make("orders", *leaders)
    numbers = range(len(leaders) + 1)
    async with producing(kafka) as producer:
        await stored(*(producer.append(record(b"first", partition=number)) for number in numbers))
        for broker in kafka.brokers:
            broker.produced.clear()
        for number in numbers:
            kafka.values("orders", number).clear()
        producer._patience = patience  # with what is appended from now on
        yield producer

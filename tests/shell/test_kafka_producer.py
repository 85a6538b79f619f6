"""How the producer gathers records, hands them over and settles them, over a librdkafka that a test answers for."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from confluent_kafka import KafkaError, KafkaException

from tests.shell.ingress_running import until
from tradewind.adapters.kafka_log import producer as module
from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.producer import Producer
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import NewRecord, Position

LONG = 3600.0
"""A GATHER that never ends, so that what is handed over is so for another reason."""

Report = Callable[[KafkaError | None, Any], None]  # Any: confluent's message, which nobody else can make


class Message:
    """What a report is about."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def partition(self) -> int:
        """See confluent_kafka."""
        return 0

    def offset(self) -> int:
        """See confluent_kafka."""
        return self._offset


class Kafka:
    """librdkafka's producer.  It reports a record when a test says so; a flush reports all of them."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        """The values of what was handed over."""
        self.refused: dict[bytes, Exception] = {}
        """What `produce` raises, by value."""
        self._outstanding: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._reported: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._offset = 0

    def has(self, value: bytes) -> bool:
        """Whether it was handed over."""
        return value in self.taken

    def report(self, number: int = 1) -> None:
        """Store the next so many of what was handed over."""
        for _ in range(number):
            self._reported.put(self._outstanding.get_nowait())

    def produce(
        self,
        topic: str,
        value: bytes,
        key: bytes | None,
        partition: int,
        on_delivery: Report,
        *,
        headers: object,
    ) -> None:
        """See confluent_kafka."""
        if value in self.refused:
            raise self.refused[value]
        self.taken.append(value)
        self._outstanding.put(on_delivery)

    def poll(self, timeout: float) -> int:
        """See confluent_kafka."""
        try:
            report = self._reported.get(timeout=timeout)
        except queue.Empty:
            return 0
        report(None, Message(self._offset))
        self._offset += 1
        return 1

    def flush(self, timeout: float) -> int:
        """See confluent_kafka."""
        while not self._outstanding.empty():
            self.report()
        while self.poll(0):
            pass
        return 0

    def purge(self) -> None:
        """See confluent_kafka."""

    def __len__(self) -> int:
        return self._outstanding.qsize()


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    """What every producer hands its records to."""
    made = Kafka()
    monkeypatch.setattr(Producer, "_make", lambda self: made)
    monkeypatch.setattr(module, "GATHER", LONG)
    monkeypatch.setattr(module, "IDLE", 0.01)
    return made


@pytest_asyncio.fixture
async def producer(kafka: Kafka) -> AsyncIterator[Producer]:
    """A producer, which is closed at the end."""
    made = Producer(Connection("127.0.0.1:1", "test", 1.0), queue_bytes=1024)
    yield made
    await made.close()


def record(value: bytes) -> NewRecord:
    """One of a key that all have."""
    return NewRecord("orders", value, key=b"one")


async def turns(number: int = 5) -> None:
    """Let the loop turn so often."""
    for _ in range(number):
        await asyncio.sleep(0)


class TestGathering:
    async def test_a_lone_record_leaves_at_the_loops_next_turn(self, kafka: Kafka, producer: Producer) -> None:
        future = producer.append(record(b"a"))
        await asyncio.sleep(0)
        assert kafka.taken == [b"a"]
        kafka.report()
        assert await future == Position(0, 0)

    async def test_and_so_does_each_after_the_last_was_reported(self, kafka: Kafka, producer: Producer) -> None:
        for number, value in enumerate([b"a", b"b", b"c"]):
            future = producer.append(record(value))
            await asyncio.sleep(0)
            assert kafka.taken[number:] == [value]
            kafka.report()
            assert await future == Position(0, number)

    async def test_those_of_one_turn_leave_together(self, kafka: Kafka, producer: Producer) -> None:
        for value in (b"a", b"b", b"c"):
            producer.append(record(value))
        await asyncio.sleep(0)
        assert kafka.taken == [b"a", b"b", b"c"]

    async def test_later_ones_wait_until_all_reports_are_in(self, kafka: Kafka, producer: Producer) -> None:
        first, second = producer.append(record(b"a")), producer.append(record(b"b"))
        await asyncio.sleep(0)
        later = [producer.append(record(value)) for value in (b"c", b"d")]
        await turns()
        kafka.report()
        await first
        await turns()
        assert kafka.taken == [b"a", b"b"]
        kafka.report()
        await second
        await until(lambda: kafka.taken == [b"a", b"b", b"c", b"d"])
        kafka.report(2)
        assert await asyncio.gather(*later) == [Position(0, 2), Position(0, 3)]

    async def test_or_for_so_long_at_most(
        self, kafka: Kafka, producer: Producer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Kafka reports nothing at all."""
        monkeypatch.setattr(module, "GATHER", 0.01)
        for value in (b"a", b"b", b"c"):
            producer.append(record(value))
            await until(partial(kafka.has, value))

    async def test_order_is_kept(self, kafka: Kafka, producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever makes records leave: a turn, reports, GATHER's end, or `close`."""
        values = [b"%d" % number for number in range(40)]
        futures = []
        for number, value in enumerate(values):
            monkeypatch.setattr(module, "GATHER", 0.001 if number % 3 else LONG)
            futures.append(producer.append(record(value)))
            if number % 4 == 1:
                await turns(1)
            if number % 5 == 4:
                kafka.report(len(kafka))
            if number % 7 == 6:
                await until(lambda: futures[0].done())
        assert await producer.close() == 0
        assert kafka.taken == values
        assert [future.result() for future in futures] == [Position(0, number) for number in range(40)]

    async def test_whoever_gave_up_does_not_hold_up_the_others(self, kafka: Kafka, producer: Producer) -> None:
        first = producer.append(record(b"a"))
        await asyncio.sleep(0)
        first.cancel()
        second = producer.append(record(b"b"))
        kafka.report()
        await until(lambda: kafka.taken == [b"a", b"b"])
        kafka.report()
        assert await second == Position(0, 1)


class TestClose:
    async def test_what_is_gathered_is_stored(self, kafka: Kafka, producer: Producer) -> None:
        futures = [producer.append(record(b"a"))]
        await asyncio.sleep(0)
        futures += [producer.append(record(value)) for value in (b"b", b"c")]
        assert await producer.close() == 0
        assert kafka.taken == [b"a", b"b", b"c"]
        assert [future.result() for future in futures] == [Position(0, number) for number in range(3)]

    async def test_what_the_loop_had_no_turn_for_is_stored(self, kafka: Kafka, producer: Producer) -> None:
        future = producer.append(record(b"a"))
        assert await producer.close() == 0
        assert (kafka.taken, future.result()) == ([b"a"], Position(0, 0))

    async def test_nothing_is_taken_afterwards(self, kafka: Kafka, producer: Producer) -> None:
        await producer.close()
        with pytest.raises(LogUnavailable):
            producer.append(record(b"a"))
        assert kafka.taken == []


class TestFaults:
    @pytest.mark.parametrize(
        ("raised", "expected"),
        [
            (BufferError("full"), LogUnavailable),
            (KafkaException(KafkaError(KafkaError._QUEUE_FULL)), LogUnavailable),
            (KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)), LogRefused),
            (OverflowError("int too large"), Exception),
            (ValueError("strange"), Exception),
        ],
        ids=repr,
    )
    async def test_a_record_that_is_not_taken_fails_alone(
        self, raised: Exception, expected: type[Exception], kafka: Kafka, producer: Producer
    ) -> None:
        kafka.refused[b"b"] = raised
        first, wrong, last = (producer.append(record(value)) for value in (b"a", b"b", b"c"))
        await turns()
        assert kafka.taken == [b"a", b"c"]
        assert isinstance(wrong.exception(), expected)
        later = producer.append(record(b"d"))
        kafka.report(2)
        assert (await first, await last) == (Position(0, 0), Position(0, 1))
        await until(lambda: kafka.taken[2:] == [b"d"])
        kafka.report()
        assert await later == Position(0, 2)

    async def test_one_that_is_not_taken_leaves_nothing_outstanding(self, kafka: Kafka, producer: Producer) -> None:
        kafka.refused[b"a"] = BufferError("full")
        wrong = producer.append(record(b"a"))
        await turns()
        assert isinstance(wrong.exception(), LogUnavailable)
        producer.append(record(b"b"))
        await asyncio.sleep(0)
        assert kafka.taken == [b"b"]

    @pytest.mark.parametrize(("of", "name"), [(Producer, "_make"), (threading.Thread, "start")])
    async def test_a_start_that_fails_is_tried_again(
        self, of: type, name: str, kafka: Kafka, producer: Producer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(*_: object, **__: object) -> None:
            raise RuntimeError("not now")

        with monkeypatch.context() as patch:
            patch.setattr(of, name, failing)
            with pytest.raises((RuntimeError, LogUnavailable)):
                producer.append(record(b"a"))
        future = producer.append(record(b"b"))
        await turns()
        assert kafka.taken == [b"b"]
        kafka.report()
        async with asyncio.timeout(5):
            assert await future == Position(0, 0)

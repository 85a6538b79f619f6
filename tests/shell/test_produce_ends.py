"""How the producer's work ends, over a Kafka that a test answers for: bounds, cancelling, closing, words."""

import asyncio

import pytest

from tests.shell.ingress_running import until
from tests.shell.kafka_stand_in import API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE, Kafka, Turn
from tests.shell.producing import LONG, ours, producing, record, stored, warm
from tradewind.adapters.embedded_kafka import free_ports
from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.produce import cluster, pace
from tradewind.adapters.kafka_log.produce import producer as module
from tradewind.adapters.kafka_log.produce.producer import RECORD_COST, Producer
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import Position


class TestTelling:
    """Whoever produces is told from within the producer's own work."""

    async def test_his_fault_is_no_others(self, stand_in: Kafka, caplog: pytest.LogCaptureFixture) -> None:
        async with warm(stand_in) as producer:
            producer.produce(record(b"a"), broken)
            future = producer.append(record(b"b"))
            producer.produce(record(b"c"), broken)
            assert await stored(future, producer.append(record(b"d"))) == [Position(0, 1), Position(0, 3)]
        assert [str(each.exc_info and each.exc_info[1]) for each in caplog.records] == ["a fault"] * 2

    async def test_he_may_produce_again(self, stand_in: Kafka) -> None:
        """Each record's end is the cause of two others."""
        told: list[object] = []

        async with warm(stand_in, 0) as producer:

            def again(end: object) -> None:
                told.append(end)
                if len(told) < 30:
                    for _ in range(2):
                        producer.produce(record(b"%d" % len(told), partition=len(told) % 2), again)

            again(None)
            await until(lambda: producer._count == 0)
            assert len(told) > 30
            assert all(isinstance(end, Position) for end in told[1:])
            assert len(set(told)) == len(told)
            assert len(told) - 1 == len(stand_in.values("orders", 0)) + len(stand_in.values("orders", 1))

    @pytest.mark.parametrize("error", [9999, None])
    async def test_he_may_when_it_failed(self, error: int | None, stand_in: Kafka) -> None:
        """By Kafka's word, or since it was too late."""
        told: list[object] = []
        answer = asyncio.Event()
        async with warm(stand_in, patience=LONG if error else 0.2) as producer:
            hung = [Turn(until=answer, undone=True)] * 4  # of each connection that is tried
            stand_in.next(PRODUCE, *([Turn(error=error)] if error else hung))

            def again(end: object) -> None:
                told.append(end)
                if not isinstance(end, Position):
                    producer._patience = LONG
                    answer.set()
                    producer.produce(record(b"b"), again)

            producer.produce(record(b"a"), again)
            await until(lambda: len(told) == 2)
            assert isinstance(told[0], LogUnavailable) and isinstance(told[1], Position)


def broken(*_: object) -> None:
    """A fault of whoever is told."""
    raise RuntimeError("a fault")


class TestBounds:
    async def test_no_more_waits_than_there_is_room_for(self, stand_in: Kafka) -> None:
        answer = asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer))
        async with producing(stand_in, queue_bytes=3 * RECORD_COST) as producer:
            futures = [producer.append(record(value)) for value in (b"a", b"b")]
            with pytest.raises(LogUnavailable, match="already wait"):
                producer.append(record(b"c"))
            futures[1].cancel()
            with pytest.raises(LogUnavailable, match="already wait"):
                producer.append(record(b"c"))
            answer.set()
            await stored(futures[0])
            assert await stored(producer.append(record(b"c"))) == [Position(0, 2)]

    async def test_one_that_is_too_large_for_any_request(self, stand_in: Kafka) -> None:
        async with producing(stand_in, queue_bytes=1 << 40) as producer:
            with pytest.raises(LogRefused, match="topic orders"):
                producer.append(record(bytes(module.LARGEST_RECORD)))

    async def test_room_is_given_back_whatever_the_end(self, stand_in: Kafka) -> None:
        """Stored, cancelled, refused, too late, of a topic that is not there; `producing` counts."""
        stand_in.invalid = {b"invalid"}
        async with warm(stand_in, 0) as producer:
            stand_in.next(PRODUCE, Turn(), Turn(drop=True), Turn(error=9999), Turn(error=7))
            futures = []
            producer._patience = 1.0
            for number in range(30):
                value = b"invalid" if number % 7 == 3 else b"%d" % number
                topic = "nowhere" if number % 5 == 2 else "orders"
                futures.append(producer.append(record(value, partition=number % 3, topic=topic)))
                if number % 4 == 1:
                    futures[-1].cancel()
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                found = await asyncio.gather(*futures, return_exceptions=True)
            kinds = {type(each).__name__ for each in found}
            assert kinds >= {"Position", "TopicMissing", "CancelledError", "LogUnavailable"}
            with pytest.raises(LogRefused):
                await producer.append(record(b"invalid", partition=0))
            await until(lambda: (producer._held, producer._count) == (0, 0))
            await until(lambda: not producer._live)


class TestCancelled:
    async def test_whoever_gave_up_does_not_hold_up_the_others(self, stand_in: Kafka) -> None:
        async with warm(stand_in) as producer:
            futures = [producer.append(record(value)) for value in (b"a", b"b", b"c")]
            futures[1].cancel()
            assert await stored(futures[0], futures[2]) == [Position(0, 0), Position(0, 2)]

    @pytest.mark.parametrize("error", [87, 9999])
    async def test_nor_does_one_that_fails(self, error: int, stand_in: Kafka) -> None:
        async with warm(stand_in) as producer:
            stand_in.next(PRODUCE, Turn(error=error))
            producer.append(record(b"a")).cancel()
            await until(lambda: not producer._count)
            assert await stored(producer.append(record(b"b"))) == [Position(0, 0)]


class TestClose:
    async def test_of_one_that_never_began(self, stand_in: Kafka) -> None:
        producer = Producer(Connection(stand_in.brokers[0].address, "test", 10.0), queue_bytes=1 << 20)
        assert await producer.close() == 0
        with pytest.raises(LogUnavailable, match="closed"):
            producer.append(record(b"a"))
        assert ours() == []
        assert await producer.close() == 0

    async def test_of_one_that_stored_nothing(self, stand_in: Kafka) -> None:
        async with producing(stand_in) as producer:
            producer.start()
            await until(lambda: producer._cluster.identity is not None)
            assert await producer.close() == 0
            assert ours() == []
            with pytest.raises(LogUnavailable, match="closed"):
                producer.append(record(b"a"))

    async def test_what_was_appended_is_stored(self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
        """On its way, gathered, of a partition that is not known yet; and of this very turn."""
        monkeypatch.setattr(pace, "GATHER", LONG)
        async with warm(stand_in, 0) as producer:
            stand_in.make("other", 1)
            futures = [producer.append(record(b"a"))]
            await until(lambda: bool(stand_in.brokers[0].produced))
            futures += [producer.append(record(b"b", partition=number)) for number in (0, 1)]
            futures.append(producer.append(record(b"c", topic="other")))
            assert await producer.close() == 0
            assert all(future.done() and not future.exception() for future in futures)

    async def test_even_ahead_of_the_first_turn(self, stand_in: Kafka) -> None:
        async with producing(stand_in) as producer:
            future = producer.append(record(b"a"))
            assert await producer.close() == 0
            assert future.result() == Position(0, 0)

    async def test_kafka_away(self, stand_in: Kafka) -> None:
        async with producing(stand_in, f"127.0.0.1:{free_ports(1)[0]}", patience=0.1) as producer:
            futures = [producer.append(record(value)) for value in (b"a", b"b", b"c")]
            futures[1].cancel()
            assert await producer.close() == 3
            for future in (futures[0], futures[2]):
                assert isinstance(future.exception(), LogUnavailable)

    async def test_kafka_goes_while_it_is_closed(self, stand_in: Kafka) -> None:
        async with warm(stand_in, 1) as producer:
            stand_in.brokers[1].stop()
            futures = [producer.append(record(b"a", partition=0))]
            producer._patience = 0.1
            futures.append(producer.append(record(b"a", partition=1)))
            assert await producer.close() == 1
            assert futures[0].result() == Position(0, 0)
            assert isinstance(futures[1].exception(), LogUnavailable)

    @pytest.mark.parametrize("api", [API_VERSIONS, METADATA])
    async def test_while_kafka_is_asked(self, api: int, stand_in: Kafka) -> None:
        """`producing` looks for connections that stay."""
        stand_in.next(api, Turn(until=asyncio.Event()))
        async with producing(stand_in) as producer:
            producer.start()
            await until(lambda: api in stand_in.brokers[0].came)
            assert await producer.close() == 0

    async def test_whoever_closes_is_cancelled(self, stand_in: Kafka) -> None:
        """Nothing goes on behind its back."""
        async with warm(stand_in) as producer:
            stand_in.next(PRODUCE, gate := Turn(until=asyncio.Event()))
            future = producer.append(record(b"a"))
            closing = asyncio.create_task(producer.close())
            await until(lambda: bool(stand_in.brokers[0].produced))
            closing.cancel()
            await asyncio.wait([closing])
            assert closing.cancelled() and ours() == []
            assert gate.until is not None
            gate.until.set()
            future.cancel()
            producer._held = producer._count = 0  # of the one that nobody looks after any more

    async def test_kafka_hangs_with_more_to_come(self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is connected anew for what is over."""
        monkeypatch.setattr(pace, "GATHER", LONG)
        monkeypatch.setattr(module, "SILENCE", LONG)
        async with warm(stand_in, 0, patience=0.1) as producer:
            stand_in.next(PRODUCE, Turn(until=asyncio.Event()))
            futures = [producer.append(record(b"a", partition=0))]
            await until(lambda: bool(stand_in.brokers[0].produced))
            futures.append(producer.append(record(b"b", partition=1)))
            assert await producer.close() == 2
            assert all(isinstance(future.exception(), LogUnavailable) for future in futures)

    async def test_something_is_to_be_tried_again(self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the end."""
        monkeypatch.setattr(module, "AGAIN", 0.2)
        async with warm(stand_in, patience=0.1) as producer:
            loop, before = asyncio.get_running_loop(), stand_in.brokers[0].connected
            stand_in.next(PRODUCE, Turn(error=7))
            future = producer.append(record(b"a"))
            assert await producer.close() == 1
            assert isinstance(future.exception(), LogUnavailable)
            over = loop.create_future()
            loop.call_later(0.3, over.set_result, None)  # after AGAIN
            await over
            assert (ours(), stand_in.brokers[0].connected) == ([], before)


def words(log: pytest.LogCaptureFixture) -> list[str]:
    """What the producer said."""
    return [each.getMessage() for each in log.records if each.name == "tradewind.producer"]


class TestWords:
    async def test_an_identity_that_is_refused_is_told_once(
        self, stand_in: Kafka, caplog: pytest.LogCaptureFixture
    ) -> None:
        for broker in stand_in.brokers:  # one that refuses is followed by another one
            stand_in.next(INIT_PRODUCER_ID, *(Turn(error=error) for error in (14, 15, 31, 31)), node=broker.node)
        async with producing(stand_in) as producer:
            await stored(producer.append(record(b"a")))
        assert words(caplog) == ["kafka gives no producer id"]

    @pytest.mark.parametrize("tell", [0.0, LONG])
    async def test_an_outage_is_told_once_and_so_is_its_end(
        self, tell: float, stand_in: Kafka, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If it is long enough."""
        monkeypatch.setattr(cluster, "TELL", tell)
        caplog.set_level("INFO", "tradewind.producer")
        broker = stand_in.brokers[0]
        async with warm(stand_in) as producer:
            broker.stop()
            future = producer.append(record(b"a"))
            known = producer._cluster.nodes[0]
            for _ in range(5):
                before = known.connecting
                await until(lambda before=before: known.connecting is not before)  # type: ignore[misc]
            await broker.start()
            await stored(future)
        expected = [] if tell else ["kafka broker cannot be reached", "kafka broker reached again"]
        assert words(caplog) == expected

    async def test_so_is_a_kafka_that_connects_and_answers_nothing_else(
        self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(cluster, "ANSWER", LONG)
        async with warm(stand_in) as producer:
            monkeypatch.setattr(module, "SILENCE", 0.001)
            broker = stand_in.brokers[0]
            stand_in.next(PRODUCE, *(Turn(until=asyncio.Event()) for _ in range(4)))
            await stored(producer.append(record(b"a")))
            assert len(broker.produced) >= 5
        assert words(caplog) == ["kafka broker does not answer"]

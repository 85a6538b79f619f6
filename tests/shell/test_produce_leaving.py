"""When the producer sends what, over a Kafka that a test answers for."""

import asyncio

import pytest

from tests.shell.ingress_running import until
from tests.shell.kafka_stand_in import PRODUCE, Kafka, Turn
from tests.shell.producing import LONG, record, stored, turns, warm
from tradewind.adapters.kafka_log.produce import pace
from tradewind.adapters.kafka_log.produce import producer as module
from tradewind.ports import NewRecord, Position


@pytest.fixture(autouse=True)
def gather(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for an answer does so for ever, unless a test says otherwise."""
    monkeypatch.setattr(pace, "GATHER", LONG)


def at_once(patch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the answers of others."""
    patch.setattr(pace, "GATHER", 0.0)


async def test_a_lone_record_leaves_at_once_and_so_does_each_after_an_answer(stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        for number, value in enumerate([b"a", b"b", b"c"], 1):
            assert await stored(producer.append(record(value))) == [Position(0, number - 1)]
            assert stand_in.brokers[0].produced[number - 1 :] == [{("orders", 0): [value]}]


async def test_it_leaves_at_the_loops_next_turn(stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        broker = producer._cluster.nodes[0]
        producer.append(record(b"a"))
        assert not broker.pace.flying
        await asyncio.sleep(0)
        assert len(broker.pace.flying) == 1


async def test_those_of_one_turn_leave_together_in_one_request(stand_in: Kafka) -> None:
    async with warm(stand_in, 0, 0) as producer:
        stand_in.make("other", 0)
        await stored(producer.append(record(b"first", topic="other")))
        stand_in.brokers[0].produced.clear()
        sent = [(b"a", 0), (b"b", 1), (b"c", 0), (b"d", 2)]
        futures = [producer.append(record(value, partition=number)) for value, number in sent]
        futures.append(producer.append(record(b"e", topic="other")))
        assert await stored(*futures) == [Position(*each) for each in [(0, 0), (1, 0), (0, 1), (2, 0), (0, 1)]]
        wanted = {("orders", 0): [b"a", b"c"], ("orders", 1): [b"b"], ("orders", 2): [b"d"], ("other", 0): [b"e"]}
        assert stand_in.brokers[0].produced == [wanted]


async def test_what_comes_while_a_request_is_on_its_way_goes_in_the_next(stand_in: Kafka) -> None:
    async with warm(stand_in, 0, 0) as producer:
        broker, answer = stand_in.brokers[0], asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer))
        futures = [producer.append(record(b"a", partition=0))]
        await until(lambda: bool(broker.produced))
        for value, number in [(b"b", 1), (b"c", 2), (b"d", 0)]:
            futures.append(producer.append(record(value, partition=number)))
            await turns()
        assert len(broker.produced) == 1
        answer.set()
        await stored(*futures)
        assert broker.produced[1:] == [{("orders", 1): [b"b"], ("orders", 2): [b"c"], ("orders", 0): [b"d"]}]


async def test_a_few_that_waited_leave_with_those_that_follow_an_answer(stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        broker, answer = stand_in.brokers[0], asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer))
        futures = [producer.append(record(b"%d" % number)) for number in range(3)]
        await until(lambda: bool(broker.produced))
        futures.append(producer.append(record(b"3")))
        answer.set()
        await stored(*futures[:3])
        futures.append(producer.append(record(b"4")))
        await turns()
        assert len(broker.produced) == 1
        futures.append(producer.append(record(b"5")))
        await stored(*futures)
        assert broker.produced[1:] == [{("orders", 0): [b"3", b"4", b"5"]}]


async def test_or_after_a_while_where_few_are_on_their_way(stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    monkeypatch.setattr(pace, "MOST_FLYING", 2)
    async with warm(stand_in, 0, 0, 0) as producer:
        broker, answer = stand_in.brokers[0], asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer))
        futures = []
        for number in range(4):
            futures.append(producer.append(record(b"%d" % number, partition=number)))
            await turns()
        await until(lambda: len(broker.produced) == 2)
        answer.set()
        await stored(*futures)
        first, second = {("orders", 0): [b"0"]}, {("orders", 1): [b"1"]}
        assert broker.produced == [first, second, {("orders", 2): [b"2"], ("orders", 3): [b"3"]}]


async def test_a_partition_has_one_batch_on_its_way(stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    async with warm(stand_in) as producer:
        broker, answer = stand_in.brokers[0], asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer))
        futures = []
        for value in (b"a", b"b", b"c"):
            futures.append(producer.append(record(value)))
            await turns()
        await until(lambda: bool(broker.produced))
        answer.set()
        assert await stored(*futures) == [Position(0, number) for number in range(3)]
        assert broker.produced == [{("orders", 0): [b"a"]}, {("orders", 0): [b"b", b"c"]}]


async def test_what_a_request_has_no_room_for_does_not_wait_for_its_answer(
    stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch)
    monkeypatch.setattr(module, "REQUEST_BYTES", 1)
    async with warm(stand_in, 0, 0) as producer:
        broker, answer = stand_in.brokers[0], asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer))
        futures = [producer.append(record(b"%d" % number, partition=number)) for number in range(3)]
        await until(lambda: len(broker.produced) == 3)
        answer.set()
        await stored(*futures)
        assert broker.produced == [{("orders", number): [b"%d" % number]} for number in range(3)]


async def test_records_without_a_key_take_the_partitions_in_turn_by_batch(stand_in: Kafka) -> None:
    async with warm(stand_in, 0, 0) as producer:
        taken = []
        for _ in range(6):
            together = await stored(*(producer.append(NewRecord("orders", b"")) for _ in range(3)))
            assert len({position.partition for position in together}) == 1
            taken.append(together[0].partition)
        assert sorted(taken[:3]) == sorted(taken[3:]) == [0, 1, 2]


async def test_a_broker_that_hangs_does_not_hold_up_records_for_another(
    stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with warm(stand_in, 1, 1) as producer:
        answer = asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer), node=1)
        futures = [producer.append(record(b"%d" % number, partition=number)) for number in range(3)]
        await until(lambda: bool(stand_in.brokers[1].produced))
        futures.append(producer.append(record(b"3", partition=1)))
        for _ in range(10):
            await stored(producer.append(record(b"a", partition=0)))
        positions = [await stored(producer.append(NewRecord("orders", b""))) for _ in range(3)]
        assert {position.partition for (position,) in positions} == {0}
        at_once(monkeypatch)  # what waited needs no company
        answer.set()
        await stored(*futures)

"""Each record stored once and in order, whatever becomes of connections, over a Kafka that a test answers for."""

import asyncio
import random
import struct

import pytest
import uvloop

from tests.shell.ingress_running import until
from tests.shell.kafka_stand_in import METADATA, NOT_LEADER, PRODUCE, Kafka, Turn, serving
from tests.shell.producing import LONG, producing, record, stored, warm
from tradewind.adapters.kafka_log.produce import cluster
from tradewind.adapters.kafka_log.produce import producer as module
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import Position

ELSEWHERE = struct.pack(">ih6siihqqqi", 1, 6, b"orders", 1, 0, 0, 77, -1, 0, 0)
"""What was stored in answer to another request."""

GARBAGE = {
    "a size below 0": Turn(raw=struct.pack(">ii", -1, 1)),
    "a size without a correlation": Turn(raw=struct.pack(">iI", 3, 0)),
    "an absurd size": Turn(raw=struct.pack(">ii", 1 << 30, 1)),
    "another correlation": Turn(raw=struct.pack(">ii", len(ELSEWHERE) + 4, 1 << 20) + ELSEWHERE),
    "nothing": Turn(instead=b""),
    "half an answer": Turn(instead=struct.pack(">ih", 1, 6) + b"ord"),
}
"""What may come as an answer and is none."""

SILENT = {
    "another partition": struct.pack(">ih6siihqqqi", 1, 6, b"orders", 1, 1, 0, 77, -1, 0, 0),
    "no text": struct.pack(">ih2s", 1, 2, b"\xff\xff") + bytes(40),
}
"""Answers that say nothing of what was sent."""


@pytest.mark.parametrize("undone", [True, False], ids=["not-stored", "stored"])
@pytest.mark.parametrize("turn", [Turn(drop=True), *GARBAGE.values()], ids=["dropped", *GARBAGE])
async def test_a_connection_that_ends_costs_nothing(turn: Turn, undone: bool, stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        broker, before = stand_in.brokers[0], stand_in.brokers[0].connected
        stand_in.next(PRODUCE, Turn(drop=turn.drop, raw=turn.raw, instead=turn.instead, undone=undone))
        futures = [producer.append(record(b"a"))]
        await until(lambda: bool(broker.produced))
        futures += [producer.append(record(value)) for value in (b"b", b"c")]
        assert await stored(*futures) == [Position(0, number) for number in range(3)]
        assert stand_in.values("orders") == [b"a", b"b", b"c"]
        assert broker.connected == before + 1
        assert producer._cluster.topics["orders"].partitions[0].idle


@pytest.mark.parametrize("undone", [True, False], ids=["not-stored", "stored"])
@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT)
async def test_what_an_answer_does_not_speak_of_is_sent_again(answer: bytes, undone: bool, stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        stand_in.next(PRODUCE, Turn(instead=answer, undone=undone))
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        assert stand_in.values("orders") == [b"a"]


@pytest.mark.parametrize("turn", GARBAGE.values(), ids=GARBAGE)
async def test_nor_does_one_that_ends_while_kafka_is_asked(turn: Turn, stand_in: Kafka) -> None:
    stand_in.next(METADATA, turn, turn)
    async with producing(stand_in) as producer:
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        assert stand_in.values("orders") == [b"a"]


async def test_answers_that_nobody_asked_for(stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        broker, before = stand_in.brokers[0], stand_in.brokers[0].connected
        for writer in broker.open:
            writer.write(struct.pack(">ii", 4, 1))
        await until(lambda: broker.connected > before)
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]


async def test_what_kafka_has_had_for_long_has_no_offset_any_more(stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        stand_in.next(PRODUCE, Turn(error=46))
        futures = [producer.append(record(value)) for value in (b"a", b"b")]
        assert await stored(*futures) == [Position(0, -1), Position(0, -1)]


@pytest.mark.parametrize("what", ["_known", "_end_late"])
async def test_a_fault_of_ours_ends_no_asking_and_no_looking(
    what: str, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task goes on: what it did not do, it does the next time."""
    monkeypatch.setattr(module, "SWEEP", 0.01)
    right, wrong = getattr(module.Producer, what), 3

    def failing(self: module.Producer, *given: float) -> object:
        nonlocal wrong
        wrong -= 1
        if wrong >= 0:
            raise RuntimeError("a fault of ours")
        return right(self, *given)

    monkeypatch.setattr(module.Producer, what, failing)
    async with producing(stand_in) as producer:
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        await until(lambda: wrong < 0)


@pytest.mark.parametrize("error", [NOT_LEADER, 7, 19, 45, 47, 59])
async def test_what_kafka_does_not_take_now_it_takes_later(error: int, stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        stand_in.next(PRODUCE, Turn(error=error), Turn(error=error))
        futures = [producer.append(record(b"a"))]
        await until(lambda: bool(stand_in.brokers[0].produced))
        futures += [producer.append(record(value)) for value in (b"b", b"c")]
        assert await stored(*futures) == [Position(0, number) for number in range(3)]
        assert stand_in.values("orders") == [b"a", b"b", b"c"]


@pytest.mark.parametrize("undone", [True, False], ids=["not-stored", "stored"])
async def test_a_silent_connection_is_given_up_for_another(
    undone: bool, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with warm(stand_in) as producer:
        monkeypatch.setattr(module, "SILENCE", 0.01)
        broker, before = stand_in.brokers[0], stand_in.brokers[0].connected
        stand_in.next(PRODUCE, Turn(until=asyncio.Event(), undone=undone))
        futures = [producer.append(record(b"a"))]
        await until(lambda: bool(broker.produced))
        futures += [producer.append(record(value)) for value in (b"b", b"c")]
        assert await stored(*futures) == [Position(0, number) for number in range(3)]
        assert stand_in.values("orders") == [b"a", b"b", b"c"]
        assert broker.connected > before


async def test_so_is_one_that_stops_amid_an_answer(stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    async with warm(stand_in) as producer:
        monkeypatch.setattr(module, "SILENCE", 0.01)
        stand_in.next(PRODUCE, Turn(raw=struct.pack(">ii", 100, 4)))
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        assert stand_in.values("orders") == [b"a"]


@pytest.mark.parametrize("value", [b"invalid", b"large" * 1000])
async def test_a_record_that_is_refused_fails_alone(value: bytes, stand_in: Kafka) -> None:
    stand_in.largest, stand_in.invalid = 4000, {b"invalid"}
    async with warm(stand_in) as producer:
        values = [b"a", b"b", value, b"c", value, b"d"]
        futures = [producer.append(record(each)) for each in values]
        async with asyncio.timeout(5):
            found = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(each) for each in found] == [LogRefused if each == value else Position for each in values]
        assert [each for each in found if isinstance(each, Position)] == [Position(0, number) for number in range(4)]
        assert stand_in.values("orders") == [b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize("error", [-1, 9999], ids=["unknown to Kafka", "unknown to us"])
async def test_what_is_not_known_is_not_tried_again(error: int, stand_in: Kafka) -> None:
    async with warm(stand_in) as producer:
        stand_in.next(PRODUCE, Turn(error=error))
        with pytest.raises(LogUnavailable, match="topic orders"):
            await stored(producer.append(record(b"a")))
        assert await stored(producer.append(record(b"b"))) == [Position(0, 0)]


async def test_a_verdict_on_one_partition_is_none_on_another(stand_in: Kafka) -> None:
    stand_in.invalid = {b"b"}
    async with warm(stand_in, 0) as producer:
        futures = [producer.append(record(value, partition=number)) for number, value in enumerate([b"a", b"b"])]
        assert await stored(futures[0]) == [Position(0, 0)]
        with pytest.raises(LogRefused, match="topic orders"):
            await stored(futures[1])
        assert stand_in.brokers[0].produced == [{("orders", 0): [b"a"], ("orders", 1): [b"b"]}]


async def test_what_comes_after_a_batch_is_given_up_does_not_wait_for_its_answer(
    stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records that wait behind it have time left."""
    monkeypatch.setattr(module, "SILENCE", LONG)
    monkeypatch.setattr(cluster, "ANSWER", LONG)
    async with warm(stand_in) as producer:
        answer = asyncio.Event()
        stand_in.next(PRODUCE, Turn(until=answer))
        producer._patience = 0.1
        first = producer.append(record(b"a"))
        await until(lambda: bool(stand_in.brokers[0].produced))
        producer._patience = 10.0
        second = producer.append(record(b"b"))
        with pytest.raises(LogUnavailable, match="did not answer"):
            await stored(first)
        answer.set()
        assert await stored(second) == [Position(0, 1)]
        assert stand_in.values("orders") == [b"a", b"b"]


def misfortune(dice: random.Random) -> Turn:
    """What becomes of a request, mostly not what should."""
    return dice.choice(
        [
            Turn(),
            Turn(drop=True),
            Turn(drop=True, undone=True),
            Turn(error=NOT_LEADER),
            Turn(error=7),
            *GARBAGE.values(),
        ]
    )


async def misfortunes(kafka: Kafka, seed: int) -> None:
    """Records of several partitions on their way through everything; leaders move besides."""
    dice = random.Random(seed)
    async with warm(kafka, 1, 0) as producer:
        sent: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
        futures = []
        for number in range(120):
            partition = dice.randrange(3)
            sent[partition].append(b"%d" % number)
            futures.append(producer.append(record(b"%d" % number, partition=partition)))
            if dice.random() < 0.3:
                kafka.next(PRODUCE, misfortune(dice), node=dice.randrange(2))
            if dice.random() < 0.05:
                moved = kafka.topics["orders"][dice.randrange(3)]
                moved.leader = 1 - moved.leader
            if dice.random() < 0.5:
                await asyncio.sleep(0.001)
        async with asyncio.timeout(20):
            await asyncio.gather(*futures)
        assert {number: kafka.values("orders", number) for number in sent} == sent


@pytest.mark.parametrize("seed", range(5))
async def test_everything_at_once(seed: int, stand_in: Kafka) -> None:
    await misfortunes(stand_in, seed)


@pytest.mark.parametrize("seed", range(5))
def test_and_on_the_loop_that_is_in_use(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop, whose clock has milliseconds."""
    for each in (cluster, module):
        monkeypatch.setattr(each, "AGAIN", 0.013)

    async def main() -> None:
        async with serving(2) as kafka:
            await misfortunes(kafka, seed)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())

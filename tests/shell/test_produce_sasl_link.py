"""Being let in, and again, over a Kafka that a test answers for.  What a real one says: tests/contracts."""

import asyncio
import struct
from collections import Counter

import pytest

from tests.shell.ingress_running import until
from tests.shell.kafka_stand_in import METADATA, PRODUCE, SASL_AUTHENTICATE, SASL_HANDSHAKE, Kafka, Turn
from tests.shell.producing import LONG, producing, record, stored, turns
from tradewind.adapters.kafka_log.produce import cluster
from tradewind.adapters.kafka_log.produce.producer import Producer
from tradewind.errors import LogUnavailable
from tradewind.ports import Position
from tradewind.resources.kafka_auth import KafkaAuth, Mechanism, Protocol

AUTH = KafkaAuth(protocol=Protocol.SASL_PLAINTEXT, user="ada", password="secret")
FIRST = [18, SASL_HANDSHAKE, SASL_AUTHENTICATE]
"""Of every connection."""


def refused(error: int, why: str | None) -> bytes:
    """The answer to a step that ends it."""
    text = struct.pack(">h", -1) if why is None else struct.pack(">h", len(why)) + why.encode()
    return struct.pack(">h", error) + text + struct.pack(">iq", 0, 0)


def known(producer: Producer) -> list[str]:
    """What keeps it out."""
    return producer._connection.login.denials()


async def test_nothing_is_asked_ahead_of_being_let_in(stand_in: Kafka) -> None:
    broker = stand_in.brokers[0]
    async with producing(stand_in, auth=AUTH) as producer:
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        assert broker.came[:4] == [*FIRST, METADATA]
        assert stand_in.shown == [b"\0ada\0secret"]


@pytest.mark.parametrize(
    ("api", "answer", "why"),
    [
        (SASL_HANDSHAKE, struct.pack(">hi", 33, 1) + b"\0\4SOME", "it does not speak this mechanism; it speaks SOME"),
        (SASL_HANDSHAKE, struct.pack(">hi", 33, 0), "it does not speak this mechanism; it speaks none"),
        (SASL_HANDSHAKE, struct.pack(">hi", 34, 0), "it asks for no user there"),
        (SASL_HANDSHAKE, struct.pack(">hi", 35, 0), "error 35"),
        (SASL_AUTHENTICATE, refused(58, "who?"), "who?"),
        (SASL_AUTHENTICATE, refused(58, None), "error 58"),
    ],
)
async def test_it_is_told_why_and_asks_again_in_a_while(
    api: int,
    answer: bytes,
    why: str,
    stand_in: Kafka,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(cluster, "DENIED", LONG)
    broker = stand_in.brokers[0]
    stand_in.next(api, *[Turn(instead=answer)] * 1000)
    async with producing(stand_in, patience=0.3, auth=AUTH) as producer:
        with pytest.raises(LogUnavailable) as raised:
            await producer.append(record(b"a"))
        said = f'{broker.address} as SASL_PLAINTEXT PLAIN as user "ada": {why}'
        assert str(raised.value).endswith(f"did not answer within 0.3 s; {said}")
        assert broker.connected == 1
    assert [each.__dict__["fields"]["why"] for each in caplog.records] == [why]


async def test_a_server_that_does_not_know_the_password(stand_in: Kafka) -> None:
    """The stand-in's challenge is empty."""
    scram = KafkaAuth(
        protocol=Protocol.SASL_PLAINTEXT, mechanism=Mechanism.SCRAM_SHA_256, user="ada", password="secret"
    )
    async with producing(stand_in, patience=0.3, auth=scram) as producer:
        with pytest.raises(LogUnavailable, match=r"its challenge cannot be read$"):
            await producer.append(record(b"a"))
        assert known(producer)


@pytest.mark.parametrize("api", FIRST)
async def test_a_connection_that_is_lost_meanwhile_is_no_refusal(
    api: int, stand_in: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.next(api, Turn(drop=True))
    async with producing(stand_in, auth=AUTH) as producer:
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        assert known(producer) == []
    assert {each.getMessage() for each in caplog.records} <= {
        "kafka broker cannot be reached",
        "kafka broker reached again",
    }


async def test_what_came_while_it_is_let_in_again_waits(stand_in: Kafka) -> None:
    broker = stand_in.brokers[0]
    stand_in.session = 100
    step = Turn(until=asyncio.Event())
    stand_in.next(SASL_AUTHENTICATE, Turn(), step)
    async with producing(stand_in, auth=AUTH) as producer:
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        await until(lambda: Counter(broker.came)[SASL_AUTHENTICATE] == 2)
        stand_in.session = 0
        before = Counter(broker.came)[PRODUCE]
        future = producer.append(record(b"b"))
        await turns(50)
        assert Counter(broker.came)[PRODUCE] == before
        assert step.until is not None
        step.until.set()
        assert await stored(future) == [Position(0, 1)]
        assert broker.connected == 1
        assert stand_in.values("orders") == [b"a", b"b"]


@pytest.mark.parametrize(
    "turn",
    [Turn(instead=refused(58, "no more")), Turn(drop=True), Turn(until=asyncio.Event())],
    ids=["refused", "lost", "silent"],
)
async def test_what_waited_is_sent_anew_where_it_is_not_let_in_again(
    turn: Turn, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, over another connection."""
    monkeypatch.setattr(cluster, "ANSWER", 0.3)
    broker = stand_in.brokers[0]
    stand_in.session = 100
    stand_in.next(SASL_AUTHENTICATE, Turn(), turn)
    async with producing(stand_in, auth=AUTH) as producer:
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        await until(lambda: Counter(broker.came)[SASL_HANDSHAKE] >= 2)
        stand_in.session = 0
        assert await stored(producer.append(record(b"b"))) == [Position(0, 1)]
        assert broker.connected == 2
        assert stand_in.values("orders") == [b"a", b"b"]


async def test_nothing_is_left_of_one_that_ends_while_it_is_let_in_again(stand_in: Kafka) -> None:
    broker = stand_in.brokers[0]
    stand_in.session = 100
    stand_in.next(SASL_AUTHENTICATE, Turn(), Turn(until=asyncio.Event()))
    async with producing(stand_in, auth=AUTH) as producer:
        assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        await until(lambda: Counter(broker.came)[SASL_AUTHENTICATE] == 2)


async def test_a_broker_that_closes_each_connection_may_speak_another_protocol(
    stand_in: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    """As Kafka does with whoever names no user where it wants one.  An answer takes that back."""
    broker = stand_in.brokers[0]
    answer = asyncio.Event()
    stand_in.next(METADATA, *[Turn(drop=True)] * cluster.CLOSED, Turn(until=answer))
    async with producing(stand_in) as producer:
        future = producer.append(record(b"a"))
        why = "it closes each connection; does it speak another protocol (TLS, SASL)?"
        await until(lambda: known(producer) == [f"{broker.address} as PLAINTEXT: {why}"])
        answer.set()
        assert await stored(future) == [Position(0, 0)]
        assert known(producer) == []
    assert [each.__dict__["fields"].get("why") for each in caplog.records if each.levelname == "ERROR"] == [why]

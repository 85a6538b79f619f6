"""Every way into a real Kafka, for every client of the log; and what is said where it is barred."""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.certificates import Authority
from tests.contracts.driving import Owner, append_all, numbered, take
from tests.contracts.guarded_kafka import PASSWORD, GuardedKafka
from tradewind.adapters import reach
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.adapters.kafka_log.produce.sasl_link import SaslLink
from tradewind.errors import Fault, InvalidSettings, LogUnavailable
from tradewind.ports import Bounds, Member, NewRecord, Reader, Record, TopicPartition, TopicSpec
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth, Mechanism, Protocol

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

Open = Callable[..., KafkaLog]
WAYS = [
    (Protocol.SSL, Mechanism.PLAIN),
    *((protocol, each) for protocol in (Protocol.SASL_PLAINTEXT, Protocol.SASL_SSL) for each in Mechanism),
]
REFUSED = "Authentication failed during authentication due to invalid credentials with SASL mechanism"


@pytest.fixture
def name() -> str:
    """A topic's and a group's."""
    return f"auth-{uuid4().hex[:8]}"


@pytest_asyncio.fixture
async def opened(guarded_kafka: GuardedKafka) -> AsyncIterator[Open]:
    """Opens logs at a listener; they are closed after the test."""
    logs: list[KafkaLog] = []

    def open_log(listener: str, auth: KafkaAuth, *, patience: float = 10.0) -> KafkaLog:
        log = KafkaLog(guarded_kafka.at(listener), client_id="auth", auth=auth, patience=patience)
        logs.append(log)
        return log

    yield open_log
    for log in logs:
        await log.close()


async def barred(log: KafkaLog, name: str) -> list[str]:
    """What is said of a record and of a question, neither of which gets through."""
    asked = await asyncio.gather(log.append(NewRecord(name, b"lost?")), log.topics([name]), return_exceptions=True)
    assert [type(each) for each in asked] == [LogUnavailable, LogUnavailable]
    return [str(each) for each in asked]


async def kept_out(log: KafkaLog, name: str, *words: str) -> None:
    """Neither a record nor a question gets through, and each is told the reason."""
    for said in await barred(log, name):
        assert all(word in said for word in words), said
        assert PASSWORD not in said


async def let_in(log: KafkaLog, name: str) -> None:
    """All of it works again, on this very log."""
    async with asyncio.timeout(40):
        while True:
            try:
                await log.ensure_topics([TopicSpec(name, 1, None, {})])
                break
            except LogUnavailable:
                pass
    position = await log.append(NewRecord(name, b"in"))
    reader = log.reader()
    await reader.assign({TopicPartition(name, 0): position.offset})
    assert [record.value for record in await take(reader, 1)] == [b"in"]


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
async def test_every_client_is_let_in(
    guarded_kafka: GuardedKafka, opened: Open, name: str, protocol: Protocol, mechanism: Mechanism
) -> None:
    log = opened(protocol, guarded_kafka.auth(protocol, mechanism))
    at = TopicPartition(name, 0)
    assert set(await log.ensure_topics([TopicSpec(name, 1, None, {})])) == {name}
    await append_all(log, numbered(name, 50, partition=0))
    reader = log.reader()
    await reader.assign({at: 0})
    assert [record.offset for record in await take(reader, 50)] == list(range(50))
    owner = Owner()
    member = log.member(group=name, instance="one", ownership=owner)
    await member.subscribe([name])
    assert [record.offset for record in await take(member, 50)] == list(range(50))
    assert await log.members(name) == {"one"}
    assert await log.bounds([at]) == {at: Bounds(0, 50)}
    assert await log.offset_at(at, 0.0) == 0
    await member.close()
    assert await log.mirror(f"{name}-mirror", {at: 7}) == {}
    assert await log.group_offsets(f"{name}-mirror", [at]) == {at: 7}
    assert {name, f"{name}-mirror"} <= set(await log.groups())
    if mechanism is Mechanism.OAUTHBEARER:
        assert set(guarded_kafka.tokens.scopes) == {"kafka"}


async def test_it_is_let_in_again_before_its_session_ends(guarded_kafka: GuardedKafka, opened: Open, name: str) -> None:
    """On the same connection, while records come all the time (KIP-368)."""
    log = opened("SASL_SSL", guarded_kafka.auth(Protocol.SASL_SSL, Mechanism.SCRAM_SHA_512))
    await log.ensure_topics([TopicSpec(name, 1, None, {})])
    stored = [(await log.append(NewRecord(name, b"0"))).offset]
    (link,) = (broker.link for broker in log._producer._cluster._brokers.values())
    assert isinstance(link, SaslLink)
    async with asyncio.timeout(30):
        while link.admissions < 3:
            ends = await asyncio.gather(*(log.append(NewRecord(name, b"more")) for _ in range(50)))
            stored += [position.offset for position in ends]
    assert link.open
    assert stored == list(range(len(stored)))


async def test_a_wrong_password(
    guarded_kafka: GuardedKafka, opened: Open, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "tradewind.producer")
    user = f"bob-{name}"
    await guarded_kafka.set_password(user, "another one")
    auth = guarded_kafka.auth(Protocol.SASL_SSL, Mechanism.SCRAM_SHA_256, user=user)
    log = opened("SASL_SSL", auth, patience=2.5)
    where = f'{guarded_kafka.at("SASL_SSL")} as SASL_SSL SCRAM-SHA-256 as user "{user}"'
    await kept_out(log, name, where, f"{REFUSED} SCRAM-SHA-256")
    assert [record.getMessage() for record in caplog.records] == ["kafka denied"]
    await guarded_kafka.set_password(user, PASSWORD)
    await let_in(log, name)


async def test_a_member_that_is_kept_out_goes_on_where_it_was(
    guarded_kafka: GuardedKafka, opened: Open, name: str
) -> None:
    """Its session's end is its connections' end (KIP-368): nothing is lost, nor read by anybody in between."""
    user = f"eve-{name}"
    await guarded_kafka.set_password(user, PASSWORD)
    auth = guarded_kafka.auth(Protocol.SASL_SSL, Mechanism.SCRAM_SHA_512, user=user)
    log, other = opened("SASL_SSL", auth), opened("SASL_SSL", guarded_kafka.auth(Protocol.SASL_SSL))
    await log.ensure_topics([TopicSpec(name, 1, None, {})])
    await append_all(other, numbered(name, 10, partition=0))
    reader = log.reader()
    await reader.assign({TopicPartition(name, 0): 0})
    assert len(await take(reader, 10)) == 10
    await guarded_kafka.set_password(user, "another one")
    with pytest.raises(LogUnavailable, match=f"Kafka has been away for .*{REFUSED} SCRAM-SHA-512"):
        async with asyncio.timeout(60):
            while True:
                await reader.take(10, 0.2)
    await append_all(other, numbered(name, 10, partition=0))
    await guarded_kafka.set_password(user, PASSWORD)
    assert [record.offset for record in await taken(reader, 10)] == list(range(10, 20))


BARRED: list[tuple[str, Callable[[GuardedKafka], KafkaAuth], str]] = [
    (
        "SSL",
        lambda kafka: kafka.auth(Protocol.SSL, ca_crt=Authority("another").pem),
        r"its certificate is not accepted: unable to get local issuer certificate$",
    ),
    (
        "ELSEWHERE",
        lambda kafka: kafka.auth(Protocol.SSL),
        r"its certificate is not accepted: IP address mismatch, certificate is not valid for '127\.0\.0\.1'$",
    ),
    (
        "SSL",
        lambda kafka: expired(kafka),
        r"it refuses what it is shown \(user\.crt\), or that it is shown nothing: certificate (unknown|expired)$",
    ),
    (
        "SSL",
        lambda kafka: kafka.auth(Protocol.SSL, user_skip="true"),
        r"it refuses what it is shown \(user\.crt\), or that it is shown nothing: certificate required$",
    ),
    (
        "SASL_PLAINTEXT",
        lambda kafka: kafka.auth(Protocol.SASL_SSL),
        r"it closes each connection; does it speak another protocol \(TLS, SASL\)\?$",
    ),
    (
        "SASL_SSL",
        lambda kafka: kafka.auth(Protocol.SASL_SSL, Mechanism.OAUTHBEARER, password="wrong"),
        r"no token from https://127\.0\.0\.1:\d+/token: status 401, invalid_client: wrong secret$",
    ),
    (
        "SASL_SSL",
        lambda kafka: kafka.auth(
            Protocol.SASL_SSL, Mechanism.OAUTHBEARER, sasl_oauthbearer_token_endpoint_url="http://127.0.0.1:1/token"
        ),
        r"no token from http://127\.0\.0\.1:1/token: .*[Rr]efused$",
    ),
    (
        "SASL_PLAINTEXT",
        lambda kafka: kafka.auth(Protocol.SASL_PLAINTEXT, Mechanism.OAUTHBEARER, ca_crt=Authority("another").pem),
        r"no token from https://127\.0\.0\.1:\d+/token: .*certificate verify failed: unable to get local issuer .*$",
    ),
]


def expired(kafka: GuardedKafka) -> KafkaAuth:
    """With a user's certificate that is no longer valid."""
    pair = kafka.authority.issue("user", expired=True)
    return kafka.auth(Protocol.SSL, user_crt=pair.certificate, user_key=pair.key)


@pytest.mark.parametrize(("listener", "auth", "why"), BARRED)
async def test_who_is_kept_out_is_told_why_and_comes_in_once_it_is_mended(
    guarded_kafka: GuardedKafka,
    opened: Open,
    name: str,
    listener: str,
    auth: Callable[[GuardedKafka], KafkaAuth],
    why: str,
) -> None:
    wrong = auth(guarded_kafka)
    log = opened(listener, wrong, patience=2.5)
    for said in await barred(log, name):
        assert re.search(why, said)
        assert f"{guarded_kafka.at(listener)} as {wrong}: " in said
    listener = "SSL" if listener == "ELSEWHERE" else listener
    right = guarded_kafka.auth(Protocol(listener), wrong.mechanism)
    await let_in(opened(listener, right), name)


async def test_a_token_endpoint_that_is_well_again(guarded_kafka: GuardedKafka, opened: Open, name: str) -> None:
    tokens, client = guarded_kafka.tokens, f"client-{name}"
    auth = guarded_kafka.auth(Protocol.SASL_PLAINTEXT, Mechanism.OAUTHBEARER, user=client)
    log = opened("SASL_PLAINTEXT", auth, patience=2.5)
    await kept_out(log, name, "no token from", "invalid_client: wrong secret")
    tokens.clients[client] = PASSWORD
    await let_in(log, name)


async def test_a_user_where_none_is_asked_for(guarded_kafka: GuardedKafka, name: str) -> None:
    auth = guarded_kafka.auth(Protocol.SASL_PLAINTEXT)
    log = KafkaLog(guarded_kafka.plain, client_id="auth", auth=auth, patience=2.5)
    try:
        await kept_out(log, name, "it asks for no user there")
    finally:
        await log.close()


async def test_a_secret_that_is_mended_is_read_again(
    guarded_kafka: GuardedKafka, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every client of a log that nobody lets in begins anew with what its Secret says by now."""
    caplog.set_level(logging.INFO, "tradewind.login")
    right, secret = guarded_kafka.auth(Protocol.SSL), [expired(guarded_kafka)]

    def again() -> KafkaAuth:
        if not secret:
            raise InvalidSettings([Fault("user.key", "nothing", "a key")])
        return secret[0]

    log = KafkaLog(guarded_kafka.at("SSL"), client_id="auth", auth=secret[0], auth_again=again, patience=2.5)
    other = KafkaLog(guarded_kafka.plain, client_id="other")
    try:
        await other.ensure_topics([TopicSpec(name, 1, None, {})])
        await append_all(other, numbered(name, 5))
        at, owner = TopicPartition(name, 0), Owner()
        reader, member = log.reader(), log.member(group=name, instance="one", ownership=owner)
        await reader.assign({at: 2})
        await member.subscribe([name])
        with pytest.raises(LogUnavailable):
            await log.bounds([at])
        secret.clear()
        for source in (reader, member):
            with pytest.raises(LogUnavailable, match="Kafka has been away"):
                async with asyncio.timeout(40):
                    while True:
                        await source.take(10, 0.2)
        await kept_out(log, name, "user.crt")
        secret.append(right)
        await let_in(log, name)
        assert await log.bounds([at]) == {at: Bounds(0, 6)}
        assert [record.offset for record in await taken(reader, 4)] == [2, 3, 4, 5]
        assert [record.offset for record in await taken(member, 6)] == [0, 1, 2, 3, 4, 5]
        told = [record.getMessage() for record in caplog.records if "kafka auth" in record.getMessage()]
        assert told == ["kafka auth refused, what was read before counts", "kafka auth changed"]
    finally:
        await log.close()
        await other.close()


async def taken(source: Reader | Member, wanted: int) -> list[Record]:
    """As many records, through an outage that may not be over."""
    records: list[Record] = []
    async with asyncio.timeout(40):
        while len(records) < wanted:
            with contextlib.suppress(LogUnavailable):
                records += await source.take(wanted, 0.2)
    return records


@pytest.mark.parametrize("listener", ["SSL", "SASL_PLAINTEXT", "SASL_SSL"])
async def test_nobody_said_how_to_be_let_in(
    guarded_kafka: GuardedKafka, opened: Open, name: str, listener: str
) -> None:
    await kept_out(opened(listener, PLAINTEXT, patience=2.5), name, "as PLAINTEXT: ", "another protocol (TLS, SASL)?")


@pytest.mark.parametrize("listener", ["SSL", "SASL_PLAINTEXT", "SASL_SSL"])
async def test_whether_anything_answers_can_be_asked_of_any_listener(
    guarded_kafka: GuardedKafka, listener: str
) -> None:
    assert await reach.unanswered(guarded_kafka.at(listener)) == {}

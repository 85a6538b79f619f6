"""Claims read and written through a log; and the logs that Secrets open."""

import asyncio

import pytest

from tests import fake_time
from tradewind.adapters.memory_log import MemoryLog, MemoryStore
from tradewind.control import kafkas
from tradewind.control.claims import Owner
from tradewind.control.kafkas import Kafkas
from tradewind.control.owners import Owners
from tradewind.errors import ApiConflict, LogUnavailable
from tradewind.resources.kafka_auth import KafkaAuth, Protocol
from tradewind.resources.model import NamespacedName
from tradewind.topics import CLAIMS_TOPIC

B = NamespacedName("default", "b")
OURS, THEIRS = Owner("one", B, "u1"), Owner("two", B, "u2")


async def lives() -> None:
    """Confirms every Broker."""


async def claim(owners: Owners, wanted: Owner) -> Owner:
    """Whose the topic `t` is once this was claimed."""
    return (await owners.claim({"t": wanted}, there=[wanted.uid], confirm=lives))["t"]


async def test_what_one_installation_claims_the_other_knows() -> None:
    store = MemoryStore()
    ours, theirs = Owners(store.client()), Owners(store.client())
    assert await claim(ours, OURS) == OURS
    assert await claim(theirs, THEIRS) == OURS
    assert await claim(ours, OURS) == OURS
    assert len(store.records(CLAIMS_TOPIC)) == 1
    await theirs.release("t", THEIRS)  # which it never had
    assert len(store.records(CLAIMS_TOPIC)) == 1
    await ours.release("t", OURS)
    assert await claim(theirs, THEIRS) == THEIRS
    await ours.close()
    await theirs.close()


async def test_who_only_asks_makes_no_topic() -> None:
    store = MemoryStore()
    assert (await Owners(store.client()).found()).by_topic == {}
    assert CLAIMS_TOPIC not in store.topics
    await claim(Owners(store.client()), OURS)
    assert (await Owners(store.client()).found()).owner("t") == OURS


async def test_a_claim_that_timed_out_and_was_stored_is_not_written_again() -> None:
    log = MemoryLog()
    owners = Owners(log)
    await owners.look()
    log.held = True
    claiming = asyncio.ensure_future(claim(owners, OURS))
    while not log.store.records(CLAIMS_TOPIC):
        await asyncio.sleep(0)
    log.release(LogUnavailable("timed out"))
    with pytest.raises(LogUnavailable):
        await claiming
    log.held = False
    assert await claim(owners, OURS) == OURS
    assert len(log.store.records(CLAIMS_TOPIC)) == 1


async def test_claims_of_a_topic_that_was_made_again_are_read_anew() -> None:
    log = MemoryLog()
    owners = Owners(log)
    await claim(owners, OURS)
    log.store.recreate_topic(CLAIMS_TOPIC)
    assert (await owners.look()).owner("t") is None
    await Owners(log).claim({"s": THEIRS, "t": THEIRS}, there=["u2"], confirm=lives)  # as many as there were, and more
    assert await claim(owners, OURS) == THEIRS


async def test_who_cannot_have_the_first_claims_nothing_behind_it() -> None:
    log = MemoryLog()
    owners = Owners(log)
    await claim(owners, OURS)
    assert await owners.claim({"t": THEIRS, "t.dead-letters": THEIRS}, there=["u2"], confirm=lives) == {"t": OURS}
    assert (await owners.look()).owner("t.dead-letters") is None


async def test_nothing_is_claimed_for_a_broker_that_is_gone() -> None:
    log = MemoryLog()
    owners = Owners(log)

    async def gone() -> None:
        raise ApiConflict("gone")

    with pytest.raises(ApiConflict):
        await owners.claim({"t": OURS}, there=[], confirm=gone)
    assert (await owners.look()).by_topic == {}
    await claim(owners, OURS)
    assert await owners.claim({"t": OURS}, there=["u1"], confirm=gone) == {"t": OURS}  # nothing is to be written


async def test_a_kafka_that_is_away_is_no_answer() -> None:
    log = MemoryLog()
    owners = Owners(log)
    await claim(owners, OURS)
    log.down = True
    with pytest.raises(LogUnavailable):
        await owners.look()
    log.down = False
    assert (await owners.look()).owner("t") == OURS


class Closing(MemoryLog):
    """Says whether it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


def test_a_log_that_nobody_asked_for_in_a_while_is_closed() -> None:
    async def scenario() -> None:
        opened: list[Closing] = []

        def opens(_auth: KafkaAuth) -> Closing:
            opened.append(Closing())
            return opened[-1]

        own = Closing()
        logs = Kafkas(own, opens)
        first, second = KafkaAuth(protocol=Protocol.SASL_SSL, user="a"), KafkaAuth(protocol=Protocol.SASL_SSL, user="b")
        assert logs.of(None) is own
        assert logs.of(first) is logs.of(first) is opened[0]
        await asyncio.sleep(kafkas.IDLE)
        assert logs.of(second) is opened[1]
        await asyncio.sleep(1)
        await logs.tidy()
        assert [one.closed for one in opened] == [True, False]
        assert logs.of(first) is opened[2]
        await logs.close()
        assert [one.closed for one in opened] == [True, True, True]
        assert not own.closed

    fake_time.run(scenario)

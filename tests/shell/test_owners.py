"""Claims are read to their end before anything is decided, whatever became of their topic."""

import pytest

from tests.fake_time import run
from tradewind.adapters.memory_log import MemoryLog
from tradewind.control.claims import Owner
from tradewind.control.owners import Owners
from tradewind.errors import LogUnavailable
from tradewind.resources.model import NamespacedName
from tradewind.topics import CLAIMS_TOPIC

B = NamespacedName("default", "b")
OURS, THEIRS = Owner("one", B, "u1"), Owner("two", B, "u2")


def test_the_second_to_claim_is_told_of_the_first_until_that_lets_go() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        here, there = Owners(log), Owners(log.store.client())
        assert await here.claim("t", OURS, there=["u1"]) == OURS
        assert await there.claim("t", THEIRS, there=["u2"]) == OURS
        await here.release("t", OURS)
        assert await there.claim("t", THEIRS, there=["u2"]) == THEIRS
        assert await here.claim("t", OURS, there=["u1"]) == THEIRS

    run(scenario)


def test_who_only_asks_makes_no_topic() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        assert (await Owners(log).found()).by_topic == {}
        assert await log.topics([CLAIMS_TOPIC]) == {}

    run(scenario)


def test_a_topic_that_is_gone_is_made_again() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        owners = Owners(log)
        await owners.claim("t", OURS, there=["u1"])
        await log.delete_topics([CLAIMS_TOPIC])
        for _ in range(2):  # it is not there; then it is another
            with pytest.raises(LogUnavailable):
                await owners.look()
        assert await owners.claim("t", OURS, there=["u1"]) == OURS
        assert (await Owners(log).look()).owner("t") == OURS

    run(scenario)


def test_what_was_claimed_in_a_topic_that_was_made_again_counts_no_more() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        here, there = Owners(log), Owners(log.store.client())
        for topic in ("t", "s"):
            await here.claim(topic, OURS, there=["u1"])
        await log.delete_topics([CLAIMS_TOPIC])
        assert await there.claim("t", THEIRS, there=["u2"]) == THEIRS
        with pytest.raises(LogUnavailable):
            await here.look()
        assert (await here.look()).owner("t") == THEIRS

    run(scenario)

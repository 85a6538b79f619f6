"""The log in memory passes the suite, and its own hooks do what they say."""

import asyncio

import pytest

from tests.contracts.driving import Owner, take
from tests.contracts.event_log import EventLogContract
from tradewind.adapters.memory_group import shares
from tradewind.adapters.memory_log import MemoryLog, MemoryStore
from tradewind.errors import LogUnavailable, SlotTaken
from tradewind.ports import NewRecord, TopicPartition, TopicSpec


class MemoryCluster:
    """The suite's administrator for a MemoryStore."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def client(self) -> MemoryLog:
        return self.store.client()

    async def delete_records_before(self, at: TopicPartition, offset: int) -> None:
        self.store.delete_records_before(at, offset)

    async def recreate_topic(self, name: str) -> None:
        self.store.recreate_topic(name)

    async def add_partitions(self, topic: str, total: int) -> None:
        self.store.add_partitions(topic, total)

    async def add_hole(self, at: TopicPartition) -> None:
        for value in (b"superseded", None):
            self.store.append(NewRecord(at.topic, value, key=b"hole", partition=at.partition))
        self.store.compact(at.topic)


class TestMemoryLog(EventLogContract):
    """In milliseconds, at every save."""

    @pytest.fixture
    def cluster(self) -> MemoryCluster:
        return MemoryCluster()


async def prepared() -> tuple[MemoryLog, TopicPartition]:
    log = MemoryLog()
    await log.ensure_topics([TopicSpec("t", 1, None, {})])
    return log, TopicPartition("t", 0)


async def test_a_partition_without_a_leader_is_named_and_answers_nobody() -> None:
    log, at = await prepared()
    await log.append(NewRecord("t", b"x"))
    reader = log.reader()
    await reader.assign({at: 0})
    log.store.leaderless.add(at)
    assert (await log.topics(["t"]))["t"].leaderless == {0}
    with pytest.raises(LogUnavailable):
        await log.append(NewRecord("t", b"y"))
    with pytest.raises(LogUnavailable):
        await log.bounds([at])
    assert not await reader.take(1, 0.0)
    log.store.leaderless.clear()
    assert [record.value for record in await reader.take(1, 0.0)] == [b"x"]


async def test_down_is_unavailable_until_it_is_up_again() -> None:
    log, at = await prepared()
    reader = log.reader()
    await reader.assign({at: 0})
    log.down = True
    with pytest.raises(LogUnavailable):
        await log.append(NewRecord("t", b"x"))
    with pytest.raises(LogUnavailable):
        await reader.take(1, 0.0)
    with pytest.raises(LogUnavailable):
        await log.bounds([at])
    waiting = asyncio.create_task(reader.take(1, 30.0))
    await asyncio.sleep(0)
    log.down = False
    await log.append(NewRecord("t", b"y"))
    assert [record.value for record in await waiting] == [b"y"]


async def test_one_client_may_be_down_while_another_is_not() -> None:
    log, _ = await prepared()
    other = log.store.client()
    log.down = True
    assert (await other.append(NewRecord("t", b"x"))).offset == 0


async def test_held_appends_are_stored_but_not_acknowledged() -> None:
    log, at = await prepared()
    log.held = True
    first, second = asyncio.ensure_future(log.append(NewRecord("t", b"1"))), log.append(NewRecord("t", b"2"))
    reader = log.reader()
    await reader.assign({at: 0})
    assert len(await take(reader, 2)) == 2
    assert not first.done()
    log.release()
    assert (await first).offset == 0
    assert (await second).offset == 1
    lost = log.append(NewRecord("t", b"3"))
    log.release(LogUnavailable("gone"))
    with pytest.raises(LogUnavailable):
        await lost
    assert log.store.appended["t"] == 3


async def test_a_fenced_member_loses_all_joins_anew_and_next_time_ends() -> None:
    log, at = await prepared()
    owner = Owner()
    member = log.member(group="g", instance="a", ownership=owner)
    await member.subscribe(["t"])
    await member.take(1, 0.0)
    log.store.fence("g", "a")
    await member.take(1, 0.0)
    assert [what for _, what, _ in owner.diary] == ["assigned", "revoking", "revoked", "assigned"]
    assert owner.owned == {at}
    log.store.fence("g", "a")
    with pytest.raises(SlotTaken):
        await member.take(1, 0.0)
    assert owner.owned == set()


def test_compaction_keeps_the_newest_of_each_key() -> None:
    store = MemoryStore(clock=lambda: 5.0)
    store.make(TopicSpec("t", 1, None, {"cleanup.policy": "compact"}))
    for key, value in [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None), (None, b"kept")]:
        store.append(NewRecord("t", value, key=key))
    store.compact("t")
    assert [(r.offset, r.key, r.value, r.timestamp) for r in store.records("t")] == [
        (2, b"a", b"2", 5.0),
        (4, None, b"kept", 5.0),
    ]


def test_added_partitions_start_empty() -> None:
    store = MemoryStore()
    store.make(TopicSpec("t", 1, None, {}))
    store.add_partitions("t", 3)
    assert store.existing(["t", "missing"]) == [TopicPartition("t", index) for index in range(3)]


@pytest.mark.parametrize(
    ("amount", "owners", "expected"),
    [
        pytest.param(4, "----", "abab", id="nobody owns: in turns"),
        pytest.param(4, "aaaa", "aabb", id="one owns all: half stays"),
        pytest.param(5, "bbbbb", "bbbaa", id="the odd one stays"),
        pytest.param(3, "aab", "aab", id="balanced: all stay"),
        pytest.param(3, "-aa", "baa", id="a new one goes to whom has least"),
        pytest.param(2, "xx", "ab", id="an owner that left"),
    ],
)
def test_shares_are_fair_and_sticky(amount: int, owners: str, expected: str) -> None:
    partitions = [TopicPartition("t", index) for index in range(amount)]
    owned = {at: owner for at, owner in zip(partitions, owners, strict=True) if owner != "-"}
    wants = {"a": frozenset({"t"}), "b": frozenset({"t"})}
    assert "".join(shares(partitions, wants, owned)[at] for at in partitions) == expected

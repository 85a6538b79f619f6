"""What every EventLog must do.  One suite, several back ends: each subclasses it and provides a Cluster.

Nothing here waits for time to pass: a condition is awaited, with a deadline that only a fault reaches.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Protocol
from uuid import uuid4

import pytest

from tradewind.errors import LogRefused, LogUnavailable, PositionGone, SlotTaken, TopicMissing
from tradewind.ports import (
    Bounds,
    EventLog,
    Headers,
    Member,
    NewRecord,
    Position,
    Reader,
    Record,
    Retention,
    TopicPartition,
    TopicSpec,
)
from tradewind.topics import batch_bytes

DEADLINE = 40.0
"""Seconds that a condition may take: above a static member's session and Kafka's own delays."""


class Cluster(Protocol):
    """A back end as the suite needs it: clients, and what only an administrator does."""

    def client(self) -> EventLog:
        """Another process's log; closed after the test."""

    async def delete_records_before(self, at: TopicPartition, offset: int) -> None:
        """Retention takes every record below `offset`."""

    async def recreate_topic(self, name: str) -> None:
        """Delete a topic and make another of the same name."""

    async def add_partitions(self, topic: str, total: int) -> None:
        """Give a topic more partitions."""

    async def add_hole(self, at: TopicPartition) -> None:
        """Move the partition's end by records that no reader is given."""


class Owner:
    """An Ownership that starts everything at `start` and remembers what it was told, in a diary it may share."""

    def __init__(self, name: str = "", diary: list[tuple[str, str, TopicPartition]] | None = None) -> None:
        self.name = name
        self.diary = [] if diary is None else diary
        self.owned: set[TopicPartition] = set()
        self.start: dict[TopicPartition, int] = {}
        self.settlements: list[set[TopicPartition]] = []
        """What was owned at each time it was told that it is settled."""
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        if self.error is not None:
            raise self.error
        self.owned |= set(partitions)
        self.diary += [(self.name, "assigned", at) for at in partitions]
        return {at: self.start.get(at, 0) for at in partitions}

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.diary += [(self.name, "revoking", at) for at in partitions]
        async with asyncio.timeout(DEADLINE):
            await self.gate.wait()
        self.owned -= set(partitions)
        self.diary += [(self.name, "revoked", at) for at in partitions]

    async def settled(self) -> None:
        self.settlements.append(set(self.owned))


class Driven:
    """Members whose `take` is called again and again, each in a task of its own, as a dispatcher does."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.takes = 0
        self.stopped = False

    async def drive(self, member: Member) -> None:
        while not self.stopped:
            self.records += await member.take(100, 0.05)
            self.takes += 1


@asynccontextmanager
async def driving(*members: Member) -> AsyncIterator[Driven]:
    """Drive these members while the block runs; what their `take` raises ends the test."""
    driven = Driven()
    async with asyncio.TaskGroup() as tasks:
        for member in members:
            tasks.create_task(driven.drive(member))
        try:
            yield driven
        finally:
            driven.stopped = True


async def until(condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Let others run until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        await asyncio.sleep(0.005)


async def until_known(ask: Callable[[], Awaitable[object]], answer: object, seconds: float = 10.0) -> None:
    """Ask until the log knows what it is asked about, which Kafka tells its brokers one after the other."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            assert await ask() == answer
            return
        except LogUnavailable:
            assert time.monotonic() < deadline, "the log never came to know"
            await asyncio.sleep(0.05)


async def take(source: Reader | Member, wanted: int, wait: float = 10.0) -> list[Record]:
    """Take until there are as many records as wanted."""
    taken: list[Record] = []
    deadline = time.monotonic() + DEADLINE
    while len(taken) < wanted:
        assert time.monotonic() < deadline, f"only {len(taken)} of {wanted} records came"
        taken += await source.take(wanted - len(taken), wait)
    return taken


async def until_gone(source: Reader | Member) -> PositionGone:
    """Take until PositionGone; a record is a fault."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            assert not await source.take(10, 0.5)
        except PositionGone as gone:
            return gone
    raise AssertionError("PositionGone never came")


def values(records: Sequence[Record]) -> list[bytes | None]:
    return [record.value for record in records]


def numbered(topic: str, amount: int, partition: int = 0) -> list[NewRecord]:
    return [NewRecord(topic, b"%d" % number, partition=partition) for number in range(amount)]


async def append_all(log: EventLog, records: Sequence[NewRecord]) -> list[int]:
    waiting = [log.append(record) for record in records]
    return [(await one).offset for one in waiting]


def _place(record: Record) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


class EventLogContract:
    """The suite.  Subclasses provide the fixture `cluster`."""

    numbers = count()

    @pytest.fixture
    def log(self, cluster: Cluster) -> EventLog:
        return cluster.client()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        """A name that no other test uses, for topics and groups; long names would hide the difference."""
        return f"t{next(self.numbers)}-{time.time_ns() % 10**9}-{request.node.name[5:40]}"

    @pytest.fixture
    async def topic(self, log: EventLog, name: str) -> str:
        """A topic of one partition."""
        await log.ensure_topics([TopicSpec(name, 1, None, {})])
        return name

    @pytest.fixture
    async def wide(self, log: EventLog, name: str) -> list[TopicPartition]:
        """A topic of four partitions."""
        await log.ensure_topics([TopicSpec(f"{name}-wide", 4, None, {})])
        return [TopicPartition(f"{name}-wide", index) for index in range(4)]

    # ── append ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_appended_records_keep_their_order(self, log: EventLog, topic: str) -> None:
        offsets = await append_all(log, numbered(topic, 500))
        assert offsets == list(range(500))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        records = await take(reader, 500)
        assert values(records) == [b"%d" % number for number in range(500)]
        assert [record.offset for record in records] == offsets
        await reader.close()

    async def test_one_key_lies_in_one_partition(self, log: EventLog, wide: list[TopicPartition]) -> None:
        topic = wide[0].topic
        keys = [b"key-%d" % number for number in range(40)]
        first = [(await log.append(NewRecord(topic, b"", key=key))).partition for key in keys]
        again = [(await log.append(NewRecord(topic, b"", key=key))).partition for key in keys]
        assert first == again
        assert len(set(first)) > 1

    async def test_a_named_partition_is_obeyed(self, log: EventLog, wide: list[TopicPartition]) -> None:
        topic = wide[0].topic
        found = [(await log.append(NewRecord(topic, b"", key=b"same", partition=at.partition))) for at in wide]
        assert [position.partition for position in found] == [0, 1, 2, 3]

    async def test_a_record_comes_back_as_it_was(self, log: EventLog, topic: str) -> None:
        headers = [("ce_b", b"2"), ("ce_a", b"\xc3\xa9"), ("ce_b", b""), ("ce_b", b"1")]
        before = time.time()
        await log.append(NewRecord(topic, b"\x00data", headers, key=b"\xff"))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        (record,) = await take(reader, 1)
        assert record[:3] == (topic, 0, 0)
        assert (record.key, record.value, list(record.headers)) == (b"\xff", b"\x00data", headers)
        assert before - 60 < record.timestamp < time.time() + 60
        await reader.close()

    async def test_no_value_is_not_an_empty_value(self, log: EventLog, topic: str) -> None:
        await append_all(log, [NewRecord(topic, None, key=b"k"), NewRecord(topic, b"", key=b""), NewRecord(topic, b"")])
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        records = await take(reader, 3)
        assert [(r.key, r.value, len(r.headers)) for r in records] == [(b"k", None, 0), (b"", b"", 0), (None, b"", 0)]
        await reader.close()

    async def test_too_large_is_refused_and_harms_no_other(self, log: EventLog, name: str) -> None:
        topic = name
        await log.ensure_topics([TopicSpec(topic, 1, None, {"max.message.bytes": "1048588"})])
        around = [NewRecord(topic, b"before"), NewRecord(topic, bytes(1_100_000)), NewRecord(topic, b"after")]
        first, large, last = [self._outcome(log, record) for record in around]
        with pytest.raises(LogRefused):
            await large
        await first
        await last
        await log.append(NewRecord(topic, b"later"))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        assert sorted(map(bytes, filter(None, values(await take(reader, 3))))) == [b"after", b"before", b"later"]
        await reader.close()

    async def test_a_verdict_speaks_of_the_record_and_not_of_its_batch(self, log: EventLog, name: str) -> None:
        """A topic that takes less than a batch: what fits alone is stored, however it was batched."""
        await log.ensure_topics([TopicSpec(name, 1, None, {"max.message.bytes": "20000"})])
        waiting = [self._outcome(log, NewRecord(name, bytes(5000))) for _ in range(40)]
        refused = self._outcome(log, NewRecord(name, bytes(30_000)))
        for one in waiting:
            await one
        with pytest.raises(LogRefused):
            await refused

    async def test_how_much_a_topic_takes(self, log: EventLog, name: str) -> None:
        other = f"{name}-other"
        await log.ensure_topics(
            [TopicSpec(name, 1, None, {"max.message.bytes": "5000"}), TopicSpec(other, 1, None, {})]
        )
        asked = [name, other, f"{name}-missing"]
        found = await log.max_message_bytes(asked)
        assert sorted(found) == [name, other]
        assert found[name] == 5000 and found[other] >= 1_000_000  # Kafka's default, or the server's
        assert await log.max_message_bytes([]) == {}

    async def test_how_long_a_topic_keeps_records(self, log: EventLog, name: str) -> None:
        limits = {"retention.ms": "60000", "retention.bytes": "5000"}
        settings = {
            name: limits,
            f"{name}-both": {**limits, "cleanup.policy": "compact,delete"},
            f"{name}-for-ever": {"retention.ms": "-1", "retention.bytes": "-1"},
            f"{name}-compact": {**limits, "cleanup.policy": "compact"},
            f"{name}-default": {},
        }
        await log.ensure_topics([TopicSpec(each, 1, None, config) for each, config in settings.items()])
        limited, unlimited = Retention(60.0, 5000), Retention(None, None)
        assert await log.retention([*settings, f"{name}-missing"]) == {
            name: limited,
            f"{name}-both": limited,
            f"{name}-for-ever": unlimited,
            f"{name}-compact": unlimited,
            f"{name}-default": Retention(7 * 86400.0, None),
        }
        assert await log.retention([]) == {}

    async def test_a_record_is_as_large_as_is_said(self, log: EventLog, name: str) -> None:
        """To the byte: what is computed before anything is appended is what decides (`topics.batch_bytes`)."""
        limit = 20_000
        shapes: list[tuple[bytes | None, Headers]] = [
            (None, ()),
            (b"k" * 64, [("content-type", b"a/b")]),
            (b"", [("ce_" + "é" * 40, b"x" * 63), ("ce_e", b"x" * 64), ("x", b"")]),
            (None, [(f"ce_e{number}", b"%d" % number) for number in range(100)]),
        ]
        await log.ensure_topics([TopicSpec(name, 1, None, {"max.message.bytes": str(limit)})])
        for key, headers in shapes:
            around = [NewRecord(name, bytes(length), headers, key) for length in range(limit - 3000, limit)]
            sized = {batch_bytes(record): record for record in around}
            await log.append(sized[limit])
            with pytest.raises(LogRefused):
                await log.append(sized[limit + 1])

    @staticmethod
    def _outcome(log: EventLog, record: NewRecord) -> asyncio.Future[int]:
        """Append may raise at once or when awaited; this makes both the same."""

        async def outcome(waiting: Awaitable[object]) -> int:
            await waiting
            return 0

        try:
            return asyncio.ensure_future(outcome(log.append(record)))
        except (LogRefused, LogUnavailable) as error:
            failed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed

    async def test_an_unknown_topic_is_unavailable_and_named(self, log: EventLog, name: str) -> None:
        with pytest.raises(TopicMissing, match=name):
            await log.append(NewRecord(name, b"x"))

    async def test_whoever_produces_is_told_where_each_record_lies(self, log: EventLog, topic: str) -> None:
        told: list[object] = []
        for record in numbered(topic, 50):
            log.produce(record, told.append)
        assert told == []
        await until(lambda: len(told) == 50)
        assert told == [Position(0, number) for number in range(50)]

    async def test_whoever_produces_to_an_unknown_topic_is_told_so(self, log: EventLog, name: str) -> None:
        told: list[object] = []
        log.produce(NewRecord(name, b"x"), told.append)
        await until(lambda: bool(told))
        (error,) = told
        assert isinstance(error, TopicMissing) and name in str(error)

    async def test_a_waiter_that_gives_up_harms_no_other(self, log: EventLog, topic: str) -> None:
        async def append(number: int) -> int:
            return (await log.append(NewRecord(topic, b"%d" % number))).offset

        tasks = [asyncio.create_task(append(number)) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        found = [await task for task in tasks[1::2]]
        assert found == sorted(found)
        assert await append(20) == 20

    async def test_close_stores_what_was_appended(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        going = cluster.client()
        waiting = [going.append(record) for record in numbered(topic, 100)]
        await going.close()
        assert [(await one).offset for one in waiting] == list(range(100))
        assert (await log.bounds([TopicPartition(topic, 0)])) == {TopicPartition(topic, 0): Bounds(0, 100)}

    # ── topics ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_topics_are_made_once(self, log: EventLog, name: str) -> None:
        made = await log.ensure_topics([TopicSpec(name, 3, None, {"cleanup.policy": "compact"})])
        again = await log.ensure_topics([TopicSpec(name, 5, None, {}), TopicSpec(f"{name}-2", 1, 1, {})])
        assert again[name] == made[name]
        assert (made[name].name, made[name].partitions) == (name, 3)
        assert again[f"{name}-2"].id not in ("", made[name].id)
        assert (await log.append(NewRecord(f"{name}-2", b"at once"))).offset == 0

    async def test_several_may_make_a_topic_at_once(self, cluster: Cluster, name: str) -> None:
        logs = [cluster.client() for _ in range(3)]
        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(log.ensure_topics([TopicSpec(name, 2, None, {})])) for log in logs]
        assert len({task.result()[name] for task in made}) == 1

    async def test_a_topic_that_cannot_be_is_refused(self, log: EventLog, name: str) -> None:
        with pytest.raises(LogRefused, match=name):
            await log.ensure_topics([TopicSpec(name, 0, None, {})])

    async def test_topics_names_those_that_exist(self, log: EventLog, topic: str) -> None:
        found = await log.topics([topic, f"{topic}-missing"])
        assert list(found) == [topic]
        assert not found[topic].leaderless
        assert await log.topics([]) == {}

    async def test_an_id_may_stand_in_a_key(self, log: EventLog, name: str) -> None:
        """Keys of cursors and dead letters are cut at `/`, which Base64 has in three ids of ten."""
        made = await log.ensure_topics([TopicSpec(f"{name}-{number}", 1, None, {}) for number in range(20)])
        for topic in made.values():
            assert re.fullmatch("[A-Za-z0-9_-]+", topic.id)

    async def test_a_topic_made_again_has_another_id(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        before = await log.topics([topic])
        await cluster.recreate_topic(topic)
        after = await log.topics([topic])
        assert after[topic].id != before[topic].id
        assert after[topic].partitions == 1

    async def test_a_topic_tells_how_safe_its_records_are(self, log: EventLog, name: str) -> None:
        safe = TopicSpec(f"{name}-safe", 2, 1, {"min.insync.replicas": "2"})
        made = await log.ensure_topics([safe, TopicSpec(name, 1, 1, {})])
        assert (made[name].replication, made[safe.name].replication) == (1, 1)
        assert await log.min_insync_replicas([name, safe.name, f"{name}-missing"]) == {name: 1, safe.name: 2}

    async def test_a_deleted_topic_is_gone_with_its_records(self, log: EventLog, topic: str, name: str) -> None:
        await log.ensure_topics([TopicSpec(f"{name}-kept", 1, None, {})])
        await append_all(log, numbered(topic, 3))
        before = (await log.topics([topic]))[topic].id
        await log.delete_topics([topic])
        assert list(await log.topics([topic, f"{name}-kept"])) == [f"{name}-kept"]
        made = await log.ensure_topics([TopicSpec(topic, 2, None, {})])
        assert (made[topic].partitions, made[topic].id != before) == (2, True)
        assert (await log.append(NewRecord(topic, b"new", partition=0))).offset == 0

    async def test_deleting_what_is_not_there_is_no_fault(self, log: EventLog, topic: str) -> None:
        await log.delete_topics([])
        await log.delete_topics([f"{topic}-missing", topic])
        await log.delete_topics([topic])
        assert await log.topics([topic]) == {}

    async def test_bounds_move(self, cluster: Cluster, log: EventLog, wide: list[TopicPartition]) -> None:
        assert await log.bounds([]) == {}
        await append_all(log, numbered(wide[0].topic, 7, partition=1))
        await cluster.delete_records_before(wide[1], 3)
        assert await log.bounds(wide[:2]) == {wide[0]: Bounds(0, 0), wide[1]: Bounds(3, 7)}

    async def test_a_partition_that_was_added_is_known_at_once(
        self, cluster: Cluster, log: EventLog, topic: str
    ) -> None:
        """To whoever asked about the others, and read them, before."""
        old, added = TopicPartition(topic, 0), TopicPartition(topic, 1)
        await append_all(log, numbered(topic, 3))
        reader = log.reader()
        await reader.assign({old: 0})
        assert len(await take(reader, 3)) == 3
        assert await log.bounds([old]) == {old: Bounds(0, 3)}
        assert await log.offset_at(old, 0.0) == 0
        await cluster.add_partitions(topic, 2)
        await until_known(lambda: log.bounds([old, added]), {old: Bounds(0, 3), added: Bounds(0, 0)})
        await until_known(lambda: log.offset_at(added, 0.0), 0)
        await until_known(lambda: log.append(NewRecord(topic, b"new", partition=1)), Position(1, 0))
        await reader.assign({added: 0})
        assert values(await take(reader, 1)) == [b"new"]
        await reader.close()

    async def test_an_offset_by_its_time(self, log: EventLog, topic: str) -> None:
        at, reader = TopicPartition(topic, 0), log.reader()
        assert await log.offset_at(at, time.time()) == 0
        await log.append(NewRecord(topic, b"old"))
        appended = time.time()
        await until(lambda: time.time() > appended + 0.002)  # records know milliseconds
        await append_all(log, numbered(topic, 2))
        await reader.assign({at: 0})
        records = await take(reader, 3)
        await reader.close()
        assert await log.offset_at(at, records[0].timestamp) == 0
        assert await log.offset_at(at, records[1].timestamp) == 1
        assert await log.offset_at(at, records[2].timestamp + 60) == 3
        for early in (-0.001, -0.003, -1.0, -62_135_596_800.0):  # Kafka has meanings of its own for these, or none
            assert await log.offset_at(at, early) == 0
        with pytest.raises(LogUnavailable):
            await log.offset_at(TopicPartition(f"{topic}-missing", 0), 0.0)

    async def test_bounds_of_nothing_are_unavailable(self, log: EventLog, name: str) -> None:
        with pytest.raises(LogUnavailable, match=name):
            await log.bounds([TopicPartition(name, 0)])

    async def test_the_members_of_a_group_are_known_by_their_slots(self, log: EventLog, name: str, topic: str) -> None:
        assert await log.members(name) == set()
        member = log.member(group=name, instance="a", ownership=(owner := Owner()))
        await member.subscribe([topic])
        async with driving(member):
            await until(lambda: bool(owner.owned))
            assert await log.members(name) == {"a"}
        await member.close()

    async def test_a_member_commits_what_its_group_keeps(
        self, log: EventLog, cluster: Cluster, name: str, wide: list[TopicPartition]
    ) -> None:
        """Also while it is told that it loses partitions: that is the last moment."""

        class Committing(Owner):
            async def revoked(self, partitions: Collection[TopicPartition]) -> None:
                with suppress(LogUnavailable):  # the group may have gone on meanwhile
                    await member.commit(dict.fromkeys(partitions, 9))
                    kept.update(partitions)
                await super().revoked(partitions)

        kept: set[TopicPartition] = set()

        async def committed() -> bool:
            await member.commit({wide[0]: 5})
            return True

        owner = Committing()
        member = log.member(group=name, instance="one", ownership=owner)
        with pytest.raises(LogUnavailable):
            await member.commit({wide[0]: 1})
        async with driving(member):
            await member.subscribe([wide[0].topic])
            await until(lambda: owner.owned == set(wide))
            await member.commit({})
            await until_known(committed, True)
            assert await log.group_offsets(name, wide) == {wide[0]: 5}
            other = cluster.client().member(group=name, instance="two", ownership=(second := Owner()))
            async with driving(other):
                await other.subscribe([wide[0].topic])
                await until(lambda: len(second.owned) == len(owner.owned) == 2)
            await other.close()
        await member.close()
        held = await log.group_offsets(name, wide)
        assert kept
        assert {at: held.get(at) for at in kept} == dict.fromkeys(kept, 9)

    async def test_a_commit_is_answered_that_comes_while_an_assignment_ends(
        self, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        """Each is asked for by a task that the Ownership leaves behind: whoever serves commits while it is told may
        have looked for the last time."""
        commits: list[asyncio.Task[None]] = []

        class Leaving(Owner):
            async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
                await asyncio.to_thread(int)  # other threads come to run
                commits.append(asyncio.create_task(member.commit(dict.fromkeys(partitions, 3))))
                return await super().assigned(partitions)

        member = log.member(group=name, instance="one", ownership=(owner := Leaving()))
        async with driving(member):
            await member.subscribe([wide[0].topic])
            await until(lambda: owner.owned == set(wide))
            await until(lambda: all(each.done() for each in commits))
        await member.close()
        with suppress(LogUnavailable):  # an answer, too: the rebalance may not be over
            await asyncio.gather(*commits)

    async def test_a_member_without_room_takes_part_in_its_group(
        self, log: EventLog, cluster: Cluster, name: str, wide: list[TopicPartition]
    ) -> None:
        """It takes nothing, gives up what others are to have, and loses no record by that."""
        first, second = Owner("first"), Owner("second")
        member = log.member(group=name, instance="one", ownership=first)
        other = cluster.client().member(group=name, instance="two", ownership=second)
        await member.subscribe([wide[0].topic])
        async with asyncio.timeout(DEADLINE):
            while first.owned != set(wide):
                await member.attend(0.05)
        await append_all(log, [one for at in wide for one in numbered(at.topic, 20, at.partition)])
        records = await take(member, 10)
        async with driving(other) as driven:
            await other.subscribe([wide[0].topic])
            async with asyncio.timeout(DEADLINE):
                while len(first.owned) + len(second.owned) != len(wide) or not second.owned:
                    await member.attend(0.05)
            kept = first.owned
            had = {(one.partition, one.offset) for one in records}
            async with asyncio.timeout(DEADLINE):
                while sum(at in kept for at in map(_place, records)) < 20 * len(kept):
                    records += await member.take(100, 0.1)
            ours = [(one.partition, one.offset) for one in records if _place(one) in kept]
            assert sorted(ours) == [(at.partition, offset) for at in sorted(kept) for offset in range(20)]
            assert len(had) == 10
            await until(lambda: len(driven.records) == 20 * len(second.owned))
        await member.close()
        await other.close()

    async def test_mirrored_offsets_can_be_read(self, log: EventLog, name: str, wide: list[TopicPartition]) -> None:
        await append_all(log, numbered(wide[0].topic, 5, partition=0))
        assert await log.group_offsets(name, wide) == {}
        assert name not in await log.groups()
        assert await log.mirror(name, {wide[0]: 3, wide[1]: 0}) == {}
        assert await log.group_offsets(name, wide) == {wide[0]: 3, wide[1]: 0}
        assert name in await log.groups()
        assert await log.mirror(name, {wide[0]: 5}) == {}
        assert await log.group_offsets(name, [wide[0]]) == {wide[0]: 5}
        assert await log.mirror(name, {}) == {}

    async def test_a_mirror_into_a_group_with_members_is_refused(
        self, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        owner = Owner()
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([wide[0].topic])
        async with driving(member):
            await until(lambda: len(owner.owned) == 4)
            refused = await log.mirror(name, {wide[0]: 0})
            assert list(refused) == [wide[0]]
            assert refused[wide[0]]
        await member.close()

    # ── reader ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_reader_starts_where_it_is_told(self, log: EventLog, wide: list[TopicPartition]) -> None:
        for at in wide[:3]:
            await append_all(log, numbered(at.topic, 5, at.partition))
        reader = log.reader()
        await reader.assign({wide[0]: 3, wide[1]: 5, wide[2]: 0})
        records = await take(reader, 7)
        by_partition = {at: [r.offset for r in records if r.partition == at.partition] for at in wide}
        assert by_partition == {wide[0]: [3, 4], wide[1]: [], wide[2]: [0, 1, 2, 3, 4], wide[3]: []}
        assert [reader.position(at) for at in wide[:3]] == [5, 5, 5]
        await reader.close()

    async def test_a_new_assignment_forgets_the_old(self, log: EventLog, wide: list[TopicPartition]) -> None:
        for at in wide[:2]:
            await append_all(log, numbered(at.topic, 50, at.partition))
        reader = log.reader()
        await reader.assign({wide[0]: 0})
        assert len(await reader.take(3, 10.0)) <= 3
        await reader.assign({wide[1]: 48})
        assert [(r.partition, r.offset) for r in await take(reader, 2)] == [(1, 48), (1, 49)]
        assert not await reader.take(10, 0.2)
        await reader.assign({wide[0]: 48, wide[1]: 50})
        assert [(r.partition, r.offset) for r in await take(reader, 2)] == [(0, 48), (0, 49)]
        await reader.assign({})
        assert not await reader.take(10, 0.05)
        await reader.close()

    async def test_take_gives_at_most_what_was_asked(self, log: EventLog, topic: str) -> None:
        await append_all(log, numbered(topic, 10))
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        taken = 0
        while taken < 10:
            records = await reader.take(3, 10.0)
            assert 1 <= len(records) <= 3
            taken += len(records)
            assert reader.position(TopicPartition(topic, 0)) == taken
        await reader.close()

    async def test_take_waits_no_longer_than_asked(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        async with asyncio.timeout(DEADLINE):
            assert not await reader.take(10, 0.2)
        await reader.close()

    async def test_take_ends_with_the_first_record(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        assert not await reader.take(10, 0.05)
        waiting = asyncio.create_task(reader.take(10, 10 * DEADLINE))
        gave_up, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not gave_up
        await log.append(NewRecord(topic, b"now"))
        async with asyncio.timeout(DEADLINE):
            assert values(await waiting) == [b"now"]
        await reader.close()

    async def test_a_take_that_is_given_up_loses_nothing(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        waiting = asyncio.create_task(reader.take(10, 3.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await append_all(log, numbered(topic, 5))
        assert [r.offset for r in await take(reader, 5)] == [0, 1, 2, 3, 4]
        await reader.close()

    async def test_holes_are_passed(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await log.append(NewRecord(topic, b"before"))
        await cluster.add_hole(at)
        middle = (await log.append(NewRecord(topic, b"between"))).offset
        assert middle > 1
        await cluster.add_hole(at)
        end = (await log.bounds([at]))[at].end
        assert end > middle + 1
        reader = log.reader()
        await reader.assign({at: 0})
        assert values(await take(reader, 2)) == [b"before", b"between"]
        deadline = time.monotonic() + DEADLINE
        while reader.position(at) != end:
            assert time.monotonic() < deadline, f"position stays at {reader.position(at)} of {end}"
            assert not await reader.take(10, 0.05)
        await reader.close()

    async def test_a_position_below_the_start_is_gone(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await append_all(log, numbered(topic, 5))
        await cluster.delete_records_before(at, 3)
        reader = log.reader()
        await reader.assign({at: 1})
        gone = await until_gone(reader)
        assert (gone.topic, gone.partition, gone.offset) == (topic, 0, 1)
        await reader.assign({at: 3})
        assert [r.offset for r in await take(reader, 2)] == [3, 4]
        await reader.close()

    async def test_a_position_beyond_the_end_is_gone(self, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await append_all(log, numbered(topic, 5))
        reader = log.reader()
        await reader.assign({at: 9})
        assert (await until_gone(reader)).offset == 9
        assert (await until_gone(reader)).offset == 9
        await reader.assign({at: 4})
        assert [r.offset for r in await take(reader, 1)] == [4]
        await reader.close()

    async def test_a_position_in_a_topic_made_again_is_gone(self, cluster: Cluster, log: EventLog, topic: str) -> None:
        at = TopicPartition(topic, 0)
        await append_all(log, numbered(topic, 5))
        reader = log.reader()
        await reader.assign({at: 0})
        await take(reader, 5)
        await cluster.recreate_topic(topic)
        assert (await log.append(NewRecord(topic, b"new"))).offset == 0
        assert (await until_gone(reader)).offset == 5
        await reader.assign({at: 0})
        assert values(await take(reader, 1)) == [b"new"]
        await reader.close()

    async def test_taking_from_a_closed_reader_is_a_fault(self, log: EventLog, topic: str) -> None:
        reader = log.reader()
        await reader.assign({TopicPartition(topic, 0): 0})
        await reader.close()
        await reader.close()
        with pytest.raises(RuntimeError):
            await reader.take(1, 0.0)

    # ── member ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_one_member_owns_everything_from_where_it_says(
        self, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        for at in wide:
            await append_all(log, numbered(at.topic, 5, at.partition))
        owner = Owner()
        owner.start = {wide[0]: 4, wide[1]: 5, wide[2]: 2}
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([wide[0].topic])
        records = await take(member, 9)
        assert owner.owned == set(wide)
        assert sorted((r.partition, r.offset) for r in records) == [
            (0, 4), (2, 2), (2, 3), (2, 4), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4),
        ]  # fmt: skip
        assert [member.position(at) for at in wide] == [5, 5, 5, 5]
        await member.close()
        assert owner.owned == set()

    async def test_members_share_and_leaving_hands_over(
        self, cluster: Cluster, name: str, wide: list[TopicPartition]
    ) -> None:
        diary: list[tuple[str, str, TopicPartition]] = []
        one, two = Owner("one", diary), Owner("two", diary)
        log = cluster.client()
        first = log.member(group=name, instance="one", ownership=one)
        second = cluster.client().member(group=name, instance="two", ownership=two)
        await first.subscribe([wide[0].topic])
        async with driving(first) as driven:
            await until(lambda: len(one.owned) == 4)
            one.gate.clear()
            await second.subscribe([wide[0].topic])
            async with driving(second) as others:
                await until(lambda: any(entry[1] == "revoking" for entry in diary))
                taken = others.takes
                await until(lambda: others.takes > taken + 3)
                moving = {at for _, what, at in diary if what == "revoking"}
                assert not two.owned & moving, "assigned before the revocation had ended"
                one.gate.set()
                await until(lambda: len(two.owned) == 2 and len(one.owned) == 2)
                assert one.owned | two.owned == set(wide)
                assert len(moving) == 2, "more was taken away than had to be"
                for at in wide:
                    await log.append(NewRecord(at.topic, b"shared", partition=at.partition))
                await until(lambda: len(driven.records) + len(others.records) == 4)
                assert {TopicPartition(r.topic, r.partition) for r in others.records} == two.owned
            await second.close()
            assert two.owned == set()
            await until(lambda: one.owned == set(wide))
        await first.close()

    async def test_a_slot_that_returns_with_other_topics_owns_these(self, log: EventLog) -> None:
        old, kept, new, later = [f"returns-{uuid4().hex[:8]}" for _ in range(4)]
        await log.ensure_topics([TopicSpec(name, 2, None, {}) for name in (old, kept, new, later)])
        group = f"group-{uuid4().hex[:8]}"
        before, after = Owner(), Owner()
        member = log.member(group=group, instance="a", ownership=before)
        await member.subscribe([old, kept])
        async with driving(member):
            await until(lambda: {at.topic for at in before.owned} == {old, kept})
        await member.close()
        member = log.member(group=group, instance="a", ownership=after)
        await member.subscribe([kept, new])
        async with driving(member):
            await until(lambda: {at.topic for at in after.owned} == {kept, new} and len(after.owned) == 4)
            await until(lambda: after.settlements == [after.owned])
            await member.subscribe([kept, new, later])
            await until(lambda: {at.topic for at in after.owned} == {kept, new, later} and len(after.owned) == 6)
            await member.subscribe([later])
            await until(lambda: {at.topic for at in after.owned} == {later})
        assert old not in {at.topic for _, _, at in after.diary}
        await member.close()

    async def test_it_settles_though_there_is_nothing_for_it(self, log: EventLog, name: str, topic: str) -> None:
        """Without a subscription to anything, with one to what others own, and to what is not there."""
        one, two = Owner("one"), Owner("two")
        first, second = (log.member(group=name, instance=owner.name, ownership=owner) for owner in (one, two))
        await first.subscribe([topic])
        async with driving(first):
            await until(lambda: one.settlements == [{TopicPartition(topic, 0)}])
            await second.subscribe([])
            async with driving(second):
                for number, topics in enumerate([[topic], [topic, f"{name}-missing"]], start=1):
                    await until(lambda: len(two.settlements) == number)  # noqa: B023
                    await second.subscribe(topics)
                await until(lambda: len(two.settlements) == 3)
            await second.close()
        assert two.settlements == [set()] * 3
        assert one.owned == {TopicPartition(topic, 0)}
        await first.close()

    async def test_another_topic_takes_nothing_away(
        self, log: EventLog, name: str, topic: str, wide: list[TopicPartition]
    ) -> None:
        """The second topic appears only after it has been subscribed to."""
        owner = Owner()
        later = f"{name}-later"
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([topic])
        async with driving(member) as driven:
            await until(lambda: owner.owned == {TopicPartition(topic, 0)})
            await member.subscribe([topic, later])
            taken = driven.takes
            await until(lambda: driven.takes > taken + 3)
            await log.ensure_topics([TopicSpec(later, 2, None, {})])
            await until(lambda: len(owner.owned) == 3, seconds=10)
            assert not [entry for entry in owner.diary if entry[1] == "revoked"]
            await log.append(NewRecord(later, b"x", partition=1))
            await log.append(NewRecord(topic, b"y"))
            await until(lambda: len(driven.records) == 2)
            await member.subscribe([later])
            await until(lambda: owner.owned == {TopicPartition(later, 0), TopicPartition(later, 1)})
        await member.close()

    async def test_a_member_goes_on_where_it_seeks(
        self, cluster: Cluster, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        for at in wide:
            await append_all(log, numbered(at.topic, 5, at.partition))
        await cluster.delete_records_before(wide[2], 3)
        owner = Owner()
        owner.start = {wide[0]: 5, wide[1]: 5, wide[2]: 1, wide[3]: 5}
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([wide[0].topic])
        gone = await until_gone(member)
        assert (gone.topic, gone.partition, gone.offset) == (*wide[2], 1)
        await member.seek(wide[2], 3)
        assert [(r.partition, r.offset) for r in await take(member, 2)] == [(2, 3), (2, 4)]
        await member.close()

    async def test_a_member_that_joins_anew_gives_all_up_and_gets_it_back(
        self, log: EventLog, name: str, topic: str
    ) -> None:
        await append_all(log, numbered(topic, 3))
        owner, at = Owner(), TopicPartition(topic, 0)
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([topic])
        assert len(await take(member, 3)) == 3
        await member.rejoin()
        assert [what for _, what, _ in owner.diary] == ["assigned", "revoking", "revoked"]
        owner.start = {at: 1}
        assert values(await take(member, 2)) == [b"1", b"2"]
        assert owner.owned == {at}
        await member.rejoin()
        await member.rejoin()
        assert len(await take(member, 2)) == 2
        await member.close()

    async def test_one_slot_holds_one_member(self, cluster: Cluster, name: str, topic: str) -> None:
        """Two processes under one `group.instance.id` fence each other; one ends, the other keeps the slot."""
        owners = Owner("one"), Owner("two")
        members = [cluster.client().member(group=name, instance="same", ownership=owner) for owner in owners]
        ended: list[int] = []

        async def drive(number: int) -> None:
            await members[number].subscribe([topic])
            while not ended:
                try:
                    await members[number].take(10, 0.05)
                except SlotTaken:
                    ended.append(number)

        async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
            tasks.create_task(drive(0))
            await until(lambda: bool(owners[0].owned))
            tasks.create_task(drive(1))
        loser, keeper = ended[0], 1 - ended[0]
        assert owners[loser].owned == set()
        assert members[loser].fenced > 0
        async with driving(members[keeper]):
            await until(lambda: owners[keeper].owned == {TopicPartition(topic, 0)})
        for member in members:
            await member.close()

    async def test_what_an_ownership_raises_comes_out_of_take(self, log: EventLog, name: str, topic: str) -> None:
        owner = Owner()
        owner.error = ValueError("no cursor")
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([topic])
        with pytest.raises(ValueError, match="no cursor"):
            await take(member, 1, wait=0.5)
        owner.error = None
        async with driving(member):
            await until(lambda: owner.owned == {TopicPartition(topic, 0)})
        await member.close()

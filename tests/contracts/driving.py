"""What the contract of an EventLog is driven with.

Nothing here waits for time to pass: a condition is awaited, with a deadline that only a fault reaches.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import (
    EventLog,
    Member,
    NewRecord,
    Reader,
    Record,
    TopicPartition,
)

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

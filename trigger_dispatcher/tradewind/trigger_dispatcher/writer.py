"""Writes an owned partition's state to the cursors topic, in the three rounds that the laws ask for."""

import asyncio
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import (
    GENERAL,
    ForceRecord,
    PartitionId,
    cursor_partition,
    encode,
    force_key,
)
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.leftovers import Leftover
from tradewind.trigger_dispatcher.ownership import OwnedPartition, Pending

T = TypeVar("T")

AT_ONCE = 100
"""Records of a partition that are on their way to Kafka at once: each takes some 2 KB until it is there, and with
thousands of Triggers all of them change in the same second."""


class Writer:
    """One for each process: every cursor goes through it."""

    def __init__(self, edges: Edges, partitions: int) -> None:
        self._edges = edges
        self.partitions = partitions
        """How many the cursors topic has."""
        self._busy: dict[OwnedPartition, asyncio.Lock] = {}
        self._failing = False
        """The last round was not all stored; it is said once for each outage."""

    def name(self) -> str:
        """A new owner's name, never used before."""
        return f"{self._edges.settings.slot}:{uuid.uuid4().hex[:16]}"

    def partition_of(self, partition: PartitionId) -> int:
        """Where the state of this partition lies in the cursors topic."""
        return cursor_partition(partition, self.partitions)

    async def flush(self, owned: OwnedPartition) -> bool:
        """Write what changed; whether all of it is stored.  What is not will be written again under a new name."""
        async with self._busy.setdefault(owned, asyncio.Lock()):
            return (
                await self._round(owned, owned.retries())
                and await self._round(owned, owned.cursors())
                and await self._round(owned, filter(None, [owned.reader(now=self._edges.clock())]))
            )

    async def pinned(self, owned: OwnedPartition, triggers: Iterable[NamespacedName]) -> None:
        """Store the cursors of Triggers now, and only then return.  Raises LogRefused."""
        async with self._busy.setdefault(owned, asyncio.Lock()):
            for some in _parts(triggers):
                async with asyncio.TaskGroup() as writes:
                    pins = [writes.create_task(self._pin(owned, owned.cursor(trigger))) for trigger in some]
                for refused in filter(None, (pin.result() for pin in pins)):
                    raise refused  # by itself, as whoever asks expects it: a TaskGroup would make a group of it

    async def removed(self, owned: OwnedPartition, leftover: Leftover) -> bool:
        """Write the tombstones of what is left over, and whether all are stored; what is not comes up again."""
        async with self._busy.setdefault(owned, asyncio.Lock()):
            if leftover.trigger is not None:
                owned.ledgers.pop(leftover.trigger, None)
            return await self.swept(leftover)

    async def swept(self, leftover: Leftover) -> bool:
        """As `removed`, of a partition that is nobody's."""
        topic, partition = self._edges.settings.cursors_topic, self.partition_of(leftover.partition)
        for keys in (leftover.first, leftover.last):
            writes = [self._append(NewRecord(topic, None, (), key, partition)) for key in keys]
            failures = [failure for failure in await asyncio.gather(*writes) if failure is not None]
            if failures:
                log.debug("cursors are not removed yet", partition=leftover.partition, error=failures[0])
                return False
        return True

    async def left(self, member: str, record: ForceRecord) -> bool:
        """Write what is left of what a member that is gone has in force, and whether it is stored."""
        topic, value = self._edges.settings.cursors_topic, encode(record) if record.triggers else None
        failure = await self._append(NewRecord(topic, value, (), force_key(member), GENERAL))
        if failure is not None:
            log.debug("what a dispatcher had in force is not removed yet", slot=member, error=failure)
        return failure is None

    def forget(self, owned: OwnedPartition) -> None:
        """The partition is another's."""
        self._busy.pop(owned, None)

    async def _round(self, owned: OwnedPartition, pending: Iterable[Pending]) -> bool:
        failures: list[Exception] = []
        for part in _parts(pending):
            if any(isinstance(failure, LogUnavailable) for failure in failures):  # none of these would be stored either
                for one in part:
                    owned.failed(one)
                continue
            writes = [(one, asyncio.ensure_future(self._write(owned, one))) for one in part]
            for one, write in writes:
                failure = await write
                if failure is None:
                    owned.acknowledged(one)
                else:
                    owned.failed(one)
                    failures.append(failure)
        if failures:
            refused = any(isinstance(failure, LogRefused) for failure in failures)
            told = log.error if refused else log.debug if self._failing else log.warning
            told("cursors are not written, they will be again", topic=owned.topic, error=failures[0])
            owned.renew(self.name())
            self._edges.counts.cursor_failures += 1
        self._failing = bool(failures)
        return not failures

    async def _pin(self, owned: OwnedPartition, pending: Pending) -> LogRefused | None:
        try:
            await self._edges.stored(self._record(owned, pending))
        except LogRefused as refused:
            owned.failed(pending)
            return refused
        return None

    async def _write(self, owned: OwnedPartition, pending: Pending) -> Exception | None:
        return await self._append(self._record(owned, pending))

    async def _append(self, record: NewRecord) -> Exception | None:
        try:
            await self._edges.log.append(record)
        except (LogUnavailable, LogRefused) as failed:
            return failed
        return None

    def _record(self, owned: OwnedPartition, pending: Pending) -> NewRecord:
        topic = self._edges.settings.cursors_topic
        return NewRecord(topic, pending.value, (), pending.key, self.partition_of(owned.identity))


def _parts(records: Iterable[T]) -> Iterator[list[T]]:
    left = iter(records)
    while part := list(islice(left, AT_ONCE)):
        yield part

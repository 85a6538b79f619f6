"""The shared reader: takes each record of the owned partitions once, for all Triggers (DESIGN §5).

record ──► event ──► index ──► attached Triggers that match ──► owed, and offered to the Trigger's Worker
                                                   └── no room: the Trigger detaches and catches up later
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from tradewind.errors import LogRefused, LogUnavailable, PositionGone
from tradewind.ports import Member, Record, TopicPartition
from tradewind.topics import batch_bytes
from tradewind.trigger_dispatcher import letters
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster, place

BATCH = 500
WAIT = 0.5

HOLES = 1.0
"""Seconds between looks at how far the partitions are read: transaction markers at their ends are no records."""

MOST_KEEPING = 100
"""Records that are no events, on their way to the dead letters, above which reading waits for them."""


class SharedReader:
    """Drives the group's Member and feeds what it takes to the Triggers."""

    def __init__(
        self,
        edges: Edges,
        roster: Roster,
        *,
        tasks: asyncio.TaskGroup,
        truncated: Callable[[OwnedPartition], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        self._edges = edges
        self._roster = roster
        self._tasks = tasks
        self._truncated = truncated
        self._wake = wake
        self._keeping: set[asyncio.Task[None]] = set()
        self._passed = 0.0

    async def run(self, member: Member) -> None:
        """Take until cancelled."""
        try:
            await self._take(member)
        finally:
            for task in self._keeping:
                task.cancel()

    async def _take(self, member: Member) -> None:
        while True:
            try:
                await self._step(member)
            except (LogUnavailable, LogRefused, TimeoutError) as failed:  # the last two: what taking over met with
                log.warning("reading waits for Kafka", error=failed)
                await asyncio.sleep(WAIT)

    async def _step(self, member: Member) -> None:
        if not self._edges.here():
            await self._return(member)
        try:
            records = await member.take(BATCH, WAIT)
        except PositionGone as gone:
            await self._reposition(member, TopicPartition(gone.topic, gone.partition))
        else:
            if not self._edges.here():
                return  # these may be another's: they come again, to whoever owns them
            self.take_in(records)
            self._pass_holes(member)
            while len(self._keeping) >= MOST_KEEPING:
                await asyncio.wait(self._keeping, return_when=asyncio.FIRST_COMPLETED)

    async def _return(self, member: Member) -> None:
        """Give up everything, and join anew: what is ours still comes back at once."""
        log.warning("this process was away for a while, and joins its group anew")
        await member.rejoin()
        self._edges.presence.back(self._edges.elapsed())

    def take_in(self, records: Iterable[Record]) -> None:
        """Owe each record to the attached Triggers that it matches."""
        for record in records:
            partition = self._roster.owned(TopicPartition(record.topic, record.partition))
            if partition is None or record.offset < partition.position:
                continue
            if partition.weights is not None:
                partition.weights.add(record.offset, batch_bytes(record))
            event = self._roster.decode(record)
            if event is None:
                self._keep(partition, record)
            else:
                for name in self._roster.match(record, event):
                    ledger = partition.ledgers.get(name)
                    if ledger is None or not ledger.attached:
                        continue
                    worker = self._roster.worker(name)
                    if owed := partition.match(name, record.offset, room=worker.has_room(partition)):
                        worker.offer(partition, owed, event)
                    elif not ledger.attached:
                        self._wake()
            partition.position = record.offset + 1

    def _pass_holes(self, member: Member) -> None:
        """Every record that was taken is in: where the member stands further on, there is nothing in between."""
        now = asyncio.get_running_loop().time()
        if now < self._passed + HOLES:
            return
        self._passed = now
        for partition in self._roster.partitions():
            with contextlib.suppress(KeyError):  # it is being taken over or given up
                partition.position = max(partition.position, member.position(place(partition)))

    def _keep(self, partition: OwnedPartition, record: Record) -> None:
        """A record that is no event: the reader's record stays below it until the dead-letter topic has it."""
        partition.unreadable.add(record.offset)
        task = self._tasks.create_task(self._bury(partition, record))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _bury(self, partition: OwnedPartition, record: Record) -> None:
        log.warning("record is no event", topic=record.topic, partition=record.partition, offset=record.offset)
        topic = next(
            (b.dead_letter_topic for b in self._roster.plan.brokers.values() if b.topic.name == record.topic), ""
        )
        if topic:
            await self._edges.kept(letters.of_record(topic, partition.identity, record, "not a CloudEvent"))
        partition.unreadable.discard(record.offset)

    async def _reposition(self, member: Member, where: TopicPartition) -> None:
        partition = self._roster.owned(where)
        if partition is None:  # it is being taken over or given up
            await asyncio.sleep(WAIT)
            return
        await self._truncated(partition)
        await member.seek(place(partition), partition.position)

"""The shared reader: takes each record of the owned partitions once, for all Triggers (DESIGN §5).

record ──► event ──► index ──► attached Triggers that match ──► owed, and offered to the Trigger's Worker
                                                   └── no room: the Trigger detaches and catches up later

The next batch is no larger than the room of those whom the last one gave something, and they get a moment to make some:
a Trigger that delivers as fast as it can would otherwise be read for twice.  One that does not deliver holds nobody up
for longer than that moment; then it detaches.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from tradewind.errors import LogRefused, LogUnavailable, PositionGone
from tradewind.ports import Member, Record, TopicPartition
from tradewind.trigger_dispatcher import letters
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.worker import Worker

BATCH = 500
WAIT = 0.5

LEAST = 100
"""Records of a batch at the least: what a batch costs by itself is then little for each."""

PATIENCE = 0.05
"""Seconds that a batch waits at the most for room for the LEAST.  Who delivers 2,000 a second is waited for; whoever is
at the tip does not notice."""

LOOK = 0.002
"""Seconds between two looks at whether there is room."""

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
        self._filled: set[tuple[Worker, OwnedPartition]] = set()
        """To whom the last batch gave something."""

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
        room = await self._room()
        try:
            records = await member.take(room, WAIT)
        except PositionGone as gone:
            await self._reposition(member, TopicPartition(gone.topic, gone.partition))
        else:
            self.take_in(records)
            while len(self._keeping) >= MOST_KEEPING:
                await asyncio.wait(self._keeping, return_when=asyncio.FIRST_COMPLETED)

    async def _room(self) -> int:
        """How many records may be taken now; waits for room for the LEAST, as long as patience lasts."""
        filled, self._filled = self._filled, set()
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while (room := self._least_room(filled)) < LEAST and loop.time() < until:  # noqa: ASYNC110  # any Worker's room
            await asyncio.sleep(LOOK)
        return min(BATCH, max(LEAST, room))

    def _least_room(self, filled: Iterable[tuple[Worker, OwnedPartition]]) -> int:
        """The room of whoever of these has the least; whoever has detached needs none."""
        rooms = (worker.room(partition) for worker, partition in filled if _attached(worker, partition))
        return min(rooms, default=BATCH)

    def take_in(self, records: Iterable[Record]) -> None:
        """Owe each record to the attached Triggers that it matches."""
        for record in records:
            partition = self._roster.owned(TopicPartition(record.topic, record.partition))
            if partition is None or record.offset < partition.position:
                continue
            event = self._roster.decode(record)
            if event is None:
                self._keep(partition, record)
            else:
                for name in self._roster.match(record.topic, event):
                    ledger = partition.ledgers.get(name)
                    if ledger is None or not ledger.attached:
                        continue
                    worker = self._roster.worker(name)
                    if owed := partition.match(name, record.offset, room=worker.has_room(partition)):
                        worker.offer(partition, owed, event)
                        self._filled.add((worker, partition))
                    elif not ledger.attached:
                        self._wake()
            partition.position = record.offset + 1

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


def _attached(worker: Worker, partition: OwnedPartition) -> bool:
    ledger = partition.ledgers.get(worker.plan.name)
    return ledger is not None and ledger.attached

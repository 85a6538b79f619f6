"""The shared reader: takes each record of the owned partitions once, for all Triggers (DESIGN §5).

record ──► event ──► index ──► attached Triggers that match ──► owed, and offered to the Trigger's Worker
                                                   └── no room: the Trigger detaches and catches up later

While every attached Trigger has plenty to deliver, the next batch waits for room and is no larger than that: a Trigger
that delivers as fast as it can would otherwise be read for twice.  Where one is at ease, be it that nothing is for it,
the batch waits no longer than a quick subscriber needs: then whoever is still full detaches.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from tradewind.errors import LogRefused, LogUnavailable, PositionGone
from tradewind.events import stored
from tradewind.ports import Member, Record, TopicPartition
from tradewind.topics import batch_bytes
from tradewind.trigger_dispatcher import letters
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.turns import OFFERS, Turns
from tradewind.trigger_dispatcher.worker import Worker

BATCH = 500
WAIT = 0.5

HOLES = 1.0
"""Seconds between looks at how far the partitions are read: transaction markers at their ends are no records."""

LEAST = 0.25
"""Share of a Trigger's backlog on a partition that must be free for a batch, which costs something by itself."""

PATIENCE = 1.0
"""Seconds that a batch waits for this at the most, since what the group wants of us is heard only as we take."""

COURTESY = 0.02
"""Seconds of it where somebody is at ease: what a subscriber that takes 12,500 events a second needs for LEAST.  Who is
slower costs the others this once, as it detaches by that."""

LOOK = 0.005
"""Seconds between two looks at whether there is room."""

MOST_KEEPING = 100
"""Records that are no events, on their way to the dead letters, above which reading waits for them."""

KEPT_AGAIN = 10.0
"""Seconds after which a dead-letter topic that refused even a stub is asked again: its settings may be mended."""


class SharedReader:
    """Drives the group's Member and feeds what it takes to the Triggers."""

    def __init__(
        self,
        edges: Edges,
        roster: Roster,
        *,
        turns: Turns,
        tasks: asyncio.TaskGroup,
        truncated: Callable[[OwnedPartition], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        self._edges = edges
        self._roster = roster
        self._turns = turns
        self._tasks = tasks
        self._truncated = truncated
        self._wake = wake
        self._keeping: set[asyncio.Task[None]] = set()
        self._passed = 0.0
        self._batch = max(1, OFFERS // 20)
        """Records to take at the most: so many that they are `OFFERS`, as far as the last batch tells."""
        self._filled: set[tuple[Worker, OwnedPartition]] = set()
        """Who has less room than the next batch may need, as far as it is known."""

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
        await self._turns.passed()
        room = min(await self._room(), self._batch)
        try:
            records = await member.take(room, WAIT)
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
        self._edges.counts.rejoined += 1
        self._edges.presence.back(self._edges.elapsed())

    async def _room(self) -> int:
        """How many records to take now; waits for room, and not long where somebody who is at ease waits with us."""
        backlog, loop = self._edges.settings.backlog, asyncio.get_running_loop()
        batch, began = min(BATCH, max(1, backlog // 2)), loop.time()
        while (room := self._least_room(batch)) < backlog * LEAST:
            filled = {worker for worker, _ in self._filled}
            waited = loop.time() - began
            if waited >= COURTESY and self._roster.anyone_at_ease(besides=filled):
                return batch
            if waited >= PATIENCE or any(worker.at_ease for worker in filled):
                break
            await asyncio.sleep(LOOK)
        return max(1, room)

    def _least_room(self, batch: int) -> int:
        """The room of whoever has the least, where that is less than a batch; who has detached needs none."""
        rooms = {each: room for each in self._filled if (room := _room_for(*each, batch)) < batch}
        self._filled = set(rooms)
        return min(rooms.values(), default=batch)

    def take_in(self, records: Iterable[Record]) -> None:
        """Owe each record to the attached Triggers that it matches."""
        read, flowing = self._edges.counts.read, self._roster.flowing
        taken = offered = 0
        for record in records:
            taken += 1
            partition, offset = self._roster.owned(record[:2]), record.offset
            if partition is None or offset < partition.position:
                continue
            if partition.weights is not None:
                partition.weights.add(offset, batch_bytes(record))
            read[record.topic] += 1
            event = stored.event(record.headers, record.value)
            if event is None:
                self._keep(partition, record)
            else:
                if flowing and (types := flowing.get(record.topic)) is not None:
                    types.note(event.attributes)
                for name in self._roster.match(record, event):
                    ledger = partition.ledgers.get(name)
                    if ledger is None or not ledger.attached:
                        continue
                    worker = self._roster.worker(name)
                    if owed := ledger.match(offset, room=worker.has_room(partition)):
                        worker.offer(partition, owed, event)
                        offered += 1
                        self._filled.add((worker, partition))
                    elif not ledger.attached:
                        self._wake()
            partition.position = offset + 1
        if taken:
            wanted = OFFERS * taken // offered if offered else BATCH
            self._batch = max(1, min(BATCH, 2 * self._batch, wanted))

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
        self._edges.counts.no_events[record.topic] += 1
        task = self._tasks.create_task(self._bury(partition, record))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _bury(self, partition: OwnedPartition, record: Record) -> None:
        log.warning("record is no event", topic=record.topic, partition=record.partition, offset=record.offset)
        plan = self._roster.plan  # a Broker that waits may not have the topic that it is taken for
        brokers = (*plan.served, *plan.brokers.values())
        topic = next((b.dead_letter_topic for b in brokers if b.topic.name == record.topic), "")
        while topic:
            try:
                await self._edges.kept(letters.of_record(topic, partition.identity, record, "not a CloudEvent"))
                break
            except LogRefused as refused:
                log.error("record that is no event cannot be kept", topic=topic, error=refused)
                await asyncio.sleep(KEPT_AGAIN)
        partition.unreadable.discard(record.offset)

    async def _reposition(self, member: Member, where: TopicPartition) -> None:
        """Read on where the partition stands that is in charge when that is done."""
        while (partition := self._roster.owned(where)) is not None:
            await self._truncated(partition)
            await member.seek(where, partition.position)
            if self._roster.holds(partition):
                return
        await asyncio.sleep(WAIT)  # it is being taken over or given up


def _room_for(worker: Worker, partition: OwnedPartition, batch: int) -> int:
    return worker.room(partition) if partition.serves(worker.plan.name) else batch

"""The second reader: serves Triggers that are behind the shared reader, and reads owed events again.

One Kafka consumer, lent in turns.  A turn on a partition reads one stretch of records, from the lowest `next` of the
Triggers that are behind and have room, and every such Trigger takes from it what is its own; what nobody has room for
yet is kept (`stretch.py`), since to turn to another partition throws away what Kafka's client has fetched.  Events
whose payload was given up are read in sorted forward sweeps, before anybody catches up.  What was read for one is kept
as well: a narrow Trigger asks for one event at a time, and a turn takes as long as Kafka waits for records elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from weakref import WeakSet

from tradewind.config import MIB
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.events import stored
from tradewind.events.model import Event
from tradewind.ports import Reader, Record, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster
from tradewind.trigger_dispatcher.stretch import Stretch, Stretches, weight
from tradewind.trigger_dispatcher.turns import OFFERS, Turns

STRETCH = 1000
STRETCH_BYTES = MIB
"""Records of one turn, and bytes above which it ends: long enough to be cheap, short enough that every Trigger's turn
comes soon.  A Trigger's whole window on a partition."""

KEPT_BYTES = 16 * MIB
"""Bytes of records that are read and not taken yet, of all partitions together; and as many of what is read again."""

WAIT = 0.25
"""Seconds to wait for records that should be there."""

GAP = 2000
"""Offsets between two wanted events above which a seek is cheaper than reading through."""

PAUSE = 0.5
"""Seconds to wait when Kafka is away."""


class CatchUp:
    """Reads for whoever is behind."""

    def __init__(
        self, edges: Edges, roster: Roster, truncated: Callable[[OwnedPartition], Awaitable[None]], turns: Turns
    ) -> None:
        self._edges = edges
        self._roster = roster
        self._turns = turns
        self._truncated = truncated
        self._wanted: dict[OwnedPartition, dict[int, asyncio.Future[Event | None]]] = {}
        self._released: WeakSet[OwnedPartition] = WeakSet()
        self._cut: WeakSet[OwnedPartition] = WeakSet()
        """Those whose log was cut since they were last read."""
        self._work = asyncio.Event()
        self.someone_behind = True
        """Whether the last turns met anybody who does not read with the shared reader, be it without room."""
        self._at: TopicPartition | None = None
        self._stretches: Stretches[OwnedPartition] = Stretches(KEPT_BYTES)
        self._again: Stretches[OwnedPartition] = Stretches(KEPT_BYTES)
        """What was read for events whose payload had been given up."""

    def wake(self) -> None:
        """There may be something to read."""
        self._work.set()

    def room(self) -> None:
        """A Trigger has room."""
        self._work.set()

    async def fetch(self, partition: OwnedPartition, offset: int) -> Event | None:
        """Read an owed event again; None where the log no longer holds an event there.

        Raises CancelledError once the partition is another's: whoever asks has nothing to do there any more.
        """
        if partition in self._released:
            raise asyncio.CancelledError
        wanted = self._wanted.setdefault(partition, {})
        if offset not in wanted:
            wanted[offset] = asyncio.get_running_loop().create_future()
        self.wake()
        return await asyncio.shield(wanted[offset])

    def release(self, partition: OwnedPartition) -> None:
        """The partition is another's: nothing of it is wanted any more."""
        self._released.add(partition)
        self._drop(partition)
        for future in self._wanted.pop(partition, {}).values():
            future.cancel()

    def forget(self, partition: OwnedPartition) -> None:
        """The log was cut: what was read of this partition, or is being read just now, may not be what it holds."""
        self._cut.add(partition)
        self._at = None  # what the reader has fetched ahead is of the old one
        self._drop(partition)

    def _drop(self, partition: OwnedPartition) -> None:
        self._stretches.drop(partition)
        self._again.drop(partition)

    async def run(self) -> None:
        """Take turns until cancelled."""
        reader = self._edges.log.reader()
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                if await self._round(reader):
                    self._work.set()
                    await asyncio.sleep(0)
        finally:
            await reader.close()

    async def _round(self, reader: Reader) -> bool:
        """One turn for each partition; whether any of them read something."""
        if not self._edges.here():
            await asyncio.sleep(PAUSE)
            return True
        worked = self.someone_behind = False
        for partition in self._roster.partitions():
            if not self._roster.holds(partition):  # it was given up during the turn of another
                continue
            try:
                worked = await self._step(reader, partition) or worked
            except LogUnavailable as unavailable:
                log.warning("catching up waits for Kafka", topic=partition.topic, error=unavailable)
                await asyncio.sleep(PAUSE)
                worked = True
        return worked

    async def _step(self, reader: Reader, partition: OwnedPartition) -> bool:
        try:
            return await self._turn(reader, partition)
        except PositionGone:
            self._at = None
            await self._gone(partition)
            return True

    async def _turn(self, reader: Reader, partition: OwnedPartition) -> bool:
        if wanted := self._wanted.get(partition):
            self.someone_behind = True  # perhaps: it is not asked now
            await self._serve(reader, partition, min(wanted))
            return True
        behind = self._behind(partition)
        if not behind:
            return False
        start = min(partition.ledgers[name].next for name in behind)
        stretch = self._stretches.at(partition, start)
        if stretch is None:
            records, end = await self._read(reader, partition, start)
            stretch = Stretch(start, end, records)
        if self._roster.holds(partition) and self._edges.here():
            self._share_out(partition, stretch.since(start), start, stretch.end)
            self._keep(partition, stretch)
            await self._turns.passed()
        return True

    def _keep(self, partition: OwnedPartition, stretch: Stretch) -> None:
        """Keep what is still to be taken of a stretch."""
        behind = (ledger.next for name in partition.served if not (ledger := partition.ledgers[name]).attached)
        stretch.forget(min(filter(stretch.holds, behind), default=stretch.end))
        if stretch.start < stretch.end:
            self._stretches.keep(partition, stretch)
        else:
            self._stretches.drop(partition)

    def _behind(self, partition: OwnedPartition) -> list[NamespacedName]:
        """Triggers that read behind the shared reader here and have room; those at the tip are attached at once."""
        behind = []
        for name, ledger in partition.ledgers.items():
            if ledger.attached or name not in partition.served:
                continue
            self.someone_behind = True
            if self._roster.worker(name).may_refill(partition) and not partition.try_attach(name):
                behind.append(name)
        return behind

    def _share_out(self, partition: OwnedPartition, records: Sequence[Record], start: int, end: int) -> None:
        """Give every Trigger its own of the stretch [start, end); one that stands before it has no part in it."""
        taking = {name for name in self._behind(partition) if partition.ledgers[name].next >= start}
        offered = 0
        for record in records:
            if not taking:
                break
            if offered >= OFFERS:
                end = record.offset  # what follows is kept, and has the next turn
                break
            event = stored.event(record.headers, record.value)
            if event is None:
                continue
            for name in self._roster.match(record, event):
                if name not in taking:
                    continue
                worker = self._roster.worker(name)
                room = worker.has_room(partition)
                if owed := partition.ledgers[name].match(record.offset, room=room):
                    worker.offer(partition, owed, event)
                    offered += 1
                elif not room:
                    taking.discard(name)
        for name in taking:
            partition.ledgers[name].advance(end)
            partition.try_attach(name)

    async def _serve(self, reader: Reader, partition: OwnedPartition, offset: int) -> None:
        """Hand out every wanted event of the stretch in which one lies: one that is kept, or one read from there."""
        stretch = self._again.at(partition, offset)
        if stretch is None:
            records, end = await self._read(reader, partition, offset)
            stretch = Stretch(offset, end, records)
            if partition not in self._released:
                self._again.keep(partition, stretch)
        self._answer(partition, filter(stretch.holds, self._wanted.get(partition, ())), stretch)

    def _answer(self, partition: OwnedPartition, offsets: Iterable[int], found: Stretch | None) -> None:
        wanted = self._wanted.get(partition, {})
        for offset in tuple(offsets):
            future = wanted.pop(offset)
            if not future.done():
                record = found.record(offset) if found else None
                future.set_result(stored.event(record.headers, record.value) if record else None)

    async def _read(self, reader: Reader, partition: OwnedPartition, offset: int) -> tuple[Sequence[Record], int]:
        """Records from `offset` on, and the offset up to which the log was seen.

        Raises PositionGone where the log does not hold that offset, or was cut meanwhile.
        """
        here = TopicPartition(partition.topic, partition.identity.partition)
        self._cut.discard(partition)
        if self._at != here or not reader.position(here) <= offset <= reader.position(here) + GAP:
            self._at = None
            await reader.assign({here: offset})
            self._at = here
        taken = [*await reader.take(STRETCH, WAIT)]
        size = sum(map(weight, taken))
        while size < STRETCH_BYTES and (
            more := await reader.take(STRETCH - len(taken), 0.0) if len(taken) < STRETCH else ()
        ):
            taken += more
            size += sum(map(weight, more))
        if partition in self._cut:
            raise PositionGone(*here, offset)
        records = [record for record in taken if record[:2] == here and record.offset >= offset]
        return records, max(offset, reader.position(here))

    async def _gone(self, partition: OwnedPartition) -> None:
        """The log was cut: bring every position back into it, and answer for what is no longer there."""
        await self._truncated(partition)
        here = TopicPartition(partition.topic, partition.identity.partition)
        start, end = (await self._edges.log.bounds([here]))[here]
        self._answer(partition, [o for o in self._wanted.get(partition, ()) if not start <= o < end], None)

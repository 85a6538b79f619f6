"""The partitions of `tradewind.sources` in this process's custody: who owns one runs the sources that lie there.

    assigned ──► read to its end ──► owned: its sources begin, each with a claim (`positions`)
    revoked  ──► its sources stop, what is on their way ends within the grace, positions written
    away     ──► nothing is sent from the first look on; joined anew, everything begins again

The member reads what it owns from the start on, and goes on reading: so whoever else writes there is seen.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Protocol

from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import Member, TopicInfo, TopicPartition
from tradewind.sources.edges import Edges, log
from tradewind.sources.positions import SourceKey, View, partition_of

BATCH = 1000
WAIT = 0.5
PAUSE = 0.5
"""Seconds before the group is asked again, where Kafka did not answer."""


class Keeper(Protocol):
    """Who keeps the sources of owned partitions running."""

    def gained(self) -> None:
        """More partitions are owned."""

    async def lost(self, partitions: Collection[int]) -> None:
        """These are another's from now on; returns when nothing of them runs here, and what must be written is."""

    def wrote(self, source: SourceKey) -> None:
        """Somebody wrote a position of a source that lies on what is ours."""

    def settled(self) -> None:
        """The group has shared out its partitions."""


class Custody:
    """See ports.Ownership."""

    def __init__(self, edges: Edges, topic: TopicInfo, keeper: Keeper) -> None:
        self.view = View()
        """Of what is ours."""
        self.owned: set[int] = set()
        """Partitions that are ours and have been read to their ends."""
        self.moves = False
        """Another number of partitions holds sources than when they came: each may lie elsewhere by now."""
        self.rejoined = 0
        """Times this process was away, and joined anew."""
        self._edges = edges
        self.topic = topic
        """With as many partitions as hold sources."""
        self._keeper = keeper
        self._ends: dict[int, int] = {}
        """Of those that are ours and have not: where their ends were when they came."""
        settings = edges.settings
        self.member: Member = edges.log.member(group=settings.sources_group, instance=edges.slot, ownership=self)

    def holds(self, source: SourceKey) -> bool:
        """Whether this process is to run a source."""
        return not self.moves and self.partition_of(source) in self.owned

    def partition_of(self, source: SourceKey) -> int:
        """Where a source lies."""
        return partition_of(source, self.topic.partitions)

    def anew(self, topic: TopicInfo) -> None:
        """The topic was made again.  Positions that were read stay true; but nothing lies there of them."""
        self.moves = self.moves or topic.partitions != self.topic.partitions
        self.topic = topic
        self.view.lies.clear()

    async def run(self) -> None:
        """Own and read until cancelled.  Raises SlotTaken."""
        await self.member.subscribe([self.topic.name])
        while True:
            if not self._edges.here():
                await self._return()
            if self.moves:
                await self.member.rejoin()
                self.moves = False
            try:
                await self._step()
            except LogUnavailable as unavailable:
                log.debug("the sources' topic is out of reach", error=unavailable)
                await asyncio.sleep(PAUSE)

    async def _return(self) -> None:
        """Give up everything, and join anew: what is ours still comes back at once."""
        log.warning("this process was away for a while, and joins its group anew")
        await self.member.rejoin()
        self.rejoined += 1
        self._edges.presence.back(self._edges.time.elapsed())
        self._keeper.gained()

    async def _step(self) -> None:
        try:
            records = await self.member.take(BATCH, WAIT)
        except PositionGone as gone:
            log.warning("the sources' topic was cut, reading from its start", partition=gone.partition)
            here = TopicPartition(gone.topic, gone.partition)
            found = (await self._edges.log.bounds([here]))[here]
            self.view.forget(here.partition, self.topic.partitions)
            if here.partition in self._ends:
                self._ends[here.partition] = found.end
            await self.member.seek(here, found.start)
            return
        for record in records:
            if record.key is not None and (source := self.view.apply(record.key, record.value)):
                self._keeper.wrote(source)
        self._note_ends()

    def _note_ends(self) -> None:
        read = [number for number, end in self._ends.items() if self.member.position(self._place(number)) >= end]
        for number in read:
            del self._ends[number]
            self.owned.add(number)
        if read:
            log.info("partitions taken over", partitions=len(read))
            self._keeper.gained()

    def _place(self, number: int) -> TopicPartition:
        return TopicPartition(self.topic.name, number)

    # --- what the group says

    async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """See Ownership.assigned."""
        bounds = await self._edges.log.bounds(partitions)
        self._ends.update({here.partition: found.end for here, found in bounds.items()})
        return {here: found.start for here, found in bounds.items()}

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """See Ownership.revoked."""
        numbers = {here.partition for here in partitions}
        self.owned -= numbers
        for number in numbers:
            self._ends.pop(number, None)
        await self._keeper.lost(numbers)
        for number in numbers:
            self.view.forget(number, self.topic.partitions)
        log.info("partitions given up", partitions=len(numbers))

    async def settled(self) -> None:
        """See Ownership.settled."""
        self._keeper.settled()

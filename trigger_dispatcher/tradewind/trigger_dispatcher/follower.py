"""Follows the cursors topic, and so holds a live View of all state."""

import asyncio
from collections.abc import Callable

from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import Reader, TopicInfo, TopicPartition
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.view import Pause, Said, View, Write

BATCH = 2000
WAIT = 0.5


class Follower:
    """Reads every partition of the cursors topic from its beginning, and goes on reading."""

    def __init__(self, edges: Edges, topic: TopicInfo, written: Callable[[Write | Pause | Said], None]) -> None:
        self.view = View()
        self._edges = edges
        self._written = written
        self._applied: dict[TopicPartition, int] = {}
        """Up to where the View holds each partition.  The reader's own position runs ahead: it counts what it has
        fetched and not yet handed over."""
        self._moved = asyncio.Condition()
        self.follow(topic)

    def follow(self, topic: TopicInfo) -> None:
        """Read this topic from its beginning; what was read of another before stays in the View."""
        self.view.moved()
        self.topic = topic
        self._partitions = [TopicPartition(topic.name, p) for p in range(topic.partitions)]
        self._applied = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        reader = self._edges.log.reader()
        try:
            while True:
                topic = self.topic
                await self._from_the_start(reader)
                while self.topic is topic:
                    await self._step(reader)
        finally:
            self._applied.clear()
            await reader.close()

    async def caught_up(self, partition: int) -> int:
        """Wait until the View holds all that this partition of the cursors topic holds now; the last offset read."""
        here = TopicPartition(self.topic.name, partition)
        end = (await self._edges.bounds(here)).end
        async with self._moved:
            await self._moved.wait_for(lambda: self._applied.get(here, -1) >= end)
        return end - 1

    async def _from_the_start(self, reader: Reader) -> None:
        self._applied = {}
        await reader.assign({partition: (await self._edges.bounds(partition)).start for partition in self._partitions})

    async def _step(self, reader: Reader) -> None:
        topic = self.topic
        try:
            records = await reader.take(BATCH, WAIT)
        except LogUnavailable as unavailable:
            log.debug("cursors topic is out of reach", error=unavailable)
            await asyncio.sleep(WAIT)  # it may have been told at once
            records = ()
        except PositionGone as gone:
            log.warning("cursors topic was cut, reading from its start", partition=gone.partition)
            await self._from_the_start(reader)
            records = ()
        if self.topic is not topic:  # what was taken is of one that is no more
            return
        for record in records:
            if record.key is not None:
                write = self.view.apply(record.key, record.value, record.offset)
                if write:
                    self._written(write)
        self._applied = {partition: reader.position(partition) for partition in self._partitions}
        async with self._moved:
            self._moved.notify_all()

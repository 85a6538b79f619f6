"""Payloads that were given up, read again: for the event that runs, and for those of its lane that will run next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol

from tradewind.events.model import Event
from tradewind.trigger_dispatcher.lanes import Lanes
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.work import Work

Fetch = Callable[[OwnedPartition, int], Awaitable[Event | None]]
"""Reads an owed event again; None where the log no longer holds it."""


class SecondReader(Protocol):
    """Reads for whoever is behind the shared reader (`catch_up.py`)."""

    someone_behind: bool
    """Whether anybody may be: else room is of no interest."""

    def room(self) -> None:
        """A Trigger has room."""

    async def fetch(self, partition: OwnedPartition, offset: int) -> Event | None:
        """Read an owed event again; None where the log no longer holds it."""


LONG_WAIT = 5.0
"""Seconds of waiting above which an event's payload is given up and read again when it is due."""

AHEAD = 200
"""Events whose payloads are read again at once: one by one, each would wait for a read of its own."""


class Payloads:
    """One Trigger's."""

    def __init__(self, reader: SecondReader, lanes: Lanes, tasks: asyncio.TaskGroup) -> None:
        self._fetch = reader.fetch
        self._lanes = lanes
        self._tasks = tasks
        self._reading: set[asyncio.Task[None]] = set()

    async def of(self, work: Work) -> Event | None:
        """The event of a Work; None where the log no longer holds it."""
        event = work.event or await self._fetch(work.partition, work.owed.offset)
        if event is not None:
            self._lanes.remember(work, event)
        return event

    async def each(self, partition: OwnedPartition, offsets: Iterable[int]) -> AsyncIterator[Event | None]:
        """The events at these offsets, ascending, each as soon as it is there."""
        reads = deque(self._tasks.create_task(self._one(partition, offset)) for offset in offsets)
        try:
            while reads:
                yield await reads.popleft()
        finally:
            for read in reads:
                read.cancel()

    def read_ahead(self, work: Work) -> None:
        """What is behind an event whose payload was given up will want its own soon."""
        for following in self._lanes.ahead(work, AHEAD):
            task = self._tasks.create_task(self._read(following))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    def stop(self) -> None:
        """Nothing is wanted any more."""
        for task in self._reading:
            task.cancel()

    async def _one(self, partition: OwnedPartition, offset: int) -> Event | None:
        return await self._fetch(partition, offset)

    async def _read(self, work: Work) -> None:
        if await self.of(work) is None and work not in self._lanes.running:  # else whoever runs it finds out by itself
            self._lanes.forget(work)

"""What every part of the dispatcher is given: the doors, the settings, the clock, and the two ways to write."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tradewind.config import Settings
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.logs import Log
from tradewind.observe.seldom import Seldom
from tradewind.ports import Bounds, EventLog, NewRecord, Position, Sender, TopicPartition
from tradewind.presence import Presence
from tradewind.trigger_dispatcher.counts import Counts

log = Log("dispatcher")
T = TypeVar("T")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between tries of a write that must not be given up."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Doors and settings; times are wall-clock seconds, because due times outlive the process."""

    log: EventLog
    sender: Sender
    settings: Settings
    clock: Callable[[], float]
    chance: Callable[[], float]
    """A number in [0, 1), for jitter."""
    elapsed: Callable[[], float]
    """Seconds of a clock that goes on while the process is stopped and the machine asleep."""
    presence: Presence = field(default_factory=Presence)
    counts: Counts = field(default_factory=Counts)
    said: Seldom = field(default_factory=lambda: Seldom(LONGEST_PAUSE))
    """What waits for Kafka: a missing topic has a waiter for each of its Triggers, and each would say so."""

    def here(self) -> bool:
        """Whether records may be taken and events sent: asked before each."""
        return self.presence.look(self.elapsed())

    async def patiently(
        self, ask: Callable[[], Awaitable[T]], *, what: str, wanted: Callable[[], bool] = lambda: True
    ) -> T:
        """Ask the log, again and again while it is away; `what` says in the logs what waits.

        Raises LogUnavailable only where the answer is not `wanted` any more.
        """
        pause, first = FIRST_PAUSE, True
        while True:
            try:
                return await ask()
            except LogUnavailable as unavailable:
                if not wanted():
                    raise
                told = log.debug if first or not self.said.due(what, self.elapsed()) else log.warning
                told("waiting for Kafka", what=what, error=unavailable)
                await asyncio.sleep(pause)
                pause, first = min(pause * 2, LONGEST_PAUSE), False

    async def stored(self, record: NewRecord) -> Position:
        """Append, again and again while Kafka is away.  Raises LogRefused when the record can never be stored."""
        return await self.patiently(lambda: self.log.append(record), what=f"a record for {record.topic}")

    async def bounds(self, partition: TopicPartition, *, wanted: Callable[[], bool] = lambda: True) -> Bounds:
        """A partition's start and end, as soon as Kafka says; LogUnavailable once they are not `wanted` any more."""
        what = f"the bounds of {partition.topic}"
        found = await self.patiently(lambda: self.log.bounds([partition]), what=what, wanted=wanted)
        return found[partition]

    async def offset_at(
        self, partition: TopicPartition, time: float, *, wanted: Callable[[], bool] = lambda: True
    ) -> int:
        """See EventLog.offset_at; as `bounds`."""
        what = f"an offset of {partition.topic} by its time"
        return await self.patiently(lambda: self.log.offset_at(partition, time), what=what, wanted=wanted)

    async def kept(self, forms: Sequence[NewRecord]) -> None:
        """Store a dead letter in the first of its forms that Kafka takes; the last is a stub that always fits."""
        for form in forms[:-1]:
            try:
                await self.stored(form)
                return
            except LogRefused as refused:
                log.warning("dead letter is cut", topic=form.topic, error=refused)
        await self.stored(forms[-1])

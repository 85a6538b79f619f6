"""What every part of the sources process is given: the doors, the settings, time, and whether it has been there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tradewind.config import Settings
from tradewind.delivery.schedule import Delivery, backoff
from tradewind.errors import LogUnavailable
from tradewind.observe.logs import Log
from tradewind.observe.seldom import Seldom
from tradewind.ports import EventLog, NewRecord, Position, Sender
from tradewind.presence import Presence
from tradewind.sources.times import Time

log = Log("sources")
T = TypeVar("T")

PATIENCE = Delivery(delay=0.2)
"""How a source that failed is made again, and how an event that waits is tried again: 0.4 s, 0.8 s, …"""

SAID = 5.0
"""Seconds after which it is said again that something waits for Kafka, however many wait."""

SLOWEST = 30.0
"""Seconds; the longest of these waits, so that a source goes on soon after what it waited for is back."""


def pause(retry: int, settings: Settings, time: Time) -> float:
    """Seconds before something is tried again for the `retry`th time."""
    return backoff(PATIENCE, retry, cap=SLOWEST, jitter=settings.backoff_jitter, chance=time.chance())


@dataclass(frozen=True, slots=True)
class Edges:
    """Doors and settings."""

    log: EventLog
    sender: Sender
    settings: Settings
    slot: str
    time: Time = field(default_factory=Time)
    presence: Presence = field(default_factory=Presence)
    said: Seldom = field(default_factory=lambda: Seldom(SAID))
    """What waits for Kafka."""

    def here(self) -> bool:
        """Whether events may be sent: asked before each."""
        return self.presence.look(self.time.elapsed())

    def pause(self, retry: int) -> float:
        """Seconds before something is tried again for the `retry`th time."""
        return pause(retry, self.settings, self.time)

    async def patiently(self, ask: Callable[[], Awaitable[T]], *, what: str) -> T:
        """Ask the log, again and again while it is away; `what` says in the logs what waits."""
        retry = 0
        while True:
            try:
                return await ask()
            except LogUnavailable as unavailable:
                retry += 1
                told = log.debug if retry == 1 or not self.said.due(what, self.time.elapsed()) else log.warning
                told("waiting for Kafka", what=what, error=unavailable)
                await asyncio.sleep(self.pause(retry))

    async def stored(self, record: NewRecord) -> Position:
        """Append, again and again while Kafka is away.  Raises LogRefused when the record can never be stored."""
        return await self.patiently(lambda: self.log.append(record), what=f"a record for {record.topic}")

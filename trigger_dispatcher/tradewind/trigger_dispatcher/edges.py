"""What every part of the dispatcher is given: the doors, the settings, the clock, and the two ways to write."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tradewind.config import Settings
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.logs import Log
from tradewind.ports import EventLog, NewRecord, Position, Sender

log = Log("dispatcher")

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

    async def stored(self, record: NewRecord) -> Position:
        """Append, again and again while Kafka is away.  Raises LogRefused when the record can never be stored."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self.log.append(record)
            except LogUnavailable as unavailable:
                log.warning("write waits for Kafka", topic=record.topic, error=unavailable)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def kept(self, forms: Sequence[NewRecord]) -> None:
        """Store a dead letter in the first of its forms that Kafka takes; the last is a stub that always fits."""
        for form in forms[:-1]:
            try:
                await self.stored(form)
                return
            except LogRefused as refused:
                log.warning("dead letter is cut", topic=form.topic, error=refused)
        await self.stored(forms[-1])

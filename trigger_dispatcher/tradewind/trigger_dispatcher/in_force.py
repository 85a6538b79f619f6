"""What the dispatchers have in force, for a controller: see ports.Dispatchers.

cursors topic, partition GENERAL ──force/<member>──► View ─┐
group ──members──────────────────────────────────────────►─┴─► {member: {Trigger: generation}}, when it changes
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from tradewind.config import Settings
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import EventLog, InForce, Record, TopicPartition
from tradewind.trigger_dispatcher.cursors import GENERAL, View
from tradewind.trigger_dispatcher.edges import log

BATCH = 2000
LOOK = 2.0
"""Seconds between two looks at who is a member, where no dispatcher says anything new."""
_FORCE = b"force/"


class Dispatchers:
    """The dispatchers that share the settings' group; nothing is written, and no membership taken."""

    def __init__(self, event_log: EventLog, settings: Settings) -> None:
        self._log = event_log
        self._settings = settings

    async def watch(self) -> AsyncIterator[InForce]:
        """See ports.Dispatchers.  While Kafka is away, nothing changes."""
        told: InForce | None = None
        while True:
            try:
                async with aclosing(self._followed()) as followed:
                    async for now in followed:
                        if now != told:
                            told = now
                            yield now
            except PositionGone as gone:
                log.warning("cursors topic was cut, reading from its start", partition=gone.partition)
            except LogUnavailable as unavailable:
                log.debug("what is in force is out of reach", error=unavailable)
                await asyncio.sleep(LOOK)

    async def _followed(self) -> AsyncGenerator[InForce, None]:
        topic, view = self._settings.cursors_topic, View()
        while topic not in await self._log.topics([topic]):
            yield await self._members(view)
            await asyncio.sleep(LOOK)
        here, clock = TopicPartition(topic, GENERAL), asyncio.get_running_loop().time
        bounds = (await self._log.bounds([here]))[here]
        reader, said, look_at = self._log.reader(), False, clock()
        try:
            await reader.assign({here: bounds.start})
            while True:
                if reader.position(here) >= bounds.end and (said or clock() >= look_at):
                    yield await self._members(view)
                    said, look_at = False, clock() + LOOK
                for record in await reader.take(BATCH, LOOK):
                    said |= _said(view, record)
        finally:
            await reader.close()

    async def _members(self, view: View) -> InForce:
        members = await self._log.members(self._settings.dispatcher_group)
        said = {name: record.triggers for name, record in view.force.items()}
        return {member: said.get(member, {}) for member in sorted(members)}


def _said(view: View, record: Record) -> bool:
    """Whether a record says what a member has in force; it is added to the View then."""
    if record.key is None or not record.key.startswith(_FORCE):
        return False
    view.apply(record.key, record.value, record.offset)
    return True

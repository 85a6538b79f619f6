"""What the sources processes say of their sources, for a controller: see ports.Hosted.

sources' topic, all partitions ──status/<kind>/<ns>/<name>[/<slot>]──► View ─┐
group ──members──────────────────────────────────────────────────────────────┴─► Heard, where it changed

Nothing is written, and no membership taken.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing

from tradewind.config import Settings
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import EventLog, Heard, SourceName, SourceSaid, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.sources.edges import log
from tradewind.sources.positions import SourceKey, View

BATCH = 2000
LOOK = 2.0
"""Seconds between two looks at who is a member, and between two tries while Kafka, or the topic, is not there."""
PACE = 1.0
"""Seconds in which what is said is gathered before it is told."""
_STATUS = b"status/"


class HostedSources:
    """The sources processes that share the settings' group."""

    def __init__(self, event_log: EventLog, settings: Settings) -> None:
        self._log = event_log
        self._settings = settings
        self._told: dict[SourceName, tuple[SourceSaid, ...]] = {}
        self._members: frozenset[str] | None = None
        """As they were told last."""

    async def watch(self) -> AsyncIterator[Heard]:
        """See ports.Hosted.  While Kafka is away, nothing changes."""
        self._told, self._members = {}, None
        while True:
            try:
                async with aclosing(self._followed()) as followed:
                    async for heard in followed:
                        yield heard
            except PositionGone as gone:
                log.warning("the sources' topic was cut, reading from its start", partition=gone.partition)
            except LogUnavailable as unavailable:
                log.debug("what sources processes say is out of reach", error=unavailable)
                await asyncio.sleep(LOOK)

    async def _followed(self) -> AsyncGenerator[Heard]:
        topic, view = self._settings.sources_topic, View()
        while topic not in (there := await self._log.topics([topic])):
            if (heard := await self._heard(view, self._told)) is not None:
                yield heard
            await asyncio.sleep(LOOK)
        places = [TopicPartition(topic, number) for number in range(there[topic].partitions)]
        bounds, clock = await self._log.bounds(places), asyncio.get_running_loop().time
        reader = self._log.reader()
        changed: set[SourceName] = set(self._told)  # of another reading: what is not said again is gone
        tell_at = look_at = clock()
        try:
            await reader.assign({here: bounds[here].start for here in places})
            while True:
                if all(reader.position(here) >= bounds[here].end for here in places) and (
                    (changed and clock() >= tell_at) or clock() >= look_at
                ):
                    if (heard := await self._heard(view, changed)) is not None:
                        yield heard
                    changed, tell_at, look_at = set(), clock() + PACE, clock() + LOOK
                for record in await reader.take(BATCH, PACE):
                    if record.key is not None and record.key.startswith(_STATUS):
                        view.apply(record.key, record.value)
                        changed |= _source(record.key)
        finally:
            await reader.close()

    async def _heard(self, view: View, changed: Iterable[SourceName]) -> Heard | None:
        """What is to be told, if it is anything new."""
        members = frozenset(await self._log.members(self._settings.sources_group))
        new: set[SourceName] = set()
        for name in tuple(changed):
            now = _said(view, name)
            if now != self._told.get(name, ()):
                new.add(name)
                self._told[name] = now
                if not now:
                    del self._told[name]
        if members == self._members and not new:
            return None
        same = members == self._members
        self._members = members
        return Heard(members, dict(self._told), frozenset(new) if same else None)


def _source(key: bytes) -> set[SourceName]:
    parts = key.decode(errors="replace").split("/")
    return {(parts[1], NamespacedName(parts[2], parts[3]))} if len(parts) in (4, 5) else set()


def _said(view: View, name: SourceName) -> tuple[SourceSaid, ...]:
    records = view.statuses.get(SourceKey(*name), {}).values()
    found = (
        SourceSaid(one.slot, one.uid, one.generation, one.state, one.since, one.error, one.lacks) for one in records
    )
    return tuple(sorted(found))

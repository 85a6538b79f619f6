"""What the dispatchers noted of what flows, for a controller: see ports.Noted.

cursors topic, partition GENERAL ──type/<ns>/<broker>/<digest>──► View ──► {Broker: what flows}, where it changed
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing

from tradewind.config import Settings
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import EventLog, NewRecord, TopicPartition
from tradewind.resources import event_types
from tradewind.resources.event_types import FlowingType
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import GENERAL, View, type_key
from tradewind.trigger_dispatcher.edges import log

BATCH = 2000
LOOK = 2.0
"""Seconds between two tries while Kafka, or the topic, is not there."""
_TYPE = b"type/"

Types = Mapping[NamespacedName, Collection[FlowingType]]


class NotedTypes:
    """Of the dispatchers of these settings."""

    def __init__(self, event_log: EventLog, settings: Settings) -> None:
        self._log = event_log
        self._topic = settings.cursors_topic

    async def watch(self) -> AsyncIterator[Types]:
        """See ports.Noted.  While Kafka is away, nothing changes."""
        told: dict[NamespacedName, Collection[FlowingType]] = {}
        while True:
            try:
                async with aclosing(self._followed()) as followed:
                    async for changed, view in followed:
                        now = {broker: _types(view, broker) for broker in changed or told.keys() | view.types.keys()}
                        new = {broker: types for broker, types in now.items() if types != told.get(broker, ())}
                        if new:
                            told.update(new)
                            yield new
            except PositionGone as gone:
                log.warning("cursors topic was cut, reading from its start", partition=gone.partition)
            except LogUnavailable as unavailable:
                log.debug("what flows is out of reach", error=unavailable)
                await asyncio.sleep(LOOK)

    async def forget(self, broker: NamespacedName, one: FlowingType) -> None:
        """See ports.Noted."""
        key = type_key(broker, event_types.digest(broker, one.type, one.source))
        await self._log.append(NewRecord(self._topic, None, (), key, GENERAL))

    async def _followed(self) -> AsyncGenerator[tuple[Collection[NamespacedName], View]]:
        """What there is, with no names, once all of it is read; then after each change the Brokers where it was."""
        view, here = View(), TopicPartition(self._topic, GENERAL)
        while self._topic not in await self._log.topics([self._topic]):  # noqa: ASYNC110  # only Kafka tells
            await asyncio.sleep(LOOK)
        bounds = (await self._log.bounds([here]))[here]
        reader, all_told = self._log.reader(), False
        try:
            await reader.assign({here: bounds.start})
            while True:
                if reader.position(here) >= bounds.end:
                    if not all_told:
                        yield (), view
                    elif view.types_changed:
                        yield view.types_changed, view
                    all_told, view.types_changed = True, set()
                for record in await reader.take(BATCH, LOOK):
                    if record.key is not None and record.key.startswith(_TYPE):
                        view.apply(record.key, record.value, record.offset)
        finally:
            await reader.close()


def _types(view: View, broker: NamespacedName) -> Collection[FlowingType]:
    return tuple(FlowingType(one.type, one.source, one.schema, one.uid) for one in view.types.get(broker, {}).values())

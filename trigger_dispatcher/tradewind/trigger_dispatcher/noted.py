"""What the dispatchers noted of what flows, for a controller: see ports.Noted.

cursors topic, partition GENERAL ──type/<ns>/<broker>/<digest>──► View ──► {Broker: what flows}, where it changed
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import aclosing

from tradewind.config import Settings
from tradewind.ports import EventLog, NewRecord
from tradewind.resources import event_types
from tradewind.resources.event_types import FlowingType
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import general
from tradewind.trigger_dispatcher.cursors import GENERAL, type_key
from tradewind.trigger_dispatcher.view import View

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
        known: View | None = None
        async with aclosing(general.followed(self._log, self._topic, _TYPE)) as views:
            async for view in views:
                if view is None:
                    continue
                changed = view.types_changed if view is known else told.keys() | view.types.keys()
                known, view.types_changed = view, set()
                now = {broker: _types(view, broker) for broker in changed}
                if new := {broker: types for broker, types in now.items() if types != told.get(broker, ())}:
                    told.update(new)
                    yield new

    async def forget(self, broker: NamespacedName, one: FlowingType) -> None:
        """See ports.Noted."""
        key = type_key(broker, event_types.digest(broker, one.type, one.source))
        await self._log.append(NewRecord(self._topic, None, (), key, GENERAL))


def _types(view: View, broker: NamespacedName) -> Collection[FlowingType]:
    return tuple(FlowingType(one.type, one.source, one.schema, one.uid) for one in view.types.get(broker, {}).values())

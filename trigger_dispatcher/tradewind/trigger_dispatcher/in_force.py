"""What the dispatchers have in force, for a controller: see ports.Dispatchers.

cursors topic, partition GENERAL ──force/<member>──► View ─┐
group ──members──────────────────────────────────────────►─┴─► {member: {Trigger: generation}}, when it changes
"""

from collections.abc import AsyncIterator
from contextlib import aclosing

from tradewind.config import Settings
from tradewind.errors import LogUnavailable
from tradewind.ports import EventLog, InForce
from tradewind.trigger_dispatcher import general
from tradewind.trigger_dispatcher.edges import log
from tradewind.trigger_dispatcher.view import View

_FORCE = b"force/"


class Dispatchers:
    """The dispatchers that share the settings' group."""

    def __init__(self, event_log: EventLog, settings: Settings) -> None:
        self._log = event_log
        self._settings = settings

    async def watch(self) -> AsyncIterator[InForce]:
        """See ports.Dispatchers.  While Kafka is away, nothing changes."""
        told: InForce | None = None
        async with aclosing(general.followed(self._log, self._settings.cursors_topic, _FORCE)) as views:
            async for view in views:
                try:
                    now = await self._members(view)
                except LogUnavailable as unavailable:
                    log.debug("who is a member is out of reach", error=unavailable)
                    continue
                if now != told:
                    told = now
                    yield now

    async def _members(self, view: View | None) -> InForce:
        members = await self._log.members(self._settings.dispatcher_group)
        said = {} if view is None else {name: record.triggers for name, record in view.force.items()}
        return {member: said.get(member, {}) for member in sorted(members)}

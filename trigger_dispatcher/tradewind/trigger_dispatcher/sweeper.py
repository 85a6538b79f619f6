"""Removes from the cursors topic what Triggers, topics and dispatchers that are gone have left there (`leftovers`)."""

import asyncio
from collections.abc import Mapping

from tradewind.errors import LogUnavailable
from tradewind.trigger_dispatcher.cursors import ForceRecord
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.leftovers import Leftover, abandoned, leftovers, outlived
from tradewind.trigger_dispatcher.roster import Roster
from tradewind.trigger_dispatcher.view import View
from tradewind.trigger_dispatcher.writer import Writer

INTERVAL = 600.0
"""Seconds between two sweeps: what they remove has been there for a day."""


class Sweeper:
    """Sweeps what belongs to the partitions that this process owns, and what is nobody's."""

    def __init__(self, edges: Edges, roster: Roster, view: View, writer: Writer, adopting: asyncio.Lock) -> None:
        self._edges = edges
        self._roster = roster
        self._view = view
        self._writer = writer
        self._adopting = adopting
        self._outlived: Mapping[str, ForceRecord] = {}
        """As of the last sweep."""

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.sweep()

    async def sweep(self) -> None:
        """Once, as far as Kafka is there; while no Plan is being put in force, which may bring a Trigger back."""
        async with self._adopting:
            for partition in self._roster.partitions():
                live = self._roster.triggers(partition.topic)
                for leftover in leftovers(self._view, partition, live, now=self._edges.clock()):
                    if not self._roster.holds(partition) or not self._edges.here():
                        break
                    if not await self._writer.removed(partition, leftover):
                        return  # each could take as long, and whoever waits for us must not
                    self._tell(leftover, topic=partition.topic)
            topics = {broker.topic.name for broker in self._roster.plan.brokers.values()}
            for leftover in abandoned(self._view, topics, now=self._edges.clock()):
                if not await self._writer.swept(leftover):
                    return
                self._tell(leftover, topic="one that no Broker has")
        await self._sweep_dispatchers()

    async def _sweep_dispatchers(self) -> None:
        """What nothing hangs on two sweeps in a row: whoever comes back meanwhile tells it anew."""
        me, group = self._edges.settings.slot, self._edges.settings.dispatcher_group
        try:
            members = await self._edges.log.members(group)
        except LogUnavailable as unavailable:
            log.debug("who is a member is out of reach", error=unavailable)
            return
        before, self._outlived = self._outlived, outlived(self._view, me, members, self._roster.plan)
        for slot, left in self._outlived.items():
            if before.get(slot) == left and await self._writer.left(slot, left):
                log.info("what a dispatcher that is gone had in force is removed", slot=slot)

    @staticmethod
    def _tell(leftover: Leftover, *, topic: str) -> None:
        told = {"topic": topic, "partition": leftover.partition.partition}
        keys = len(leftover.first) + len(leftover.last)
        log.info("cursors are removed", trigger=leftover.trigger or "all of a topic that is gone", keys=keys, **told)

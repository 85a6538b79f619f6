"""Gives every Trigger its place on a partition: where it goes on, or where it starts, stored before it begins.

new ──start_of──► pinned ──stored──► served
    known ──revive───────────────────────► served       unless what lies on other partitions comes first (`growth`)
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from tradewind.errors import LogUnavailable
from tradewind.ports import TopicPartition
from tradewind.resources.model import NamespacedName, Order
from tradewind.trigger_dispatcher import alarms
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.growth import may_begin
from tradewind.trigger_dispatcher.migrated import Migrated
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.takeover import Start, start_of
from tradewind.trigger_dispatcher.view import ledger_of
from tradewind.trigger_dispatcher.writer import Writer


class Placing:
    """For the Triggers of the Plan in force, on the partitions that this process owns or takes over."""

    def __init__(
        self, edges: Edges, roster: Roster, *, follower: Follower, writer: Writer, wake: Callable[[], None]
    ) -> None:
        self._edges = edges
        self._roster = roster
        self._follower = follower
        self._writer = writer
        self._wake = wake

    async def settle_in(
        self, partition: OwnedPartition, migrated: Migrated, ours: Callable[[], bool], *, until: float
    ) -> None:
        """Give every Trigger of the Plan its place on a partition, and take up what it owes there, while it is ours.

        Raises LogUnavailable, and begins nothing, where the log has not told by `until`, of the loop's clock, where new
        ones start.
        """
        starts = self._roster.starts(partition.topic)
        names = [name for name in starts if name not in partition.served]
        now = self._edges.clock()
        new = [name for name in names if not partition.revive(name, now=now, start=starts[name])]
        if new:
            try:
                await self._pin(partition, new, migrated, ours, until=until)
            except LogUnavailable:
                if ours():
                    raise
        if not ours():
            return
        for name in names:
            self._serve(partition, name)
        self._wake()

    def begin_on_added(self) -> None:
        """Let Triggers begin on partitions that were added, as soon as they have settled what lies on the others."""
        for partition in self._roster.partitions():
            for name in may_begin(self._follower.view, partition, self._roster.triggers(partition.topic)):
                partition.ledgers[name].begin()
                self._serve(partition, name)
                self._wake()

    def _serve(self, partition: OwnedPartition, name: NamespacedName) -> None:
        """Begin, unless what lies on other partitions comes first; then `begin_on_added` does."""
        partition.decide(name, self._roster.digest(name))
        if not partition.ledgers[name].after and name not in partition.served:
            partition.served.add(name)
            partition.try_attach(name)
            self._roster.worker(name).resume(partition)

    async def _pin(
        self,
        partition: OwnedPartition,
        names: Collection[NamespacedName],
        migrated: Migrated,
        ours: Callable[[], bool],
        *,
        until: float,
    ) -> None:
        """Find where Triggers start, and store that before anything is done with them, while the partition is ours:
        what a later owner has pinned since starts lower, and must not be written over."""
        loop = asyncio.get_running_loop()

        def wanted() -> bool:
            return ours() and loop.time() < until

        await self._follower.caught_up(self._writer.partition_of(partition.identity))
        view, here = self._follower.view, place(partition)
        await self._count_again(partition, wanted)
        ground = replace(partition.ground, bounds=await self._edges.bounds(here, wanted=wanted))
        found: list[tuple[NamespacedName, Start, Mapping[int, int]]] = []
        for name in names:
            trigger = self._roster.plan.triggers[name]
            kept = view.state(name, partition.identity)
            if kept and name not in partition.ledgers:
                partition.ledgers[name] = ledger_of(kept)
                if partition.revive(name, now=self._edges.clock(), start=trigger.start):
                    continue
            offsets = await migrated.of(trigger, ground)
            now = self._edges.clock()
            start = start_of(
                view,
                ground,
                name,
                migrated=offsets.get(here),
                kept=kept,
                now=now,
                start=trigger.start,
                told=view.told(trigger, gone=self._roster.gone(name)),
                generation=trigger.generation if partition.before.get(str(name)) == trigger.generation else "",
            )
            offset = start.offset
            if start.moment is not None:
                offset = min(offset, await self._edges.offset_at(here, start.moment, wanted=wanted))
            after = await self._ends(partition, start.before, wanted) if trigger.order is Order.ORDERED else {}
            found.append((name, replace(start, offset=offset, since=start.since or now), after))
        for name, start, after in found:  # of all of them or none: a Ledger says that its Trigger has its place
            self._begin_at(partition, name, start, after)
        if ours():
            await self._writer.pinned(partition, [name for name, _, _ in found])

    async def _count_again(self, partition: OwnedPartition, wanted: Callable[[], bool]) -> None:
        """How many partitions the topic has now: one that was added since this one was taken over is not later than a
        Trigger that comes now."""
        name = partition.topic
        topics = await self._edges.patiently(
            lambda: self._edges.log.topics([name]), what=f"the partitions of {name}", wanted=wanted
        )
        if name in topics and topics[name].id == partition.identity.topic_id:
            partition.ground = replace(partition.ground, partitions=topics[name].partitions)

    async def _ends(
        self, partition: OwnedPartition, before: int | None, wanted: Callable[[], bool]
    ) -> Mapping[int, int]:
        """Where the partitions end that were there before this one was added."""
        old = [TopicPartition(partition.topic, number) for number in range(before or 0)]
        found = await self._edges.patiently(
            lambda: self._edges.log.bounds(old), what="the ends of partitions", wanted=wanted
        )
        return {at.partition: bounds.end for at, bounds in found.items()}

    def _begin_at(
        self, partition: OwnedPartition, name: NamespacedName, start: Start, after: Mapping[int, int]
    ) -> None:
        if start.alarm:
            alarms.tell(partition, [start.alarm])
        since, asked = start.since or 0.0, self._roster.plan.triggers[name].start
        partition.pin(name, start.offset, earliest=start.earliest, since=since, start=asked, after=after)

"""Tells what this process has in force, and since when.

Plan adopted, partitions shared out ──► all that is ours in order ──► force/<member>
                                   └──► not yet: what it said before, less what is gone
"""

import asyncio
import contextlib

from tradewind.errors import LogRefused
from tradewind.plan import Plan, TriggerPlan
from tradewind.ports import NewRecord
from tradewind.trigger_dispatcher.cursors import GENERAL, ForceRecord, Since, encode, force_key, identity_of
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.roster import Roster


class Teller:
    """`adopted` is the Plan of which all is to be told, `shared_out` set when the group has shared out what it asks."""

    def __init__(self, edges: Edges, roster: Roster, follower: Follower) -> None:
        self.adopted = Plan()
        self.shared_out = asyncio.Event()
        self._edges = edges
        self._roster = roster
        self._follower = follower
        self._me = edges.settings.slot
        self._said: ForceRecord | None = None

    async def run(self, in_order: asyncio.Event) -> None:
        """Of each Plan once all that is ours by it has been taken over: on a partition that comes later a new Trigger
        would be taken for one whose cursor is missing (`takeover`), since the last owner, we, say that we have it."""
        while True:
            await self.shared_out.wait()
            self.shared_out.clear()
            plan = self.adopted
            while not in_order.is_set():
                await self._take_back()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(in_order.wait(), self._edges.settings.mirror_interval)
            await self._tell(plan)

    def overwritten(self, member: str) -> None:
        """What a member says was written: it is said again if it is ours, and another's word, who took us for gone."""
        if member == self._me and self._said is not None and self._follower.view.force.get(member) != self._said:
            self.shared_out.set()

    async def _take_back(self) -> None:
        """What we said, perhaps in an earlier life, of Triggers that are gone: whoever is applied anew is told anew."""
        await self._follower.caught_up(GENERAL)
        said = self._follower.view.force.get(self._me, ForceRecord({}))
        if (left := said.of(self._roster.plan.triggers.values())) != said:
            await self._say(left)

    async def _tell(self, plan: Plan) -> None:
        await self._follower.caught_up(GENERAL)  # what others told, and we before
        now, triggers = self._edges.clock(), plan.triggers.values()
        generations = {str(trigger.name): trigger.generation for trigger in triggers}
        record = ForceRecord(generations, tuple(self._since(trigger, now) for trigger in triggers))
        await self._say(record)
        new = {trigger.topic for trigger, since in zip(triggers, record.since, strict=True) if since.here == now}
        for partition in self._roster.partitions():
            if partition.topic in new:
                partition.told()

    def _since(self, trigger: TriggerPlan, now: float) -> Since:
        """As anybody says, or we before; never later than now, as a clock that was ahead may have said."""
        view = self._follower.view
        told, before = view.told(trigger, gone=self._roster.gone(trigger.name)), view.since(self._me, trigger)
        here = now if before is None else min(before.here, now)
        return Since(identity_of(trigger), now if told is None else min(told, now), here)

    async def _say(self, record: ForceRecord) -> None:
        self._said = record
        topic, key = self._edges.settings.cursors_topic, force_key(self._me)
        try:
            await self._edges.stored(NewRecord(topic, encode(record), (), key, partition=GENERAL))
        except LogRefused as refused:
            log.error("what is in force cannot be told", error=refused)

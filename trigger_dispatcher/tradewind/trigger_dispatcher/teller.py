"""Tells what this process has in force, and forgets what dispatchers that are gone have told.

Plan adopted, partitions shared out ──► all that is ours in order ──► force/<member>, each Trigger since when
"""

import asyncio
from collections.abc import Collection

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.plan import Plan
from tradewind.ports import NewRecord
from tradewind.trigger_dispatcher.cursors import GENERAL, ForceRecord, encode, force_key
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.leftovers import outlived
from tradewind.trigger_dispatcher.roster import Roster
from tradewind.trigger_dispatcher.sweeper import INTERVAL
from tradewind.trigger_dispatcher.writer import Writer


class Teller:
    """`adopted` is the Plan of which all is to be told, `shared_out` set when the group has shared out what it asks."""

    def __init__(self, edges: Edges, roster: Roster, *, follower: Follower, writer: Writer) -> None:
        self.adopted = Plan()
        self.shared_out = asyncio.Event()
        self._edges = edges
        self._roster = roster
        self._follower = follower
        self._writer = writer
        self._gone: Collection[str] = ()
        """Dispatchers that were outlived at the last look."""
        self._known = False
        """Whether there was a record of ours at the last look."""

    async def run(self, in_order: asyncio.Event) -> None:
        """Of each Plan once all that is ours by it has been taken over: on a partition that comes later a new Trigger
        would be taken for one whose cursor is missing (`takeover`), since the last owner, we, say that we have it."""
        while True:
            await self.shared_out.wait()
            self.shared_out.clear()
            plan = self.adopted
            await in_order.wait()
            try:
                await self._tell(plan)
            except LogRefused as refused:
                log.error("what is in force cannot be told", error=refused)

    async def _tell(self, plan: Plan) -> None:
        settings = self._edges.settings
        await self._follower.caught_up(GENERAL)  # what others told, and we before
        generations = {str(name): trigger.generation for name, trigger in plan.triggers.items()}
        told = self._roster.tell(plan, self._follower.view, now=self._edges.clock())
        record = encode(ForceRecord(generations, told))
        await self._edges.stored(
            NewRecord(settings.cursors_topic, record, (), force_key(settings.slot), partition=GENERAL)
        )

    async def forget(self) -> None:
        """Look for dispatchers that are gone, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.look()

    async def look(self) -> None:
        """Remove what those have told that nothing hangs on, two looks in a row: one that comes back tells it anew."""
        me, view = self._edges.settings.slot, self._follower.view
        if self._known and me not in view.force:
            self.shared_out.set()  # another took ours away just when we came back
        self._known = me in view.force
        try:
            members = await self._edges.log.members(self._edges.settings.dispatcher_group)
        except LogUnavailable as unavailable:
            log.debug("who is a member is out of reach", error=unavailable)
            return
        gone = outlived(view, me, members, self._roster.plan)
        for slot in sorted({*gone} & {*self._gone}):
            if await self._writer.forgotten([force_key(slot)], GENERAL):
                log.info("a dispatcher that is gone is forgotten", slot=slot)
        self._gone = gone

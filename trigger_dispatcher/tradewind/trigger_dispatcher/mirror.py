"""Mirrors cursors to the Triggers' groups, so that Kafka's ordinary tools show their lag."""

import asyncio
from collections.abc import Mapping

from tradewind.errors import LogUnavailable
from tradewind.ports import TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ownership import Alarm
from tradewind.trigger_dispatcher.roster import Roster, place

AT_ONCE = 5
"""Calls on their way at once.  Each may take as long as Kafka's patience; a thousand Triggers one by one, hours."""

PART = 0.2
"""Share of the time that may go into it: a thousand groups take Kafka seconds, which on a busy machine others want."""

LONGEST = 60.0
"""Seconds that this makes of a pause at the most, so that longer rounds are a larger share: one in which Kafka was away
takes long, and costs nothing."""

REFUSED = "group offset is refused"


class Mirror:
    """Writes `next` of every (Trigger, partition) that is ours and has moved."""

    def __init__(self, edges: Edges, roster: Roster) -> None:
        self._edges = edges
        self._roster = roster
        self._written: dict[TopicPartition, dict[NamespacedName, int]] = {}
        self._refused: set[tuple[NamespacedName, TopicPartition]] = set()
        """Of these Kafka refused the last write: it is an alarm once, not every few seconds."""

    async def run(self) -> None:
        """Mirror every few seconds, with many Triggers less often, until cancelled."""
        loop, took = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(max(self._edges.settings.mirror_interval, min(took / PART - took, LONGEST)))
            began = loop.time()
            await self._round()
            took = loop.time() - began

    async def _round(self) -> None:
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for name, offsets in self._moved().items():
                await places.acquire()
                tasks.create_task(self._write(name, offsets)).add_done_callback(lambda _: places.release())

    def _moved(self) -> Mapping[NamespacedName, Mapping[TopicPartition, int]]:
        """What has to be written; what is ours no longer is forgotten, since others may have written it meanwhile."""
        moved: dict[NamespacedName, dict[TopicPartition, int]] = {}
        before, self._written = self._written, {}
        for partition in self._roster.partitions():
            here = place(partition)
            was, now = before.get(here, {}), self._written.setdefault(here, {})
            for name in self._roster.triggers(partition.topic):
                if name in partition.ledgers:
                    at = partition.effective_next(name)
                    if was.get(name) == at:
                        now[name] = at
                    else:
                        moved.setdefault(name, {})[here] = at
        return moved

    async def _write(self, name: NamespacedName, offsets: Mapping[TopicPartition, int]) -> None:
        trigger = self._roster.plan.triggers.get(name)
        if trigger is None:
            return
        try:
            refused = await self._edges.log.mirror(trigger.group, offsets)
        except LogUnavailable as unavailable:
            log.debug("group offsets are not mirrored", trigger=name, error=unavailable)
            return
        for here, offset in offsets.items():
            if here in refused:
                log.warning(REFUSED, trigger=name, partition=here.partition, reason=refused[here])
                self._tell(name, here)
            else:
                self._written[here][name] = offset
                self._refused.discard((name, here))

    def _tell(self, name: NamespacedName, here: TopicPartition) -> None:
        if (name, here) not in self._refused and (partition := self._roster.owned(here)):
            self._refused.add((name, here))
            partition.alarms.append(Alarm(REFUSED, name, 0, 0))

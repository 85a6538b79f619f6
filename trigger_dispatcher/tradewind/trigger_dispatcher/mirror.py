"""Mirrors cursors to the Triggers' groups, so that Kafka's ordinary tools show their lag."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from tradewind.errors import LogUnavailable
from tradewind.plan import TriggerPlan
from tradewind.ports import TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ownership import Alarm, OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster, place

AT_ONCE = 5
"""Calls on their way at once.  Each may take as long as Kafka's patience; a thousand Triggers one by one, hours."""

PART = 0.2
"""Share of the time that may go into it: a thousand groups take Kafka seconds, which on a busy machine others want."""

LONGEST = 5.0
"""Seconds that this makes of a pause at the most: calls while Kafka is away take long, and cost nothing."""

REFUSED = "group offset is refused"


class Mirror:
    """Writes `next` of every (Trigger, partition) that is ours and has moved."""

    def __init__(self, edges: Edges, roster: Roster) -> None:
        self._edges = edges
        self._roster = roster
        self._written: dict[OwnedPartition, dict[NamespacedName, int]] = {}
        """By the very states that are in charge: of a topic made again, Kafka has forgotten what was written."""
        self._refused: set[tuple[NamespacedName, TopicPartition]] = set()
        """Of these Kafka refused the last write: it is an alarm once, not every few seconds."""

    async def run(self) -> None:
        """Mirror every few seconds, with many Triggers less often, until cancelled."""
        while True:
            await asyncio.sleep(self._edges.settings.mirror_interval)
            await self._round()

    async def _round(self) -> None:
        """Every Trigger once, a few at a time, and pauses between them: nothing is slower for as long as it takes."""
        loop, owned = asyncio.get_running_loop(), self._owned()
        names = ((name, partitions) for topic, partitions in owned.items() for name in self._roster.triggers(topic))
        while few := tuple(islice(names, AT_ONCE)):
            began = loop.time()
            async with asyncio.TaskGroup() as tasks:
                for name, partitions in few:
                    trigger = self._roster.plan.triggers.get(name)
                    if trigger and (moved := self._moved(name, partitions)):
                        tasks.create_task(self._write(trigger, moved))
            took = loop.time() - began
            await asyncio.sleep(min(took / PART - took, LONGEST))

    def _owned(self) -> Mapping[str, Sequence[OwnedPartition]]:
        """What is ours, by topic; what is no longer is forgotten, since others may have written it meanwhile."""
        owned: dict[str, list[OwnedPartition]] = {}
        before, self._written = self._written, {}
        for partition in self._roster.partitions():
            owned.setdefault(partition.topic, []).append(partition)
            was = before.get(partition, {})
            here = self._roster.triggers(partition.topic)
            self._written[partition] = {name: was[name] for name in here if name in was}
        return owned

    def _moved(self, name: NamespacedName, partitions: Iterable[OwnedPartition]) -> Mapping[OwnedPartition, int]:
        """Where a Trigger is by now on those of its partitions that are ours still, as far as it was not written."""
        now = {
            partition: partition.effective_next(name)
            for partition in partitions
            if name in partition.ledgers and self._roster.holds(partition)
        }
        return {partition: at for partition, at in now.items() if self._written[partition].get(name) != at}

    async def _write(self, trigger: TriggerPlan, offsets: Mapping[OwnedPartition, int]) -> None:
        name = trigger.name
        try:
            refused = await self._edges.log.mirror(trigger.group, {place(one): at for one, at in offsets.items()})
        except LogUnavailable as unavailable:
            log.debug("group offsets are not mirrored", trigger=name, error=unavailable)
            return
        for partition, offset in offsets.items():
            here = place(partition)
            if here in refused:
                log.warning(REFUSED, trigger=name, partition=here.partition, reason=refused[here])
                self._tell(name, here)
            else:
                self._written[partition][name] = offset
                self._refused.discard((name, here))

    def _tell(self, name: NamespacedName, here: TopicPartition) -> None:
        if (name, here) not in self._refused and (partition := self._roster.owned(here)):
            self._refused.add((name, here))
            partition.alarms.append(Alarm(REFUSED, name, 0, 0))

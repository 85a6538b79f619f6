"""Writes the types of events that flow to the cursors topic, each once (`flowing`); removes those of Brokers gone."""

import asyncio

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import NewRecord
from tradewind.trigger_dispatcher import flowing
from tradewind.trigger_dispatcher.cursors import GENERAL, TypeRecord, encode, type_key
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.flowing import LONGEST, MOST, Flowing
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.roster import Roster
from tradewind.trigger_dispatcher.sweeper import INTERVAL

AT_ONCE = 50
"""Records of a Broker that are written before it is asked again how many there are: so many more than are kept may come
to be for each other dispatcher that notes at the same moment."""


class Noter:
    """Of one process.  Everybody notes what flows on the partitions that are theirs; what was noted is everybody's."""

    def __init__(self, edges: Edges, roster: Roster, follower: Follower) -> None:
        self._edges = edges
        self._roster = roster
        self._follower = follower
        self._told: set[Flowing] = set()
        """Of these it was said that they leave types out."""

    async def run(self) -> None:
        """Note until cancelled."""
        clock = asyncio.get_running_loop().time
        sweep_at = clock() + INTERVAL
        while True:
            await asyncio.sleep(self._edges.settings.cursor_interval)
            await self.note()
            if clock() >= sweep_at:
                sweep_at = clock() + INTERVAL
                await self._sweep()

    async def note(self) -> None:
        """Write what is new, as far as Kafka is there; what is not written comes up again."""
        changed, self._follower.view.types_changed = self._follower.view.types_changed, set()
        there = tuple(self._roster.flowing.values())
        self._told &= set(there)
        for one in there:
            if one.fresh:
                await self._write(one)
            elif one.broker in changed:
                self._absorb(one)
            if one.left_out and one not in self._told:
                self._told.add(one)
                log.warning("types of events are left out", broker=one.broker, most=MOST, longest=LONGEST)

    async def _write(self, one: Flowing) -> None:
        await self._follower.caught_up(GENERAL)
        while batch := self._absorb(one)[:AT_ONCE]:
            failures = await asyncio.gather(*(self._append(one, *each) for each in batch))
            for (digest, _), failed in zip(batch, failures, strict=True):
                if isinstance(failed, LogRefused):
                    log.error("a type of events cannot be noted", broker=one.broker, error=failed)
                    one.refused(digest)
            if any(isinstance(failed, LogUnavailable) for failed in failures):
                log.debug("types of events are not noted yet", broker=one.broker)
                return
            await self._follower.caught_up(GENERAL)

    def _absorb(self, one: Flowing) -> list[tuple[str, TypeRecord]]:
        """Take in what is held; what is to be written still."""
        held = self._follower.view.types.get(one.broker, {})
        one.absorb(held)
        return one.to_write(held)

    async def _append(self, one: Flowing, digest: str, record: TypeRecord) -> LogUnavailable | LogRefused | None:
        return await self._stored(NewRecord(self._topic, encode(record), (), type_key(one.broker, digest), GENERAL))

    async def _stored(self, record: NewRecord) -> LogUnavailable | LogRefused | None:
        try:
            await self._edges.log.append(record)
        except (LogUnavailable, LogRefused) as failed:
            return failed
        return None

    async def _sweep(self) -> None:
        """Remove what was noted of Brokers that are gone; before there is a Plan, nobody knows which."""
        brokers = self._roster.plan.brokers
        if not brokers or not self._edges.here():
            return
        await self._follower.caught_up(GENERAL)
        for broker, digest in tuple(flowing.gone(self._follower.view.types, brokers)):
            if await self._stored(NewRecord(self._topic, None, (), type_key(broker, digest), GENERAL)) is not None:
                return

    @property
    def _topic(self) -> str:
        return self._edges.settings.cursors_topic

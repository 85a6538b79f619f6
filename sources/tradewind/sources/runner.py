"""Hosts many sources in one process (DESIGN §2).

Plan ──────────────────────────► Sources ──► one Host for each source that is this process's to run
partitions of `tradewind.sources` ──▲
"""

import asyncio
from collections.abc import AsyncIterator

from tradewind.observe import metrics as m
from tradewind.observe.health import Health
from tradewind.plan import Plan
from tradewind.presence import TICK
from tradewind.sources.counts import Counts, resource_group
from tradewind.sources.edges import Edges, log
from tradewind.sources.host import Host
from tradewind.sources.kinds import Maker
from tradewind.sources.positions import SourceKey
from tradewind.sources.route import route_of
from tradewind.topics import sources_specs

PLAN = "plan"
"""What a process of sources waits for before it is ready: the first Plan is in force."""


class Sources:
    """Runs what a Plan says, and goes on as Plans change."""

    def __init__(self, edges: Edges, maker: Maker, health: Health) -> None:
        self._edges = edges
        self._maker = maker
        self._health = health
        self._plan = Plan()
        self._hosts: dict[SourceKey, Host] = {}
        self._running: dict[SourceKey, asyncio.Task[None]] = {}

    async def run(self, plans: AsyncIterator[Plan], stop: asyncio.Event) -> None:
        """Until `stop` is set; what is on its way then has the settings' grace to get there."""
        async with asyncio.TaskGroup() as group:
            follow = group.create_task(self._follow(plans, group))
            look = group.create_task(self._look_around())
            make = group.create_task(self._topics())
            await stop.wait()
            follow.cancel()
            make.cancel()
            for host in self._hosts.values():
                host.retire()
            if self._running:
                await asyncio.wait(self._running.values(), timeout=self._edges.settings.grace)
            for key in list(self._hosts):
                self._end(key, "the process stops")
            look.cancel()

    async def _topics(self) -> None:
        specs = sources_specs(self._edges.settings)
        await self._edges.patiently(lambda: self._edges.log.ensure_topics(specs), what="the sources' topics")

    async def _look_around(self) -> None:
        """Notice it when this process was away, also where nothing is sent."""
        while True:
            self._edges.here()
            await asyncio.sleep(TICK)

    async def page(self) -> bytes:
        """The metrics as they are now, in text form."""
        return await m.page(self._readings())

    async def _readings(self) -> AsyncIterator[m.Reading]:
        for (kind, name), host in self._hosts.items():
            labels, counts = (name.namespace, resource_group(kind), name.name), host.counts
            yield m.Reading(m.EMITTED, labels, counts.emitted)
            yield m.Reading(m.SOURCE_DEAD_LETTERS, labels, counts.dead_letters)
            yield m.Reading(m.SOURCE_RETRIES, labels, counts.retries)
            yield m.Reading(m.SOURCE_FAILURES, labels, counts.failures)

    async def _follow(self, plans: AsyncIterator[Plan], group: asyncio.TaskGroup) -> None:
        async for plan in plans:
            self._plan = plan
            self._settle(group)
            self._health.reached(PLAN)

    def _settle(self, group: asyncio.TaskGroup) -> None:
        wanted = {SourceKey(*key): source for key, source in self._plan.sources.items()}
        for key in self._hosts.keys() - wanted.keys():
            self._end(key, "its source was removed")
        for key, source in wanted.items():
            route, host = route_of(source, self._plan), self._hosts.get(key)
            if host is not None:
                host.adopt(source, route)
                continue
            self._hosts[key] = host = Host(key, source, route, self._edges, self._maker, Counts())
            self._running[key] = group.create_task(host.run(), name=f"source {key}")

    def _end(self, key: SourceKey, why: str) -> None:
        """At once."""
        host = self._hosts.pop(key)
        if host.in_flight:
            log.warning("events are let go of", source=key, events=host.in_flight, why=why)
        self._running.pop(key).cancel()

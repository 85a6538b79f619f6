"""Hosts many sources in one process (DESIGN §2).

    Plan ───────────────────────────► Sources ──► one Host for each source that is ours to run
    partitions that are ours ──────────▲   └────► Reporter: positions and statuses, every second
      (Custody; a source lies in one)

A source that runs everywhere needs no partition.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from tradewind.endings import ended, unless
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.health import Health
from tradewind.plan import Plan, SourcePlan
from tradewind.ports import TopicInfo
from tradewind.presence import TICK
from tradewind.sources import layout
from tradewind.sources.counts import Counts
from tradewind.sources.custody import Custody
from tradewind.sources.edges import Edges, log
from tradewind.sources.host import Host
from tradewind.sources.kinds import Maker
from tradewind.sources.positions import Claim, SourceKey
from tradewind.sources.reporter import Reporter
from tradewind.sources.route import route_of
from tradewind.sources.sweeper import Sweeper
from tradewind.topics import sources_specs

PLAN = "manifests"
PARTITIONS = "partitions"
NEEDS = (PLAN, PARTITIONS)
"""What a process of sources waits for before it is ready: the first Plan is in force, and the group has shared out who
runs what."""

AGAIN = 10.0
"""Seconds between two looks whether the topics are still there."""

BARRED = 10.0
"""Seconds after which a source that another took is taken back, where the group still says that it is ours: longer than
a session, in which one of the two is told otherwise."""


class Sources:
    """Runs what a Plan says and the group gives to this process, and goes on as both change."""

    def __init__(self, edges: Edges, maker: Maker, health: Health) -> None:
        self.hosts: dict[SourceKey, Host] = {}
        """What runs here."""
        self.counts: dict[SourceKey, Counts] = {}
        """Of what ran here since it is in the Plan."""
        self.custody: Custody | None = None
        """From when on the topic is there."""
        self._edges = edges
        self._maker = maker
        self._health = health
        self._plan: Plan | None = None
        self._running: dict[SourceKey, asyncio.Task[None]] = {}
        self._barred: dict[SourceKey, float] = {}
        """Sources that another took, and until when they are left to him."""
        self._stopping = False

    async def run(self, plans: AsyncIterator[Plan], stop: asyncio.Event) -> None:
        """Until `stop` is set; what is on its way then has the settings' grace to get there.  Raises SlotTaken."""
        topic = await unless(stop, self._made())
        if topic is None:
            return
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self.custody = custody = Custody(self._edges, topic, self)
            self._reporter = Reporter(self._edges, custody)
            follow = tasks.create_task(self._follow(plans))
            owning = tasks.create_task(custody.run())
            looking = tasks.create_task(self._look_around())
            reporting = tasks.create_task(self._report())
            attending = tasks.create_task(self._attend())
            sweeping = tasks.create_task(Sweeper(self._edges, custody, self._reporter, lambda: self._plan).run())
            try:
                await stop.wait()
                self._stopping = True
                await ended(follow)
                await ended(owning)
                everywhere = [key for key, host in self.hosts.items() if host.everywhere]
                async with asyncio.TaskGroup() as leaving:
                    leaving.create_task(custody.member.close())
                    leaving.create_task(self._release(everywhere))
            finally:
                for key in list(self.hosts):
                    self._end(key, "the process stops")
            await ended(looking)
            await ended(reporting)
            await ended(attending)
            await ended(sweeping)

    async def _made(self) -> TopicInfo:
        specs = sources_specs(self._edges.settings)
        made = await self._edges.patiently(lambda: self._edges.log.ensure_topics(specs), what="the sources' topics")
        return await layout.settled(self._edges, made[specs[0].name])

    async def _attend(self) -> None:
        """Make again what somebody deletes: without its topic no source runs, and a dead letter waits for ever."""
        while True:
            await asyncio.sleep(AGAIN)
            await self._made_again()

    async def _made_again(self) -> None:
        """Make the topics that are not there.  What every owner wrote is gone with that of positions, and is written
        again: so nobody begins anew."""
        assert self.custody is not None
        known = self.custody.topic
        positions, letters = sources_specs(self._edges.settings)
        try:
            made = await self._edges.log.ensure_topics((replace(positions, partitions=known.partitions), letters))
            if made[known.name].id != known.id:
                async with asyncio.timeout(self._edges.settings.grace):
                    self.custody.anew(await layout.settled(self._edges, made[known.name]))
                log.warning("the sources' topic was deleted, and is made again", topic=known.name)
                self._reporter.anew()
        except (LogUnavailable, LogRefused, TimeoutError) as failed:
            log.debug("the sources' topics cannot be made again yet", error=failed)

    async def _follow(self, plans: AsyncIterator[Plan]) -> None:
        async for plan in plans:
            self._plan = plan
            self._share()
            self._health.reached(PLAN)

    async def _look_around(self) -> None:
        """Notice it when this process was away, also where nothing is sent; take back what is barred no more."""
        while True:
            await asyncio.sleep(TICK)
            self._edges.here()
            over = [key for key, until in self._barred.items() if until <= self._edges.time.elapsed()]
            for key in over:
                del self._barred[key]
            if over:
                self._share()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(self._edges.settings.cursor_interval)
            await self._reporter.report(list(self.hosts.values()))

    # --- who runs

    def _share(self) -> None:
        """Run what is in the Plan and ours, and nothing else."""
        if self._plan is None or self._stopping:
            return
        wanted = {SourceKey(*key): source for key, source in self._plan.sources.items()}
        held = {SourceKey(*key) for key in self._plan.held}
        self._maker.declared(wanted.values())
        for key in self.hosts.keys() - wanted.keys():
            if self.hosts[key].everywhere:
                self._tasks.create_task(self._reporter.withdraw(self.hosts[key]))
            elif key not in held:
                self._reporter.removed(key)
            self._end(key, "it cannot run" if key in held else "its source was removed")
        for key in self.counts.keys() - wanted.keys():
            del self.counts[key]
        for key, source in wanted.items():
            if key in self.hosts:
                self.hosts[key].adopt(source, route_of(source, self._plan))
            elif self._may_run(key, source):
                self._begin(key, source, self._plan)

    def _may_run(self, key: SourceKey, source: SourcePlan) -> bool:
        if self._edges.presence.away or self.custody is None:
            return False
        if self._maker.everywhere(source):
            return True
        return key not in self._barred and self.custody.holds(key)

    def _begin(self, key: SourceKey, source: SourcePlan, plan: Plan) -> None:
        assert self.custody is not None
        counts, view = self.counts.setdefault(key, Counts()), self.custody.view
        claim = Claim(view.next_term(key), f"{self._edges.slot}:{uuid.uuid4().hex[:16]}")
        host = Host(key, source, route_of(source, plan), self._edges, self._maker, counts, claim)
        host.everywhere = self._maker.everywhere(source)
        host.position = None if host.everywhere else view.position(key, source.source.metadata.uid)
        self._reporter.added(key)
        self.hosts[key] = host
        self._running[key] = self._tasks.create_task(self._serve(host), name=f"source {key}")

    async def _serve(self, host: Host) -> None:
        """Run a source, whatever happens to it: what fails of one takes nothing from its neighbours."""
        failures = 0
        while not host.retired:
            try:
                if not host.everywhere and not host.claimed:
                    await self._reporter.claim(host)
                    host.claimed = True
                await host.run()
            except Exception as error:
                failures += 1
                host.counts.failures += 1
                log.exception("source failed", source=host.key, why=str(error))
                cause = error
                while isinstance(cause, ExceptionGroup):  # as a TaskGroup gives it
                    cause = cause.exceptions[0]
                host.standing.failed(f"{type(cause).__name__}: {cause}")
                await asyncio.sleep(self._edges.pause(failures))

    def _end(self, key: SourceKey, why: str) -> None:
        """At once."""
        host = self.hosts.pop(key)
        if host.in_flight:
            log.warning("events are let go of", source=key, events=host.in_flight, why=why)
        self._running.pop(key).cancel()

    async def _release(self, keys: Collection[SourceKey]) -> None:
        """What is on their way has the grace to get there; then they end, their positions written."""
        grace = self._edges.settings.grace / (1 if self._stopping else 2)
        hosts = [self.hosts[key] for key in keys]
        if not hosts:
            return
        for host in hosts:
            host.retire()
        await asyncio.wait([self._running[key] for key in keys], timeout=grace)
        await self._reporter.report(hosts)
        for host in hosts:
            if host.everywhere:
                await self._reporter.withdraw(host)
            if self.hosts.get(host.key) is host:
                self._end(host.key, "it is another process's")

    # --- see custody.Keeper

    def gained(self) -> None:
        """See Keeper."""
        self._share()

    async def lost(self, partitions: Collection[int]) -> None:
        """See Keeper.  A process that was away holds nothing any more: what it would write would be late."""
        assert self.custody is not None
        custody, keys = self.custody, [key for key, host in self.hosts.items() if not host.everywhere]
        if not custody.moves:
            keys = [key for key in keys if custody.partition_of(key) in partitions]
        if self._edges.here():
            await self._made_again()  # who lost them because their topic was deleted still knows the positions
            await self._release([key for key in keys if key in self.hosts])  # it may have been removed meanwhile
        else:
            for key in keys:
                self._end(key, "this process was away")
        self._reporter.forget(partitions)

    def wrote(self, source: SourceKey) -> None:
        """See Keeper.  A greater claim than ours ends what runs here (law 5)."""
        host = self.hosts.get(source)
        if host is None or host.everywhere or self.custody is None:
            return
        if self.custody.view.superseded(source, host.claim):
            log.warning("source is another's", source=source, owner=self.custody.view.positions[source].owner)
            self._barred[source] = self._edges.time.elapsed() + BARRED
            self._end(source, "it is another process's")

    def settled(self) -> None:
        """See Keeper."""
        self._health.reached(PARTITIONS)

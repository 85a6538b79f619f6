"""Hosts many sources in one process (DESIGN §2).

    Plan ──► Sources ──► one Host for each source ──► its generator ──► event ──► Broker's topic, or POST ──► ack
                            ▲      │ fails
                            └──────┘ made again after a wait that grows

A source is asked for its next event when the last one is stored and acknowledged; one that fails or waits holds up no
other.  An event waits for Kafka, or for a sink that cannot be resolved, as long as this process lives.  A changed sink
counts at once, for a waiting event too; a changed source is made anew once its waiting event is stored.  A URL that
refuses an event, or still fails when the default retries are spent, loses it: the log says so.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from tradewind.config import Settings
from tradewind.delivery.journey import Bury, Journey, Terms, Wait, after
from tradewind.delivery.schedule import Delivery, backoff
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.events.http import write_binary
from tradewind.events.model import Event
from tradewind.observe import metrics as m
from tradewind.observe.health import Health
from tradewind.observe.logs import Log
from tradewind.plan import Plan, SourcePlan
from tradewind.ports import EventLog, Sender
from tradewind.resources.model import NamespacedName, PingSource
from tradewind.sources.counts import Counts, resource_group
from tradewind.sources.emission import Emissions
from tradewind.sources.ping import run as ping
from tradewind.sources.route import Nowhere, Route, ToTopic, ToUrl, route_of

log = Log("sources")

PLAN = "plan"
"""What a process of sources waits for before it is ready: the first Plan is in force."""

PATIENCE = Delivery(delay=0.2)
"""How a source that failed is made again, and how an event that waits is tried again: 0.4 s, 0.8 s, …"""

SLOWEST = 30.0
"""Seconds; the longest of these waits, so that a source goes on soon after what it waited for is back."""

Key = tuple[str, NamespacedName]


@dataclass(frozen=True, slots=True)
class Time:
    """Time and chance, which tests replace: seconds since the epoch, a wait, a number in [0, 1)."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    chance: Callable[[], float] = random.random


Make = Callable[[SourcePlan, Time], Emissions]
"""Makes a source's generator; what its kind needs is in the Plan."""


def make(source: SourcePlan, time: Time) -> Emissions:
    """The generator of a source of any kind that there is."""
    match source.source:
        case PingSource():
            return ping.run(source.source, clock=time.clock, sleep=time.sleep)


class Sources:
    """Runs what a Plan says, and goes on as Plans change."""

    def __init__(
        self,
        log: EventLog,
        sender: Sender,
        settings: Settings,
        health: Health,
        *,
        time: Time | None = None,
        make: Make = make,
    ) -> None:
        self._doors = _Doors(log, sender, settings, time or Time())
        self._health = health
        self._make = make
        self._hosts: dict[Key, Host] = {}

    async def run(self, plans: AsyncIterator[Plan], stop: asyncio.Event) -> None:
        """Until `stop` is set; an event that is being stored then has the settings' grace to get there."""
        async with asyncio.TaskGroup() as group:
            follow = group.create_task(self._follow(plans, group))
            await stop.wait()
            follow.cancel()
            for host in self._hosts.values():
                host.retire()
            if self._hosts:
                await asyncio.wait([host.task for host in self._hosts.values()], timeout=self._doors.settings.grace)
            for host in self._hosts.values():
                host.end("the process stops")

    async def page(self) -> bytes:
        """The metrics as they are now, in text form."""
        return await m.page(self._readings())

    async def _readings(self) -> AsyncIterator[m.Reading]:
        for (kind, name), host in self._hosts.items():
            labels, counts = (name.namespace, resource_group(kind), name.name), host.counts
            yield m.Reading(m.EMITTED, labels, counts.emitted)
            yield m.Reading(m.DROPPED, labels, counts.dropped)
            yield m.Reading(m.SOURCE_RETRIES, labels, counts.retries)
            yield m.Reading(m.SOURCE_FAILURES, labels, counts.failures)

    async def _follow(self, plans: AsyncIterator[Plan], group: asyncio.TaskGroup) -> None:
        async for plan in plans:
            self._apply(plan, group)
            self._health.reached(PLAN)

    def _apply(self, plan: Plan, group: asyncio.TaskGroup) -> None:
        for key in self._hosts.keys() - plan.sources.keys():
            self._hosts.pop(key).end("its source was removed")
        for key, source in plan.sources.items():
            route, old = route_of(source, plan), self._hosts.get(key)
            if old is not None:
                old.redirect(route)
            if old is None or old.plan.source != source.source:
                self._hosts[key] = host = Host(source, route, self._doors, self._make, old)
                host.task = group.create_task(host.run(), name=f"source {key[1]}")
                if old is not None:
                    old.retire()


@dataclass(frozen=True, slots=True)
class _Doors:
    """What every Host works with."""

    log: EventLog
    sender: Sender
    settings: Settings
    time: Time

    async def rest(self, retry: int) -> None:
        """The wait before something is tried again for the `retry`th time."""
        jitter = self.settings.backoff_jitter
        await self.time.sleep(backoff(PATIENCE, retry, cap=SLOWEST, jitter=jitter, chance=self.time.chance()))


class Host:
    """One source: its generator, made again when it fails, and the event that is being stored.

    `predecessor` is the Host of the same source before it was changed; it ends first.
    """

    task: asyncio.Task[None]

    def __init__(self, plan: SourcePlan, route: Route, doors: _Doors, make: Make, predecessor: "Host | None") -> None:
        self.plan = plan
        self._route = route
        self._doors = doors
        self._make = make
        self._predecessor = predecessor
        self.counts: Counts = predecessor.counts if predecessor else Counts()
        self._storing = False
        self._retired = False

    @property
    def _fields(self) -> Mapping[str, str]:
        return {"source": f"{type(self.plan.source).__name__} {self.plan.source.metadata.name}"}

    def redirect(self, route: Route) -> None:
        """Send events here from the next attempt on, the one that waits too."""
        self._route = route
        if self._predecessor is not None:
            self._predecessor.redirect(route)

    def retire(self) -> None:
        """End: at once, or when what is being stored, by the predecessor too, is acknowledged."""
        self._retired = True
        if not self._storing and self._predecessor is None:
            self.task.cancel()

    def end(self, why: str) -> None:
        """End at once."""
        if self._predecessor is not None:
            self._predecessor.end(why)
        if self._storing:
            log.warning("event dropped", **self._fields, why=why)
        self.task.cancel()

    async def run(self) -> None:
        """Run the source until it ends."""
        if self._predecessor is not None:
            await asyncio.wait([self._predecessor.task])
            self._predecessor = None
        failures = 0
        while not self._retired:
            log.info("source started", **self._fields, sink=self._route)
            try:
                async with aclosing(self._make(self.plan, self._doors.time)) as emissions:
                    async for event, ack in emissions:
                        self._storing = True
                        await self._store(event)
                        await ack()
                        self._storing, failures = False, 0
                        if self._retired:
                            return
                log.info("source ended", **self._fields)
                return
            except Exception as error:
                self._storing = False
                failures += 1
                self.counts.failures += 1
                log.exception("source failed", **self._fields, why=str(error), failures=failures)
            await self._doors.rest(failures)

    async def _store(self, event: Event) -> None:
        """Return when the event is stored, or never can be."""
        retry = 0
        while True:
            match self._route:
                case ToUrl(url):
                    why = await self._post(url, event)
                case ToTopic() as to:
                    why = await self._append(to, event)
                case Nowhere(why):
                    pass
            if not why:
                return
            retry += 1
            self.counts.retries += 1
            log.warning("event waits", **self._fields, id=event.id, why=why, retry=retry)
            await self._doors.rest(retry)

    async def _append(self, to: ToTopic, event: Event) -> str:
        """Nothing, or why the event must wait."""
        try:
            await self._doors.log.append(to.record(event))
        except LogUnavailable as error:
            return str(error)
        except LogRefused as error:
            self.counts.dropped += 1
            log.error("event dropped", **self._fields, id=event.id, why=str(error))
        else:
            self.counts.emitted += 1
        return ""

    async def _post(self, url: str, event: Event) -> str:
        """Nothing when it is accepted or given up, or why it must wait: the sink was changed meanwhile."""
        headers, body = write_binary(event)
        journey, delivery, now = Journey(), Delivery(), self._doors.time.clock
        settings, chance = self._doors.settings, self._doors.time.chance
        while self._route == ToUrl(url):
            outcome = await self._doors.sender.post(url, headers, body, timeout=delivery.timeout)
            cap, jitter = settings.max_backoff, settings.backoff_jitter
            match after(journey, outcome, Terms(delivery, url, False, now(), chance(), cap, jitter)):
                case Wait(journey, due):
                    self.counts.retries += 1
                    log.warning("event waits", **self._fields, id=event.id, why=str(outcome), retry=journey.attempts)
                    await self._doors.time.sleep(max(0.0, due - now()))
                case Bury(failure, reason):
                    self.counts.dropped += 1
                    log.error("event dropped", **self._fields, id=event.id, sink=url, why=f"{failure.reason}, {reason}")
                    return ""
                case _:
                    self.counts.emitted += 1
                    return ""
        return "its sink was changed"

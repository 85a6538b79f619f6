"""Hosts one source: its lives, one after the other, and what is on its way.

life: begins at the last position ──► emissions, as there is room ──► ends, fails, or is changed
         ▲                                                                      │
         └── after a wait that grows, where it failed ◄── all of it is settled ◄┘
"""

import asyncio
import contextlib
from contextlib import aclosing
from dataclasses import replace

from tradewind.plan import SourcePlan
from tradewind.resources.model import ContainerSource, Destination
from tradewind.sources import admission
from tradewind.sources.counts import Counts
from tradewind.sources.courier import Courier, Flight
from tradewind.sources.edges import Edges, log
from tradewind.sources.emission import Emission, Given, Mark, NoEvent
from tradewind.sources.kinds import Maker
from tradewind.sources.positions import Claim, SourceKey, kept
from tradewind.sources.route import Route
from tradewind.sources.standing import Standing
from tradewind.sources.window import Ticket, Window

TURN = 50
"""Emissions of one source that are taken at a stretch, while others wait: a millisecond or two."""


class CarryingFailed(Exception):
    """A fault that is not the source's own: what is on its way cannot be told any more, and all of it begins anew."""


class Host:
    """One source.  `position` is where it begins; it moves as what the source gave is settled."""

    def __init__(
        self, key: SourceKey, plan: SourcePlan, route: Route, edges: Edges, maker: Maker, counts: Counts, claim: Claim
    ) -> None:
        self.key = key
        self.plan = plan
        self.in_force = plan
        """The state of it that runs: an older one than `plan` until what that gave is settled."""
        self.route = route
        self.counts = counts
        self.standing = Standing(edges.time.clock)
        self.claim = claim
        """By which it is ours."""
        self.claimed = False
        """Whether that is stored."""
        self.everywhere = False
        """It runs in every process, and has neither a position nor one owner."""
        self.position: object = None
        self.uid = plan.source.metadata.uid
        """Of the object whose position this is."""
        self.retired = False
        self._edges = edges
        self._maker = maker
        self._limits = admission.Limits.of(edges.settings)
        self._window = self._fresh_window()
        self._courier: Courier | None = None
        self._pulling: asyncio.Task[bool] | None = None
        self._number = 0
        self._moved = asyncio.Event()
        """Something was settled."""
        self._changed = asyncio.Event()
        """The source was changed, or is to end."""

    @property
    def in_flight(self) -> int:
        """Emissions that are on their way."""
        return self._window.held

    @property
    def held_bytes(self) -> int:
        """Bytes of these."""
        return self._window.held_bytes

    def adopt(self, plan: SourcePlan, route: Route) -> None:
        """Go on as this Plan says: a changed sink counts at once; a changed source begins anew where it was, once what
        it gave before is settled.  One that was made again under its name has no position then."""
        changed = _of_its_own(plan) != _of_its_own(self.plan)
        self.plan, self.route = plan, route
        if self._courier is not None:
            self._courier.delivery = plan.delivery
            self._courier.redirect(route)
        if changed:
            self._interrupt()
        elif not self._changed.is_set():
            self.in_force = plan

    def retire(self) -> None:
        """Take nothing more; `run` ends when what is on its way is settled."""
        self.retired = True
        if self._courier is not None:
            self._courier.hurry()
        self._interrupt()

    def _interrupt(self) -> None:
        self._changed.set()
        if self._pulling is not None:
            self._pulling.cancel()

    async def run(self) -> None:
        """Run the source until it is retired.  Cancelled, it lets go of everything at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._courier = Courier(
                    self._edges,
                    self.key,
                    self.route,
                    tasks,
                    counts=self.counts,
                    standing=self.standing,
                    settled=self._settle,
                    delivery=self.plan.delivery,
                )
                await self._live(tasks)
        finally:
            if self._courier is not None:
                self._courier.close()

    async def _live(self, tasks: asyncio.TaskGroup) -> None:
        failures = 0
        while not self.retired:
            self._changed.clear()
            if self.uid != self.plan.source.metadata.uid:  # it was made again under its name
                self.uid, self.position = self.plan.source.metadata.uid, None
            self._window = self._fresh_window()
            self.standing.begins()
            log.info("source started", source=self.key, sink=self.route)
            before = self.counts.emitted
            self._pulling = tasks.create_task(self._pull(self.plan))
            await asyncio.wait([self._pulling])
            failed = not self._pulling.cancelled() and self._pulling.result()
            while self._window.held:
                self._moved.clear()
                await self._moved.wait()
            if self._changed.is_set():
                failures = 0
            elif failed:
                failures = 1 if self.counts.emitted > before else failures + 1
                await self._unless_changed(self._edges.pause(failures))
            else:
                log.info("source ended", source=self.key)
                self.standing.ended()
                await self._changed.wait()

    async def _unless_changed(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _pull(self, plan: SourcePlan) -> bool:
        """Take what the source gives; whether that ended with a failure."""
        settings, time = self._edges.settings, self._edges.time
        self.in_force = plan
        given = Given(kept(self.position), self.standing, time, settings, self._edges.slot)
        try:
            async with aclosing(self._maker.make(plan, given)) as emissions:
                async for given_now in emissions:
                    for emission in (given_now,) if isinstance(given_now, tuple) else given_now:
                        self._take(emission, plan)
                        if self._window.full:
                            await self._room()
                        elif self._number % TURN == 0:
                            await asyncio.sleep(0)
        except CarryingFailed:
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            self.counts.failures += 1
            log.exception("source failed", source=self.key, why=str(error))
            self.standing.failed(f"{type(error).__name__}: {error}")
            return True
        return False

    def _take(self, emission: Emission | NoEvent | Mark, plan: SourcePlan) -> None:
        position = kept(emission.position)
        self.standing.connected()
        self._number += 1
        if isinstance(emission, Mark):
            self._move(self._window.open(0, position))
            return
        event = None
        if isinstance(emission, NoEvent):
            weight = len(emission.content)
        else:
            event = emission.event
            if plan.source.ce_overrides:
                event = admission.overridden(event, plan.source.ce_overrides)
                emission = emission._replace(event=event)
            weight = event.weight
            if admission.faulty(event, self._limits):
                event = None
        flight = Flight(self._number, emission, event, weight, position)
        self._window.take(flight)
        assert self._courier is not None
        try:
            self._courier.carry(flight)
        except Exception as error:
            raise CarryingFailed(f"{type(error).__name__}: {error}") from error

    async def _room(self) -> None:
        while self._window.full:
            self._moved.clear()
            await self._moved.wait()

    def _settle(self, flight: Flight) -> None:
        self._move(flight)
        try:
            flight.emission.ack()
        except Exception as error:  # a fault of a kind's: its neighbours must not pay for it
            log.exception("acknowledgement failed", source=self.key, why=str(error))
        self._moved.set()

    def _move(self, ticket: Ticket) -> None:
        if self._window.settle(ticket):
            self.position = self._window.position

    def _fresh_window(self) -> Window:
        settings = self._edges.settings
        return Window(settings.source_in_flight, settings.source_bytes, self.position)


def _is_cancelled() -> bool:
    """Whether somebody cancels the task that runs; else its code has raised CancelledError by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _of_its_own(plan: SourcePlan) -> tuple[object, ...]:
    """What a source is made of: another sink, or a new count of states, makes it no other; but a container was told of
    its sink when it began."""
    source = plan.source
    metadata = replace(source.metadata, generation=0)
    told = plan.sink if isinstance(source, ContainerSource) else None
    return replace(source, metadata=metadata, sink=Destination()), plan.secrets, plan.texts, told

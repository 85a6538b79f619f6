"""Leading: works while this process holds a Lease, and never at the same time as another.

    look at the Lease every `retry` seconds ──it is ours──► the watchdog is armed, work(leadership) begins
       ├── renewed ──► the watchdog is told of a later moment
       ├── no renewal in time, or another's ──► the work is cancelled, LeadershipLost: this process ends
       ├── stop is set ──► the work is cancelled; once it has ended the Lease is released: another takes it at once
       └── the work ends or fails ──► the Lease is released

What follows from what was read is `lease.Candidate`'s to say.  Every look has a deadline, and whatever fails, for any
reason, is no more than a renewal that did not happen.  Who lost leadership does not wait for it again: what its work
handed to threads (Kafka's client has its own) ends for certain only with the process, so it ends with a status that
has Kubernetes start it anew, as Kubernetes' own controllers do.

The API server is asked for `get`, `create` and `update` of leases.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol

from tradewind.api_server import LEASES, ApiServer
from tradewind.control.lease import Candidate, Create, Replace, Terms
from tradewind.control.watchdog import Watchdog
from tradewind.errors import ApiConflict, ApiFailed, LeadershipLost
from tradewind.observe.logs import Log
from tradewind.resources.model import NamespacedName

TERMS = Terms()
RELEASES = 2
"""Times that a release is tried: a renewal that was on its way may come first."""

log = Log("leading")

Clock = Callable[[], float]


class Guard(Protocol):
    """What ends this process when its leadership may have ended (`watchdog.Watchdog`)."""

    def arm(self, until: float) -> None:
        """End the process at this moment, and at none that was given before."""

    def disarm(self) -> None:
        """There is nothing left that must be ended."""


class Leadership:
    """What work may ask while it runs."""

    def __init__(self, candidate: Candidate, clock: Clock) -> None:
        self._candidate = candidate
        self._clock = clock

    def sure(self, seconds: float) -> bool:
        """Whether this process leads, and does so for that long, even if no renewal comes through any more.

        To be asked just before what cannot be undone, with the longest that it may take: an event loop that was stopped
        runs a little before it notices.
        """
        return self._candidate.left(self._clock()) > seconds


Work = Callable[[Leadership], Awaitable[None]]
"""Ends when it is cancelled, within `Terms.grace` where it can: the process is ended otherwise."""


def identity(host: str) -> str:
    """A name that no other process has, nor this one's next life."""
    return f"{host}_{uuid.uuid4()}"


async def lead(
    api: ApiServer,
    name: NamespacedName,
    identity: str,
    work: Work,
    stop: asyncio.Event,
    *,
    clock: Clock,
    wall: Clock = time.time,
    terms: Terms = TERMS,
    guard: Callable[[Clock], Guard] = Watchdog,
) -> None:
    """Wait for the Lease of this name and run `work` while it is ours; returns once `stop` is set, or the work is done.

    `clock` gives seconds that go on while process and machine do not, and is never set.  Raises LeadershipLost, upon
    which the process must end at once: the guard ends it otherwise.  What the work raises comes in a group.
    """
    election = _Election(api, Candidate(name, identity, terms), stop, clock=clock, wall=wall)
    watchdog = guard(clock)
    try:
        if await election.won():
            await election.reign(work, watchdog)
    finally:
        if not election.candidate.lost:
            watchdog.disarm()
            await election.resign()


class _Election:
    """One process's part in it."""

    def __init__(self, api: ApiServer, candidate: Candidate, stop: asyncio.Event, *, clock: Clock, wall: Clock) -> None:
        self.candidate = candidate
        self._api = api
        self._stop = stop
        self._clock = clock
        self._wall = wall
        self._wrote = False
        """Whether anything was sent that may have made the Lease ours."""
        self._holder: str | None = None
        """Whom the Lease named when it was told of last."""
        self._trouble = ""
        """What kind of failure was told of last, and is not over."""

    async def won(self) -> bool:
        """Wait until this process leads; False where it was asked to stop."""
        candidate = self.candidate
        while not self._stop.is_set():
            began = self._clock()
            looked = await self._look(candidate.terms.call)
            if candidate.leads(self._clock()):
                log.info("leads", lease=str(candidate.name), identity=candidate.identity)
                return True
            if looked and candidate.holder != self._holder:
                self._holder = candidate.holder
                log.info("waits for the Lease", lease=str(candidate.name), holder=self._holder)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._pause(began))
        return False

    async def reign(self, work: Work, guard: Guard) -> None:
        """Run the work for as long as this process leads."""
        guard.arm(self.candidate.end(self._clock()))  # before anything of the work runs
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(_run(work, Leadership(self.candidate, self._clock)))
            tasks.create_task(self._keep(working, guard))
            stopping = tasks.create_task(self._stopped(working))
            working.add_done_callback(lambda _: stopping.cancel())
        if self.candidate.lost:
            raise LeadershipLost(f"the Lease {self.candidate.name} was not renewed in time, or is another's by now")

    async def resign(self) -> None:
        """Release the Lease, if it may be ours."""
        self.candidate.resign()
        for _ in range(RELEASES if self._wrote else 0):
            if await self._look(self.candidate.terms.call):
                return

    async def _keep(self, working: asyncio.Task[None], guard: Guard) -> None:
        """Renew until the work has ended, or is cancelled as this process leads no longer."""
        candidate = self.candidate
        while not candidate.over(began := self._clock()):
            guard.arm(candidate.end(began))
            await asyncio.wait({working}, timeout=min(candidate.terms.retry, candidate.left(began)))
            if working.done():
                return
            await self._look(min(candidate.terms.call, candidate.left(self._clock())))
        guard.arm(candidate.end(began))
        log.error("leads no longer", lease=str(candidate.name), holder=candidate.holder)
        working.cancel()

    async def _stopped(self, working: asyncio.Task[None]) -> None:
        """Cancel the work when this process is asked to stop."""
        await self._stop.wait()
        working.cancel()

    async def _look(self, seconds: float) -> bool:
        """Look at the Lease and write what follows; whether that went through.  What fails, for whatever reason, has
        not happened, or nobody knows whether it has: both are the Candidate's to bear."""
        try:
            async with asyncio.timeout(seconds):
                await self._exchange()
        except asyncio.CancelledError:
            self.candidate.failed()
            raise
        except Exception as error:
            self.candidate.failed()
            self._tell(error)
            return False
        self._trouble = ""
        return True

    async def _exchange(self) -> None:
        candidate = self.candidate
        write = candidate.renewal(self._clock(), self._wall())
        if write is None:
            found = await self._api.get(LEASES, candidate.name)
            write = candidate.read(found, self._clock(), self._wall())
        if write is None:
            return
        self._wrote, sent = True, self._clock()
        match write:
            case Create(lease):
                await self._api.create(LEASES, lease)
            case Replace(lease):
                written = await self._api.replace(LEASES, candidate.name, lease)
                candidate.wrote(written, sent=sent, now=self._clock())

    def _tell(self, error: Exception) -> None:
        """Log a failure where the last one was none, or another: an outage fails every other second."""
        kind = type(error).__name__
        if kind != self._trouble and not isinstance(error, ApiConflict):
            told = log.warning if isinstance(error, ApiFailed | TimeoutError) else log.exception
            told("the Lease cannot be read or written", lease=str(self.candidate.name), error=str(error) or kind)
        self._trouble = kind

    def _pause(self, began: float) -> float:
        """Seconds until the next look."""
        return max(0.0, began + self.candidate.terms.retry - self._clock())


async def _run(work: Work, leadership: Leadership) -> None:
    await work(leadership)

"""The controller's life: what changes is reconciled, a few objects at once, while this process leads.

    Reflectors ──change──► Reconciler.concerned ──► WorkQueue ──► Reconciler.reconcile
                                                        ▲               │ looked at again, or tried again
                                                        └───────────────┘

All resources are read whole before anything is reconciled: what is missing then is missing.  A controller that does not
lead watches as well, so that it takes over at once.  While API server or Kafka are away objects are tried again, ever
more seldom, and the log says it once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial

from tradewind.api_server import ApiServer, Change, GroupVersionResource
from tradewind.control.counts import Counts, Ended
from tradewind.control.doors import Lead, Leadership, Reconciler
from tradewind.control.queue import Key, WorkQueue
from tradewind.control.watched import Watched
from tradewind.errors import ApiConflict, ApiUnavailable, LogUnavailable, TradewindError
from tradewind.observe.health import Health
from tradewind.observe.logs import Log
from tradewind.observe.metrics import Reading, page
from tradewind.resources.model import NamespacedName

OBJECTS = "objects"
"""What the controller's Health waits for: that all resources were read once."""
AT_ONCE = 8
"""Objects that are reconciled at once.  Most of a reconcile is waiting for API server and Kafka."""
REMINDER = 60.0
"""Seconds between two lines that say the same of API server or Kafka."""

log = Log("controller")


class Controller:
    """Runs reconcilers over the objects they watch."""

    def __init__(self, api: ApiServer, *, health: Health, counts: Counts, chance: Callable[[], float]) -> None:
        self._health = health
        self._counts = counts
        self._chance = chance
        self._reconcilers: dict[GroupVersionResource, Reconciler] = {}
        self._queue = WorkQueue()
        self._leadership: Leadership | None = None
        self._woken = asyncio.Event()
        self._away = _Away()
        self.watched = Watched(api, self._changed)
        """Every object that is watched."""

    async def run(self, reconcilers: Sequence[Reconciler], lead: Lead, stop: asyncio.Event) -> None:
        """Watch until `stop`, and reconcile while this process leads."""
        self._reconcilers = {one.resource: one for one in reconcilers}
        self.watched.add(each for one in reconcilers for each in one.watches)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self.watched.run())
            await self.watched.synced(stop)
            if not stop.is_set():
                self._health.reached(OBJECTS)
                await lead(self._work, stop)
            watching.cancel()

    def sure(self, seconds: float) -> bool:
        """Whether this process leads for so many seconds more, beyond doubt."""
        return self._leadership is not None and self._leadership.sure(seconds)

    def enqueue(self, resource: GroupVersionResource, name: NamespacedName) -> None:
        """Have this object reconciled soon."""
        self._queue.add(Key(resource, name), asyncio.get_running_loop().time())
        self._woken.set()

    async def page(self) -> bytes:
        """What is measured, for `GET /metrics`."""
        return await page(self._readings())

    async def _readings(self) -> AsyncIterator[Reading]:
        for reading in self._counts.readings(queue=len(self._queue), leading=self.sure(0.0)):
            yield reading

    def _changed(self, resource: GroupVersionResource, change: Change) -> None:
        for reconciler in self._reconcilers.values():
            if resource in reconciler.watches:
                for name in self._concerned(reconciler, resource, change):
                    self.enqueue(reconciler.resource, name)

    @staticmethod
    def _concerned(reconciler: Reconciler, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """What this change concerns; nothing where that cannot be told: one odd object may not end the watch of all."""
        try:
            return tuple(reconciler.concerned(resource, change))
        except Exception:  # whatever a shape that nobody thought of leads to
            log.exception("a change cannot be looked at", resource=resource)
            return ()

    async def _work(self, leadership: Leadership) -> None:
        self._leadership = leadership
        for resource in self._reconcilers:
            for name in self.watched.objects(resource):  # whatever another did that led before
                self.enqueue(resource, name)
        log.info("leading", objects=len(self._queue))
        async with asyncio.TaskGroup() as tasks:
            for reconciler in self._reconcilers.values():
                tasks.create_task(reconciler.run(partial(self.enqueue, reconciler.resource)))
            for _ in range(AT_ONCE):
                tasks.create_task(self._take())

    async def _take(self) -> None:
        """Reconcile one object after another, without end."""
        loop = asyncio.get_running_loop()
        while True:
            key = self._queue.take(loop.time())
            if key is not None:
                await self._reconcile(key)
                continue
            self._woken.clear()
            try:
                async with asyncio.timeout_at(self._queue.wakes()):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _reconcile(self, key: Key) -> None:
        loop = asyncio.get_running_loop()
        again: float | None = None
        try:
            again = await self._reconcilers[key.resource].reconcile(key.name)
            ended = Ended.DONE
        except asyncio.CancelledError:
            self._queue.done(key, again=loop.time())
            raise
        except ApiConflict as error:
            ended = Ended.CONFLICT
            log.debug("conflict", resource=key.resource, object=key.name, error=error)
        except (ApiUnavailable, LogUnavailable) as error:
            ended = Ended.UNAVAILABLE
            self._away.away(key, error, loop.time())
        except TradewindError as error:  # refused, or not permitted
            ended = Ended.ERROR
            log.warning("cannot be reconciled", resource=key.resource, object=key.name, error=error)
        except Exception:  # the top of an object's task: what is wrong with one must not stop the others
            ended = Ended.ERROR
            log.exception("cannot be reconciled", resource=key.resource, object=key.name)
        self._counts.reconciles[key.resource.resource, ended] += 1
        if ended is Ended.DONE:
            self._queue.done(key, again=None if again is None else loop.time() + again)
        else:
            self._queue.failed(key, loop.time(), self._chance())
        self._woken.set()  # the others may sleep until a time that is too late by now


class _Away:
    """Says that something does not answer, once a minute at most: every object would say so."""

    def __init__(self) -> None:
        self._told: dict[type[Exception], float] = {}

    def away(self, key: Key, error: Exception, now: float) -> None:
        if now >= self._told.get(type(error), now):
            self._told[type(error)] = now + REMINDER
            log.warning("not reconciled yet, tried again", resource=key.resource, object=key.name, error=error)

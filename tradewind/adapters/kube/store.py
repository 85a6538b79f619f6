"""A ResourceStore over a Kubernetes API server: objects as they are, or were when it was last reached.

    Reflectors ─changed─► a moment of quiet ─objects.in_force─► differs? ─► gone by its own deletion? ─► Snapshot

Nothing is told before every resource has been read once, and nothing while the API server is away: what ran goes on.
Deleting a CustomResourceDefinition deletes all objects of its kind one after another, which nobody means who takes an
installation apart, or replaces one.  So before anything is told to be gone the definitions are looked at; while one is
being deleted, or is not there, what ran goes on, with an alarm.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence

from tradewind.api_server import BROKERS, CRDS, TRIGGERS, ApiServer, Change, GroupVersionResource, Reflector
from tradewind.errors import ApiDenied, ApiFailed
from tradewind.observe.logs import Log
from tradewind.ports import Snapshot
from tradewind.resources.examined import Memory
from tradewind.resources.model import HeldSource, NamespacedName, Resource
from tradewind.resources.objects import in_force

RESOURCES = (BROKERS, TRIGGERS)
"""What ingress and dispatcher run by."""

QUIET = 0.05
"""Seconds after a change before it is told, with all that came since: a hundred Triggers applied are a few Plans."""

MOST = 0.5
"""Seconds; the most that is left to events after a Plan, before the next: three times what it took, so that many
changes of many Triggers leave them three quarters of the time."""

LOOK = 0.02
"""Seconds between looks at whether everything has been read once."""

AGAIN = 2.0
"""Seconds before definitions that are being deleted, or did not answer, are looked at again."""

log = Log("kube")


class KubeStore:
    """Resources of the classes of Brokers that are served, as this installation runs them."""

    def __init__(
        self,
        api: ApiServer,
        *,
        classes: Collection[str],
        installation: str,
        resources: Sequence[GroupVersionResource] = RESOURCES,
        missing: Callable[[str], None] = lambda _: None,
        quiet: float = QUIET,
        again: float = AGAIN,
    ) -> None:
        """`missing` is told why nothing could be read yet, whenever that is another reason."""
        self._api = api
        self._classes = classes
        self._installation = installation
        self._resources = resources
        self._missing = missing
        self._quiet = quiet
        self._again = again
        self._memory = Memory()
        self._changed = asyncio.Event()
        self._held = ""
        """Why what is gone is not told."""
        self._blind = False
        """Whether definitions may not be looked at, which was said."""

    async def watch(self) -> AsyncGenerator[Snapshot]:
        """See ResourceStore.  No Snapshot has faults: the controller tells of them in each object's status."""
        reflectors = [self._api.reflector(resource, self._note) for resource in self._resources]
        running = [asyncio.ensure_future(one.run()) for one in reflectors]
        loop = asyncio.get_running_loop()
        try:
            why = ""
            while not all(one.synced for one in reflectors):
                was, why = why, next((str(one.failure) for one in reflectors if one.failure is not None), "")
                if why != was:
                    self._missing(why)
                await _sleep(LOOK, running)
            last: tuple[Resource, ...] | None = None
            busy = 0.0  # until when events are left their time
            while True:
                self._changed.clear()
                resources = self._in_force(reflectors)
                if last is not None and resources == last:
                    await self._wakes(running)
                elif (last is None or _gone(last, resources)) and not await self._stand():
                    await self._wakes(running, within=self._again)
                else:
                    began, last = loop.time(), resources
                    yield Snapshot(resources)
                    busy = (ended := loop.time()) + min(MOST, 3 * (ended - began))
                    await self._wakes(running)
                await _sleep(max(self._quiet, busy - loop.time()), running)
        finally:
            for one in running:
                one.cancel()
            await asyncio.wait(running)

    def _note(self, _: Change) -> None:
        self._changed.set()

    def _in_force(self, reflectors: Iterable[Reflector]) -> tuple[Resource, ...]:
        objects = (found for one in reflectors for found in one.objects.values())
        return in_force(objects, classes=self._classes, installation=self._installation, memory=self._memory)

    async def _wakes(self, running: Collection["asyncio.Future[None]"], *, within: float | None = None) -> None:
        """Return when something changed, or after so many seconds."""
        changed = asyncio.ensure_future(self._until_changed())
        try:
            await asyncio.wait([changed, *running], timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        _raise(running)

    async def _until_changed(self) -> None:
        await self._changed.wait()

    async def _stand(self) -> bool:
        """Whether the definitions of all resources are there, and nobody is deleting them."""
        held = ""
        try:
            for resource in self._resources:
                name = f"{resource.resource}.{resource.group}"
                definition = await self._api.get(CRDS, NamespacedName("", name))
                if definition is None:
                    held = f"the CustomResourceDefinition {name} is not there"
                elif definition["metadata"].get("deletionTimestamp"):
                    held = f"the CustomResourceDefinition {name} is being deleted"
        except ApiDenied as denied:  # nothing would ever be gone; what ran is told to be, as it is everywhere else
            if not self._blind:
                log.warning("whether definitions are being deleted cannot be seen: grant `get` of them", why=denied)
            self._blind = True
        except ApiFailed as failed:
            held = str(failed)
        if held and held != self._held:
            self._missing(held)
            log.error("objects are gone, and that is not taken at its word: what ran goes on", why=held)
        elif self._held and not held:
            log.info("what is gone is gone by itself again", before=self._held)
        self._held = held
        return not held


def _gone(before: Iterable[Resource], now: Iterable[Resource]) -> bool:
    """Whether an object is not there any more."""
    return not _identities(before) <= _identities(now)


def _identities(resources: Iterable[Resource]) -> set[tuple[str, NamespacedName, str]]:
    return {(_kind(one), one.metadata.name, one.metadata.uid) for one in resources}


def _kind(one: Resource) -> str:
    return one.kind if isinstance(one, HeldSource) else type(one).__name__


async def _sleep(seconds: float, running: Collection["asyncio.Future[None]"]) -> None:
    await asyncio.sleep(seconds)
    _raise(running)


def _raise(running: Iterable["asyncio.Future[None]"]) -> None:
    """What ended a Reflector, which never ends by itself."""
    for one in running:
        if one.done():
            one.result()

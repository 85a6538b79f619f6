"""Sources that sources processes run: their sinks resolved, taken for this installation, and how they stand told.

    sources ──objects.judge──► faults, or a resource ─┐
    what sinks refer to ──► Destinations ─────────────┼──► sources.decide ──► status, if it differs
    sources processes ──► Hearing ────────────────────┘

Each kind has a reconciler of its own; they hear the processes together.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable

from tradewind.api_server import HOSTED_SOURCES, Change, GroupVersionResource
from tradewind.control import sources
from tradewind.control.destinations import Destinations
from tradewind.control.doors import Doors, Enqueue
from tradewind.control.queue import Key
from tradewind.control.sources import Seen
from tradewind.ports import Heard, Hosted
from tradewind.resources import names, objects
from tradewind.resources.model import AnySource, NamespacedName
from tradewind.resources.untyped import name_of

SHARING = ("WebhookSource", "GitHubSource", "GitLabSource")
"""Kinds whose sources of one name want one path (`names.webhook_path`)."""


class Hearing:
    """What sources processes say, heard once for all kinds."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._listeners: dict[str, tuple[Enqueue, Callable[[], Iterable[NamespacedName]]]] = {}
        self._following = asyncio.Lock()
        self.latest: Heard | None = None
        """None until they were heard, since this process leads."""

    async def follow(self, kind: str, enqueue: Enqueue, every: Callable[[], Iterable[NamespacedName]]) -> None:
        """Have sources of a kind reconciled when something else is said of them; `every` names all that there are."""
        self._listeners[kind] = enqueue, every
        async with self._following:  # one of them follows, for all
            self.latest = None
            async for heard in self._hosted.watch():
                self.latest = heard
                self._tell(heard)

    def _tell(self, heard: Heard) -> None:
        if heard.changed is not None:
            for kind, name in heard.changed:
                if kind in self._listeners:
                    self._listeners[kind][0](name)
            return
        for enqueue, every in self._listeners.values():
            for name in tuple(every()):
                enqueue(name)


class SourceReconciler:
    """See doors.Reconciler.  Of one kind."""

    def __init__(
        self,
        doors: Doors,
        kind: str,
        hearing: Hearing,
        destinations: Destinations,
        *,
        served: Collection[GroupVersionResource],
        installation: str,
        url: str,
    ) -> None:
        """`served` are the kinds of sources that are; `url` is the base of those that take requests."""
        self.resource = HOSTED_SOURCES[kind]
        others = [HOSTED_SOURCES[one] for one in SHARING] if kind in SHARING else []
        self.watches: Collection[GroupVersionResource] = (
            self.resource,
            *(one for one in others if one in served and one != self.resource),
        )
        self._kind = kind
        self._doors = doors
        self._hearing = hearing
        self._destinations = destinations
        self._installation = installation
        self._url = url if kind in SHARING else ""
        self._missed: dict[NamespacedName, float] = {}
        """Since when nobody says of a source that it runs."""

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """See Reconciler.concerned: of another kind, the one that wants the same path."""
        found = change.new or change.old
        return () if found is None else (name_of(found),)

    async def run(self, enqueue: Enqueue) -> None:
        """See Reconciler.run: follows the sources processes, and what sinks refer to."""
        self._destinations.listen(self.resource, enqueue)
        self._missed.clear()
        await self._hearing.follow(self._kind, enqueue, lambda: self._doors.objects(self.resource))

    async def reconcile(self, name: NamespacedName) -> float | None:
        """See Reconciler.reconcile."""
        held, key = self._doors.objects(self.resource).get(name), Key(self.resource, name)
        if held is None or not sources.is_ours(held, installation=self._installation):
            self._destinations.forget(key)
            self._missed.pop(name, None)
            return None
        rivals = (self._doors.objects(resource).get(name) for resource in self.watches)
        judged = objects.judge([one for one in rivals if one is not None], classes=())[self._kind, name]
        resource = judged.resource if isinstance(judged.resource, AnySource) else None
        found = None
        if resource is None:
            self._destinations.forget(key)
        else:
            found = self._destinations.find(key, held, resource.sink, type=sources.SINK)
            if found is None:
                return None  # told of in a moment
        now = self._doors.clock()
        seen = Seen(
            kind=self._kind,
            source=held,
            resource=resource,
            faults=judged.faults,
            sink=found,
            heard=self._hearing.latest,
            missed=self._missed.get(name),
            group=self._doors.settings.sources_group,
            installation=self._installation,
            url=f"{self._url}{names.webhook_path(name)}" if self._url else "",
        )
        decision = sources.decide(seen, now=now)
        if decision.missing:
            self._missed.setdefault(name, now)
        else:
            self._missed.pop(name, None)
        if decision.patch is not None:
            await self._doors.api.patch(self.resource, name, decision.patch, subresource="status")
        return decision.again

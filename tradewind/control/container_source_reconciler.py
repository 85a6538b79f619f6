"""ContainerSources: for each a Deployment that is told of the sink, kept as it is declared.

    ContainerSources ───────────────────────┐
    what sinks refer to ──► Destinations ───┼──► deployments ──► made, or mended ──► status, if it differs
    Deployments of that name ──► Referents ─┘

Kubernetes' garbage collection deletes the Deployment with its ContainerSource.  While the sink has no address nothing
is made or changed: what runs goes on.
"""

from collections.abc import Collection, Iterable

from tradewind.api_server import CONTAINER_SOURCES, DEPLOYMENTS, Change, GroupVersionResource, Object
from tradewind.control import container_sources, deployments, sink_bindings
from tradewind.control.addresses import Lack, Why
from tradewind.control.conditions import Condition
from tradewind.control.destinations import Destinations
from tradewind.control.doors import Doors, Enqueue
from tradewind.control.queue import Key
from tradewind.control.referents import Referents
from tradewind.errors import ApiConflict, ApiDenied, ApiRefused
from tradewind.resources import manifests
from tradewind.resources.model import ContainerSource, KReference, NamespacedName
from tradewind.resources.sink_environment import environment
from tradewind.resources.untyped import name_of

FAILED_AGAIN = 60.0
"""Seconds after which a Deployment is tried again that was refused: a Role is missing, or a quota is full."""


class ContainerSourceReconciler:
    """See doors.Reconciler.  Somebody else runs the Referents of workloads, unless it is `alone`."""

    resource: GroupVersionResource = CONTAINER_SOURCES
    watches: Collection[GroupVersionResource] = (CONTAINER_SOURCES,)

    def __init__(
        self,
        doors: Doors,
        destinations: Destinations,
        workloads: Referents,
        *,
        installation: str,
        alone: bool = False,
    ) -> None:
        self._doors = doors
        self._destinations = destinations
        self._workloads = workloads
        self._installation = installation
        self._alone = alone

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """See Reconciler.concerned."""
        found = change.new or change.old
        return () if found is None else (name_of(found),)

    async def run(self, enqueue: Enqueue) -> None:
        """See Reconciler.run: hears of what sinks refer to, and of the Deployments."""
        self._destinations.listen(CONTAINER_SOURCES, enqueue)
        self._workloads.listen(CONTAINER_SOURCES, enqueue)
        if self._alone:
            await self._workloads.run()

    async def reconcile(self, name: NamespacedName) -> float | None:
        """See Reconciler.reconcile."""
        held = self._doors.objects(CONTAINER_SOURCES).get(name)
        if held is None or not self._is_ours(held):
            self._forget(name)
            return None
        read, now = manifests.judge(held), self._doors.clock()
        if not (read.resources and isinstance(source := read.resources[0], ContainerSource)):
            self._forget(name)
            await self._say(
                name, container_sources.invalid(held, read.faults, installation=self._installation, now=now)
            )
            return None
        return await self._deploy(held, source)

    def _is_ours(self, held: Object) -> bool:
        going = bool(held["metadata"].get("deletionTimestamp"))
        return not going and sink_bindings.is_ours(held, installation=self._installation)

    async def _deploy(self, held: Object, source: ContainerSource) -> float | None:
        name, key = source.metadata.name, Key(CONTAINER_SOURCES, source.metadata.name)
        at = deployments.name_for(name)
        ref = KReference("apps/v1", "Deployment", at.name, at.namespace)
        found = self._destinations.find(key, held, source.sink, type=container_sources.SINK_PROVIDED)
        self._workloads.refer(key, [ref])
        there = self._workloads.find(ref)
        if found is None or there == Lack(Why.PENDING):
            return None  # told of in a moment
        deployed = container_sources.before(held)
        again: float | None = None
        if isinstance(there, Lack) and there.why is not Why.NOT_FOUND:
            ready = container_sources.lacking(there)
        elif found.url is None:
            ready = self._standing(source, there, at)
        else:
            declared = deployments.template(source, environment(found.url, source.ce_overrides))
            try:
                one = await self._as_declared(source, there, declared, deployed)
            except (ApiDenied, ApiRefused) as why:
                ready, again = container_sources.refused(at, why), FAILED_AGAIN
            else:
                ready = self._standing(source, one, at)
                if deployments.is_owned(source, one):
                    deployed = str(deployments.deployed(one, declared))
        now = self._doors.clock()
        patch = container_sources.valid(held, found, ready, deployed, installation=self._installation, now=now)
        await self._say(name, patch)
        return again

    async def _as_declared(
        self, source: ContainerSource, there: Object | Lack, declared: Object, before: str | None
    ) -> Object:
        """The Deployment once it is as declared; another's stays as it is."""
        at = deployments.name_for(source.metadata.name)
        if isinstance(there, Lack):
            return await self._doors.api.create(DEPLOYMENTS, deployments.made(source, declared))
        if not deployments.is_owned(source, there):
            return there
        whole = deployments.mended(source, there, declared, before)
        if whole is None:
            return there
        after = await self._doors.api.replace(DEPLOYMENTS, at, whole)
        if after is None:
            raise ApiConflict(f"Deployment {at} was deleted meanwhile")
        return after

    @staticmethod
    def _standing(source: ContainerSource, there: Object | Lack, at: NamespacedName) -> Condition:
        if isinstance(there, Lack):
            return container_sources.absent()
        if deployments.is_owned(source, there):
            return container_sources.ready(there)
        former = deployments.is_former(source, there)
        return container_sources.former(at) if former else container_sources.foreign(at)

    async def _say(self, name: NamespacedName, patch: Object | None) -> None:
        if patch is not None:
            await self._doors.api.patch(CONTAINER_SOURCES, name, patch, subresource="status")

    def _forget(self, name: NamespacedName) -> None:
        self._destinations.forget(Key(CONTAINER_SOURCES, name))
        self._workloads.refer(Key(CONTAINER_SOURCES, name), ())

"""SinkBindings: their sinks resolved, and the workloads of their subjects told of it.

    SinkBindings ──► Claims ──────────────┐
    what sinks refer to ──► Destinations ─┼──► sink_bindings.work ──► noted ──► workloads patched ──► status
    workloads ──► Workloads ──────────────┘
    deletion asked for ──► undone ──► finalizer gone

What is to be bound is noted in the status first; so whoever leads next undoes what this one did, in whatever step it
died.  Every patch counts only for the version of the workload that it was computed of.
"""

from collections.abc import Collection, Iterable

from tradewind.api_server import SINK_BINDINGS, Change, GroupVersionResource, Object
from tradewind.control import finalizers, sink_bindings, subjects
from tradewind.control.addresses import Lack, Why
from tradewind.control.destinations import Destinations
from tradewind.control.doors import Doors, Enqueue
from tradewind.control.queue import Key
from tradewind.control.referents import Referents
from tradewind.control.sink_bindings import Work
from tradewind.control.subjects import Claim, Shared
from tradewind.control.workloads import Workloads
from tradewind.resources import manifests
from tradewind.resources.model import NamespacedName, SinkBinding
from tradewind.resources.sink_environment import environment
from tradewind.resources.untyped import name_of

FAILED_AGAIN = 60.0
"""Seconds after which a workload that cannot be changed is tried again: a Role is missing, or something refuses it."""
SURE_AGAIN = 1.0
"""Seconds after which it is asked again whether this process is sure to lead."""


class SinkBindingReconciler:
    """See doors.Reconciler."""

    resource: GroupVersionResource = SINK_BINDINGS
    watches: Collection[GroupVersionResource] = (SINK_BINDINGS,)

    def __init__(
        self, doors: Doors, destinations: Destinations, workloads: Workloads, watched: Referents, *, installation: str
    ) -> None:
        self._doors = doors
        self._destinations = destinations
        self._workloads = workloads
        self._watched = watched
        self._installation = installation
        self._claims: dict[NamespacedName, Claim] = {}

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """See Reconciler.concerned: all of its namespace, as each may have bound what this one binds now."""
        found = change.new or change.old
        if found is None:
            return ()
        name = name_of(found)
        claim = None if change.new is None else self._claim(change.new)
        before = self._claims.pop(name, None)
        if claim is not None:
            self._claims[name] = claim
        if claim == before:
            return (name,)
        return {name, *(one for one in self._claims if one.namespace == name.namespace)}

    async def run(self, enqueue: Enqueue) -> None:
        """See Reconciler.run: follows what sinks refer to, and the workloads."""
        self._destinations.listen(SINK_BINDINGS, enqueue)
        self._workloads.listen(SINK_BINDINGS, enqueue)
        await self._watched.run()

    async def reconcile(self, name: NamespacedName) -> float | None:
        """See Reconciler.reconcile."""
        held = self._doors.objects(SINK_BINDINGS).get(name)
        if held is None or not sink_bindings.is_ours(held, installation=self._installation):
            self._forget(name)
            return None
        if finalizers.deleting(held):
            return await self._delete(held, name)
        read = manifests.judge(held)
        if not (read.resources and isinstance(binding := read.resources[0], SinkBinding)):
            self._forget(name)
            await self._say(
                name,
                sink_bindings.invalid(held, read.faults, installation=self._installation, now=self._doors.clock()),
            )
            return None
        if (patch := finalizers.added(held, finalizers.BINDING)) is not None:
            patched = await self._doors.api.patch(SINK_BINDINGS, name, patch)
            if patched is None:
                return None
            held = patched
        return await self._bind(held, binding)

    async def _bind(self, held: Object, binding: SinkBinding) -> float | None:
        name, subject = binding.metadata.name, binding.subject
        key = Key(SINK_BINDINGS, name)
        found = self._destinations.find(key, held, binding.sink, type=sink_bindings.SINK_PROVIDED)
        there = self._workloads.of(key, subject)
        if found is None or there == Lack(Why.PENDING):
            return None  # told of in a moment
        before = sink_bindings.bound(held)
        claim = Claim(name, held["metadata"].get("creationTimestamp", ""), subject)
        claims = (*self._others(name), claim)
        if isinstance(there, Lack):
            shared: Shared | Lack = there
            work = Work(bound=before)
        else:
            shared = subjects.shared(claim, claims, there)
            env = None if found.url is None else environment(found.url, binding.ce_overrides)
            work = sink_bindings.work(subject, shared.own, before, env)
        if (noting := sink_bindings.noting(held, work.bound)) is not None:
            noted = await self._doors.api.patch(SINK_BINDINGS, name, noting, subresource="status")
            if noted is None:
                return None
            held = noted
        failed = await self._workloads.change(subject, work.patches)
        await self._workloads.undo(work.undone, claims, name)
        available = sink_bindings.available(subject, shared, work, failed, provided=found.url is not None)
        patch = sink_bindings.valid(
            held, found, available, work.bound, installation=self._installation, now=self._doors.clock()
        )
        await self._say(name, patch)
        return FAILED_AGAIN if failed else None

    async def _delete(self, held: Object, name: NamespacedName) -> float | None:
        self._forget(name)
        if not finalizers.present(held, finalizers.BINDING):
            return None
        await self._workloads.undo(sink_bindings.bound(held), self._others(name), name)
        if not self._doors.sure(0.0):
            return SURE_AGAIN
        if (patch := finalizers.removed(held, finalizers.BINDING)) is not None:
            await self._doors.api.patch(SINK_BINDINGS, name, patch)
        return None

    async def _say(self, name: NamespacedName, patch: Object | None) -> None:
        if patch is not None:
            await self._doors.api.patch(SINK_BINDINGS, name, patch, subresource="status")

    def _forget(self, name: NamespacedName) -> None:
        self._destinations.forget(Key(SINK_BINDINGS, name))
        self._workloads.forget(Key(SINK_BINDINGS, name))

    def _others(self, name: NamespacedName) -> tuple[Claim, ...]:
        """What the others of its namespace want to bind."""
        return tuple(one for other, one in self._claims.items() if other.namespace == name.namespace and other != name)

    def _claim(self, held: Object) -> Claim | None:
        return subjects.claimed(held) if sink_bindings.is_ours(held, installation=self._installation) else None

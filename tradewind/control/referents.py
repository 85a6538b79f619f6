"""The objects that others refer to: each kind is watched as long as somebody refers to one of it.

    refer(owner, references) ──► kind ──discovery──► resource ──Reflector──► find(reference)
                                                                  │
             listen(owners' resource) ◄── its owners, for each change of an object, and once a kind's state is known

What the API server does not serve (yet) is asked for again, ever more seldom.
"""

import asyncio
from collections.abc import Collection, Iterable
from typing import NamedTuple

from tradewind.api_server import ApiServer, Change, GroupVersionResource, Object, Reflector
from tradewind.control.addresses import Lack, Why
from tradewind.control.doors import Enqueue
from tradewind.control.queue import Key
from tradewind.errors import ApiDenied, ApiFailed
from tradewind.observe.logs import Log
from tradewind.resources.model import KReference, NamespacedName
from tradewind.resources.untyped import name_of

FIRST_WAIT = 1.0
"""Seconds before the first look for a kind that is not served, or after a failure; doubled for each after it."""
LONGEST_WAIT = 15.0
"""Seconds; what a CRD that is installed later may be noticed late."""
LOOK = 0.02
"""Seconds between two looks whether a kind was read whole: a Reflector tells of objects, and of none where none is."""
PATIENCE = 5.0
"""Seconds of looking so often; then every second."""

ALL = ""
"""Name in a reference to every object of its kind and namespace."""

log = Log("referents")


class _Kind(NamedTuple):
    """A kind as references write it."""

    api_version: str
    kind: str


class _Watch:
    """One kind that somebody refers to."""

    def __init__(self) -> None:
        self.owners: dict[NamespacedName, set[Key]] = {}
        """By the name of what they refer to."""
        self.state: Lack | Reflector = Lack(Why.PENDING)


class Referents:
    """What is referred to, as the API server has it now."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._watches: dict[_Kind, _Watch] = {}
        self._references: dict[Key, frozenset[KReference]] = {}
        self._listeners: dict[GroupVersionResource, Enqueue] = {}
        self._changed = asyncio.Event()

    def listen(self, resource: GroupVersionResource, enqueue: Enqueue) -> None:
        """Have owners of this resource reconciled when something they refer to changes."""
        self._listeners[resource] = enqueue

    def refer(self, owner: Key, references: Collection[KReference]) -> None:
        """What this object refers to from now on; nothing where it is gone."""
        old, new = self._references.pop(owner, frozenset()), frozenset(references)
        if new:
            self._references[owner] = new
        for ref in new - old:
            watch = self._watches.setdefault(_kind(ref), _Watch())
            watch.owners.setdefault(_name(ref), set()).add(owner)
            self._changed.set()
        for ref in old - new:
            owners = self._watches[_kind(ref)].owners
            owners[_name(ref)].discard(owner)
            if not owners[_name(ref)]:
                del owners[_name(ref)]
            if not owners:
                del self._watches[_kind(ref)]
                self._changed.set()

    def find(self, ref: KReference) -> Object | Lack:
        """See addresses.Find.  PENDING for what nobody refers to."""
        state = self._state(ref)
        if isinstance(state, Lack):
            return state
        name = _name(ref) if state.resource.namespaced else NamespacedName("", ref.name)
        return state.objects.get(name) or Lack(Why.NOT_FOUND)

    def all(self, ref: KReference) -> list[Object] | Lack:
        """Every object of the kind and namespace that are referred to (`ref.name` is ALL); PENDING as above."""
        state = self._state(ref)
        if isinstance(state, Lack):
            return state
        return [one for name, one in state.objects.items() if name.namespace == ref.namespace]

    def _state(self, ref: KReference) -> Reflector | Lack:
        """The objects of a kind once all have been read."""
        watch = self._watches.get(_kind(ref))
        state = Lack(Why.PENDING) if watch is None else watch.state
        if isinstance(state, Lack) or state.synced:
            return state
        return _failed(state.resource, state.failure) if state.failure else Lack(Why.PENDING)

    async def run(self) -> None:
        """Watch what is referred to, without end."""
        running: dict[_Kind, tuple[_Watch, asyncio.Task[None]]] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._changed.clear()
                    for kind, (watch, task) in tuple(running.items()):
                        if self._watches.get(kind) is not watch:
                            task.cancel()
                            del running[kind]
                    for kind, watch in self._watches.items():
                        if kind not in running:
                            running[kind] = watch, tasks.create_task(self._follow(kind, watch))
                    await self._changed.wait()
        finally:
            for watch in self._watches.values():
                watch.state = Lack(Why.PENDING)

    async def _follow(self, kind: _Kind, watch: _Watch) -> None:
        resource = await self._resource(kind, watch)

        def changed(change: Change) -> None:
            if (found := change.new or change.old) is not None:
                named = name_of(found)
                without = [] if resource.namespaced else [each for each in watch.owners if each.name == named.name]
                self._tell(watch, without or [named])

        reflector = watch.state = self._api.reflector(resource, changed)
        log.debug("watched", resource=resource)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reflector.run())
            await self._read(watch, reflector)

    async def _resource(self, kind: _Kind, watch: _Watch) -> GroupVersionResource:
        """The resource of a kind, as soon as the API server serves one."""
        wait = FIRST_WAIT
        while True:
            try:
                resource = await self._api.resource_of(kind.api_version, kind.kind)
            except ApiFailed as error:
                lack = _failed(f"what is served of {kind.api_version}", error)
            else:
                if resource is not None:
                    return resource
                lack = Lack(Why.NO_KIND)
            self._know(watch, lack)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _read(self, watch: _Watch, reflector: Reflector) -> None:
        """Tell once all objects were read, and before, why they could not be."""
        loop = asyncio.get_running_loop()
        until, told = loop.time() + PATIENCE, ""
        while not reflector.synced:
            why = "" if reflector.failure is None else type(reflector.failure).__name__
            if why != told:
                told = why
                self._tell(watch, watch.owners)
            await asyncio.sleep(LOOK if loop.time() < until else 1)
        self._tell(watch, watch.owners)

    def _know(self, watch: _Watch, state: Lack) -> None:
        if watch.state != state:
            watch.state = state
            self._tell(watch, watch.owners)

    def _tell(self, watch: _Watch, names: Iterable[NamespacedName]) -> None:
        told = {owner for name in names for where in (name, _all_of(name)) for owner in watch.owners.get(where, ())}
        for owner in told:
            if (enqueue := self._listeners.get(owner.resource)) is not None:
                enqueue(owner.name)


def _failed(what: object, error: ApiFailed) -> Lack:
    return Lack(Why.DENIED, str(what)) if isinstance(error, ApiDenied) else Lack(Why.UNREACHABLE, str(error))


def _kind(ref: KReference) -> _Kind:
    return _Kind(ref.api_version, ref.kind)


def _all_of(name: NamespacedName) -> NamespacedName:
    return NamespacedName(name.namespace, ALL)


def _name(ref: KReference) -> NamespacedName:
    return NamespacedName(ref.namespace, ref.name)

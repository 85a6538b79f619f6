"""Resources as they are declared, in a folder or in a cluster, and the Plan that follows from them.

store → plans      resources as they change → what runs; every process computes the same (DESIGN §6)
installed          on Kubernetes: the settings with the names that this installation has in Kafka
"""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.api_server import (
    BROKERS,
    HOSTED_SOURCES,
    NAMESPACES,
    TRIGGERS,
    ApiServer,
    GroupVersionResource,
)
from tradewind.config import Settings, ingress_base, installation_of, of_installation
from tradewind.errors import ApiFailed, ApiRefused, Fault, InvalidManifest, StartFailed
from tradewind.observe import logs
from tradewind.plan import Plan, Resolve, compute, stamped
from tradewind.ports import EventLog, ResourceStore, Snapshot
from tradewind.resources.model import NamespacedName, Resource
from tradewind.runtime import plugins

if TYPE_CHECKING:
    from tradewind.control.claims import Owner


SUPERVISED = "TRADEWIND_SUPERVISED"
"""Set by `tradewind up`, which tells of the manifests itself."""
AGAIN = 0.5
"""Seconds between looks at manifests that were broken from the start."""
CLUSTER = NamespacedName("", "kube-system")
"""The namespace whose uid is taken for the cluster's: it is there as long as the cluster is."""
ASKED_AGAIN = 2.0
"""Seconds, and at random as many again, before an API server that did not say which installation this is, is asked
again: a thousand Pods that wait for it ask not all at once."""
log = logs.Log("runtime")


def store(settings: Settings) -> ResourceStore:
    """Where the resources are declared."""
    from tradewind.adapters.file_store import FileStore

    plugins.loaded()
    return FileStore(Path(settings.manifests), portable=settings.portable)


def manifests(settings: Settings, path: str = "", *, sources: bool = False) -> tuple[Resource, ...]:
    """The resources as they are declared now, or those at a path.  Raises InvalidManifest, ApiFailed.

    Of a cluster: Brokers and Triggers, or Brokers and sources.
    """
    from tradewind.adapters.file_store import load

    if settings.kubernetes and not path:
        return asyncio.run(_listed(settings, sources))
    plugins.loaded()
    return load(Path(path or settings.manifests), portable=settings.portable)


def planned(settings: Settings, resources: Sequence[Resource]) -> Plan:
    """What runs by these resources."""
    from tradewind.adapters.resolvers import parse_services, resolver

    resolve: Resolve = stamped
    if not settings.kubernetes:
        resolve = resolver(resources, services=parse_services(settings.services), ingress_url=ingress_base(settings))
    return compute(resources, resolve=resolve, longest=settings.max_backoff)


async def plans(
    settings: Settings, missing: Callable[[str], None] = lambda _: None, *, sources: bool = False
) -> AsyncIterator[Plan]:
    """The Plan, then again whenever it has changed.  Raises InvalidManifest when there is none to begin with.

    Of a cluster: of Brokers and Triggers, or of Brokers and `sources`.

    On Kubernetes the settings are `installed`, and what is wrong is told by the controller, in each object's status;
    `missing` is told why nothing could be read yet.
    """
    told = log.debug if os.environ.get(SUPERVISED) or settings.kubernetes else log.warning
    old: Plan | None = None
    faults: tuple[Fault, ...] = ()
    async for snapshot in _reflected(settings, missing, sources) if settings.kubernetes else _snapshots(settings):
        for fault in snapshot.faults if snapshot.faults != faults else ():
            told("manifests refused, what ran goes on", fault=fault)
        faults = snapshot.faults
        plan = planned(settings, snapshot.resources)
        if plan == old:
            continue
        for problem in plan.problems if old is None or plan.problems != old.problems else ():
            told("manifests have a problem", problem=problem)
        old = plan
        yield plan


async def _snapshots(settings: Settings) -> AsyncIterator[Snapshot]:
    """As the store tells them.  A supervised process that is started again while the manifests are broken waits until
    they are right: its supervisor tells of the faults, and the others go on."""
    while True:
        try:
            async for snapshot in store(settings).watch():
                yield snapshot
        except InvalidManifest:
            if not os.environ.get(SUPERVISED):
                raise
        await asyncio.sleep(AGAIN)


@contextlib.asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    """The API server that this process belongs to.  Raises StartFailed."""
    from tradewind.adapters.kube import connect

    connected = await connect()
    try:
        yield connected
    finally:
        await connected.close()


async def installed(settings: Settings, missing: Callable[[str], None] | None = None) -> Settings:
    """The settings with the names that this installation has in Kafka; those of a folder are as they are.

    Waits until an API server says which installation this is, and tells `missing` why it does not; without, raises
    ApiFailed, or StartFailed.
    """
    if not settings.kubernetes or settings.installation:
        return of_installation(settings, settings.installation) if settings.kubernetes else settings
    from tradewind.adapters.kube import namespace_of

    namespace, told = namespace_of(settings), ""
    async with api_server() as api:
        while True:
            try:
                found = await api.get(NAMESPACES, CLUSTER)
                if found is not None:
                    return of_installation(settings, installation_of(found["metadata"]["uid"], namespace))
                raise ApiRefused(f"there is no namespace {CLUSTER.name}: give this installation an id (--installation)")
            except ApiFailed as failed:
                if missing is None:
                    raise
                if str(failed) != told:
                    log.warning("which cluster this is cannot be read", namespace=CLUSTER.name, why=failed)
                told = str(failed)
                missing(told)
            await asyncio.sleep(ASKED_AGAIN * (1 + random.random()))


async def _listed(settings: Settings, sources: bool) -> tuple[Resource, ...]:
    """What is in force in the cluster now, for a command."""
    from tradewind.resources.objects import in_force

    async with api_server() as api:
        resources = await hosted(api, settings) if sources else [TRIGGERS]
        objects = [one for resource in (BROKERS, *resources) for one in await api.list(resource)]
    return in_force(objects, classes=settings.classes, installation=settings.installation)


async def _reflected(settings: Settings, missing: Callable[[str], None], sources: bool) -> AsyncGenerator[Snapshot]:
    from tradewind.adapters.kube.secrets import Secrets
    from tradewind.adapters.kube.store import RESOURCES, KubeStore

    async with api_server() as api:
        declared = KubeStore(
            api,
            classes=settings.classes,
            installation=settings.installation,
            resources=(BROKERS, *await hosted(api, settings, missing)) if sources else RESOURCES,
            missing=missing,
        )
        async with (
            contextlib.aclosing(declared.watch()) as found,
            contextlib.aclosing(Secrets(api).added(found) if sources else found) as snapshots,
        ):
            async for snapshot in snapshots:
                yield snapshot


async def hosted(
    api: ApiServer,
    settings: Settings,
    missing: Callable[[str], None] | None = None,
    kinds: Mapping[str, GroupVersionResource] = HOSTED_SOURCES,
) -> Sequence[GroupVersionResource]:
    """The kinds of sources, of these, that are served: by the settings, and by the API server.

    Waits until it says what it serves, and tells `missing` why it does not; without, raises ApiFailed.
    """
    while True:
        try:
            found = []
            for kind, resource in kinds.items():
                if not settings.serves_source(kind):
                    continue
                if await api.resource_of(f"{resource.group}/{resource.version}", kind) is not None:
                    found.append(resource)
                else:
                    log.warning("no such kind in this cluster: `tradewind crds install`, then a restart", kind=kind)
            return found
        except ApiFailed as failed:
            if missing is None:
                raise
            missing(str(failed))
        await asyncio.sleep(ASKED_AGAIN * (1 + random.random()))


async def orphans(settings: Settings, event_log: EventLog) -> Mapping[str, "Owner"]:
    """Topics of this installation's Brokers that are gone from the cluster, by name, and whose they were.

    The settings are `installed`.  Raises ApiFailed, LogUnavailable.
    """
    from tradewind.control import claims
    from tradewind.control.owners import Owners

    async with api_server() as api:
        brokers = await api.list(BROKERS)
    found = await Owners(event_log).found()
    left = claims.orphans(found, settings.installation, [one["metadata"]["uid"] for one in brokers])
    there = await event_log.topics(left.keys())
    return {topic: owner for topic, owner in sorted(left.items()) if topic in there}


def require_manifests(settings: Settings, command: str) -> None:
    """Raise StartFailed where resources are declared in a cluster, and this command reads manifests."""
    if settings.kubernetes:
        raise StartFailed(f"`tradewind {command}` reads manifests, not a cluster.", "Leave out --kubernetes.")

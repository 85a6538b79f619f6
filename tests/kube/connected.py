"""The adapter under test, connected to the API server of a test, and what its Reflectors tell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tests.kube.cluster import Cluster
from tradewind.adapters.kube import connect
from tradewind.adapters.kube.pace import Pace
from tradewind.adapters.kube.reflector import KubeReflector
from tradewind.adapters.kube.server import KubeApiServer
from tradewind.api_server import Change, GroupVersionResource, Object
from tradewind.resources.model import NamespacedName

QUICK = Pace(watch=2.0, slack=1.0, first=0.1, most=1.0, slow=1.0)
"""Patient for a tenth of the usual time."""
WITHIN = 30.0
"""Seconds for something to happen; it takes milliseconds where nothing is disturbed."""
LOOK = 0.02


@contextlib.asynccontextmanager
async def connected(kubeconfig: Path, *, pace: Pace = QUICK, deadline: float = 10.0) -> AsyncIterator[KubeApiServer]:
    """The door, as the user of this kubeconfig."""
    api_server = await connect(environment={"KUBECONFIG": str(kubeconfig)}, pace=pace, deadline=deadline)
    try:
        yield api_server
    finally:
        await api_server.close()


class Told:
    """A Reflector that runs, and every change it told."""

    def __init__(self, api_server: KubeApiServer, resource: GroupVersionResource, namespace: str = "") -> None:
        self.changes: list[Change] = []
        self.reflector: KubeReflector = api_server.reflector(resource, self.changes.append, namespace=namespace)

    @property
    def names(self) -> set[str]:
        """Names of the objects that are there."""
        return {name.name for name in self.reflector.objects}

    def replayed(self) -> dict[NamespacedName, Object]:
        """The objects as the changes alone make them.  Each must fit onto what was before."""
        objects: dict[NamespacedName, Object] = {}
        for old, new in self.changes:
            metadata = (new or old or {})["metadata"]
            name = NamespacedName(metadata.get("namespace", ""), metadata["name"])
            assert objects.get(name) == old
            objects.pop(name, None)
            if new is not None:
                objects[name] = new
        return objects


@contextlib.asynccontextmanager
async def reflecting(
    api_server: KubeApiServer, resource: GroupVersionResource, namespace: str = "", *, synced: bool = True
) -> AsyncIterator[Told]:
    """A Reflector at work, from its first list on, until the end of `with`."""
    told = Told(api_server, resource, namespace)
    running = asyncio.ensure_future(told.reflector.run())
    try:
        if synced:
            await until(lambda: told.reflector.synced, "a first list")
        yield told
        assert not running.done(), running
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def started(cluster: Cluster) -> None:
    """Start the API server again, and wait until it serves; the loop goes on.

    A server ends with the thread that started it, which is therefore not one of the loop's.
    """
    cluster.plane.api_server.start()
    await asyncio.to_thread(cluster.plane.wait_ready)


async def until(condition: Callable[[], object], what: str, *, within: float = WITHIN) -> None:
    """Wait until it is so."""
    end = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"not within {within:g} s: {what}"
        await asyncio.sleep(LOOK)

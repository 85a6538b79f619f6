"""The Secrets that sources name, added to what a store tells of them.

    Snapshot ──names──► got, each by its name ──► Snapshot with them            got again after a while: told if another

A watch would need the right to list the Secrets of all namespaces; to get one, its name must be known.  So each is got
again at a modest pace, which is how a rotated one comes in force.  One that cannot be read stays as it was.
"""

import asyncio
import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable

from tradewind.api_server import SECRETS, ApiServer
from tradewind.errors import ApiFailed
from tradewind.observe.logs import Log
from tradewind.plan import secret_refs
from tradewind.ports import Snapshot
from tradewind.resources import manifests
from tradewind.resources.model import AnySource, NamespacedName, Resource, Secret

LOOK = 15.0
"""Seconds after which a Secret is got again: what a rotation may be noticed late."""
MISSING = 2.0
"""Seconds after which one that is not there is looked for again: somebody may be about to apply it."""
SPACING = 0.1
"""Seconds between two of these looks: however many sources there are, ten requests a second at most."""
AT_ONCE = 8
"""New ones that are got at once."""

log = Log("kube")


def named(resources: Iterable[Resource]) -> frozenset[NamespacedName]:
    """The Secrets that these sources name, each in its source's namespace."""
    return frozenset(
        NamespacedName(one.metadata.name.namespace, ref.name)
        for one in resources
        if isinstance(one, AnySource)
        for ref in secret_refs(one)
    )


class Secrets:
    """Those that were named last."""

    def __init__(self, api: ApiServer, *, look: float = LOOK, missing: float = MISSING) -> None:
        self._api = api
        self._look = look
        self._missing = missing
        self._held: dict[NamespacedName, Secret | None] = {}
        """None where there is none, or it was never read."""
        self._due: dict[NamespacedName, float] = {}
        """When each that is named is got again."""
        self._order: list[tuple[float, NamespacedName]] = []  # of `_due`; what has changed since is passed over
        self._why: dict[NamespacedName, str] = {}
        """What was said of one that cannot be read."""
        self._changed = asyncio.Event()
        self._last: Snapshot | None = None

    async def added(self, snapshots: AsyncIterator[Snapshot]) -> AsyncGenerator[Snapshot]:
        """Each Snapshot with its Secrets, and again whenever one of these changes."""
        tasks = [asyncio.ensure_future(self._follow(snapshots)), asyncio.ensure_future(self._look_again())]
        try:
            while True:
                waiting = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                for task in tasks:
                    if task.done():
                        task.result()
                self._changed.clear()
                if self._last is not None:
                    secrets = (held for _, held in sorted(self._held.items()) if held is not None)
                    yield Snapshot((*self._last.resources, *secrets), self._last.faults)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _follow(self, snapshots: AsyncIterator[Snapshot]) -> None:
        async for snapshot in snapshots:
            wanted = named(snapshot.resources)
            for name in self._held.keys() - wanted:
                del self._held[name]
                self._due.pop(name, None)
                self._why.pop(name, None)
            await self._get_all(sorted(wanted - self._held.keys()))
            self._last = snapshot
            self._changed.set()

    async def _get_all(self, names: Collection[NamespacedName]) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def get(name: NamespacedName) -> None:
            async with room:
                await self._get(name)

        async with asyncio.TaskGroup() as getting:
            for name in names:
                self._held[name] = None
                getting.create_task(get(name))

    async def _look_again(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SPACING)
            name = self._next(loop.time())
            if name is not None and await self._get(name):
                self._changed.set()

    def _next(self, now: float) -> NamespacedName | None:
        """What is to be got now; of several, what waits longest."""
        while self._order and self._order[0][0] <= now:
            at, name = heapq.heappop(self._order)
            if self._due.get(name) == at:
                del self._due[name]
                return name
        return None

    async def _get(self, name: NamespacedName) -> bool:
        """Get one now, and again later; whether it is another than it was."""
        wait = self._look
        try:
            found = await self._api.get(SECRETS, name)
        except ApiFailed as failed:
            if self._why.get(name) != str(failed):
                self._why[name] = str(failed)
                log.warning("Secret cannot be read, what is known of it holds", secret=name, why=failed)
            found, changed = None, False
        else:
            self._why.pop(name, None)
            read = None if found is None else manifests.judge({**found, "apiVersion": "v1", "kind": "Secret"}).resources
            secret = read[0] if read and isinstance(read[0], Secret) else None
            wait = self._look if secret is not None else self._missing
            before = self._held.get(name)
            changed = (secret and secret.data) != (before and before.data)
            if name in self._held:
                self._held[name] = secret
        if name in self._held:
            at = self._due[name] = asyncio.get_running_loop().time() + wait
            heapq.heappush(self._order, (at, name))
        return changed

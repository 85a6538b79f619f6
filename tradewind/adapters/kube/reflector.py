"""The objects of one resource as they are now: one list, then watch after watch, for as long as the process runs."""

import asyncio
import random
from collections.abc import Mapping

from tradewind.adapters.kube import pages, paths
from tradewind.adapters.kube.answers import Expired
from tradewind.adapters.kube.link import Link
from tradewind.adapters.kube.pace import AT_ONCE, Pace, Tries
from tradewind.adapters.kube.reflected import Next, Reflected
from tradewind.api_server import Change, Changed, GroupVersionResource, Object
from tradewind.errors import ApiFailed
from tradewind.observe.logs import Log
from tradewind.resources.model import NamespacedName

log = Log("kube")


class KubeReflector:
    """See api_server.Reflector.  Objects come without `metadata.managedFields`, which are half of most."""

    def __init__(
        self,
        link: Link,
        resource: GroupVersionResource,
        changed: Changed,
        *,
        namespace: str = "",
        field_selector: str = "",
        pace: Pace | None = None,
    ) -> None:
        path = paths.collection(resource, namespace)
        if path is None:
            raise ValueError(f"{namespace!r} cannot be a namespace")
        self.resource = resource
        self.tries = 0
        """Requests begun so far."""
        self._link = link
        self._path = path
        self._changed = changed
        self._selector = field_selector
        self._pace = pace or Pace()
        self._reflected = Reflected()
        self.failure: ApiFailed | None = None
        """See Reflector.failure."""
        self._tries = Tries(self._pace)

    @property
    def synced(self) -> bool:
        """See Reflector.synced."""
        return self._reflected.synced

    @property
    def objects(self) -> Mapping[NamespacedName, Object]:
        """See Reflector.objects."""
        return self._reflected.objects

    async def run(self) -> None:
        """See Reflector.run."""
        while True:
            self.tries += 1
            try:
                wait = await self._step()
            except Expired:
                self._reflected.expired()
                wait = self._tries.expired(random.random())
            except ApiFailed as error:
                self.failure = error
                self._reflected.failed()
                wait, news = self._tries.failed(error, random.random())
                if news:
                    told = "goes on with what it knows" if self.synced else "waits"
                    log.warning(
                        "API server gives no objects", resource=str(self.resource), why=str(error), meanwhile=told
                    )
            await asyncio.sleep(wait)

    async def _step(self) -> float:
        """Ask what is to be asked; seconds to wait after it."""
        match self._reflected.next:
            case Next.LIST:
                found, version = await pages.listed(self._link, self._path, field_selector=self._selector, slim=_slim)
                self.failure = None
                self._tell(self._reflected.listed(found, version))
            case Next.LOOK:
                self._reflected.confirmed(await pages.version(self._link, self._path))
            case Next.WATCH:
                return await self._watch()
        return 0.0

    async def _watch(self) -> float:
        """Seconds to wait after a watch that the server ended."""
        seconds = self._pace.watching(random.random())
        asked = paths.query(
            {
                "watch": True,
                "allowWatchBookmarks": True,
                "resourceVersion": self._reflected.version,
                "timeoutSeconds": seconds,
                "fieldSelector": self._selector,
            }
        )
        well = False

        def is_well() -> None:
            nonlocal well
            self.failure = None
            if not well and self._tries.well():
                log.info("API server gives objects again", resource=str(self.resource))
            well = True

        async with self._link.watch(self._path + asked, deadline=seconds + self._pace.slack) as events:
            lasted = asyncio.get_running_loop().call_later(AT_ONCE, is_well)
            try:
                async for event in events:
                    is_well()
                    self._take(event)
            finally:
                lasted.cancel()
        return self._tries.ended(well=well, chance=random.random())

    def _take(self, event: Object) -> None:
        about: Object = event["object"]
        _slim(about)
        self._tell(self._reflected.told(event["type"], about))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self._changed(change)


def _slim(found: Object) -> None:
    found["metadata"].pop("managedFields", None)

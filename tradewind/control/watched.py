"""The objects of every resource that some reconciler watches, one Reflector for each, whoever asks."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from tradewind.api_server import ApiServer, Change, GroupVersionResource, Object, Reflector
from tradewind.resources.model import NamespacedName

SYNCED_LOOK = 0.02
"""Seconds between two looks whether all has been read."""

Told = Callable[[GroupVersionResource, Change], None]


class Watched:
    """Reflectors by resource."""

    def __init__(self, api: ApiServer, told: Told) -> None:
        self._api = api
        self._told = told
        self._reflectors: dict[GroupVersionResource, Reflector] = {}

    def add(self, resources: Iterable[GroupVersionResource]) -> None:
        """Watch these as well, once it runs."""
        for resource in resources:
            if resource not in self._reflectors:
                self._reflectors[resource] = self._api.reflector(resource, partial(self._told, resource))

    def objects(self, resource: GroupVersionResource) -> Mapping[NamespacedName, Object]:
        """The objects as they were seen last.  KeyError for what nobody watches."""
        return self._reflectors[resource].objects

    @property
    def missing(self) -> frozenset[str]:
        """What has not been read once yet."""
        return frozenset(str(resource) for resource, held in self._reflectors.items() if not held.synced)

    async def run(self) -> None:
        """Watch, without end."""
        async with asyncio.TaskGroup() as tasks:
            for reflector in self._reflectors.values():
                tasks.create_task(reflector.run())

    async def synced(self, stop: asyncio.Event) -> None:
        """Wait until all has been read once, through an outage for as long as it takes; or until `stop`.

        It looks again and again, as a Reflector tells of objects, and of none where there is none.
        """
        while self.missing and not stop.is_set():  # noqa: ASYNC110
            await asyncio.sleep(SYNCED_LOOK)

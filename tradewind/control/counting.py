"""An ApiServer that counts what is written through it: once all is settled there is nothing to count."""

from collections.abc import Sequence

from tradewind.api_server import ApiServer, Changed, GroupVersionResource, Object, Reflector
from tradewind.control.counts import Counts
from tradewind.resources.model import NamespacedName


class Counted:
    """The same ApiServer; each call that writes is counted before it goes out."""

    def __init__(self, api: ApiServer, counts: Counts) -> None:
        self._api = api
        self._counts = counts

    async def get(self, resource: GroupVersionResource, name: NamespacedName) -> Object | None:
        """As ApiServer.get."""
        return await self._api.get(resource, name)

    async def list(self, resource: GroupVersionResource, *, namespace: str = "") -> Sequence[Object]:
        """As ApiServer.list."""
        return await self._api.list(resource, namespace=namespace)

    async def create(self, resource: GroupVersionResource, made: Object, *, dry_run: bool = False) -> Object:
        """As ApiServer.create."""
        self._wrote(resource, "create")
        return await self._api.create(resource, made, dry_run=dry_run)

    async def patch(
        self, resource: GroupVersionResource, name: NamespacedName, patch: Object, *, subresource: str = ""
    ) -> Object | None:
        """As ApiServer.patch."""
        self._wrote(resource, "patch", subresource)
        return await self._api.patch(resource, name, patch, subresource=subresource)

    async def replace(self, resource: GroupVersionResource, name: NamespacedName, whole: Object) -> Object | None:
        """As ApiServer.replace."""
        self._wrote(resource, "update")
        return await self._api.replace(resource, name, whole)

    async def delete(self, resource: GroupVersionResource, name: NamespacedName, *, uid: str = "") -> bool:
        """As ApiServer.delete."""
        self._wrote(resource, "delete")
        return await self._api.delete(resource, name, uid=uid)

    async def resource_of(self, api_version: str, kind: str) -> GroupVersionResource | None:
        """As ApiServer.resource_of."""
        return await self._api.resource_of(api_version, kind)

    def reflector(
        self, resource: GroupVersionResource, changed: Changed, *, namespace: str = "", field_selector: str = ""
    ) -> Reflector:
        """As ApiServer.reflector."""
        return self._api.reflector(resource, changed, namespace=namespace, field_selector=field_selector)

    async def close(self) -> None:
        """As ApiServer.close."""
        await self._api.close()

    def _wrote(self, resource: GroupVersionResource, verb: str, subresource: str = "") -> None:
        self._counts.api_writes[f"{resource.resource}/{subresource}" if subresource else resource.resource, verb] += 1

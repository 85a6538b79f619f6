"""The door to a Kubernetes API server, over `link`.  Plain JSON both ways, for every resource alike."""

import contextlib
from collections.abc import Sequence

from tradewind.adapters.kube import pages, paths
from tradewind.adapters.kube.answers import Missing
from tradewind.adapters.kube.discovery import Discovery
from tradewind.adapters.kube.link import JSON, MERGE_PATCH, Link
from tradewind.adapters.kube.pace import Pace
from tradewind.adapters.kube.reflector import KubeReflector
from tradewind.api_server import Changed, GroupVersionResource, Object
from tradewind.errors import ApiConflict, ApiRefused
from tradewind.resources.model import NamespacedName
from tradewind.resources.untyped import name_of

READINGS = 5
"""Times an object is read for its resourceVersion, which somebody else may change in between."""


class KubeApiServer:
    """See api_server.ApiServer."""

    def __init__(self, link: Link, *, pace: Pace | None = None) -> None:
        self._link = link
        self._pace = pace
        self._discovery = Discovery(link)

    async def get(self, resource: GroupVersionResource, name: NamespacedName) -> Object | None:
        """See ApiServer.get."""
        return await self._of_item("GET", paths.item(resource, name))

    async def list(self, resource: GroupVersionResource, *, namespace: str = "") -> Sequence[Object]:
        """See ApiServer.list."""
        found, _ = await pages.listed(self._link, _there(resource, namespace))
        return found

    async def create(self, resource: GroupVersionResource, made: Object, *, dry_run: bool = False) -> Object:
        """See ApiServer.create."""
        path = _there(resource, name_of(made).namespace)
        return await self._link.ask("POST", path + paths.query({"dryRun": "All" if dry_run else ""}), made)

    async def patch(
        self, resource: GroupVersionResource, name: NamespacedName, patch: Object, *, subresource: str = ""
    ) -> Object | None:
        """See ApiServer.patch.

        Of a custom resource's status the API server ignores a `metadata.uid` (1.37), but not a `resourceVersion`: where
        the patch has the one alone, the object is read for the other.
        """
        path = paths.item(resource, name, subresource)
        pinned = patch.get("metadata", {})
        if not subresource or "uid" not in pinned or "resourceVersion" in pinned:
            return await self._of_item("PATCH", path, patch, kind=MERGE_PATCH)
        for _ in range(READINGS):
            found = await self.get(resource, name)
            if found is None:
                return None
            if found["metadata"]["uid"] != pinned["uid"]:
                break
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            with contextlib.suppress(ApiConflict):
                return await self._of_item("PATCH", path, patch | {"metadata": pinned | version}, kind=MERGE_PATCH)
        raise ApiConflict(
            f"PATCH {path}: the object with uid {pinned['uid']} was made again, or is changed all the time"
        )

    async def replace(self, resource: GroupVersionResource, name: NamespacedName, whole: Object) -> Object | None:
        """See ApiServer.replace."""
        return await self._of_item("PUT", paths.item(resource, name), whole)

    async def delete(self, resource: GroupVersionResource, name: NamespacedName, *, uid: str = "") -> bool:
        """See ApiServer.delete."""
        asked: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            asked["preconditions"] = {"uid": uid}
        return await self._of_item("DELETE", paths.item(resource, name), asked) is not None

    async def resource_of(self, api_version: str, kind: str) -> GroupVersionResource | None:
        """See ApiServer.resource_of."""
        return await self._discovery.resource_of(api_version, kind)

    def reflector(
        self, resource: GroupVersionResource, changed: Changed, *, namespace: str = "", field_selector: str = ""
    ) -> KubeReflector:
        """See ApiServer.reflector."""
        return KubeReflector(
            self._link, resource, changed, namespace=namespace, field_selector=field_selector, pace=self._pace
        )

    async def close(self) -> None:
        """See ApiServer.close."""
        await self._link.close()

    async def _of_item(
        self, method: str, path: str | None, body: Object | None = None, kind: str = JSON
    ) -> Object | None:
        if path is None:
            return None
        try:
            return await self._link.ask(method, path, body, kind=kind)
        except Missing:
            return None


def _there(resource: GroupVersionResource, namespace: str) -> str:
    path = paths.collection(resource, namespace)
    if path is None:
        raise ApiRefused(f"{namespace!r} cannot be a namespace")
    return path

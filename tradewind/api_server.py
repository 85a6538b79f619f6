"""The door to a Kubernetes API server: objects as JSON, as a controller needs them (adapters.kube).

    ApiServer      get, list, create, patch, replace, delete; each call has a deadline of its own
      Reflector    the objects of one resource as they are now, kept so by list and watch

Objects are what the API server speaks: dictionaries with `apiVersion`, `kind`, `metadata`.  What they mean is read by
`resources.objects`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tradewind.errors import ApiFailed
from tradewind.resources.kinds import HOSTED, Kind
from tradewind.resources.model import NamespacedName
from tradewind.resources.untyped import Object as Object  # a word of this door as well


class GroupVersionResource(NamedTuple):
    """A resource as the API server's paths name it: `eventing.knative.dev`, `v1`, `brokers`; core's group is empty."""

    group: str
    version: str
    resource: str
    namespaced: bool = True

    def __str__(self) -> str:
        return ".".join(part for part in (self.resource, self.version, self.group) if part)


def resource_of(kind: Kind) -> GroupVersionResource:
    """Where the objects of a kind of ours are."""
    return GroupVersionResource(kind.group, kind.version, kind.plural)


BROKERS = GroupVersionResource("eventing.knative.dev", "v1", "brokers")
TRIGGERS = GroupVersionResource("eventing.knative.dev", "v1", "triggers")
EVENT_TYPES = GroupVersionResource("eventing.knative.dev", "v1beta2", "eventtypes")
SINK_BINDINGS = GroupVersionResource("sources.knative.dev", "v1", "sinkbindings")
CONTAINER_SOURCES = GroupVersionResource("sources.knative.dev", "v1", "containersources")
BOUND_SOURCES = {"SinkBinding": SINK_BINDINGS, "ContainerSource": CONTAINER_SOURCES}
"""What sends from workloads of the user's own, and is the controller's alone, by its kind."""
DEPLOYMENTS = GroupVersionResource("apps", "v1", "deployments")
HOSTED_SOURCES: Mapping[str, GroupVersionResource] = {kind.kind: resource_of(kind) for kind in HOSTED}
"""Sources that a sources process runs, by their kind."""
CONFIG_MAPS = GroupVersionResource("", "v1", "configmaps")
SECRETS = GroupVersionResource("", "v1", "secrets")
SERVICES = GroupVersionResource("", "v1", "services")
NAMESPACES = GroupVersionResource("", "v1", "namespaces", namespaced=False)
LEASES = GroupVersionResource("coordination.k8s.io", "v1", "leases")
CRDS = GroupVersionResource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)


class Change(NamedTuple):
    """An object before and after; None where it was not there, or is there no longer.

    An object that was deleted and made again under its name is two changes: its uid differs.
    """

    old: Object | None
    new: Object | None


Changed = Callable[[Change], None]
"""Told of each change, in order; it raises nothing and returns at once."""


class Reflector(Protocol):
    """The objects of one resource, as they are in the API server, or were when it could last be reached."""

    resource: GroupVersionResource

    @property
    def synced(self) -> bool:
        """Whether all objects have been read once; it stays so through an outage."""

    @property
    def failure(self) -> ApiFailed | None:
        """Why the last list or watch brought nothing; None while all is well."""

    @property
    def objects(self) -> Mapping[NamespacedName, Object]:
        """Every object by name (its namespace is empty where the resource has none), without `managedFields`; not to
        be changed."""

    async def run(self) -> None:
        """List and watch, without end: through outages, frozen connections and versions that are gone (410)."""


class ApiServer(Protocol):
    """A Kubernetes API server, as one identity.

    Every call raises ApiUnavailable when no answer came in time, or none that decides anything (429, 5xx); ApiDenied
    for 401 and 403; ApiConflict for 409; ApiRefused for any other 4xx, with the server's words.
    """

    async def get(self, resource: GroupVersionResource, name: NamespacedName) -> Object | None:
        """The object, or None where there is none (nor such a resource)."""

    async def list(self, resource: GroupVersionResource, *, namespace: str = "") -> Sequence[Object]:
        """Every object, of all namespaces where none is given."""

    async def create(self, resource: GroupVersionResource, made: Object, *, dry_run: bool = False) -> Object:
        """Create the object as it stands.  Raises ApiConflict where one of its name is there."""

    async def patch(
        self, resource: GroupVersionResource, name: NamespacedName, patch: Object, *, subresource: str = ""
    ) -> Object | None:
        """Apply a merge patch (RFC 7386); None where there is no such object.

        With `metadata.resourceVersion` in the patch, ApiConflict where the object has another by now; with
        `metadata.uid`, ApiConflict where it was made again.
        """

    async def replace(self, resource: GroupVersionResource, name: NamespacedName, whole: Object) -> Object | None:
        """Put the whole object (with its `metadata.resourceVersion`: ApiConflict where it has another by now)."""

    async def delete(self, resource: GroupVersionResource, name: NamespacedName, *, uid: str = "") -> bool:
        """Delete it, only where it has this uid if one is given; whether it was there."""

    async def resource_of(self, api_version: str, kind: str) -> GroupVersionResource | None:
        """The resource of a kind, by the API server's discovery; None where it serves no such kind."""

    def reflector(
        self, resource: GroupVersionResource, changed: Changed, *, namespace: str = "", field_selector: str = ""
    ) -> Reflector:
        """A new Reflector, which runs once it is told to; `field_selector` as in Kubernetes' lists."""

    async def close(self) -> None:
        """Let go of every connection."""

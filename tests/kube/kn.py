"""What `kn` asks an API server for, replayed: read from the source of its commands, since no `kn` can be had here.

It writes what Go writes of Knative's types: `creationTimestamp: null`, `status: {}`, and in an update the whole object
as it was read, status and managed fields included, again where somebody else wrote it meanwhile.  `--wait` watches one
object by its name.
"""

import http
from collections.abc import Callable

from tests.kube.api import Api, Json, Refused

EVENTING = "/apis/eventing.knative.dev/v1/namespaces/{}/{}"
TYPES = "/apis/eventing.knative.dev/v1beta2/namespaces/{}/eventtypes"
TRIES = 5
"""Of an update that meets another's."""
CLASS = "eventing.knative.dev/broker.class"


class Kn:
    """`kn` for one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def _path(self, resource: str, name: str = "") -> str:
        return EVENTING.format(self._namespace, resource) + (f"/{name}" if name else "")

    def _metadata(self, name: str, **annotations: str) -> Json:
        made: Json = {"name": name, "namespace": self._namespace, "creationTimestamp": None}
        return {**made, "annotations": annotations} if annotations else made

    def broker_create(self, name: str, broker_class: str = "") -> Json:
        """`kn broker create NAME [--class CLASS]`."""
        metadata = self._metadata(name, **{CLASS: broker_class}) if broker_class else self._metadata(name)
        made = {
            "kind": "Broker",
            "apiVersion": "eventing.knative.dev/v1",
            "metadata": metadata,
            "spec": {},
            "status": {},
        }
        return self._api.create(self._path("brokers"), made)

    def broker_update_retry(self, name: str, retry: int) -> Json:
        """`kn broker update NAME --retry N`: read, changed, put back whole."""

        def change(spec: Json) -> None:
            spec["delivery"] = {**spec.get("delivery", {}), "retry": retry}

        return self._updated(self._path("brokers", name), change)

    def broker_delete(self, name: str) -> Json:
        """`kn broker delete NAME`."""
        return self._api.delete(f"{self._path('brokers', name)}?propagationPolicy=Background")

    def list(self, resource: str) -> list[Json]:
        """`kn broker list`, `kn trigger list`."""
        found: list[Json] = self._api.get(self._path(resource))["items"]
        return found

    def trigger_create(self, name: str, broker: str, sink: str, **attributes: str) -> Json:
        """`kn trigger create NAME --broker B --filter K=V … --sink URL`."""
        spec = {"broker": broker, "filter": {"attributes": attributes}, "subscriber": {"uri": sink}}
        made = {
            "kind": "Trigger",
            "apiVersion": "eventing.knative.dev/v1",
            "metadata": self._metadata(name),
            "spec": spec,
            "status": {},
        }
        return self._api.create(self._path("triggers"), made)

    def trigger_update(self, name: str, **attributes: str) -> Json:
        """`kn trigger update NAME --filter K=V …`: read, changed, put back whole."""

        def change(spec: Json) -> None:
            spec["filter"] = {"attributes": {**spec["filter"]["attributes"], **attributes}}

        return self._updated(self._path("triggers", name), change)

    def _updated(self, path: str, change: Callable[[Json], None]) -> Json:
        for _ in range(TRIES - 1):
            try:
                return self._put(path, change)
            except Refused as refused:
                if refused.status != http.HTTPStatus.CONFLICT:
                    raise
        return self._put(path, change)

    def _put(self, path: str, change: Callable[[Json], None]) -> Json:
        whole = self._api.get(path)
        change(whole["spec"])
        return self._api.replace(path, whole)

    def eventtype_create(self, name: str, type: str, source: str, broker: str) -> Json:
        """`kn eventtype create NAME --type T --source S --broker B`."""
        reference = {
            "kind": "Broker",
            "namespace": self._namespace,
            "name": broker,
            "apiVersion": "eventing.knative.dev/v1",
        }
        made = {
            "kind": "EventType",
            "apiVersion": "eventing.knative.dev/v1beta2",
            "metadata": self._metadata(name),
            "spec": {"type": type, "source": source, "reference": reference},
            "status": {},
        }
        return self._api.create(TYPES.format(self._namespace), made)

    def watched(self, resource: str, name: str) -> set[str]:
        """`--wait`: a watch of one object, by its name; whom it told of."""
        asked = f"{self._path(resource)}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3D{name}"
        return {one["object"]["metadata"]["name"] for one in self._api.watched(asked)}

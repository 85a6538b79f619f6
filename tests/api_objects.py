"""Objects as an API server gives them; a test changes what it is about."""

from typing import Any

from tradewind.resources import stamps
from tradewind.resources.model import Destination, KReference

Object = dict[str, Any]  # the JSON of any Kubernetes object

DISPLAY = Destination(KReference("v1", "Service", "display", "default"))
"""The subscriber of `trigger`."""


def broker(
    name: str = "hello", *, uid: str = "b", created: str = "2026-11-01T00:00:00Z", annotations: Object | None = None
) -> Object:
    """A Broker that nobody has taken."""
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": uid,
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": created,
        "annotations": {"eventing.knative.dev/broker.class": "Tradewind", **(annotations or {})},
    }
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata, "spec": {}}


def taken(broker: Object, *, installation: str = "here", topic: str = "") -> Object:
    """The Broker once this installation took it."""
    metadata = broker["metadata"]
    held = topic or f"knative-broker-{metadata['namespace']}-{metadata['name']}"
    return {**broker, "status": {"annotations": {stamps.INSTALLATION: installation, stamps.TOPIC: held}}}


def trigger(
    name: str = "a", *, of: str = "hello", uid: str = "t", created: str = "2026-11-02T00:00:00Z", **spec: object
) -> Object:
    """A Trigger of that Broker, for the Service `display`."""
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": uid,
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": created,
    }
    subscriber = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "display", "namespace": "default"}}
    declared = {"broker": of, "subscriber": subscriber, **spec}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata, "spec": declared}


def stamped(one: Object, addresses: dict[Destination, str], *, uid: str | None = None) -> Object:
    """The object with these addresses, resolved for it, or for the one with that uid."""
    metadata = one["metadata"]
    stamp = stamps.Stamp(
        metadata["uid"] if uid is None else uid,
        metadata["generation"],
        {stamps.digest(destination): url for destination, url in addresses.items()},
    )
    annotations = {**one.get("status", {}).get("annotations", {}), stamps.RESOLVED: stamps.encode(stamp)}
    return {**one, "status": {"annotations": annotations}}


def deleting(one: Object) -> Object:
    """The object once somebody asked for its deletion."""
    return {**one, "metadata": {**one["metadata"], "deletionTimestamp": "2026-11-03T00:00:00Z"}}


def event_type(name: str = "seen", *, reference: Object | None) -> Object:
    """An EventType with this reference."""
    metadata = {"name": name, "namespace": "default", "uid": name, "resourceVersion": "1", "generation": 1}
    spec = {"type": "seen", **({"reference": reference} if reference is not None else {})}
    return {"apiVersion": "eventing.knative.dev/v1beta2", "kind": "EventType", "metadata": metadata, "spec": spec}

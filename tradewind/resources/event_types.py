"""EventTypes that are made from what flows through a Broker, as Knative makes them (knative-eventing §2.6).

    Broker with `tradewind.dev/eventTypes: enabled`
    event ──(type, source)──► FlowingType ──► EventType et-<Broker>-<digest>, owned by the Broker

There is one for each type and source, whatever schemas their events name: it has that of the first.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from tradewind.resources.model import EVENT_TYPES, NamespacedName
from tradewind.resources.untyped import Object

ENABLED = "enabled"
DISABLED = "disabled"
EXPECTED = f"{ENABLED} or {DISABLED}"
"""What the annotation may say; a Broker without it makes none, as in Knative, where the flag is off."""
DESCRIPTION = "Event Type auto-created by controller"
"""Knative's own words: tools look for them."""


class FlowingType(NamedTuple):
    """What events of one type and source that flow through a Broker are known by."""

    type: str
    source: str
    schema: str = ""
    """The `dataschema` of the first of them; empty where it had none."""
    uid: str = ""
    """Of the Broker: one that is made again under its name begins anew."""


def enabled(annotations: Mapping[str, str]) -> bool:
    """Whether a Broker with these annotations has EventTypes made."""
    return annotations.get(EVENT_TYPES, DISABLED).lower() == ENABLED


def fault(text: str) -> str | None:
    """What was expected of the annotation; None where it is right."""
    return None if text.lower() in (ENABLED, DISABLED) else EXPECTED


def digest(broker: NamespacedName, type: str, source: str) -> str:
    """What a type and source are known by at a Broker, as Knative computes it."""
    written = f"{type}{source}{broker.namespace}{broker.name}".encode()
    return hashlib.md5(written, usedforsecurity=False).hexdigest()


def name_of(broker: NamespacedName, digest: str) -> NamespacedName:
    """The name of the EventType with this digest."""
    return NamespacedName(broker.namespace, f"et-{broker.name}-{digest}")


def made(broker: NamespacedName, one: FlowingType) -> Object:
    """The EventType to create for what flows through this Broker.

    It goes with its Broker: Kubernetes collects what an owner leaves.
    """
    name = name_of(broker, digest(broker, one.type, one.source))
    ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": broker.name}
    return {
        "apiVersion": "eventing.knative.dev/v1beta2",
        "kind": "EventType",
        "metadata": {
            "namespace": name.namespace,
            "name": name.name,
            "ownerReferences": [{**ref, "uid": one.uid}],
        },
        "spec": {
            "type": one.type,
            "source": one.source,
            **({"schema": one.schema} if one.schema else {}),
            "reference": {**ref, "namespace": broker.namespace},
            "description": DESCRIPTION,
        },
    }

"""Objects of the API server → resources, each judged by itself: what is wrong with one harms no other (DESIGN §6).

    Brokers, Triggers ──judge──► Judged: a resource, or every fault      for the controller's status
                                    │
                                    └─in_force─► what the data plane runs: addressed by stamps, on the fixed topic

Served are Brokers of the classes that are ours, and the Triggers that name one of them.  Objects that are being deleted
are gone for the data plane.  Whoever reads the same objects comes to the same resources, so controller and data plane
compute the same Plan.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.errors import Fault
from tradewind.resources.model import NamespacedName, Resource

Object = dict[str, Any]  # the JSON of any Kubernetes object


@dataclass(frozen=True, slots=True)
class Judged:
    """One object that is ours."""

    kind: str
    name: NamespacedName
    uid: str
    generation: int
    resource: Resource | None
    """As its `spec` and annotations declare it; None where there are faults."""
    faults: tuple[Fault, ...]


def judge(objects: Iterable[Object], *, classes: Collection[str]) -> Mapping[tuple[str, NamespacedName], Judged]:
    """Those of these objects (of all kinds together) that are ours, by kind and name.

    Of two objects that would own one name in Kafka (`names.collisions`) the older one has it, and the other a fault.
    """
    raise NotImplementedError


def in_force(objects: Iterable[Object], *, classes: Collection[str], installation: str) -> tuple[Resource, ...]:
    """What the data plane runs of these objects: those without faults, their Destinations by the stamps in their
    status (`stamps.addressed`), Brokers on their fixed topic, or with why they wait: a Broker that this installation
    has not marked as its own, or that another has."""
    raise NotImplementedError

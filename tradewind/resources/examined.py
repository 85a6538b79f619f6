"""What one Broker, Trigger, EventType or source of the API server says by itself, remembered for each version of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tradewind.errors import Fault
from tradewind.resources import defaults, formats, manifests, names, stamps
from tradewind.resources.kinds import HOSTED_NAMES
from tradewind.resources.model import (
    BROKER_CLASS,
    DELIVERY_ORDER,
    EXTERNAL_TOPIC,
    AnySource,
    Broker,
    Metadata,
    NamespacedName,
    Resource,
    Trigger,
)
from tradewind.resources.untyped import Object, fields

Fields = Mapping[str, Any]  # part of an object

KINDS = frozenset({"Broker", "Trigger", "EventType"}) | HOSTED_NAMES
"""What is judged; anything else is passed over."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What one object says by itself."""

    kind: str
    name: NamespacedName
    uid: str
    generation: int
    created: str
    """`metadata.creationTimestamp`: RFC 3339 in UTC, so texts sort as times do."""
    deleting: bool
    broker_class: str
    """Of a Broker."""
    broker: NamespacedName | None
    """The Broker that a Trigger or EventType names, whatever else is wrong with it."""
    installation: str
    """Which installation took the Broker or source; empty where none did."""
    topic: str
    """The topic that the Broker got then."""
    stamped: bool
    """Whether a controller of ours has been here."""
    order: Mapping[str, str]
    """The annotation that says whether a Trigger is ordered, where it has one: another order is another Trigger."""
    derived: tuple[names.Derived, ...]
    """Its names in Kafka."""
    resource: Resource | None
    addressed: Resource | None
    """The resource with its Destinations by the stamp."""
    faults: tuple[Fault, ...]


class Memory:
    """Examines an object once for each version of it; forgets those that are not asked for again."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, ...], Examined] = {}

    def examined(self, objects: Iterable[Object]) -> list[Examined]:
        """All of them, in order; those of other kinds are passed over."""
        held: dict[tuple[str, ...], Examined] = {}
        for one in objects:
            if (kind := one.get("kind")) not in KINDS:
                continue
            metadata = one["metadata"]
            version = (kind, *(metadata.get(part, "") for part in _IDENTITY))
            known = self._held.get(version) if version[-1] else None
            held[version] = known or examine(one)
        self._held = held
        return list(held.values())


_IDENTITY = ("namespace", "name", "uid", "resourceVersion")


def examine(one: Object) -> Examined:
    """What one Broker, Trigger, EventType or source says by itself."""
    kind, metadata, spec, status = one["kind"], fields(one, "metadata"), fields(one, "spec"), fields(one, "status")
    name = NamespacedName(_text(metadata, "namespace") or defaults.NAMESPACE, _text(metadata, "name"))
    uid, generation = _text(metadata, "uid"), metadata.get("generation")
    annotations, stamped = _texts(metadata, "annotations"), _texts(status, "annotations")
    read = manifests.judge(one)
    resource = read.resources[0] if read.resources else None
    taken = (kind == "Broker" or kind in HOSTED_NAMES) and stamps.INSTALLATION in stamped
    topic = stamped.get(stamps.TOPIC, "") if taken and kind == "Broker" else ""
    return Examined(
        kind=kind,
        name=name,
        uid=uid,
        generation=generation if type(generation) is int else 0,
        created=_text(metadata, "creationTimestamp"),
        deleting=bool(metadata.get("deletionTimestamp")),
        broker_class=annotations.get(BROKER_CLASS, defaults.BROKER_CLASS) if kind == "Broker" else "",
        broker=_broker(kind, name.namespace, spec),
        installation=stamped.get(stamps.INSTALLATION, "") if taken else "",
        topic=topic,
        stamped=stamps.RESOLVED in stamped or taken,
        order={DELIVERY_ORDER: annotations[DELIVERY_ORDER]} if DELIVERY_ORDER in annotations else {},
        derived=_derived(kind, name, annotations, topic),
        resource=resource,
        addressed=_addressed(resource, stamps.decode(stamped.get(stamps.RESOLVED)), uid),
        faults=read.faults,
    )


def _broker(kind: str, namespace: str, spec: Fields) -> NamespacedName | None:
    if kind == "Trigger":
        name = _text(spec, "broker") or _own_broker(fields(spec, "brokerRef"), namespace)
        return NamespacedName(namespace, name) if name else None
    ref = fields(spec, "reference") if kind == "EventType" else {}
    if ref.get("kind") != "Broker" or not _text(ref, "apiVersion").startswith(_GROUP):
        return None
    return NamespacedName(_text(ref, "namespace") or namespace, _text(ref, "name"))


_GROUP = "eventing.knative.dev/"


def _own_broker(ref: Fields, namespace: str) -> str:
    """The Broker of its own namespace that a Trigger's `brokerRef` names: a fault, which is told by who serves it."""
    return _text(ref, "name") if _text(ref, "namespace") in ("", namespace) else ""


def _derived(kind: str, name: NamespacedName, annotations: Mapping[str, str], topic: str) -> tuple[names.Derived, ...]:
    """The names of an object in Kafka: a Broker keeps the topic it got, whatever its annotation says by now."""
    wanted = topic or annotations.get(EXTERNAL_TOPIC, "")
    if wanted and formats.topic_name(wanted) is not None:
        return ()  # a fault already
    external = {EXTERNAL_TOPIC: wanted} if wanted not in ("", names.broker_topic(name)) else {}
    return names.derived(kind, Metadata(name, annotations=external))


def _addressed(resource: Resource | None, stamp: stamps.Stamp | None, uid: str) -> Resource | None:
    if isinstance(resource, AnySource):
        return replace(resource, sink=stamps.addressed(resource.sink, stamp, uid))
    if not isinstance(resource, Broker | Trigger):
        return resource
    delivery = resource.delivery
    if delivery.dead_letter_sink is not None:
        sink = stamps.addressed(delivery.dead_letter_sink, stamp, uid)
        resource = replace(resource, delivery=replace(delivery, dead_letter_sink=sink))
    if isinstance(resource, Trigger):
        resource = replace(resource, subscriber=stamps.addressed(resource.subscriber, stamp, uid))
    return resource


def _text(value: Fields, name: str) -> str:
    held = value.get(name)
    return held if isinstance(held, str) else ""


def _texts(value: Fields, name: str) -> Mapping[str, str]:
    return {key: held for key, held in fields(value, name).items() if isinstance(held, str)}

"""Objects of the API server → resources, each judged by itself: what is wrong with one harms no other (DESIGN §6).

    object ──examine──► Examined: a resource, or every fault           by itself, so it may be remembered
    Brokers, Triggers, EventTypes ──judge──► Judged, of those that are ours        for the controller's status
                                    │
                                    └─in_force─► what the data plane runs: addressed by stamps, on the fixed topic

Served are Brokers of the classes that are ours, and what names one of them.  Objects that are being deleted are gone
for the data plane.  Whoever reads the same objects comes to the same resources, so controller and data plane compute
the same Plan.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tradewind.errors import Fault
from tradewind.resources import defaults, formats, manifests, names, stamps
from tradewind.resources.model import (
    BROKER_CLASS,
    EXTERNAL_TOPIC,
    Broker,
    Metadata,
    NamespacedName,
    Resource,
    Trigger,
)

Object = dict[str, Any]  # the JSON of any Kubernetes object
Fields = Mapping[str, Any]  # part of it

KINDS = frozenset({"Broker", "Trigger", "EventType"})
"""What is judged; anything else is passed over."""

SHOWN = 2
"""Faults of a Broker that an answer of the ingress tells; its status tells all."""


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
    """Which installation took the Broker; empty where none did."""
    topic: str
    """The topic that the Broker got then."""
    stamped: bool
    """Whether a controller of ours has been here."""
    derived: tuple[names.Derived, ...]
    """Its names in Kafka."""
    resource: Resource | None
    addressed: Resource | None
    """The resource with its Destinations by the stamp."""
    faults: tuple[Fault, ...]


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
    deleting: bool = False
    """Whether somebody asked for its deletion: it is gone for the data plane."""
    orphan: bool = False
    """Whether it is a Trigger that was ours, by its stamp, and whose Broker is not there."""


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
    """What one Broker, Trigger or EventType says by itself."""
    kind, metadata, spec, status = one["kind"], _fields(one, "metadata"), _fields(one, "spec"), _fields(one, "status")
    name = NamespacedName(_text(metadata, "namespace") or defaults.NAMESPACE, _text(metadata, "name"))
    uid, generation = _text(metadata, "uid"), metadata.get("generation")
    annotations, stamped = _texts(metadata, "annotations"), _texts(status, "annotations")
    read = manifests.judge(one)
    resource = read.resources[0] if read.resources else None
    taken = kind == "Broker" and stamps.INSTALLATION in stamped
    topic = stamped.get(stamps.TOPIC, "") if taken else ""
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
        derived=_derived(kind, name, annotations, topic),
        resource=resource,
        addressed=_addressed(resource, stamps.decode(stamped.get(stamps.RESOLVED)), uid),
        faults=read.faults,
    )


def judge(
    objects: Iterable[Object], *, classes: Collection[str], memory: Memory | None = None
) -> Mapping[tuple[str, NamespacedName], Judged]:
    """Those of these objects (of all kinds together) that are ours, by kind and name.

    Of two objects that would own one name in Kafka (`names.disputes`) the older one has it, and the other a fault; a
    Broker that was taken comes before one that was not, so that no later edit elsewhere ends it.  Whoever judges again
    and again keeps a `memory`.
    """
    found = _ours((memory or Memory()).examined(objects), classes)
    return {
        where: Judged(
            kind=one.kind,
            name=one.name,
            uid=one.uid,
            generation=one.generation,
            resource=None if faults else one.resource,
            faults=faults,
            deleting=one.deleting,
            orphan=orphan,
        )
        for where, (one, faults, orphan) in found.items()
    }


def in_force(
    objects: Iterable[Object], *, classes: Collection[str], installation: str, memory: Memory | None = None
) -> tuple[Resource, ...]:
    """What the data plane runs of these objects, by kind and name: those without faults, their Destinations by the
    stamps in their status (`stamps.addressed`), Brokers on their fixed topic.

    A Broker that has faults, or that this installation has not marked as its own, or that another has, is there with
    why it waits.
    """
    found = _ours((memory or Memory()).examined(objects), classes)
    brokers = {
        one.name: _served(one, faults, installation)
        for one, faults, _ in found.values()
        if one.kind == "Broker" and not one.deleting
    }
    triggers = [
        one.addressed
        for one, faults, _ in found.values()
        if isinstance(one.addressed, Trigger) and not one.deleting and not faults and one.broker in brokers
    ]
    by_name = sorted(triggers, key=lambda trigger: trigger.metadata.name)
    return (*(brokers[name] for name in sorted(brokers)), *by_name)


class _Found(NamedTuple):
    """An object that is ours."""

    one: Examined
    faults: tuple[Fault, ...]
    """Its own, and that a name in Kafka is another's."""
    orphan: bool


def _ours(examined: Iterable[Examined], classes: Collection[str]) -> Mapping[tuple[str, NamespacedName], _Found]:
    examined = list(examined)
    brokers = {one.name: one.broker_class in classes for one in examined if one.kind == "Broker"}
    ours = [one for one in examined if _is_ours(one, brokers)]
    ours.sort(key=lambda one: (not one.installation, one.created, one.uid))
    disputed: dict[int, list[Fault]] = {}
    for number, fault in names.disputes(one.derived for one in ours):
        disputed.setdefault(number, []).append(fault)
    return {
        (one.kind, one.name): _Found(
            one,
            (*one.faults, *disputed[number]) if number in disputed else one.faults,
            one.broker is not None and one.broker not in brokers,
        )
        for number, one in enumerate(ours)
    }


def _is_ours(one: Examined, brokers: Mapping[NamespacedName, bool]) -> bool:
    if one.broker is None:  # a Broker; or something that names none, and so is nobody's
        return brokers[one.name] if one.kind == "Broker" else False
    return brokers.get(one.broker, one.kind == "Trigger" and one.stamped)


def _served(one: Examined, faults: tuple[Fault, ...], installation: str) -> Broker:
    waits = _waits(one, faults, installation)
    if isinstance(one.addressed, Broker):
        return replace(one.addressed, topic=one.topic, waits=waits)
    return Broker(Metadata(one.name, uid=one.uid, generation=one.generation), topic=one.topic, waits=waits)


def _waits(one: Examined, faults: tuple[Fault, ...], installation: str) -> str:
    """Why a Broker cannot be served, and what to do; empty where it can."""
    look = f"`kubectl describe broker {one.name.name} -n {one.name.namespace}` tells more"
    if faults:
        more = f", and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        return f"Broker {one.name} has faults: {'; '.join(map(str, faults[:SHOWN]))}{more}.  Mend them; {look}"
    if one.installation not in ("", installation):
        return (
            f"Broker {one.name} belongs to the installation {one.installation} of Tradewind, and this is "
            f"{installation}.  Send events to the address in its status"
        )
    if not one.installation or not one.topic:
        return f"no controller has made the topic of Broker {one.name} yet.  See that one runs; {look}"
    return ""


def _broker(kind: str, namespace: str, spec: Fields) -> NamespacedName | None:
    if kind == "Trigger":
        name = _text(spec, "broker")
        return NamespacedName(namespace, name) if name else None
    ref = _fields(spec, "reference") if kind == "EventType" else {}
    if ref.get("kind") != "Broker" or not _text(ref, "apiVersion").startswith(_GROUP):
        return None
    return NamespacedName(_text(ref, "namespace") or namespace, _text(ref, "name"))


_GROUP = "eventing.knative.dev/"


def _derived(kind: str, name: NamespacedName, annotations: Mapping[str, str], topic: str) -> tuple[names.Derived, ...]:
    """The names of an object in Kafka: a Broker keeps the topic it got, whatever its annotation says by now."""
    wanted = topic or annotations.get(EXTERNAL_TOPIC, "")
    if wanted and formats.topic_name(wanted) is not None:
        return ()  # a fault already
    external = {EXTERNAL_TOPIC: wanted} if wanted not in ("", names.broker_topic(name)) else {}
    return names.derived(kind, Metadata(name, annotations=external))


def _addressed(resource: Resource | None, stamp: stamps.Stamp | None, uid: str) -> Resource | None:
    if not isinstance(resource, Broker | Trigger):
        return resource
    delivery = resource.delivery
    if delivery.dead_letter_sink is not None:
        sink = stamps.addressed(delivery.dead_letter_sink, stamp, uid)
        resource = replace(resource, delivery=replace(delivery, dead_letter_sink=sink))
    if isinstance(resource, Trigger):
        resource = replace(resource, subscriber=stamps.addressed(resource.subscriber, stamp, uid))
    return resource


def _fields(value: Fields, name: str) -> Fields:
    held = value.get(name)
    return held if isinstance(held, dict) else {}


def _text(value: Fields, name: str) -> str:
    held = value.get(name)
    return held if isinstance(held, str) else ""


def _texts(value: Fields, name: str) -> Mapping[str, str]:
    return {key: held for key, held in _fields(value, name).items() if isinstance(held, str)}

"""Objects of the API server → resources, each judged by itself: what is wrong with one harms no other (DESIGN §6).

    object ──examine──► Examined: a resource, or every fault           by itself, so remembered (`examined`)
    Brokers, Triggers, sources, … ──judge──► Judged, of those that are ours        for the controller's status
                                    │
                                    └─in_force─► what the data plane runs: addressed by stamps, on the fixed topic

Served are Brokers of the classes that are ours, what names one of them, and sources of every kind that is hosted, by
the installation whose controller took them.  Objects that are being deleted are gone for the data plane.  Whoever reads
the same objects comes to the same resources, so controller and data plane compute the same Plan.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from tradewind.errors import Fault
from tradewind.resources import names, stamps
from tradewind.resources.examined import Examined, Memory
from tradewind.resources.kinds import HOSTED_NAMES
from tradewind.resources.model import (
    AnySource,
    Broker,
    Destination,
    HeldSource,
    Metadata,
    NamespacedName,
    Resource,
    Trigger,
    broker_of,
)
from tradewind.resources.untyped import Object

SHOWN = 2
"""Faults that stand in why something waits, which an answer of the ingress may hold; its status tells all."""


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
    why it waits.  So is a Trigger with faults that had none once: it keeps its place until they are mended; and a
    source that cannot run (`HeldSource`).  One whose sink is a Broker that is served here keeps its `ref`.
    """
    found = _ours((memory or Memory()).examined(objects), classes)
    brokers = {
        one.name: _served(one, faults, installation)
        for one, faults, _ in found.values()
        if one.kind == "Broker" and not one.deleting
    }
    triggers = [
        trigger
        for one, faults, _ in found.values()
        if one.kind == "Trigger" and not one.deleting and one.broker in brokers
        if (trigger := _run(one, faults)) is not None
    ]
    hosted = [
        source
        for one, faults, _ in found.values()
        if one.kind in HOSTED_NAMES and not one.deleting
        if (source := _hosted(one, faults, installation, found)) is not None
    ]
    hosted.sort(key=lambda source: source.metadata.name)
    by_name = sorted(triggers, key=lambda trigger: trigger.metadata.name)
    return (*(brokers[name] for name in sorted(brokers)), *by_name, *hosted)


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
    if one.kind in HOSTED_NAMES:
        return True
    if one.broker is None:  # a Broker; or something that names none, and so is nobody's
        return brokers[one.name] if one.kind == "Broker" else False
    return brokers.get(one.broker, one.kind == "Trigger" and one.stamped)


def _served(one: Examined, faults: tuple[Fault, ...], installation: str) -> Broker:
    waits, topic = _waits(one, faults, installation), one.topic if one.installation == installation else ""
    if isinstance(one.addressed, Broker):
        return replace(one.addressed, topic=topic, waits=waits)
    return Broker(Metadata(one.name, uid=one.uid, generation=one.generation), topic=topic, waits=waits)


def _run(one: Examined, faults: tuple[Fault, ...]) -> Trigger | None:
    """A Trigger that is in force.

    One that was, and now has faults, wants everything until it says again what it wants: the first event holds it.
    """
    if isinstance(one.addressed, Trigger) and not faults:
        return one.addressed
    if one.broker is None or not one.stamped:
        return None
    metadata = Metadata(one.name, annotations=one.order, uid=one.uid, generation=one.generation)
    why = f"Trigger {one.name} has faults: {_some(faults)}"
    return Trigger(metadata, one.broker.name, Destination(), waits=why)


def _hosted(
    one: Examined,
    faults: tuple[Fault, ...],
    installation: str,
    found: Mapping[tuple[str, NamespacedName], _Found],
) -> AnySource | HeldSource | None:
    """A source as it runs, or why it does not; None for one of another installation."""
    if not stamps.may_serve(one.installation, installation):
        return None
    metadata = Metadata(one.name, uid=one.uid, generation=one.generation)
    if not one.installation:
        why = f"no controller has taken {one.kind} {one.name} yet: see that one runs"
        return HeldSource(one.kind, metadata, why)
    if faults or not isinstance(one.resource, AnySource) or not isinstance(one.addressed, AnySource):
        return HeldSource(one.kind, metadata, f"{one.kind} {one.name} has faults: {_some(faults)}")
    broker = broker_of(one.resource.sink)
    held = None if broker is None else found.get(("Broker", broker))
    direct = held is not None and not held.one.deleting and stamps.may_serve(held.one.installation, installation)
    return one.resource if direct else one.addressed


def _some(faults: tuple[Fault, ...]) -> str:
    more = f", and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return "; ".join(map(str, faults[:SHOWN])) + more


def _waits(one: Examined, faults: tuple[Fault, ...], installation: str) -> str:
    """Why a Broker cannot be served, and what to do; empty where it can."""
    look = f"`kubectl describe broker {one.name.name} -n {one.name.namespace}` tells more"
    if faults:
        return f"Broker {one.name} has faults: {_some(faults)}.  Mend them; {look}"
    if not stamps.may_serve(one.installation, installation):
        return (
            f"Broker {one.name} belongs to the installation {one.installation} of Tradewind, and this is "
            f"{installation}.  Send events to the address in its status; where that installation is gone for good, "
            "give this one its id (--installation, TRADEWIND_INSTALLATION)"
        )
    if not one.installation or not one.topic:
        return f"no controller has made the topic of Broker {one.name} yet.  See that one runs; {look}"
    return ""

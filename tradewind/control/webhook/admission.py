"""What is said to what somebody wants stored: defaults, every fault, warnings (DESIGN §6).

    Request, Known ──default───► Verdict: what it leaves out as a patch, or every fault     the mutating webhook
                   ──validate──► Verdict: every fault, or what may be meant otherwise       the validating webhook

Each does the whole validation, by the functions that the file store uses: a refusal in the mutating webhook is the one
that people see.  This is advice to whoever writes; controller and Plan judge what is stored again.

Ours are Brokers of the classes that are served, Triggers of a Broker that is known and ours, and sources and
SinkBindings that no controller of others looks after, where their kind is served.  All else is let pass as it is, and
so is what is being deleted: a finalizer must always come off.  What was wrong already and is not changed is a warning:
rules that grew stricter must not stand in the way of another change.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tradewind.control.webhook import immutable
from tradewind.control.webhook.defaulting import defaulted
from tradewind.control.webhook.reviews import Objection, Request, Verdict
from tradewind.errors import Fault
from tradewind.resources import dialects, manifests, names, own_annotations, trigger_annotations
from tradewind.resources.defaults import NAMESPACE
from tradewind.resources.kinds import BROKER, EVENT_TYPE, OURS, TRIGGER
from tradewind.resources.model import BROKER_CLASS, Broker, Metadata, NamespacedName, Trigger
from tradewind.resources.stamps import INSTALLATION
from tradewind.resources.untyped import Object, fields

SOURCE_KINDS = tuple(kind.kind for kind in OURS if kind not in (BROKER, TRIGGER, EVENT_TYPE))
KINDS = ("Broker", "Trigger", *SOURCE_KINDS)
GENERATED = "00000"
"""Stands for the end of a name that the API server is still to make."""

MAX_VALUES = 10_000
"""Values in a `spec`, which the longest filter with everything around it does not come near.  Where fields are kept
whatever they are (`delivery`) there may be a hundred thousand faults, and others wait while they are found."""

UNREAD = (
    "not all Brokers and Triggers are known here yet: what follows from them was not checked, the status will say it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an installation is told."""

    classes: Collection[str]
    """Classes of Brokers that are served."""
    default_class: str = ""
    """Class of a Broker that names none; empty: it gets none."""
    unserved: Collection[str] = ()
    """Kinds of sources that are another controller's (`source_kinds`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is there, as far as it is known."""

    brokers: Mapping[NamespacedName, Object]
    triggers: Mapping[NamespacedName, Object]
    bindings: Mapping[NamespacedName, Object] = field(default_factory=dict)
    """SinkBindings."""
    complete: bool = True
    """Whether these are all, or what was asked for could at least be looked up."""


NOTHING = Verdict()


def brokers_of(request: Request) -> frozenset[NamespacedName]:
    """The Brokers that must be known to tell whether a Trigger is ours."""
    if not _asks(request) or request.kind != "Trigger":
        return frozenset()
    return frozenset(name for one in (request.new, request.old) for name in _named(request, one))


def _named(request: Request, trigger: Object | None) -> Iterator[NamespacedName]:
    """The Broker that a Trigger names, in the way that is served and in the other, which is a fault of ours to tell."""
    ref = fields(trigger, "spec", "brokerRef")
    named = (("", fields(trigger, "spec").get("broker")), (ref.get("namespace"), ref.get("name")))
    for namespace, name in named:
        if isinstance(name, str) and name:
            yield NamespacedName(namespace if isinstance(namespace, str) and namespace else _namespace(request), name)


def default(request: Request, known: Known, rules: Rules) -> Verdict:
    """For the mutating webhook."""
    if not _asks(request) or request.new is None:
        return NOTHING
    namespace = _namespace(request)
    given = _class(request.old) or rules.default_class
    broker_class = given if request.kind == "Broker" and given in rules.classes else ""
    made = defaulted(request.kind, request.new, namespace=namespace, broker_class=broker_class)
    if not _ours(request, made.whole, known, rules):
        return NOTHING
    objections, _ = _judged(request, made.whole, known, rules)
    return Verdict(objections) if objections else Verdict(patch=made.patch)


def validate(request: Request, known: Known, rules: Rules) -> Verdict:
    """For the validating webhook."""
    if not _asks(request) or request.new is None:
        return NOTHING
    if not _ours(request, request.new, known, rules):
        return Verdict(warnings=tuple(_aside(request, known, rules)))
    objections, warnings = _judged(request, request.new, known, rules)
    unread = () if known.complete or request.kind in SOURCE_KINDS else (UNREAD,)
    return Verdict(objections, warnings=(*warnings, *unread))


def _asks(request: Request) -> bool:
    """Whether this is anything that we have a say in."""
    asked = request.kind in KINDS and request.operation in ("CREATE", "UPDATE") and not request.subresource
    return asked and not any(fields(one, "metadata").get("deletionTimestamp") for one in (request.new, request.old))


def _ours(request: Request, new: Object, known: Known, rules: Rules) -> bool:
    if request.kind in rules.unserved:
        return False
    if request.kind in SOURCE_KINDS:
        taken = fields(request.old, "status", "annotations").get(INSTALLATION)
        return bool(taken) or not fields(request.old, "status").get("conditions")
    if request.kind == "Broker":
        return any(_class(one) in rules.classes for one in (new, request.old))
    return any(_class(known.brokers.get(name)) in rules.classes for name in brokers_of(request))


def _aside(request: Request, known: Known, rules: Rules) -> Iterator[str]:
    """What is worth saying of an object that is not ours, or of which that is not known."""
    if request.kind == "Broker" and not _class(request.new):
        expected = f"the class of whoever is to serve it; Tradewind serves {', '.join(sorted(rules.classes))}"
        yield str(Fault(f"metadata.annotations.{BROKER_CLASS}", "nothing", expected))
    if request.kind == "Trigger" and not known.complete and not brokers_of(request) <= known.brokers.keys():
        yield UNREAD


def _judged(request: Request, new: Object, known: Known, rules: Rules) -> tuple[tuple[Objection, ...], tuple[str, ...]]:
    """Objections to an object of ours, and warnings."""
    namespace, old = _namespace(request), request.old
    if _large(new):
        large = f"found more than {MAX_VALUES:,} values, expected at most {MAX_VALUES:,}"
        return ((), (f"spec: {large}",)) if _large(old) else ((Objection("spec", large),), ())
    changed = immutable.changes(request.kind, old, new, namespace=namespace) if old else []
    found, resource = _examined(request.kind, _placed(request, new))
    before = set(_examined(request.kind, _placed(request, old))[0]) if old and not _large(old) else set()
    objections = [*changed, *(_objection(each) for each in found if each not in before)]
    if request.operation == "CREATE" and request.kind not in SOURCE_KINDS:
        objections += [_objection(each) for each in _collisions(request, new, known, rules)]
    doubts = [*dialects.doubts(resource.filter, "spec.filters")] if isinstance(resource, Trigger) else []
    if isinstance(resource, Broker | Trigger):
        doubts += own_annotations.doubts(request.kind, resource.metadata.annotations, "metadata.annotations")
    return tuple(objections), tuple(map(str, (*doubts, *(each for each in found if each in before))))


def _large(one: Object | None) -> bool:
    """Whether its `spec` holds more values than are looked at."""
    level: list[Any] = [fields(one, "spec")]  # whatever a manifest holds
    count = 0
    while level:
        lists = [held for held in level if isinstance(held, list)]
        level = [each for held in level if isinstance(held, dict) for each in held.values()]
        level += [each for held in lists for each in held]
        count += len(level)
        if count > MAX_VALUES:
            return True
    return False


def _examined(kind: str, whole: Object) -> tuple[list[Fault], object]:
    """Every fault of one object by itself, in paths of its own, and the resource it is where there is none."""
    metadata = whole["metadata"]
    read, prefix = manifests.judge(whole), f"{kind} {metadata['namespace']}/{metadata['name']}: "
    found = [Fault(_within(each.path, prefix), each.found, each.expected, each.rule) for each in read.faults]
    annotations = {name: held for name, held in fields(metadata, "annotations").items() if isinstance(held, str)}
    if kind == "Trigger":
        found += trigger_annotations.faults(
            annotations,
            namespace=metadata["namespace"],
            broker=str(fields(whole, "spec").get("broker") or ""),
            path="metadata.annotations",
        )
    return found, read.resources[0] if read.resources and not found else None


def _within(path: str, prefix: str) -> str:
    """The path in the object, of one that begins with the object's; its kind where it is the whole."""
    return path.removeprefix(prefix).removeprefix(": ")


def _placed(request: Request, one: Object) -> Object:
    """The object with its namespace and name, as it will have them once it is stored."""
    metadata = fields(one, "metadata")
    generated = metadata.get("generateName")
    made = f"{generated}{GENERATED}" if isinstance(generated, str) and generated else None
    name = metadata.get("name") or request.name or made
    return {**one, "metadata": {**metadata, "namespace": _namespace(request), "name": name}}


def _collisions(request: Request, new: Object, known: Known, rules: Rules) -> Iterator[Fault]:
    """Its names in Kafka that cannot be, or that another object of ours has."""
    name = fields(new, "metadata").get("name") or request.name
    if not isinstance(name, str) or not name:
        return  # the API server is still to make it
    own = _metadata(NamespacedName(_namespace(request), name), new)
    own_path = names.object_path(request.kind, own, "")
    others = [(request.kind, _metadata(at, one)) for at, one in _rivals(request.kind, own.name, known, rules)]
    for fault in names.collisions([*others, (request.kind, own)]):
        if fault.path.startswith(own_path):
            yield Fault(fault.path.removeprefix(own_path), fault.found, fault.expected)


def _rivals(kind: str, own: NamespacedName, known: Known, rules: Rules) -> Iterator[tuple[NamespacedName, Object]]:
    """Other objects of ours that may have a name in Kafka that this one would have."""
    if kind == "Broker":
        yield from ((at, one) for at, one in known.brokers.items() if at != own and _class(one) in rules.classes)
        return
    group = names.trigger_group(own)
    for at, one in known.triggers.items():
        if at == own or names.trigger_group(at) != group:
            continue
        broker = NamespacedName(at.namespace, str(fields(one, "spec").get("broker")))
        if _class(known.brokers.get(broker)) in rules.classes:
            yield at, one


def _metadata(name: NamespacedName, one: Object) -> Metadata:
    """What names in Kafka follow from."""
    annotations = fields(one, "metadata", "annotations")
    return Metadata(name, annotations={key: held for key, held in annotations.items() if isinstance(held, str)})


def _objection(fault: Fault) -> Objection:
    rule = f" ({fault.rule})" if fault.rule else ""
    return Objection(fault.path, f"found {fault.found}, expected {fault.expected}{rule}")


def _class(broker: Object | None) -> str | None:
    """A Broker's class; None where it has none."""
    held = fields(broker, "metadata", "annotations").get(BROKER_CLASS)
    return held if isinstance(held, str) and held else None


def _namespace(request: Request) -> str:
    return request.namespace or NAMESPACE

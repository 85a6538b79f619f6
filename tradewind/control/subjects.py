"""Which workloads a SinkBinding binds: those of its subject that no other SinkBinding binds before it.

    subject.name        the one of that name
    subject.selector    those of its kind and namespace with these labels

A workload is bound by one SinkBinding: that which names it, else that which was made first.  (Knative's webhook prefers
a name as well; its controller lets two write over one another, without end.)  What a ContainerSource has made is bound
by that, and what has the label `bindings.knative.dev/exclude: "true"` by nobody.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tradewind.api_server import Object
from tradewind.resources import manifests
from tradewind.resources.containers import LabelSelector, Operator, Requirement, Subject
from tradewind.resources.kinds import SOURCES
from tradewind.resources.model import NamespacedName, SinkBinding
from tradewind.resources.untyped import fields, name_of

EXCLUDE = "bindings.knative.dev/exclude"
"""Label of a workload or a namespace that no webhook is to be asked about; a workload with it is not bound at all."""
INCLUDE = "bindings.knative.dev/include"


class Kind(NamedTuple):
    """A kind of workloads, in whatever version a subject writes it."""

    group: str
    kind: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What one SinkBinding wants to bind."""

    binding: NamespacedName
    created: str
    """`metadata.creationTimestamp`: RFC 3339 in UTC, so texts sort as times do."""
    subject: Subject

    @property
    def kind(self) -> Kind:
        """Of its subject."""
        return kind(self.subject.api_version, self.subject.kind)

    @property
    def named(self) -> bool:
        """Whether it names its subject."""
        return bool(self.subject.name)


@dataclass(frozen=True, slots=True)
class Shared:
    """The workloads that are selected by one SinkBinding."""

    own: Mapping[NamespacedName, Object] = field(default_factory=dict)
    """Those that it binds."""
    others: Mapping[NamespacedName, str] = field(default_factory=dict)
    """Those that another binds although this one asked for them in the same way, and who that is."""
    named: Mapping[NamespacedName, str] = field(default_factory=dict)
    """Those that another binds as it names them, where this one has a selector: that is no conflict."""


def kind(api_version: str, name: str) -> Kind:
    """The kind that an `apiVersion` and a `kind` name."""
    group, slash, _ = api_version.partition("/")
    return Kind(group if slash else "", name)


def claimed(binding: Object) -> Claim | None:
    """What the object of a SinkBinding wants to bind; None where it has faults, or is being deleted."""
    metadata = binding["metadata"]
    read = manifests.judge(binding)
    if metadata.get("deletionTimestamp") or not read.resources or not isinstance(read.resources[0], SinkBinding):
        return None
    return Claim(name_of(binding), metadata.get("creationTimestamp", ""), read.resources[0].subject)


def shared(claim: Claim, claims: Collection[Claim], workloads: Iterable[Object]) -> Shared:
    """Which of these workloads of its kind this SinkBinding binds, where these are all that there are."""
    own: dict[NamespacedName, Object] = {}
    others: dict[NamespacedName, str] = {}
    named: dict[NamespacedName, str] = {}
    for one in workloads:
        if not selects(claim, one):
            continue
        name, first = name_of(one), binder(claims, claim.kind, one)
        if source := container_source(one):
            (others if claim.named else named)[name] = f"ContainerSource {source}"
        elif first is None or first.binding == claim.binding:
            own[name] = one
        else:
            (others if first.named == claim.named else named)[name] = f"SinkBinding {first.binding.name}"
    return Shared(own, others, named)


def binder(claims: Iterable[Claim], of: Kind, workload: Object) -> Claim | None:
    """Who of these binds a workload of this kind; None where nobody does."""
    if container_source(workload):
        return None
    asking = [one for one in claims if one.kind == of and selects(one, workload)]
    return min(asking, key=lambda one: (not one.named, one.created, one.binding), default=None)


def selects(claim: Claim, workload: Object) -> bool:
    """Whether the subject of a SinkBinding is this workload of its kind, or one of several."""
    metadata, subject, name = fields(workload, "metadata"), claim.subject, name_of(workload)
    labels = fields(metadata, "labels")
    if name.namespace != subject.namespace or labels.get(EXCLUDE) == "true":
        return False
    if claim.named:
        return name.name == subject.name
    return subject.selector is not None and matches(subject.selector, labels)


def matches(selector: LabelSelector, labels: Mapping[str, object]) -> bool:
    """Whether labels are as Kubernetes' selector asks."""
    required = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return required and all(_holds(one, labels) for one in selector.match_expressions)


def container_source(workload: Object) -> str:
    """Name of the ContainerSource that has made a workload; empty where none did."""
    owners = fields(workload, "metadata").get("ownerReferences")
    for one in owners if isinstance(owners, list) else ():
        owner = fields(one)
        group = str(owner.get("apiVersion", "")).partition("/")[0]
        if owner.get("controller") and (group, owner.get("kind")) == (SOURCES, "ContainerSource"):
            return str(owner.get("name", ""))
    return ""


def _holds(requirement: Requirement, labels: Mapping[str, object]) -> bool:
    """A key that is not there is in no list: NotIn holds of it."""
    there = requirement.key in labels
    match requirement.operator:
        case Operator.EXISTS:
            return there
        case Operator.DOES_NOT_EXIST:
            return not there
        case Operator.IN:
            return there and labels[requirement.key] in requirement.values
        case _:  # NotIn
            return not there or labels[requirement.key] not in requirement.values

"""What a SinkBinding does to workloads, and what its status says: Knative's conditions of a SinkBinding.

    SinkProvided            the sink's URL is known                          ──► sinkUri, and the stamp
    SinkBindingAvailable    every workload that it binds has K_SINK, and none of them is another's
    OIDCIdentityCreated     nothing is asked, as in Knative with that feature off

    subject ──subjects.shared──► own ──work──► patches; what was bound once and is no longer ──► undone

Which workloads it may have changed stands in its status before any is changed (`tradewind.dev/bound`), so that whoever
leads later can undo it.  While the sink has no address what has K_SINK keeps it: a container that is started anew
without one cannot send at all.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradewind.api_server import Object
from tradewind.control import conditions, finalizers, podspecs
from tradewind.control.addresses import Lack, Why
from tradewind.control.conditions import Condition
from tradewind.control.stamping import annotation
from tradewind.control.subjects import EXCLUDE, Claim, Shared, binder, kind
from tradewind.errors import Fault
from tradewind.resources import stamps
from tradewind.resources.containers import Subject
from tradewind.resources.model import KReference, NamespacedName
from tradewind.resources.sink_environment import K_SINK, NAMES
from tradewind.resources.untyped import fields

if TYPE_CHECKING:
    from tradewind.control.destinations import Found

SINK_PROVIDED = "SinkProvided"
AVAILABLE = "SinkBindingAvailable"
OIDC = "OIDCIdentityCreated"
"""Conditions of a SinkBinding, in Knative's words."""
INVALID = "InvalidSinkBinding"
"""Reason: it has faults, all of which are told."""
BOUND = "tradewind.dev/bound"
"""Status annotation of a SinkBinding: the workloads that may have its variables."""
SHOWN = 5
"""Workloads that a message names; more are counted."""

UNDO: Mapping[str, str | None] = dict.fromkeys(NAMES)
"""The variables that are taken out again."""

Bound = frozenset[KReference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done to workloads."""

    patches: Mapping[NamespacedName, Object] = field(default_factory=dict)
    """What each of those needs that it binds, and that are not as they should be."""
    bound: Bound = frozenset()
    """What will be bound after that."""
    undone: Bound = frozenset()
    """What was bound, and is to be so no longer."""
    late: tuple[str, ...] = ()
    """Jobs that run without K_SINK, which can no longer get it."""
    odd: tuple[str, ...] = ()
    """Objects that have no Pod template."""


def is_ours(holder: Object, *, installation: str) -> bool:
    """Whether a SinkBinding or ContainerSource is this installation's: it has taken it, or nobody has said anything of
    it yet.  What Knative's own controller looks after, where that runs as well, stays its.

    One with our finalizer was taken, whatever somebody took out of its status since: it could go never more."""
    taken = annotation(holder, stamps.INSTALLATION)
    unsaid = not fields(holder, "status").get("conditions")
    return taken == installation or (not taken and (unsaid or finalizers.present(holder, finalizers.BINDING)))


def work(subject: Subject, own: Mapping[NamespacedName, Object], before: Bound, env: Mapping[str, str] | None) -> Work:
    """What is to be done to the workloads that a SinkBinding of this subject binds, with these variables; None where
    the sink has no address.  `before` was bound when last it was looked at."""
    path = podspecs.pod_path(subject.api_version, subject.kind)
    fixed = podspecs.is_fixed(subject.api_version, subject.kind)
    patches: dict[NamespacedName, Object] = {}
    bound: set[KReference] = set()
    late, odd = [], []
    for name, one in own.items():
        reference = KReference(subject.api_version, subject.kind, name.name, name.namespace)
        if not podspecs.is_pod_specable(one, path):
            odd.append(name.name)
        elif fixed:
            if None in podspecs.variables(one, path, K_SINK) and not _has_ended(one):
                late.append(name.name)
        elif env is None:
            bound |= {reference} & before
        else:
            bound.add(reference)
            if lists := podspecs.changed(one, path, dict(env)):
                patches[name] = podspecs.patch(one, path, lists)
    return Work(
        patches=patches,
        bound=frozenset(bound),
        undone=frozenset(one for one in before if _which(one) not in {_which(each) for each in bound}),
        late=tuple(sorted(late)),
        odd=tuple(sorted(odd)),
    )


def undoing(reference: KReference, workload: Object, others: Iterable[Claim] = ()) -> Object | None:
    """The patch after which this workload has our variables no longer; None where it has none, or one of `others` binds
    it from now on."""
    if binder(others, kind(reference.api_version, reference.kind), workload) is not None:
        return None
    path = podspecs.pod_path(reference.api_version, reference.kind)
    lists = podspecs.changed(workload, path, UNDO)
    return podspecs.patch(workload, path, lists) if lists else None


def bound(binding: Object) -> Bound:
    """What its status says may have been bound; what cannot be read is nothing."""
    try:
        held = json.loads(annotation(binding, BOUND) or "{}")
        namespace = binding["metadata"]["namespace"]
        return frozenset(
            KReference(api_version, kind, name, namespace)
            for what, names in held.items()
            for api_version, kind in (what.split(" "),)
            for name in names
            if isinstance(name, str)
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return frozenset()


def written(references: Iterable[KReference]) -> str | None:
    """What is written of them: the same text for the same workloads; None for none."""
    held: dict[str, list[str]] = {}
    for one in sorted(references, key=lambda each: (each.api_version, each.kind, each.name)):
        held.setdefault(f"{one.api_version} {one.kind}", []).append(one.name)
    return json.dumps(held, separators=(",", ":")) if held else None


def noting(binding: Object, references: Bound) -> Object | None:
    """The patch of its status after which it says that these may be bound, besides what it says already; None where it
    does."""
    before = bound(binding)
    if references <= before:
        return None
    metadata = {name: binding["metadata"][name] for name in ("uid", "resourceVersion")}
    return {"metadata": metadata, "status": {"annotations": {BOUND: written(before | references)}}}


def invalid(binding: Object, faults: Collection[Fault], *, installation: str, now: float) -> Object | None:
    """What to write of the status of one with faults, if anything.  What it bound before stays as it is."""
    told = (
        conditions.unknown(SINK_PROVIDED, INVALID, f"the SinkBinding has faults: {AVAILABLE} tells them"),
        conditions.false(AVAILABLE, INVALID, conditions.listed(tuple(faults))),
        _OIDC,
    )
    annotations = {stamps.INSTALLATION: installation}
    return conditions.status_patch(binding, told, {"annotations": annotations}, now=now)


def valid(
    binding: Object, found: "Found", available: Condition, after: Bound, *, installation: str, now: float
) -> Object | None:
    """What to write of the status of one without faults, if anything; `after` is what is bound now."""
    annotations: dict[str, Any] = {  # texts, or None for what is removed
        stamps.INSTALLATION: installation,
        stamps.RESOLVED: stamps.encode(found.stamp),
        BOUND: written(after),
    }
    told = (found.condition, available, _OIDC)
    fields = {"sinkUri": found.url, "annotations": annotations}
    return conditions.status_patch(binding, told, fields, now=now)


def available(
    subject: Subject,
    shared: Shared | Lack,
    done: Work,
    failed: Mapping[NamespacedName, str],
    *,
    provided: bool,
) -> Condition:
    """What is said of its workloads; `failed` are those that could not be changed, and why."""
    if isinstance(shared, Lack):
        told = conditions.unknown if shared.why is Why.UNREACHABLE else conditions.false
        return told(AVAILABLE, "SubjectUnavailable", _lacking(subject, shared))
    if shared.others:
        taken = _listed(f"{subject.kind} {name.name} is bound by {who}" for name, who in sorted(shared.others.items()))
        said = f"{taken}: let one of them alone bind it"
        return conditions.false(AVAILABLE, "SubjectBoundByAnother", said)
    if done.odd:
        said = (
            f"{subject.kind} {_listed(done.odd)} has no containers in "
            f"{'.'.join(podspecs.pod_path(subject.api_version, subject.kind))}: bind what has a Pod template there"
        )
        return conditions.false(AVAILABLE, "SubjectNotPodSpecable", said)
    if failed:
        said = _listed(f"{subject.kind} {name.name}: {why}" for name, why in sorted(failed.items()))
        return conditions.false(AVAILABLE, "BindingFailed", said)
    if done.late:
        said = (
            f"Job {_listed(done.late)} was made before it could be bound, and the template of a Job cannot change: "
            "delete it and make it again"
        )
        return conditions.false(AVAILABLE, "BindingFailed", said)
    if not shared.own and shared.named:
        said = _listed(f"{subject.kind} {name.name} is bound by {who}" for name, who in sorted(shared.named.items()))
        return conditions.true(AVAILABLE, "BoundByName", f"{said}, which names it")
    if not shared.own:
        return _nothing(subject)
    if not provided:
        return conditions.unknown(AVAILABLE, "SinkNotProvided", f"the sink has no address: {SINK_PROVIDED} says why")
    return conditions.true(AVAILABLE)


_OIDC = conditions.true(OIDC, "authentication-oidc feature disabled")


def _which(reference: KReference) -> tuple[object, ...]:
    """What it refers to, in whatever version."""
    return kind(reference.api_version, reference.kind), reference.namespace, reference.name


def _nothing(subject: Subject) -> Condition:
    if not subject.name:
        said = f"no {subject.kind} of {subject.namespace} has labels as spec.subject.selector asks; what comes is bound"
        return conditions.true(AVAILABLE, "NoSubject", said)
    name = f"{subject.kind} {subject.namespace}/{subject.name}"
    said = f"{name} does not exist, or has the label {EXCLUDE}: create it, or correct spec.subject"
    return conditions.false(AVAILABLE, "SubjectMissing", said)


def _lacking(subject: Subject, lack: Lack) -> str:
    match lack.why:
        case Why.NO_KIND:
            return (
                f"the API server serves no {subject.kind} of {subject.api_version}: install what defines it, or "
                "correct apiVersion and kind of spec.subject"
            )
        case Why.DENIED:
            return (
                f"the controller may not read {lack.detail}: grant it list, watch and patch by a ClusterRole with the "
                'label duck.knative.dev/podspecable: "true"'
            )
        case _:
            return f"{subject.kind}s of {subject.namespace} could not be looked up: {lack.detail}"


def _listed(names: Iterable[str]) -> str:
    each = list(names)
    more = f" and {len(each) - SHOWN} more" if len(each) > SHOWN else ""
    return ", ".join(each[:SHOWN]) + more


def _has_ended(job: Object) -> bool:
    """Whether a Job has completed or failed."""
    found = fields(job, "status").get("conditions")
    each = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return any(one.get("type") in ("Complete", "Failed") and one.get("status") == "True" for one in each)

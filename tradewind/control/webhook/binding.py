"""What a workload is told of a sink as it is made or changed: the environment that its SinkBinding has for it.

    Deployment, Job, … ──subjects.binder──► SinkBinding ──its Stamp──► URL ──podspecs──► a patch, or nothing

For a Job this is the only time, as its template can never change; for all else it saves a second roll-out.  What this
does not know yet, or is not asked about, the controller puts right.  It refuses nothing.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tradewind.control import finalizers, podspecs, stamping, subjects
from tradewind.control.subjects import Claim
from tradewind.control.webhook.admission import NOTHING, Known, Rules
from tradewind.control.webhook.reviews import Request, Verdict
from tradewind.resources import manifests, stamps
from tradewind.resources.model import NamespacedName, SinkBinding
from tradewind.resources.sink_environment import environment
from tradewind.resources.untyped import Object, fields

Bindings = Mapping[NamespacedName, Object]
"""SinkBindings that are there."""


def bind(request: Request, known: Known, rules: Rules) -> Verdict:
    """The environment of a workload, as a patch; nothing where it has it, or no SinkBinding binds it."""
    if "SinkBinding" in rules.unserved:
        return NOTHING
    if request.operation == "UPDATE" and podspecs.is_fixed(request.api_version, request.asked):
        return NOTHING  # what was made cannot change: the API server would refuse whatever else is changed with it
    found = _found(request, known.bindings)
    env = None if found is None else _environment(found.binding)
    if found is None or env is None:
        return NOTHING
    path = podspecs.pod_path(request.api_version, request.asked)
    return Verdict(patch=podspecs.operations(path, podspecs.changed(found.workload, path, dict(env))))


def awaits(request: Request, bindings: Bindings) -> bool:
    """Whether it is worth waiting a moment: for a Job there is no other time, and its SinkBinding may have been made by
    the same `kubectl apply`, so that no controller has spoken of it yet."""
    if request.operation != "CREATE" or not podspecs.is_fixed(request.api_version, request.asked):
        return False
    found = _found(request, bindings)
    if found is None or stamping.annotation(found.binding, stamps.INSTALLATION):
        return False
    return _environment(found.binding) is None


class _Found(NamedTuple):
    workload: Object
    binding: Object
    """The SinkBinding that binds it."""


def _found(request: Request, bindings: Bindings) -> _Found | None:
    if request.operation not in _OPERATIONS or request.subresource or request.new is None or _goes(request.new):
        return None
    workload = _placed(request, request.new)
    claims = list(_claims(request, bindings))
    first = subjects.binder(claims, subjects.kind(request.api_version, request.asked), workload)
    return None if first is None else _Found(workload, bindings[first.binding])


_OPERATIONS = ("CREATE", "UPDATE")


def _claims(request: Request, bindings: Bindings) -> Iterator[Claim]:
    """What SinkBindings of its namespace and kind want to bind, and that no controller of others looks after."""
    for name, binding in bindings.items():
        if name.namespace != request.namespace or fields(binding, "spec", "subject").get("kind") != request.asked:
            continue
        taken = stamping.annotation(binding, stamps.INSTALLATION) or finalizers.present(binding, finalizers.BINDING)
        if not taken and fields(binding, "status").get("conditions"):
            continue
        if (claim := subjects.claimed(binding)) is not None:
            yield claim


def _environment(binding: Object) -> dict[str, str] | None:
    """What containers are told by it; None where its sink has no address."""
    resource = manifests.judge(binding).resources[0]
    assert isinstance(resource, SinkBinding)  # or it would claim nothing
    uid = binding["metadata"].get("uid", "")
    sink = stamps.addressed(resource.sink, stamping.held(binding), uid)
    return None if sink.ref is not None or not sink.uri else environment(sink.uri, resource.ce_overrides)


def _goes(one: Object) -> bool:
    return bool(fields(one, "metadata").get("deletionTimestamp"))


def _placed(request: Request, one: Object) -> Object:
    """The object with the name and namespace that it will have; a name that is still to be made is none."""
    metadata = fields(one, "metadata")
    at = NamespacedName(request.namespace, str(metadata.get("name") or request.name))
    return {**one, "metadata": {**metadata, "name": at.name, "namespace": at.namespace}}

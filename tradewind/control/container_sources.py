"""What a ContainerSource's status says.

    SinkProvided           the sink's URL is known              ──► sinkUri, and the stamp
    ReceiveAdapterReady    its Deployment is there, as declared, and available: Knative's word for it
    OIDCIdentityCreated    nothing is asked, as in Knative with that feature off

Knative makes a SinkBinding for each ContainerSource, which binds the Deployment after it was made (SinkBindingReady).
Here the Deployment is made with K_SINK in it, so one controller writes it once, and no Pod starts without.
"""

from typing import TYPE_CHECKING, Any

from tradewind.api_server import Object
from tradewind.control import conditions
from tradewind.control.addresses import Lack, Why
from tradewind.control.conditions import Condition, Status
from tradewind.control.stamping import annotation
from tradewind.errors import Fault
from tradewind.resources import stamps
from tradewind.resources.model import NamespacedName
from tradewind.resources.untyped import fields

if TYPE_CHECKING:
    from tradewind.control.destinations import Found

SINK_PROVIDED = "SinkProvided"
READY = "ReceiveAdapterReady"
OIDC = "OIDCIdentityCreated"
"""Conditions of a ContainerSource, in Knative's words."""
INVALID = "InvalidContainerSource"
"""Reason: it has faults, all of which are told."""
DEPLOYED = "tradewind.dev/deployed"
"""Status annotation: what was deployed last (`deployments.Deployed`)."""


def before(source: Object) -> str | None:
    """What was deployed last, as it is written."""
    return annotation(source, DEPLOYED)


def invalid(source: Object, faults: tuple[Fault, ...], *, installation: str, now: float) -> Object | None:
    """What to write of the status of one with faults, if anything.  What runs goes on as it is."""
    told = (
        conditions.unknown(SINK_PROVIDED, INVALID, f"the ContainerSource has faults: {READY} tells them"),
        conditions.false(READY, INVALID, conditions.listed(faults)),
        _OIDC,
    )
    return conditions.status_patch(source, told, {"annotations": {stamps.INSTALLATION: installation}}, now=now)


def valid(
    source: Object, found: "Found", ready: Condition, deployed: str | None, *, installation: str, now: float
) -> Object | None:
    """What to write of the status of one without faults, if anything; `deployed` is what was deployed by now."""
    annotations: dict[str, Any] = {  # texts, or None for what is removed
        stamps.INSTALLATION: installation,
        stamps.RESOLVED: stamps.encode(found.stamp),
        DEPLOYED: deployed,
    }
    fields = {"sinkUri": found.url, "annotations": annotations}
    return conditions.status_patch(source, (found.condition, ready, _OIDC), fields, now=now)


def ready(deployment: Object) -> Condition:
    """What a Deployment's own status says.  That it makes no progress counts before that it has Pods: those are old."""
    name = deployment["metadata"]["name"]
    status = fields(deployment, "status")
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        said = f"nobody has taken note of the last change of Deployment {name} yet"
        return conditions.unknown(READY, "DeploymentUnavailable", said)
    available, progressing = (conditions.held(deployment, type) for type in ("Available", "Progressing"))
    for one in (progressing, available):
        if one is not None and one.status is Status.FALSE:
            return conditions.false(READY, one.reason, f"Deployment {name}: {one.message}")
    if available is None or available.status is Status.UNKNOWN:
        return conditions.unknown(READY, "DeploymentUnavailable", f"The Deployment '{name}' is unavailable.")
    return conditions.true(READY)


def absent() -> Condition:
    """Nothing is deployed, as it would not know where to send."""
    said = f"nothing is deployed before the sink has an address: {SINK_PROVIDED} says why"
    return conditions.unknown(READY, "SinkNotProvided", said)


def foreign(name: NamespacedName) -> Condition:
    """One of the Deployment's name is there that is another's."""
    said = (
        f"Deployment {name} is there, and not of this ContainerSource: delete that Deployment, or give the "
        "ContainerSource another name"
    )
    return conditions.false(READY, "DeploymentNotOwned", said)


def former(name: NamespacedName) -> Condition:
    """One is there that was made for a ContainerSource of this name before."""
    said = (
        f"Deployment {name} is that of a ContainerSource of this name that was deleted: Kubernetes' garbage collection "
        "deletes it, and it is made anew then"
    )
    return conditions.unknown(READY, "DeploymentNotOwned", said)


def refused(name: NamespacedName, why: object) -> Condition:
    """The API server takes this Deployment for wrong, or its quota is full, or the controller may not make it."""
    return conditions.false(READY, "DeploymentFailed", f"Deployment {name} cannot be made as declared: {why}")


def lacking(lack: Lack) -> Condition:
    """Deployments cannot be looked at."""
    if lack.why is Why.DENIED:
        said = (
            f"the controller may not read {lack.detail}: grant it get, list, watch, create and update by a ClusterRole"
        )
        return conditions.false(READY, lack.why, said)
    return conditions.unknown(READY, lack.why, f"Deployments could not be looked up: {lack.detail}")


_OIDC = conditions.true(OIDC, "authentication-oidc feature disabled")

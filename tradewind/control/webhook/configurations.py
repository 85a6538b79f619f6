"""The two webhook configurations, and why they say what they say (DESIGN §6).

- **The name** `webhook.tradewind.dev`: the API server calls mutating webhooks in the order of their configurations'
  names.  Knative's (`webhook.eventing.knative.dev`) comes before, so a Broker that names no class gets the cluster's
  own default there, and ours only where nobody gave it one.
- **What is being deleted** is not asked about, or a webhook that is down would hold its finalizers.
- **A webhook that is down** stops what is ours alone: Brokers of a class that is served, and Triggers that the
  controller has stamped.  Of a new Trigger nobody can tell yet whose it is, so it passes, and the controller judges it.
- No namespace is left out: nothing that a cluster runs on is a Broker or a Trigger.
- `caBundle` is not here: the webhook fills it in, and to apply these again must not empty it.
"""

from collections.abc import Collection

from tradewind.api_server import GroupVersionResource
from tradewind.config import Settings
from tradewind.resources import crds
from tradewind.resources.kinds import EVENTING
from tradewind.resources.model import BROKER_CLASS
from tradewind.resources.stamps import RESOLVED
from tradewind.resources.untyped import Object

GROUP = "admissionregistration.k8s.io"
MUTATING = GroupVersionResource(GROUP, "v1", "mutatingwebhookconfigurations", namespaced=False)
VALIDATING = GroupVersionResource(GROUP, "v1", "validatingwebhookconfigurations", namespaced=False)

NAME = "webhook.tradewind.dev"
"""Of both."""
SERVICE = "tradewind-webhook"
DEFAULTING, VALIDATION = "/defaulting", "/validation"
"""Paths of the webhook."""

_ANY = ("0.0.0.0", "::")
"""Every address of a machine."""

DEADLINE = 5
"""Seconds the API server waits.  It is milliseconds' work; whoever applies something waits for it."""

_KEPT = "!has(object.metadata.deletionTimestamp) && (oldObject == null || !has(oldObject.metadata.deletionTimestamp))"
_STAMPED = (
    "oldObject != null && has(oldObject.status) && has(oldObject.status.annotations) && "
    f"'{RESOLVED}' in oldObject.status.annotations"
)


def mutating(namespace: str, classes: Collection[str], *, default_class: bool = True) -> Object:
    """The MutatingWebhookConfiguration of an installation in this namespace that serves these classes;
    `default_class`: Brokers without a class are its business, too."""
    webhooks = _webhooks(namespace, classes, default_class, DEFAULTING)
    again = [{**one, "reinvocationPolicy": "IfNeeded"} for one in webhooks]  # what is changed after us is judged, too
    return _configuration("MutatingWebhookConfiguration", again)


def validating(namespace: str, classes: Collection[str], *, default_class: bool = True) -> Object:
    """The ValidatingWebhookConfiguration, as `mutating`."""
    return _configuration("ValidatingWebhookConfiguration", _webhooks(namespace, classes, default_class, VALIDATION))


def written(namespace: str) -> str:
    """Text of `deploy/base/webhook-configurations.yaml`: both, for the classes that are served by default."""
    both = (made(namespace, Settings().classes) for made in (mutating, validating))
    return crds.HEADER.replace("tradewind crds", "make deploy") + "---\n".join(map(crds.text, both))


def server_names(namespace: str, cluster_domain: str, host: str) -> frozenset[str]:
    """The names a certificate must be for: the Service's, and the address that is listened on where it is one."""
    service = f"{SERVICE}.{namespace}.svc"
    return frozenset((service, f"{service}.{cluster_domain}", *([] if host in _ANY else [host])))


def _configuration(kind: str, webhooks: list[Object]) -> Object:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": NAME}, "webhooks": webhooks}


def _webhooks(namespace: str, classes: Collection[str], default_class: bool, path: str) -> list[Object]:
    served = _condition("is-of-a-class-that-is-served", _served(classes, default_class))
    ours, others = _condition("is-stamped", _STAMPED), _condition("is-not-stamped", f"!({_STAMPED})")
    service = {"name": SERVICE, "namespace": namespace, "path": path, "port": 443}
    return [
        _webhook("brokers", "brokers", "Fail", served, service),
        _webhook("stamped-triggers", "triggers", "Fail", ours, service),
        _webhook("triggers", "triggers", "Ignore", others, service),
    ]


def _webhook(name: str, resource: str, failure_policy: str, condition: Object, service: Object) -> Object:
    return {
        "name": f"{name}.{NAME}",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service},
        "rules": [
            {
                "apiGroups": [EVENTING],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": [resource],
                "scope": "Namespaced",
            }
        ],
        "matchConditions": [_condition("is-not-being-deleted", _KEPT), condition],
        "failurePolicy": failure_policy,
        "sideEffects": "None",
        "timeoutSeconds": DEADLINE,
    }


def _condition(name: str, expression: str) -> Object:
    return {"name": name, "expression": expression}


def _served(classes: Collection[str], default_class: bool) -> str:
    """Whether the object is, or was, of one of these classes."""
    listed = ", ".join(f"'{one}'" for one in sorted(classes))
    named = f"has(one.metadata.annotations) && '{BROKER_CLASS}' in one.metadata.annotations"
    ours = f"({named} && one.metadata.annotations['{BROKER_CLASS}'] in [{listed}])"
    return f"[object, oldObject].exists(one, one != null && ({ours}{f' || !({named})' if default_class else ''}))"

"""The two webhook configurations, and why they say what they say (DESIGN §6).

- **The name** `webhook.tradewind.dev`: the API server calls mutating webhooks in the order of their configurations'
  names.  Knative's (`webhook.eventing.knative.dev`) comes before, so a Broker that names no class gets the cluster's
  own default there, and ours only where nobody gave it one.
- **What is being deleted** is not asked about, or a webhook that is down would hold its finalizers.
- **A webhook that is down** stops what is ours alone: Brokers of a class that is served, and Triggers that the
  controller has stamped.  Of a new Trigger nobody can tell yet whose it is, so it passes, and the controller judges it.
- No namespace is left out: nothing that a cluster runs on is a Broker or a Trigger.
- **Sources and SinkBindings** pass where the webhook is down: nobody can tell of a new one whose it is.
- **Workloads** are shown to it so that a SinkBinding's sink is in them from the first Pod on, and in a Job at all.  It
  stops none (`Ignore`, two seconds), and is not asked about what a cluster runs on, nor its own installation, nor what
  has Knative's label `bindings.knative.dev/exclude: "true"` or lies in a namespace that has.  Jobs are shown as they
  are made only.
- `caBundle` is not here: the webhook fills it in, and to apply these again must not empty it.
"""

from collections.abc import Collection, Sequence

from tradewind.api_server import GroupVersionResource
from tradewind.config import Settings
from tradewind.control.subjects import EXCLUDE
from tradewind.resources import crds
from tradewind.resources.kinds import EVENTING, OURS
from tradewind.resources.model import BROKER_CLASS
from tradewind.resources.stamps import RESOLVED
from tradewind.resources.untyped import Object

GROUP = "admissionregistration.k8s.io"
MUTATING = GroupVersionResource(GROUP, "v1", "mutatingwebhookconfigurations", namespaced=False)
VALIDATING = GroupVersionResource(GROUP, "v1", "validatingwebhookconfigurations", namespaced=False)

NAME = "webhook.tradewind.dev"
"""Of both."""
SERVICE = "tradewind-webhook"
DEFAULTING, VALIDATION, BINDING = "/defaulting", "/validation", "/binding"
"""Paths of the webhook."""

_ANY = ("0.0.0.0", "::")
"""Every address of a machine."""

DEADLINE = 5
"""Seconds the API server waits.  It is milliseconds' work; whoever applies something waits for it."""

BINDING_DEADLINE = 2
"""Seconds the API server waits for what a workload is told: everybody's Deployments are waiting."""

_WORKLOADS = (
    ("apps", "v1", ("deployments", "statefulsets", "daemonsets", "replicasets"), ("CREATE", "UPDATE")),
    ("batch", "v1", ("cronjobs",), ("CREATE", "UPDATE")),
    ("batch", "v1", ("jobs",), ("CREATE",)),
    ("serving.knative.dev", "v1", ("services",), ("CREATE", "UPDATE")),
)

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
    return _configuration("MutatingWebhookConfiguration", [*again, _binding(namespace)])


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
        {**_webhook("sources", "", "Ignore", None, service), "rules": _sources()},
    ]


def _sources() -> list[Object]:
    """Rules for every kind of sources, and for SinkBindings."""
    versions: dict[tuple[str, str], list[str]] = {}
    for kind in OURS:
        if kind.group != EVENTING:
            versions.setdefault((kind.group, kind.version), []).append(kind.plural)
    return [_rule(group, version, sorted(resources)) for (group, version), resources in sorted(versions.items())]


def _rule(
    group: str, version: str, resources: Sequence[str], operations: Sequence[str] = ("CREATE", "UPDATE")
) -> Object:
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": list(resources),
        "scope": "Namespaced",
    }


def _binding(namespace: str) -> Object:
    """What workloads are told of their sinks."""
    service = {"name": SERVICE, "namespace": namespace, "path": BINDING, "port": 443}
    excluded = {"key": EXCLUDE, "operator": "NotIn", "values": ["true"]}
    system = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", namespace]}
    return {
        **_webhook("sinkbindings", "", "Ignore", None, service),
        "rules": [_rule(*of) for of in _WORKLOADS],
        "namespaceSelector": {"matchExpressions": [excluded, system]},
        "objectSelector": {"matchExpressions": [excluded]},
        "reinvocationPolicy": "IfNeeded",
        "timeoutSeconds": BINDING_DEADLINE,
    }


def _webhook(name: str, resource: str, failure_policy: str, condition: Object | None, service: Object) -> Object:
    return {
        "name": f"{name}.{NAME}",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service},
        "rules": [_rule(EVENTING, "v1", [resource])],
        "matchConditions": [_condition("is-not-being-deleted", _KEPT), *([] if condition is None else [condition])],
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

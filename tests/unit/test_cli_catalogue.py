"""What `tradewind get eventtypes` lists."""

from tests.unit.reading_manifests import BROKER, read
from tradewind.cli import catalogue
from tradewind.plan import Target, compute
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import TypeRecord

DECLARED = f"""
{BROKER}
---
apiVersion: eventing.knative.dev/v1beta2
kind: EventType
metadata: {{name: paid}}
spec:
  type: com.example.paid
  source: /till
  schema: https://example.com/paid.json
  description: Somebody paid.
  reference: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
---
apiVersion: eventing.knative.dev/v1beta2
kind: EventType
metadata: {{name: any, namespace: shop}}
spec: {{type: com.example.any}}
---
apiVersion: eventing.knative.dev/v1beta2
kind: EventType
metadata: {{name: channel}}
spec:
  type: com.example.channel
  reference: {{apiVersion: messaging.knative.dev/v1, kind: Channel, name: c}}
"""
NOTED = {
    NamespacedName("default", "default"): {
        "1": TypeRecord("com.example.paid", "/till"),
        "2": TypeRecord("com.example.seen", "/till", "https://example.com/seen.json"),
        "3": TypeRecord("com.example.before", "/till", uid="before"),
    },
    NamespacedName("default", "gone"): {"4": TypeRecord("com.example.gone", "/till")},
}


def listed(namespace: str = "") -> str:
    resources = read(DECLARED)
    plan = compute(resources, resolve=lambda _: Target(None, ""))
    return catalogue.as_text(catalogue.rows(resources, plan, NOTED, namespace))


def test_what_is_declared_and_what_was_seen() -> None:
    lines = [" ".join(line.split()) for line in listed().splitlines()]
    assert lines.pop(0) == "NAMESPACE BROKER TYPE SOURCE SCHEMA KNOWN DESCRIPTION"
    schema = "https://example.com"
    assert lines == [
        "default <none> com.example.channel <none> <none> declared <none>",
        f"default default com.example.paid /till {schema}/paid.json declared,seen Somebody paid.",
        f"default default com.example.seen /till {schema}/seen.json seen <none>",
        "shop <none> com.example.any <none> <none> declared <none>",
    ]


def test_those_of_one_namespace() -> None:
    assert [line.split()[0] for line in listed("shop").splitlines()] == ["NAMESPACE", "shop"]

"""EventTypes as Knative would make them of what flows, and the switch on a Broker."""

import hashlib

import pytest

from tests.unit.reading_manifests import faults, read
from tradewind.plan import Plan, Target, compute
from tradewind.resources import event_types, manifests
from tradewind.resources.event_types import FlowingType
from tradewind.resources.model import EVENT_TYPES, EventType, KReference, NamespacedName

BROKER = NamespacedName("shop", "orders")
SEEN = FlowingType("com.example.paid", "/till/1", "https://example.com/paid.json", "uid-1")


def test_its_name_is_the_one_that_knative_gives_it() -> None:
    digest = event_types.digest(BROKER, SEEN.type, SEEN.source)
    assert digest == hashlib.md5(b"com.example.paid/till/1shoporders").hexdigest()
    assert event_types.name_of(BROKER, digest) == NamespacedName("shop", f"et-orders-{digest}")


def test_it_is_owned_by_its_broker_and_refers_to_it() -> None:
    made = event_types.made(BROKER, SEEN)
    owner = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "orders", "uid": "uid-1"}
    assert made["metadata"]["ownerReferences"] == [owner]
    (declared,) = manifests.judge(made).resources
    assert isinstance(declared, EventType)
    assert (declared.type, declared.source, declared.schema) == SEEN[:3]
    assert declared.reference == KReference("eventing.knative.dev/v1", "Broker", "orders", "shop")
    assert declared.description == "Event Type auto-created by controller"


def test_without_a_schema_it_says_nothing_of_one() -> None:
    assert "schema" not in event_types.made(BROKER, SEEN._replace(schema=""))["spec"]


def plan(annotation: str) -> Plan:
    text = f"apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {{name: b, annotations: {annotation}}}"
    return compute(read(text), resolve=lambda _: Target(None, ""))


@pytest.mark.parametrize(
    ("annotation", "on"),
    [("{}", False), (f"{{{EVENT_TYPES}: enabled}}", True), (f"{{{EVENT_TYPES}: Disabled}}", False)],
)
def test_a_broker_is_switched_on_by_its_annotation(annotation: str, on: bool) -> None:
    assert [broker.event_types for broker in plan(annotation).brokers.values()] == [on]


def test_anything_else_is_a_fault() -> None:
    assert faults(
        "apiVersion: eventing.knative.dev/v1\nkind: Broker\n"
        f"metadata: {{name: b, annotations: {{{EVENT_TYPES}: 'yes'}}}}"
    ) == [
        'hello.yaml: Broker default/b: metadata.annotations.tradewind.dev/eventTypes: found "yes", expected enabled or '
        "disabled"
    ]

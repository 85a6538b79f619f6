"""Sources of the API server: which run here, where their events go, and what holds the others."""

from dataclasses import replace

import pytest

from tests.api_objects import Object, broker, deleting, stamped, taken
from tradewind.plan import Plan, compute, secret_refs
from tradewind.plan import stamped as by_stamps
from tradewind.resources import objects, stamps
from tradewind.resources.model import (
    AnySource,
    Destination,
    HeldSource,
    KafkaNet,
    KafkaSource,
    KReference,
    Metadata,
    NamespacedName,
    PingSource,
    Resource,
    WebhookSource,
    broker_of,
)
from tradewind.resources.webhooks import SecretRef, Webhook
from tradewind.sources.route import Nowhere, route_of

HELLO = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "hello"}
TO_HELLO = Destination(KReference("eventing.knative.dev/v1", "Broker", "hello", "default"))
TICK = ("PingSource", NamespacedName("default", "tick"))


def ping(sink: Object | None = None, *, installation: str = "here", name: str = "tick", **spec: object) -> Object:
    """A PingSource that this installation took, unless another is named, or none."""
    made = source("PingSource", "sources.knative.dev/v1", sink, installation=installation, name=name)
    made["spec"] |= spec
    return made


def hook(kind: str = "WebhookSource", *, uid: str = "s", created: str = "2026-11-03T00:00:00Z") -> Object:
    made = source(kind, "sources.tradewind.dev/v1alpha1", {"uri": "http://x"}, uid=uid, created=created)
    made["spec"]["insecure"] = True
    if kind == "GitHubSource":
        made["apiVersion"] = "sources.knative.dev/v1alpha1"
        secret = {"secretKeyRef": {"name": "s", "key": "k"}}
        made["spec"] = {
            "sink": {"uri": "http://x"},
            "ownerAndRepository": "a/b",
            "eventTypes": ["push"],
            "secretToken": secret,
            "accessToken": secret,
        }
    return made


def source(
    kind: str,
    api_version: str,
    sink: Object | None,
    *,
    installation: str = "here",
    name: str = "tick",
    uid: str = "s",
    created: str = "2026-11-03T00:00:00Z",
) -> Object:
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": uid,
        "resourceVersion": "1",
        "generation": 3,
        "creationTimestamp": created,
    }
    status = {"annotations": {stamps.INSTALLATION: installation}} if installation else {}
    spec = {"sink": sink or {"ref": HELLO}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


def in_force(*given: Object) -> list[Resource]:
    found = objects.in_force(given, classes={"Tradewind"}, installation="here")
    return [one for one in found if isinstance(one, AnySource | HeldSource)]


def plan(*given: Object) -> Plan:
    return compute(objects.in_force(given, classes={"Tradewind"}, installation="here"), resolve=by_stamps)


def test_one_for_a_broker_that_is_served_here_goes_straight_to_its_topic() -> None:
    (found,) = in_force(ping(), taken(broker()))
    assert isinstance(found, PingSource)
    assert found.sink == TO_HELLO
    assert (found.metadata.uid, found.metadata.generation) == ("s", 3)
    assert plan(ping(), taken(broker())).sources[TICK].broker == NamespacedName("default", "hello")


def test_a_broker_that_waits_is_waited_for() -> None:
    made = plan(ping(), broker())
    assert made.sources[TICK].broker == NamespacedName("default", "hello")
    assert "no controller has made the topic" in made.brokers[NamespacedName("default", "hello")].waits


@pytest.mark.parametrize(
    "brokers",
    [
        [],
        [deleting(taken(broker()))],
        [taken(broker(), installation="another")],
        [broker(annotations={"eventing.knative.dev/broker.class": "Kafka"})],
    ],
)
def test_one_for_any_other_broker_goes_to_its_address_once_that_is_known(brokers: list[Object]) -> None:
    unknown = plan(ping(), *brokers)
    assert isinstance(route_of(unknown.sources[TICK], unknown), Nowhere)
    known = plan(stamped(ping(), {TO_HELLO: "http://there/x"}), *brokers).sources[TICK]
    assert (known.broker, known.sink.url) == (None, "http://there/x")


@pytest.mark.parametrize("uid", ["s", "of the one before"])
def test_an_address_counts_for_the_very_object(uid: str) -> None:
    service = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "a"}}
    to_service = Destination(KReference("v1", "Service", "a", "default"))
    one = stamped(ping(service), {to_service: "http://a"}, uid=uid)
    assert plan(one).sources[TICK].sink.url == ("http://a" if uid == "s" else None)


def test_what_cannot_run_is_held_and_hinders_nobody() -> None:
    wrong, right = ping(schedule="61 * * * *", timezone="Mars/Base"), ping(name="right")
    found = plan(wrong, right, taken(broker()))
    assert list(found.sources) == [("PingSource", NamespacedName("default", "right"))]
    assert "schedule" in found.held[TICK]
    assert "timezone" in found.held[TICK], "every fault"
    assert "no controller has taken PingSource default/tick yet" in plan(ping(installation="")).held[TICK]


def test_what_is_anothers_or_being_deleted_is_not_there() -> None:
    assert in_force(ping(installation="another"), deleting(ping(name="gone"))) == []


def test_two_sources_cannot_share_a_path() -> None:
    first, second = hook(created="2026-11-01T00:00:00Z"), hook("GitHubSource", uid="other")
    found = {type(one).__name__: one for one in in_force(second, first)}
    held = found["HeldSource"]
    assert isinstance(held, HeldSource)
    assert held.kind == "GitHubSource"
    assert "the path" in held.why
    assert "WebhookSource" in found


def test_which_destination_is_a_broker() -> None:
    assert broker_of(TO_HELLO) == NamespacedName("default", "hello")
    assert TO_HELLO.ref is not None
    for other in (
        Destination(uri="http://x"),
        replace(TO_HELLO, uri="/path"),
        replace(TO_HELLO, ref=replace(TO_HELLO.ref, kind="Channel")),
        replace(TO_HELLO, ref=replace(TO_HELLO.ref, api_version="v1")),
    ):
        assert broker_of(other) is None


def test_which_secrets_a_source_needs() -> None:
    metadata, sink, ref = Metadata(NamespacedName("default", "s")), Destination(uri="http://x"), SecretRef("s", "k")
    assert secret_refs(PingSource(metadata, sink)) == ()
    assert secret_refs(WebhookSource(metadata, sink, Webhook(secrets=(ref,)))) == (ref,)
    net = KafkaNet(sasl=True, refs={"sasl.user": ref})
    assert secret_refs(KafkaSource(metadata, sink, ("kafka:9092",), ("t",), "g", net=net)) == (ref,)

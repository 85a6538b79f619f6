"""What runs of resources that a controller took: fixed topics, stamped addresses, and what waits."""

from dataclasses import replace

import pytest

from tradewind.plan import BrokerPlan, Plan, Target, TopicPlan, compute, stamped
from tradewind.resources.model import (
    EXTERNAL_TOPIC,
    Broker,
    DeliverySpec,
    Destination,
    KReference,
    Metadata,
    NamespacedName,
    Trigger,
)
from tradewind.steps import diff

DEFAULT = NamespacedName("shop", "default")
A = NamespacedName("shop", "a")
SERVICE = Destination(KReference("v1", "Service", "s", "shop"))
URL = Destination(uri="http://s.shop.svc")
TAKEN = Broker(
    Metadata(DEFAULT), config=KReference("v1", "ConfigMap", "c", "shop"), topic="knative-broker-shop-default"
)
TRIGGER = Trigger(Metadata(A, uid="1"), "default", URL)


def plan(*resources: Broker | Trigger) -> Plan:
    return compute(resources, resolve=stamped)


@pytest.mark.parametrize(
    ("destination", "target"),
    [
        (URL, Target("http://s.shop.svc")),
        (Destination(uri="/relative"), Target(None, '"/relative" is no http:// or https:// URL')),
        (Destination(uri="ftp://a"), Target(None, '"ftp://a" is no http:// or https:// URL')),
        (Destination(), Target(None, '"" is no http:// or https:// URL')),
    ],
)
def test_a_uri_is_as_it_is(destination: Destination, target: Target) -> None:
    assert stamped(destination) == target


def test_what_is_not_stamped_has_no_address() -> None:
    found = stamped(SERVICE)
    assert found.url is None
    assert "Service shop/s: the controller has not resolved it yet" in found.why


def test_a_broker_keeps_the_topic_that_it_got_and_its_config_is_not_asked_for() -> None:
    found = plan(TAKEN, TRIGGER)
    topic = "knative-broker-shop-default"
    assert found.brokers[DEFAULT] == BrokerPlan(DEFAULT, TopicPlan(topic), f"{topic}.dead-letters")
    assert (found.triggers[A].topic, found.problems) == (topic, ())


def test_a_topic_of_another_name_is_the_users_own() -> None:
    moved = replace(TAKEN, topic="orders", metadata=Metadata(DEFAULT, annotations={EXTERNAL_TOPIC: "new"}))
    assert plan(moved).brokers[DEFAULT].topic == TopicPlan("orders", external=True)


def test_a_broker_that_waits_for_its_topic_is_there_and_its_triggers_are_not() -> None:
    found = plan(replace(TAKEN, topic="", waits="no controller"), TRIGGER)
    assert found.brokers[DEFAULT].waits == "no controller"
    assert (found.served, found.triggers, found.problems) == ((), {}, ())


def test_a_trigger_keeps_its_place_while_its_broker_waits() -> None:
    sink = DeliverySpec(dead_letter_sink=SERVICE)
    before, after = plan(TAKEN, TRIGGER), plan(replace(TAKEN, waits="faults"), replace(TRIGGER, delivery=sink))
    held = after.triggers[A]
    assert (held.subscriber, held.dead_letter_sink) == (Target(None, "faults"), Target(None, "faults"))
    assert (after.served, after.problems) == ((), ())
    assert [type(step).__name__ for step in diff(before, after)] == ["Adjust", "Adjust"]


def test_a_trigger_that_waits_has_no_address() -> None:
    found = plan(TAKEN, replace(TRIGGER, subscriber=Destination(), waits="faults"))
    assert found.triggers[A].subscriber == Target(None, "faults")
    assert found.problems == ()


def test_a_new_address_is_an_adjustment() -> None:
    steps = diff(plan(TAKEN, replace(TRIGGER, subscriber=SERVICE)), plan(TAKEN, TRIGGER))
    assert [type(step).__name__ for step in steps] == ["Adjust"]

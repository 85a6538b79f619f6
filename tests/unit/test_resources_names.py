"""Names in Kafka, and who may own them."""

from collections.abc import Mapping

from tradewind.resources import names
from tradewind.resources.model import (
    EXTERNAL_TOPIC,
    Broker,
    Destination,
    Metadata,
    NamespacedName,
    Resource,
    Trigger,
)


def broker(namespace: str, name: str, annotations: Mapping[str, str] | None = None) -> Broker:
    return Broker(Metadata(NamespacedName(namespace, name), annotations=annotations or {}, origin="b.yaml, document 2"))


def trigger(namespace: str, name: str) -> Trigger:
    return Trigger(Metadata(NamespacedName(namespace, name), origin="t.yaml"), "b", Destination(uri="http://a"))


def faults(*resources: Resource) -> list[str]:
    return [str(fault) for fault in names.collisions((type(one).__name__, one.metadata) for one in resources)]


def test_names_are_knatives() -> None:
    name = NamespacedName("shop", "a")
    assert names.broker_topic(name) == "knative-broker-shop-a"
    assert names.dead_letter_topic(name) == "knative-broker-shop-a.dead-letters"
    assert names.trigger_group(name) == "knative-trigger-shop-a"
    assert names.topic_of(broker("shop", "a")) == "knative-broker-shop-a"
    assert names.topic_of(broker("shop", "a", {EXTERNAL_TOPIC: "orders"})) == "orders"


def test_different_names_do_not_collide() -> None:
    assert faults(broker("a", "b"), broker("a", "c"), trigger("a", "b"), trigger("a", "c"), broker("b", "a")) == []


def test_a_second_owner_is_refused_and_both_are_named() -> None:
    topic, letters = faults(broker("a", "b-c"), broker("a-b", "c"))
    assert topic == (
        'b.yaml: Broker a-b/c: metadata.name: found the topic "knative-broker-a-b-c", which belongs to Broker a/b-c, '
        "expected another name: Broker a-b/c and Broker a/b-c cannot share it"
    )
    assert "which belongs to the dead letters of Broker a/b-c" in letters
    (group,) = faults(trigger("a", "b-c"), trigger("a-b", "c"))
    assert 't.yaml: Trigger a-b/c: metadata.name: found the consumer group "knative-trigger-a-b-c"' in group


def test_dead_letters_are_a_topic_too() -> None:
    (fault,) = faults(broker("a", "b"), broker("a", "b.dead-letters"))
    assert 'found the topic "knative-broker-a-b.dead-letters", which belongs to the dead letters of Broker a/b' in fault


def test_an_external_topic_has_one_broker_and_is_nobodys_dead_letters() -> None:
    (twice,) = faults(broker("a", "b", {EXTERNAL_TOPIC: "x"}), broker("a", "c", {EXTERNAL_TOPIC: "x"}))
    assert f"b.yaml: Broker a/c: metadata.annotations.{EXTERNAL_TOPIC}: found the topic" in twice
    (letters,) = faults(broker("a", "b"), broker("a", "c", {EXTERNAL_TOPIC: "knative-broker-a-b.dead-letters"}))
    assert "belongs to the dead letters of Broker a/b" in letters


def test_kafka_bounds_a_topics_name() -> None:
    fits = "b" * (249 - len("knative-broker-a-.dead-letters"))
    assert faults(broker("a", fits)) == []
    (fault,) = faults(broker("a", fits + "b"))
    assert "found a topic of 250 characters, expected a Kafka topic name" in fault
    (group,) = faults(trigger("a", "b" * 240))
    assert "found a consumer group of 258 characters" in group


def test_an_external_topic_may_not_be_its_own_dead_letters() -> None:
    own = broker("a", "b", {EXTERNAL_TOPIC: "knative-broker-a-b.dead-letters"})
    assert "belongs to Broker a/b" in "".join(faults(own))

"""A Broker's topics as they are to be made."""

from typing import Any

import pytest

from tradewind.api_server import Object
from tradewind.control.broker_config import BrokerConfig
from tradewind.control.broker_plan import planned
from tradewind.control.conditions import true
from tradewind.plan import TopicPlan
from tradewind.resources import stamps
from tradewind.resources.model import (
    EXTERNAL_TOPIC,
    Broker,
    ConfigMap,
    DeliverySpec,
    Destination,
    KReference,
    Metadata,
    NamespacedName,
)

NAME = NamespacedName("default", "b")
TOPIC = "knative-broker-default-b"
SYSTEM = NamespacedName("tradewind-system", "kafka-broker-config")
CONFIG = ConfigMap(Metadata(SYSTEM), {"default.topic.partitions": "5", "default.topic.config.retention.ms": "60000"})


def held(topic: str = "", external: str = "") -> Object:
    annotations = {EXTERNAL_TOPIC: external} if external else {}
    return {"metadata": {"annotations": annotations}, "status": {"annotations": {stamps.TOPIC: topic} if topic else {}}}


def plan(object_: Object, config: ConfigMap | None = CONFIG, **broker: Any) -> TopicPlan:
    annotations = object_["metadata"]["annotations"]
    sink = DeliverySpec(dead_letter_sink=Destination(ref=KReference("v1", "Service", "s", "default")))
    asked = Broker(Metadata(NAME, annotations=annotations), delivery=sink, **broker)
    found = planned(asked, object_, BrokerConfig(true("ConfigParsed"), config))
    assert found.dead_letter_topic == f"{TOPIC}.dead-letters"
    return found.topic


@pytest.mark.parametrize("topic", ["", TOPIC])
def test_a_topic_is_asked_for_as_the_config_map_says_whether_or_not_it_was_made(topic: str) -> None:
    expected = TopicPlan(TOPIC, False, 5, None, {"retention.ms": "60000"})
    elsewhere = KReference("v1", "ConfigMap", "none", "default")  # which counts as none
    assert plan(held(topic), config=CONFIG) == expected
    assert plan(held(topic), config=CONFIG, topic=topic) == expected
    assert planned(Broker(Metadata(NAME), elsewhere), held(topic), BrokerConfig(true("C"), CONFIG)).topic == expected


def test_without_a_config_map_the_settings_decide() -> None:
    assert plan(held(), config=None) == TopicPlan(TOPIC, False)


def test_the_name_that_it_got_stays() -> None:
    assert plan(held("theirs"), config=None) == TopicPlan("theirs", True)
    assert plan(held("theirs", external="others"), config=None) == TopicPlan("theirs", True)
    assert plan(held(external="theirs"), config=None) == TopicPlan("theirs", True)

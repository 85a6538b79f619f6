"""Where a source's events go, and how a log names it."""

import pytest

from tests.builders import broker_plan, event
from tradewind.plan import Plan, SourcePlan, Target
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.route import Nowhere, Route, ToTopic, ToUrl, route_of

BROKER = broker_plan("default/hello")
SOURCE = PingSource(Metadata(NamespacedName("default", "ping")), Destination(uri="http://sink"))


@pytest.mark.parametrize(
    ("broker", "sink", "expected", "named"),
    [
        (BROKER.name, Target("http://ingress/default/hello"), ToTopic(BROKER.topic.name), f"topic {BROKER.topic.name}"),
        (NamespacedName("default", "gone"), Target(None, "x"), Nowhere("no Broker default/gone"),
         "nowhere: no Broker default/gone"),
        (None, Target("http://sink/a"), ToUrl("http://sink/a"), "http://sink/a"),
        (None, Target(None, "no such Service"), Nowhere("no such Service"), "nowhere: no such Service"),
    ],
)  # fmt: skip
def test_route(broker: NamespacedName | None, sink: Target, expected: Route, named: str) -> None:
    route = route_of(SourcePlan(SOURCE, broker, sink), Plan(brokers={BROKER.name: BROKER}))
    assert route == expected
    assert str(route) == named


def test_a_record_for_a_topic_is_the_one_the_ingress_would_store() -> None:
    record = ToTopic("t").record(event(data=b"x", partitionkey="k"))
    assert (record.topic, record.key, record.value) == ("t", b"k", b"x")

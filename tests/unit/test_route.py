"""Where a source's events go, and how a log names it."""

from dataclasses import replace

import pytest

from tests.builders import broker_plan
from tradewind.plan import Plan, SourcePlan, Target
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.route import Nowhere, Route, ToTopic, ToUrl, dead_letter_topic, route_of

BROKER = broker_plan("default/hello")
TO_BROKER = ToTopic(BROKER.topic.name, BROKER.dead_letter_topic)
SOURCE = PingSource(Metadata(NamespacedName("default", "ping")), Destination(uri="http://sink"))


@pytest.mark.parametrize(
    ("broker", "sink", "expected", "named"),
    [
        (BROKER.name, Target("http://ingress/default/hello"), TO_BROKER, f"topic {BROKER.topic.name}"),
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
    assert dead_letter_topic(route, "sources") == (BROKER.dead_letter_topic if broker == BROKER.name else "sources")


def test_a_broker_that_is_not_served_yet_is_waited_for() -> None:
    waiting = replace(BROKER, waits="no controller has made its topic yet")
    route = route_of(SourcePlan(SOURCE, BROKER.name, Target("http://x")), Plan(brokers={BROKER.name: waiting}))
    assert route == Nowhere("no controller has made its topic yet")

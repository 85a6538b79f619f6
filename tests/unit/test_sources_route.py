"""Where a source's events go, and what it cannot deliver."""

from dataclasses import replace

import pytest

from tests.builders import broker_plan
from tradewind.plan import Plan, SourcePlan, Target
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.route import Nowhere, Route, ToTopic, ToUrl, dead_letter_topic, route_of

BROKER = broker_plan()
SOURCE = SourcePlan(PingSource(Metadata(NamespacedName("default", "tick")), Destination()), None, Target(None, "held"))
TO_BROKER = replace(SOURCE, broker=BROKER.name, sink=Target("http://ingress/default/default"))
DIRECT = ToTopic(BROKER.topic.name, BROKER.dead_letter_topic)


@pytest.mark.parametrize(
    ("source", "plan", "route", "said"),
    [
        (TO_BROKER, Plan({BROKER.name: BROKER}), DIRECT, f"topic {BROKER.topic.name}"),
        (TO_BROKER, Plan(), Nowhere("no Broker default/hello"), "nowhere: no Broker default/hello"),
        (TO_BROKER, Plan({BROKER.name: replace(BROKER, waits="no topic")}), Nowhere("no topic"), "nowhere: no topic"),
        (replace(SOURCE, sink=Target("http://sink/")), Plan(), ToUrl("http://sink/"), "http://sink/"),
        (SOURCE, Plan(), Nowhere("held"), "nowhere: held"),
    ],
)
def test_where_its_events_go(source: SourcePlan, plan: Plan, route: Route, said: str) -> None:
    assert route_of(source, plan) == route
    assert str(route) == said


@pytest.mark.parametrize(
    ("route", "topic"), [(DIRECT, DIRECT.dead_letter_topic), (ToUrl("http://sink/"), "all"), (Nowhere("why"), "all")]
)
def test_where_its_dead_letters_go(route: Route, topic: str) -> None:
    assert dead_letter_topic(route, "all") == topic

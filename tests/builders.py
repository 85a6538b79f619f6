"""Builders that every test may use: each makes something valid, of which a test changes what it is about."""

from tradewind.delivery.schedule import Delivery
from tradewind.events.model import Event
from tradewind.filters.attributes import AttributesFilter
from tradewind.plan import BrokerPlan, Target, TopicPlan, TriggerPlan
from tradewind.resources.model import NamespacedName, Order


def event(*, data: bytes | None = None, **attributes: str | None) -> Event:
    """A valid event; attributes given replace its own, None takes one away."""
    minimal = {"specversion": "1.0", "id": "1", "source": "/tests", "type": "tests.happened"}
    merged = {**minimal, **attributes}
    return Event({name: value for name, value in merged.items() if value is not None}, data)


def http_headers(**attributes: str | None) -> list[tuple[bytes, bytes]]:
    """Headers of a valid event in binary mode; attributes as in `event`, values as they stand on the wire."""
    return [
        (f"ce-{name}".encode(), value.encode()) for name, value in event(data=None, **attributes).attributes.items()
    ]


def broker_plan(name: str = "default/hello", *, topic: str = "", external: bool = False) -> BrokerPlan:
    """A Broker in a Plan."""
    namespace, _, short = name.partition("/")
    plan = TopicPlan(topic or f"topic-{namespace}-{short}", external=external)
    return BrokerPlan(NamespacedName(namespace, short), plan, f"dead-{namespace}-{short}")


def trigger_plan(
    *,
    url: str = "http://a",
    sink: str | None = None,
    delivery: Delivery | None = None,
    max_in_flight: int | None = None,
    rate: float | None = None,
) -> TriggerPlan:
    """A Trigger in a Plan."""
    return TriggerPlan(
        name=NamespacedName("default", "a"),
        uid="",
        broker=NamespacedName("default", "default"),
        topic="topic",
        dead_letter_topic="dead",
        group="group",
        filter=AttributesFilter(),
        subscriber=Target(url),
        dead_letter_sink=Target(sink) if sink else None,
        delivery=delivery or Delivery(),
        order=Order.UNORDERED,
        generation="1",
        max_in_flight=max_in_flight,
        rate=rate,
    )

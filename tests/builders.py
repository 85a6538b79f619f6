"""Builders that every test may use: each makes something valid, of which a test changes what it is about."""

from tradewind.events.model import Event
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.resources.model import NamespacedName


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

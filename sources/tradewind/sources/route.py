"""Where a source's events go, and what follows when one did not arrive: the pure part of hosting sources."""

from dataclasses import dataclass

from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.plan import Plan, SourcePlan
from tradewind.ports import NewRecord


@dataclass(frozen=True, slots=True)
class ToTopic:
    """Straight into a Broker's topic, as the ingress would have stored it."""

    topic: str

    def __str__(self) -> str:
        return f"topic {self.topic}"

    def record(self, event: Event) -> NewRecord:
        """The event as a record of the topic."""
        headers, value = kafka.write(event)
        return NewRecord(self.topic, value, headers, kafka.key(event))


@dataclass(frozen=True, slots=True)
class ToUrl:
    """To whatever listens there."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Nowhere:
    """The sink cannot be resolved, and why: events wait until it can."""

    why: str

    def __str__(self) -> str:
        return f"nowhere: {self.why}"


Route = ToTopic | ToUrl | Nowhere


def route_of(source: SourcePlan, plan: Plan) -> Route:
    """Where this Plan sends the events of one of its sources."""
    if source.broker is not None:
        broker = plan.brokers.get(source.broker)
        return Nowhere(f"no Broker {source.broker}") if broker is None else ToTopic(broker.topic.name)
    return Nowhere(source.sink.why) if source.sink.url is None else ToUrl(source.sink.url)

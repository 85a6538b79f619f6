"""Where a source's events go, and where those that it cannot deliver: the pure part of hosting sources."""

from dataclasses import dataclass

from tradewind.plan import Plan, SourcePlan


@dataclass(frozen=True, slots=True)
class ToTopic:
    """Straight into a Broker's topic, as the ingress would have stored it."""

    topic: str
    dead_letter_topic: str

    def __str__(self) -> str:
        return f"topic {self.topic}"


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
        if broker is None:
            return Nowhere(f"no Broker {source.broker}")
        if broker.waits:  # its topic may not even be its own
            return Nowhere(broker.waits)
        return ToTopic(broker.topic.name, broker.dead_letter_topic)
    return Nowhere(source.sink.why) if source.sink.url is None else ToUrl(source.sink.url)


def dead_letter_topic(route: Route, default: str) -> str:
    """The topic of what could not go this way: the Broker's, where it is one, else that of all sources."""
    return route.dead_letter_topic if isinstance(route, ToTopic) else default

"""What an ingress took and refused, in plain numbers that only grow: read when somebody asks for the metrics."""

from collections import defaultdict
from collections.abc import Collection

from tradewind.observe.histogram import Histogram


class Taken:
    """Of one Broker's topic."""

    __slots__ = ("bytes", "events", "storing")

    def __init__(self) -> None:
        self.events = 0
        self.bytes = 0
        """Of their values."""
        self.storing = Histogram()
        """How long Kafka took for each request."""


class Counts:
    """Of one ingress."""

    def __init__(self) -> None:
        self.taken: defaultdict[str, Taken] = defaultdict(Taken)
        """By topic."""
        self.refused: defaultdict[int, int] = defaultdict(int)
        """Requests by the status that they were answered with."""

    def stored(self, topic: str, events: int, size: int, seconds: float) -> None:
        """Kafka has all events of a request, so many bytes together, after so many seconds."""
        taken = self.taken[topic]
        taken.events += events
        taken.bytes += size
        taken.storing.add(seconds)

    def keep(self, topics: Collection[str]) -> None:
        """Forget other topics: their Brokers are gone."""
        for topic in self.taken.keys() - set(topics):
            del self.taken[topic]

"""Where the dead-letter sinks of Brokers lead: found, stamped, and told of in their status."""

from tradewind.api_server import BROKERS, Object
from tradewind.control.broker_status import NO_SINK, SINK_RESOLVED, Sink
from tradewind.control.destinations import Destinations
from tradewind.control.doors import Enqueue
from tradewind.control.queue import Key
from tradewind.control.referents import Referents
from tradewind.resources import stamps
from tradewind.resources.model import Broker, NamespacedName


class Sinks:
    """Those of all Brokers."""

    def __init__(self, referents: Referents, *, cluster_domain: str) -> None:
        self._destinations = Destinations(referents, cluster_domain=cluster_domain)

    def listen(self, enqueue: Enqueue) -> None:
        """Have a Broker reconciled when what its sink refers to changes."""
        self._destinations.listen(BROKERS, enqueue)

    def of(self, broker: Broker, held: Object) -> Sink | None:
        """What is found of this Broker's; None where that is known, and told of, in a moment."""
        sink, name = broker.delivery.dead_letter_sink, broker.metadata.name
        if sink is None:
            self.forget(name)
            return NO_SINK
        found = self._destinations.find(Key(BROKERS, name), held, sink, type=SINK_RESOLVED)
        return None if found is None else Sink(found.condition, found.url, stamps.encode(found.stamp))

    def forget(self, name: NamespacedName) -> None:
        """This Broker is gone, or has nothing to be found."""
        self._destinations.forget(Key(BROKERS, name))

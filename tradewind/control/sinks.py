"""Where the dead-letter sinks of Brokers lead: found, stamped, and told of in their status."""

from tradewind.api_server import BROKERS, Object
from tradewind.control import addresses, stamping
from tradewind.control.broker_status import NO_SINK, SINK_RESOLVED, Sink
from tradewind.control.doors import Enqueue
from tradewind.control.queue import Key
from tradewind.control.referents import Referents
from tradewind.resources import stamps
from tradewind.resources.model import Broker, NamespacedName


class Sinks:
    """Those of all Brokers."""

    def __init__(self, referents: Referents, *, cluster_domain: str) -> None:
        self._referents = referents
        self._domain = cluster_domain

    def listen(self, enqueue: Enqueue) -> None:
        """Have a Broker reconciled when what its sink refers to changes."""
        self._referents.listen(BROKERS, enqueue)

    def of(self, broker: Broker, held: Object) -> Sink | None:
        """What is found of this Broker's; None where that is known, and told of, in a moment."""
        sink, name = broker.delivery.dead_letter_sink, broker.metadata.name
        self._referents.refer(Key(BROKERS, name), addresses.references([] if sink is None else [sink]))
        if sink is None:
            return NO_SINK
        address = addresses.address(sink, self._referents.find, cluster_domain=self._domain)
        if address.pending:
            return None
        stamp = stamping.stamp(held, {sink: address})
        url = stamping.url(sink, address, stamp)
        return Sink(stamping.condition(SINK_RESOLVED, address, url), url, stamps.encode(stamp))

    def forget(self, name: NamespacedName) -> None:
        """This Broker is gone, or has nothing to be found."""
        self._referents.refer(Key(BROKERS, name), ())

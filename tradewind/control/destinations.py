"""Where the one Destination of an object leads: the dead-letter sink of a Broker, the sink of a source.

Destination ──Referents──► Address ──stamping──► Found: condition, URL, Stamp          None: known in a moment
     └── watched from now on: its owner is reconciled when what it refers to changes
"""

from typing import NamedTuple

from tradewind.api_server import GroupVersionResource, Object
from tradewind.control import addresses, stamping
from tradewind.control.conditions import Condition
from tradewind.control.doors import Enqueue
from tradewind.control.queue import Key
from tradewind.control.referents import Referents
from tradewind.resources.model import Destination
from tradewind.resources.stamps import Stamp


class Found(NamedTuple):
    """What was found of a Destination."""

    condition: Condition
    url: str | None
    """Where events go; None where that is not known."""
    stamp: Stamp
    """For the object's status, so that the data plane knows it."""


class Destinations:
    """Those of all objects that have one.  Somebody runs the Referents."""

    def __init__(self, referents: Referents, *, cluster_domain: str) -> None:
        self._referents = referents
        self._domain = cluster_domain

    def listen(self, resource: GroupVersionResource, enqueue: Enqueue) -> None:
        """Have an object of this resource reconciled when what its Destination refers to changes."""
        self._referents.listen(resource, enqueue)

    def find(self, owner: Key, held: Object, destination: Destination, *, type: str) -> Found | None:
        """Where this Destination of an object leads now; None where that is known, and told of, in a moment.

        `type` is the condition that says so; an address that was stamped before stays while nobody can look.
        """
        self._referents.refer(owner, addresses.references([destination]))
        address = addresses.address(destination, self._referents.find, cluster_domain=self._domain)
        if address.pending:
            return None
        stamp = stamping.stamp(held, {destination: address})
        url = stamping.url(destination, address, stamp)
        return Found(stamping.condition(type, address, url), url, stamp)

    def forget(self, owner: Key) -> None:
        """This object is gone, or has nothing to be found."""
        self._referents.refer(owner, ())

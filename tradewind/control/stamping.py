"""What is stamped on an object of its Destinations, and what its status says of each (resources.stamps).

found now                   its URL
cannot be found any more    none: what is owed waits, rather than be burnt on what is not there
nobody could look           the URL that this object had for this Destination, if it had one
"""

from collections.abc import Mapping

from tradewind.api_server import Object
from tradewind.control import conditions
from tradewind.control.addresses import Address
from tradewind.control.conditions import Condition
from tradewind.resources import stamps
from tradewind.resources.model import Destination
from tradewind.resources.stamps import Stamp
from tradewind.resources.untyped import fields


def stamp(holder: Object, found: Mapping[Destination, Address]) -> Stamp:
    """What is to be stamped on this object, whose Destinations were found so."""
    metadata = holder["metadata"]
    before = held(holder)
    addresses = {}
    for destination, address in found.items():
        digest = stamps.digest(destination)
        url = address.url
        if url is None and not address.settled and before is not None:
            url = before.addresses.get(digest)
        if url is not None and destination.ref is not None:  # a plain URI needs none
            addresses[digest] = url
    return Stamp(metadata["uid"], metadata.get("generation", 0), addresses)


def held(holder: Object) -> Stamp | None:
    """The Stamp that counts for this very object; None where there is none, or only that of one before it."""
    found = stamps.decode(annotation(holder, stamps.RESOLVED))
    return found if found is not None and found.uid == holder["metadata"]["uid"] else None


def annotation(holder: Object, name: str) -> str | None:
    """An annotation in an object's status."""
    text = fields(holder, "status", "annotations").get(name)
    return text if isinstance(text, str) else None


def url(destination: Destination, address: Address, stamped: Stamp) -> str | None:
    """Where events for this Destination go."""
    return address.url if destination.ref is None else stamped.addresses.get(stamps.digest(destination))


def condition(type: str, address: Address, url: str | None) -> Condition:
    """What an object's status says of a Destination that was found so, and for which it has this URL."""
    if address.url is not None:
        return conditions.true(type)
    if url is not None:
        return conditions.true(type, address.reason, f"{address.message}.  The address found before stays in use")
    told = conditions.false if address.settled else conditions.unknown
    return told(type, address.reason, address.message)

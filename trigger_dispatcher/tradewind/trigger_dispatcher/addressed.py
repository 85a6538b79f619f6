"""Records of a Broker's topic that are for one Trigger alone: events that were redriven (`letterbox.py`).

The header is the last one of its record, so that looking for it costs the same whatever else a record carries.
"""

from tradewind.ports import Headers
from tradewind.resources.model import NamespacedName

TO = "tradewind-to"


def addressed(headers: Headers, trigger: NamespacedName) -> Headers:
    """The headers of a record that is for this Trigger and no other."""
    return (*headers, (TO, str(trigger).encode()))


def addressee(headers: Headers) -> NamespacedName | None:
    """The only Trigger that a record is for; None where it is for whoever wants it."""
    if not headers or headers[-1][0] != TO:
        return None
    namespace, _, name = headers[-1][1].decode(errors="replace").partition("/")
    return NamespacedName(namespace, name)

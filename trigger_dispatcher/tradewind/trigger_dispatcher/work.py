"""One owed event of one Trigger on its way: what Lanes and Gates hand around."""

import math
from collections.abc import Hashable

from tradewind.events.model import Event
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import OwnedPartition

Lane = tuple[OwnedPartition, str | None]
"""Of an ordered Trigger's events one partition and one key; None where there is no key."""


class Work:
    """`event` is None while its payload is given up, to be read again when it is due."""

    __slots__ = (
        "end", "event", "held", "lane", "last", "owed", "partition", "queued", "sent", "size", "spell", "weight",
    )  # fmt: skip

    def __init__(self, partition: OwnedPartition, owed: Owed, event: Event | None, lane: Lane | None) -> None:
        self.partition = partition
        self.owed = owed
        self.event = event
        self.lane = lane
        self.weight = event.weight if event else 0
        """Bytes of the payload, held or not; 0 where it was never read."""
        self.size = self.weight
        """Bytes of the payload that is held, or for which room is taken while it is read."""
        self.queued = True
        """Its partition is ours."""
        self.sent = 0.0
        """When its attempt began."""
        self.held = 0
        """While a circuit holds it: the number of its entry there; else 0."""
        self.spell: object = None
        """The spell in which a circuit was open and held it, the last time one did."""
        self.end = math.inf
        """When its schedule is over in wall time, as far as that spell goes."""
        self.last = False
        """The attempt that runs is its last: it was held until its schedule was over."""

    def hold(self, event: Event) -> None:
        """The payload is here."""
        self.event = event
        self.size = self.weight = event.weight

    @property
    def identity(self) -> Hashable:
        """What tells it from every other event of its Trigger."""
        return self.partition.identity, self.owed.offset

    def __lt__(self, other: "Work") -> bool:
        return (self.owed.due, self.owed.offset) < (other.owed.due, other.owed.offset)

"""One owed event of one Trigger on its way: what Lanes and Gates hand around."""

from collections.abc import Hashable

from tradewind.events.model import Event
from tradewind.ports import Exchange
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import OwnedPartition

Lane = tuple[OwnedPartition, str | None]
"""Of an ordered Trigger's events one partition and one key; None where there is no key."""


class Work:
    """`event` is None while its payload is given up, to be read again when it is due."""

    __slots__ = (
        "end", "event", "held", "lane", "last", "owed", "partition", "queued", "sent", "size", "spell", "url", "way",
        "weight",
    )  # fmt: skip

    sent: float
    """When its attempt began."""
    end: float
    """When its schedule is over in wall time, as far as its `spell` goes."""

    def __init__(self, partition: OwnedPartition, owed: Owed, event: Event | None, lane: Lane | None) -> None:
        self.partition = partition
        self.owed = owed
        self.event = event
        self.lane = lane
        self.weight = 0 if event is None else event.weight
        """Bytes of the payload, held or not; 0 where it was never read."""
        self.size = self.weight
        """Bytes of the payload that is held, or for which room is taken while it is read."""
        self.queued = True
        """Its partition is ours."""
        self.url: str | None = None
        """Where its attempt went; None until it is sent, and where there was no address."""
        self.way: Exchange | None = None
        """What cuts it short while it runs."""
        self.held: object = None
        """While a circuit holds it: its entry there."""
        self.spell: object = None
        """The spell in which a circuit was open and held it, the last time one did."""
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

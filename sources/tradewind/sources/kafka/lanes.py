"""Records that were read and wait for their turn, by partition.

    add ──► lane of its partition ──next──► on its way ──settled──► the lane is open again (ordered)

With `ordered` a lane lets one record out at a time.  Lanes take turns, so that a long one keeps none from coming.
"""

from collections import deque
from collections.abc import Collection, Iterable

from tradewind.ports import Record, TopicPartition
from tradewind.resources.model import Order
from tradewind.topics import size_of


def bars(order: Order, *, into_topic: bool) -> bool:
    """Whether one of a partition that is on its way bars the next.  Into a Broker's topic records go one after the
    other anyway, each partition's in its order: there no need to wait."""
    return order is Order.ORDERED and not into_topic


class Lanes:
    """Of one source."""

    def __init__(self, *, ordered: bool) -> None:
        self.held_bytes = 0
        """Of what waits."""
        self._held = 0
        self._ordered = ordered
        self._lanes: dict[TopicPartition, deque[tuple[Record, int]]] = {}
        """Records, and what each weighs."""
        self._open: deque[TopicPartition] = deque()
        """Lanes from which something may be taken now."""
        self._busy: set[TopicPartition] = set()
        """Lanes that have one on its way, where that bars the next."""

    def __len__(self) -> int:
        return self._held

    @property
    def ready(self) -> bool:
        """Whether one may be taken now."""
        return bool(self._open)

    def add(self, at: TopicPartition, records: Iterable[Record]) -> None:
        """Records of this partition, one at least, at the end of its lane."""
        lane = self._lanes.get(at)
        if lane is None:
            lane = self._lanes[at] = deque()
            if at not in self._busy:
                self._open.append(at)
        for record in records:
            size = size_of(record)
            lane.append((record, size))
            self._held += 1
            self.held_bytes += size

    def next(self) -> tuple[TopicPartition, Record] | None:
        """One whose turn it is, and its lane; None where there is none, or all lanes wait."""
        if not self._open:
            return None
        at = self._open.popleft()
        lane = self._lanes[at]
        record, size = lane.popleft()
        self._held -= 1
        self.held_bytes -= size
        if not lane:
            del self._lanes[at]
        if self._ordered:
            self._busy.add(at)
        elif lane:
            self._open.append(at)
        return at, record

    def settled(self, at: TopicPartition) -> bool:
        """The record of this lane that was on its way is settled; whether another may come now."""
        if at not in self._busy:
            return False
        self._busy.discard(at)
        if at in self._lanes:
            self._open.append(at)
        return at in self._lanes

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """What waits of these is another's; nothing of theirs bars anything."""
        for at in partitions:
            for _, size in self._lanes.pop(at, ()):
                self._held -= 1
                self.held_bytes -= size
            self._busy.discard(at)
        self._open = deque(at for at in self._open if at in self._lanes)

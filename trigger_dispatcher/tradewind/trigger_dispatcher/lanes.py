"""Lanes: which owed event of a Trigger may run now (DESIGN §5, order and width).

    add ──► lane ──(its turn)──► ready ──take──► running ──done──► the lane's next
                                   ▲                │
                                   └──due── waiting ◄┘ wait

Ordered: one lane for each key (`partitionkey`; without one, for each partition), and a lane gives one event at a time,
also while that event waits for a retry.  Unordered: every event is a lane of its own.  `width` counts what runs.
"""

import heapq
from collections import Counter, deque
from collections.abc import Collection, Hashable, Iterable, Iterator

from tradewind.events.model import Event
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import OwnedPartition


class Work:
    """One owed event on its way.  `event` is None while its payload is given up, to be read again when it is due."""

    __slots__ = ("event", "lane", "owed", "partition", "queued", "size")

    def __init__(self, partition: OwnedPartition, owed: Owed, event: Event | None, lane: Hashable) -> None:
        self.partition = partition
        self.owed = owed
        self.event = event
        self.lane = lane
        self.size = event.weight if event else 0
        self.queued = True

    def __lt__(self, other: "Work") -> bool:
        return (self.owed.due, self.owed.offset) < (other.owed.due, other.owed.offset)


class Lanes:
    """The events of one Trigger: those that may run, those behind them, those that wait."""

    def __init__(self, width: int) -> None:
        self.width = width
        """Events that may run at once; may change while they do."""
        self.bytes = 0
        """Payload held, running events included."""
        self.fresh: Counter[OwnedPartition] = Counter()
        """Events for each partition that are not waiting for a retry."""
        self.running: set[Work] = set()
        self._ready: deque[Work] = deque()
        self._behind: dict[Hashable, deque[Work]] = {}
        """Ordered lanes that are taken, and what queues in each."""
        self._waiting: list[Work] = []

    @property
    def waiting(self) -> int:
        """Events that wait for a retry."""
        return len(self._waiting)

    def add(self, work: Work, *, now: float) -> None:
        """An event is owed; one that is not due before later waits first."""
        self.bytes += work.size
        if work.lane is not None:
            if work.lane in self._behind:
                self.fresh[work.partition] += 1
                self._behind[work.lane].append(work)
                return
            self._behind[work.lane] = deque()
        self._admit(work, now)

    def take(self) -> Work | None:
        """The next event that may run now; it runs from here on."""
        if len(self.running) >= self.width or not self._ready:
            return None
        work = self._ready.popleft()
        self.running.add(work)
        return work

    def done(self, work: Work, *, now: float) -> None:
        """A running event is settled."""
        self.running.discard(work)
        self._leave(work)
        if behind := self._behind.get(work.lane):
            following = behind.popleft()
            self.fresh[following.partition] -= 1
            self._admit(following, now)
        else:
            self._behind.pop(work.lane, None)

    def wait(self, work: Work, *, keep_payload: bool) -> None:
        """A running event waits until `work.owed.due`; its lane waits with it."""
        self.running.discard(work)
        self._count(work, -1)
        if not keep_payload:
            self.forget(work)
        if work.queued:
            heapq.heappush(self._waiting, work)

    def due(self, *, now: float) -> float | None:
        """Make ready what is due; the moment at which the next will be, if any waits."""
        while self._waiting and self._waiting[0].owed.due <= now:
            work = heapq.heappop(self._waiting)
            self._count(work, 1)
            self._ready.append(work)
        return self._waiting[0].owed.due if self._waiting else None

    def hasten(self, partition: OwnedPartition, offsets: Collection[int]) -> None:
        """What waits at these offsets has its turn now: there is nothing left to wait for."""
        hurried = {work for work in self._waiting if work.partition is partition and work.owed.offset in offsets}
        if hurried:
            self._waiting = [work for work in self._waiting if work not in hurried]
            heapq.heapify(self._waiting)
            for work in hurried:
                self._count(work, 1)
                self._ready.append(work)

    def forget(self, work: Work) -> None:
        """Give up the payload of an event."""
        self.bytes -= work.size
        work.size = 0
        work.event = None

    def remember(self, work: Work, event: Event) -> None:
        """The payload was read again."""
        work.event = event
        work.size = event.weight
        self.bytes += work.size

    def drop(self, partition: OwnedPartition) -> None:
        """Forget every event of a partition that is not running; those that run are told by `queued`."""
        for work in tuple(self._all()):
            if work.partition is partition:
                work.queued = False
                if work not in self.running:
                    self._leave(work)
        self._waiting = [work for work in self._waiting if work.queued]
        heapq.heapify(self._waiting)
        self._ready = deque(work for work in self._ready if work.queued)
        for lane, behind in tuple(self._behind.items()):
            kept = deque(work for work in behind if work.queued)
            self._behind[lane] = kept
            if not kept and isinstance(lane, tuple) and lane[0] is partition:
                del self._behind[lane]
        self.fresh.pop(partition, None)

    def _admit(self, work: Work, now: float) -> None:
        if work.owed.due > now:
            heapq.heappush(self._waiting, work)
        else:
            self._count(work, 1)
            self._ready.append(work)

    def _count(self, work: Work, by: int) -> None:
        if work.queued:
            self.fresh[work.partition] += by

    def _leave(self, work: Work) -> None:
        self._count(work, -1)
        self.forget(work)

    def _all(self) -> Iterator[Work]:
        groups: Iterable[Iterable[Work]] = (self.running, self._ready, self._waiting, *self._behind.values())
        return (work for group in groups for work in group)


def lane_of(event: Event, partition: OwnedPartition, *, ordered: bool) -> Hashable:
    """The lane of an event: None, for a lane of its own, unless the Trigger is ordered."""
    if not ordered:
        return None
    return partition, event.attributes.get("partitionkey")

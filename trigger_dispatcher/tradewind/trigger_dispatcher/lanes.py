"""Lanes: which owed event of a Trigger may run now (DESIGN §5, order and width).

    add ──► lane ──(its turn)──► Gate ──take──► running ──done──► the lane's next
                                  ▲                │
                                  └──due── waiting ◄┘ wait

Ordered: one lane for each key (`partitionkey`; without one, for each partition), and a lane gives one event at a time,
also while that event waits for a retry: then the lane is blocked, and what is behind it counts by itself, so that many
more of these may be held, if need be without their payload.  Unordered: every event is a lane of its own.
"""

import heapq
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from tradewind.config import Settings
from tradewind.delivery.journey import Phase
from tradewind.events.model import Event
from tradewind.plan import Target, TriggerPlan
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.gate import Gate
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.work import Lane, Work

FULL = 0.7
"""Share of the window from which on what is behind a blocked key gives up payloads: before reading on stops."""


class Lanes:
    """The events of one Trigger: those that may run, those behind them, those that wait."""

    def __init__(self, plan: TriggerPlan, settings: Settings, budget: Budget, *, now: float) -> None:
        self.gates = {phase: Gate(plan, settings, now=now) for phase in Phase if _address(plan, phase)}
        """The way to the subscriber, and that to the dead-letter sink where there is one or something goes there."""
        self.account = budget.account(self)
        self.fresh: Counter[OwnedPartition] = Counter()
        """Events for each partition that neither wait for a retry nor are behind one that does."""
        self.blocked: Counter[OwnedPartition] = Counter()
        """Events for each partition that are behind one that waits for a retry."""
        self.running: dict[Work, Gate] = {}
        self._plan = plan
        self._settings = settings
        self._behind: dict[Lane, deque[Work]] = {}
        """Ordered lanes that are taken, and what queues in each."""
        self._blocked: set[Lane] = set()
        self._waiting: list[Work] = []

    @property
    def bytes(self) -> int:
        """Payload held, running events included."""
        return self.account.payload

    @property
    def waiting(self) -> int:
        """Events that wait for a retry."""
        return len(self._waiting)

    def adopt(self, plan: TriggerPlan, *, now: float) -> None:
        """Go on with a changed Trigger: no gap, nothing forgotten; of a new address nothing is known yet."""
        for phase, gate in self.gates.items():
            if _address(self._plan, phase) == _address(plan, phase):
                gate.adopt(plan, now=now)
            else:
                self.gates[phase] = gate.elsewhere(plan, now=now)
                self._regard(_address(plan, phase), phase)
        if plan.dead_letter_sink and Phase.SINK not in self.gates:
            self.gates[Phase.SINK] = Gate(plan, self._settings, now=now)
        self._plan = plan

    def add(self, work: Work, *, now: float) -> None:
        """An event is owed; one that is not due before later waits first."""
        self.account.add(work.size)
        if work.lane is not None:
            if work.lane in self._behind:
                (self.blocked if work.lane in self._blocked else self.fresh)[work.partition] += 1
                self._behind[work.lane].append(work)
                return
            self._behind[work.lane] = deque()
        self._admit(work, now)

    def take(self, *, now: float) -> Work | None:
        """The next event that may run now; it runs from here on, and room for its payload is taken."""
        for gate in self.gates.values():
            if work := gate.take(now=now, may=self._may_load):
                if not work.size:
                    self.reserve(work)
                self.running[work] = gate
                return work
        return None

    def counts(self, work: Work) -> bool:
        """Whether what runs counts on the way to the address that its phase has now."""
        return self.running[work] is self.gates[work.owed.journey.phase]

    def done(self, work: Work, *, now: float) -> None:
        """A running event is settled."""
        self.running.pop(work).leave(work)
        self._leave(work)
        if work.lane is None:
            return
        self._unblock(work)
        if behind := self._behind.get(work.lane):
            following = behind.popleft()
            self.fresh[following.partition] -= 1
            self._admit(following, now)
        else:
            self._behind.pop(work.lane, None)

    def wait(self, work: Work, *, keep_payload: bool) -> None:
        """A running event waits until `work.owed.due`; its lane waits with it."""
        self.running.pop(work).leave(work)
        self._stale(work)
        if not keep_payload:
            self.forget(work)
        if work.queued:
            self._wait(work)
        else:
            self._leave(work)

    def due(self, *, now: float) -> None:
        """Make ready what is due."""
        while self._waiting and self._waiting[0].owed.due <= now:
            self._ready(heapq.heappop(self._waiting), now)

    def next(self, *, now: float) -> float | None:
        """The moment at which more may run, if nothing happens before; None where only that can help."""
        moments = [self._waiting[0].owed.due] if self._waiting else []
        for gate in self.gates.values():
            if (moment := gate.next(now=now)) is not None:
                moments.append(moment)
        return min(moments) if moments else None

    def hasten(self, partition: OwnedPartition, offsets: Collection[int], *, now: float) -> None:
        """What waits at these offsets has its turn now: there is nothing left to wait for."""
        hurried = {work for work in self._waiting if work.partition is partition and work.owed.offset in offsets}
        if hurried:
            self._waiting = [work for work in self._waiting if work not in hurried]
            heapq.heapify(self._waiting)
            for work in hurried:
                self._ready(work, now)

    def forget(self, work: Work) -> None:
        """Give up the payload of an event."""
        if work.size:
            self.account.drop(work.size)
        work.size = 0
        work.event = None

    def reserve(self, work: Work) -> None:
        """The payload will be read again: its room is taken."""
        work.size = self._weight(work)
        self.account.load(work.size)

    def remember(self, work: Work, event: Event) -> None:
        """The payload was read again; nothing where it was given up meanwhile."""
        if work.event is None and work.size:
            self.account.drop(work.size)
            work.hold(event)
            self.account.load(work.size)

    def ahead(self, work: Work, most: int) -> list[Work]:
        """The next events of its lane whose payload is not held, as far as there is room for it, now taken."""
        behind = self._behind.get(work.lane, ()) if work.lane else ()
        following = [one for one in islice(behind, most) if not one.size]
        for index, one in enumerate(following):
            if not self.account.may_load(self._weight(one)):
                return following[:index]
            self.reserve(one)
        return following

    def stuck(self, partition: OwnedPartition) -> tuple[str | None, int]:
        """The blocked key of a partition that most events are behind, and how many; None is the lack of a key."""
        lanes = [lane for lane in self._blocked if lane[0] is partition]
        lane = max(lanes, key=lambda one: len(self._behind[one]))
        return lane[1], len(self._behind[lane])

    def loose(self) -> int:
        """Bytes of payload that could be given up."""
        return self.bytes - sum(work.size for work in self.running)

    def give_up(self, wanted: int, *, ready: bool = True) -> None:
        """Give up so many bytes of payload, what is wanted last first; only with `ready` that of what may run now."""
        queues: list[Iterable[Work]] = [
            *(reversed(self._behind[lane]) for lane in self._blocked),
            reversed(self._waiting),
            *(gate.queued() for gate in self.gates.values() if ready or gate.circuit.open),
            *(reversed(behind) for lane, behind in self._behind.items() if ready and lane not in self._blocked),
        ]
        for work in (work for queue in queues for work in queue):
            if wanted <= 0:
                return
            wanted -= work.size
            self.forget(work)

    def has_room(self, partition: OwnedPartition, share: float = 1.0) -> bool:
        """Whether one more event of this partition may be held; of each bound, `share` counts."""
        settings, account = self._settings, self.account
        return (
            self.fresh.get(partition, 0) < settings.backlog * share
            and account.payload < settings.window_bytes * share
            and len(self._waiting) < settings.waiting * share
            and (not self.blocked or self.blocked[partition] < settings.behind * share)
            and account.may_take(share)
        )

    def fits(self) -> bool:
        """Whether what is held stays within the window and within the Trigger's part of what the process may hold."""
        return self.bytes <= self._settings.window_bytes and self.account.may_take()

    def fit(self) -> None:
        """After an event came: give up payloads where the window fills with what is stuck, or the process is full."""
        account, window = self.account, self._settings.window_bytes
        if account.payload > window * FULL and self.blocked:
            self.give_up(account.payload - window // 2, ready=False)
        if account.budget.total > account.budget.high:
            account.budget.relieve()

    def overrun(self, partition: OwnedPartition) -> bool:
        """Whether as many events of a partition are behind blocked keys as may be."""
        return self.blocked[partition] >= self._settings.behind

    def retire(self) -> None:
        """The Trigger is gone: hold nothing but what runs."""
        self.drop(None)
        self.account.budget.close(self.account)

    def drop(self, partition: OwnedPartition | None) -> None:
        """Forget every event of a partition, or of all, that is not running; those that run are told by `queued`."""
        for work in tuple(self._all()):
            if partition is None or work.partition is partition:
                work.queued = False
                if work not in self.running:
                    self._leave(work)
        self._waiting = [work for work in self._waiting if work.queued]
        heapq.heapify(self._waiting)
        for gate in self.gates.values():
            gate.keep(lambda work: work.queued)
        for lane in tuple(self._behind):
            if partition is None or lane[0] is partition:
                del self._behind[lane]
                self._blocked.discard(lane)
        for counts in (self.fresh, self.blocked):
            counts.clear() if partition is None else counts.pop(partition, None)

    def _regard(self, address: Target | None, phase: Phase) -> None:
        """What already runs towards this address counts at its new gate.

        What has been taken and not sent yet does not: it would be one too many there, so it waits for its turn anew.
        """
        gate, url = self.gates[phase], address.url if address else None
        for work in self.running:
            if work.owed.journey.phase is phase and url is not None and work.url == url:
                gate.running += 1
                self.running[work] = gate

    def _weight(self, work: Work) -> int:
        """Bytes of a payload; of one that was never read yet, as many as an event may have."""
        return work.weight or self._settings.max_event_bytes

    def _may_load(self, work: Work) -> bool:
        """Whether there is room for a payload that must be read again; what others, then we, could do without goes."""
        size = self._weight(work)
        if not self.account.may_load(size):
            self.account.budget.relieve()
        for wanted in (size, self.bytes):
            if not self.account.may_load(size):
                self.give_up(wanted)
        return self.account.may_load(size)

    def _admit(self, work: Work, now: float) -> None:
        if work.owed.due > now:
            self._wait(work)
        else:
            self._ready(work, now)

    def _ready(self, work: Work, now: float) -> None:
        """It may be sent from now on."""
        self.fresh[work.partition] += 1
        phase = work.owed.journey.phase
        gate = self.gates.get(phase)
        if gate is None:
            gate = self.gates[phase] = Gate(self._plan, self._settings, now=now)
        gate.push(work, now=now)

    def _wait(self, work: Work) -> None:
        heapq.heappush(self._waiting, work)
        if work.lane is not None and work.lane not in self._blocked:
            self._blocked.add(work.lane)
            behind = len(self._behind[work.lane])
            self.fresh[work.partition] -= behind
            self.blocked[work.partition] += behind

    def _unblock(self, work: Work) -> None:
        if work.lane and work.lane in self._blocked:
            self._blocked.discard(work.lane)
            behind = len(self._behind[work.lane])
            self.fresh[work.partition] += behind
            self.blocked[work.partition] -= behind

    def _stale(self, work: Work) -> None:
        if work.queued:  # else nothing of its partition counts any more
            self.fresh[work.partition] -= 1

    def _leave(self, work: Work) -> None:
        self._stale(work)
        self.account.remove(work.size)
        work.size = 0
        work.event = None

    def _all(self) -> Iterator[Work]:
        queues: list[Iterable[Work]] = [self.running, self._waiting, *self._behind.values()]
        queues += [gate.queued() for gate in self.gates.values()]
        return (work for queue in queues for work in queue)


def _address(plan: TriggerPlan, phase: Phase) -> Target | None:
    return plan.subscriber if phase is Phase.SUBSCRIBER else plan.dead_letter_sink


def lane_of(event: Event, partition: OwnedPartition) -> Lane:
    """The lane of an ordered Trigger's event; any other has one of its own, None."""
    return partition, event.attributes.get("partitionkey")

"""The way to one address: who may be sent there now, as far as its width, its rate and its circuit let them.

    push ──► ready ────────take: a place in the width, a token of the rate────────► running ──► leave
               │ ▲                                                                     ▲
      circuit  │ │ closes                                                              │
        opens  ▼ │                                                                     │
              held ──┬── the next probe is due: one that was never attempted, else the one whose schedule ends first
                     └── its schedule is over in wall time: its last attempt

Held events cost no attempt.  An event is held from the moment when it might have run, for as long as the waits that
its schedule still has, whether it is a probe meanwhile or not; then it is attempted once more, and goes the way of one
whose retries are spent if that fails.  So nothing goes to the dead letters without an attempt of its own.

Last attempts may take the whole width: how much at once an address takes is not known while it takes nothing, and one
that hangs would keep the events behind them waiting far beyond their schedules.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from enum import StrEnum

from tradewind.config import Settings
from tradewind.delivery.journey import asked
from tradewind.delivery.schedule import remaining
from tradewind.delivery.verdicts import Outcome, Verdict, crowded, verdict
from tradewind.plan import TriggerPlan
from tradewind.trigger_dispatcher.circuit import Circuit
from tradewind.trigger_dispatcher.rate import Bucket
from tradewind.trigger_dispatcher.width import Width
from tradewind.trigger_dispatcher.work import Work


class Change(StrEnum):
    """What an outcome did to a circuit."""

    OPENED = "opened"
    CLOSED = "closed"


class Gate:
    """Towards a Trigger's subscriber, or towards its dead-letter sink: each is an address of its own."""

    def __init__(self, plan: TriggerPlan, settings: Settings, *, now: float) -> None:
        self.width = Width(plan.max_in_flight or settings.max_in_flight)
        self.circuit = Circuit(failures=settings.circuit_failures, longest=settings.circuit_pause)
        self._bucket = Bucket(plan.rate, now=now)
        self._delivery = plan.delivery
        self._settings = settings
        self.running = 0
        self.ready: deque[Work] = deque()
        """Those that may be sent as soon as width and rate let them; none while the circuit is open."""
        self.held: list[tuple[float, int, Work]] = []
        """Those that the open circuit holds, by the end of their schedules; an entry counts while it is its Work's."""
        self._fresh: list[tuple[int, Work]] = []
        """Those of the held that were never attempted, by the order in which they came; no deque, which is larger."""
        self._entries = 0
        self._spell = object()
        """What tells this time of an open circuit from others: an event's end is that of the spell's first hold."""
        self._barred = False
        """There is no room for the next one's payload, until one that runs has ended."""

    def adopt(self, plan: TriggerPlan, *, now: float) -> None:
        """Go on with a changed Trigger, towards the same address."""
        self.width.resize(plan.max_in_flight or self._settings.max_in_flight)
        self._bucket.change(plan.rate, now=now)
        self._delivery = plan.delivery

    def elsewhere(self, plan: TriggerPlan, *, now: float) -> "Gate":
        """The way to another address, of which nothing is known yet, with all that was not sent to this one.

        Here nothing is left of it: what still runs may open the circuit, which would hold it in both.  The rate is the
        Trigger's: one whose address comes and goes must not have a burst each time.
        """
        gate = Gate(plan, self._settings, now=now)
        gate._bucket = self._bucket
        gate._bucket.change(plan.rate, now=now)
        works = sorted(self.queued())
        self.keep(lambda _: False)
        for work in works:
            work.held = None
            gate.push(work, now=now)
        return gate

    def push(self, work: Work, *, now: float) -> None:
        """An event may be sent from now on."""
        if self.circuit.open:
            self._hold(work, now)
        else:
            self.ready.append(work)

    def take(self, *, now: float, may: Callable[[Work], bool]) -> Work | None:
        """The next event that is sent now; it runs from here on.  `may` is asked where its payload must be read."""
        self._barred = False
        if not (self.ready or self.held):
            return None
        bucket, circuit = self._bucket, self.circuit
        if self._full or (bucket.rate is not None and bucket.wait(now)):
            return None
        work = self.ready[0] if self.ready else self._pick(now)
        if work is None:
            return None
        if not work.size and not may(work):
            self._barred = True
            return None
        if work.held is None:
            self.ready.popleft()
            work.last = False
        else:
            if circuit.may_probe(now):
                circuit.probe = work.identity
            work.last, work.held = work.end <= now, None
        if bucket.rate is not None:
            bucket.take()
        work.sent, work.url = now, None
        self.running += 1
        return work

    def next(self, *, now: float) -> float | None:
        """When `take` may give something without an attempt ending first; None where only that can help."""
        if self._barred or not (self.ready or self.held) or self._full:
            return None
        if not self.ready:
            self._tidy()
            if not self.held:
                return None
        due = now if self.ready else self.held[0][0]
        if self.circuit.open and self.circuit.probe is None:
            due = min(due, self.circuit.again)
        return max(due, now + self._bucket.wait(now))

    def told(self, work: Work, outcome: Outcome, *, now: float) -> Change | None:
        """What came of an attempt; what it did to the circuit."""
        if verdict(outcome) is not Verdict.RETRY:
            return self.taken()
        if crowded(outcome):
            self.width.crowded(sent=work.sent, now=now)
        wanted = asked(outcome, self._delivery, now=now)
        if not self.circuit.failed(work.identity, now=now, asked=wanted):
            return None
        self._spell = object()
        ready, self.ready = self.ready, deque()
        for waiting in ready:
            self._hold(waiting, now)
        return Change.OPENED

    def taken(self) -> Change | None:
        """The address took an event; what that did to the circuit."""
        self.width.taken()
        return self._release() if self.circuit.taken() else None

    def over(self, work: Work) -> bool:
        """Whether this attempt, which runs, is its event's last; not where the address takes events again by now."""
        return work.last and self.circuit.open

    def leave(self, work: Work) -> None:
        """An event that ran does so no longer."""
        self.running -= 1
        if self.circuit.probe is not None:
            self.circuit.left(work.identity)

    def queued(self) -> Iterable[Work]:
        """Every event that is not sent yet, those first that will be sent last."""
        yield from reversed(self.ready)
        yield from (entry[2] for entry in self.held if entry[2].held is entry)

    def keep(self, wanted: Callable[[Work], bool]) -> None:
        """Forget every event that is not wanted."""
        self.ready = deque(filter(wanted, self.ready))
        self._fresh = [entry for entry in self._fresh if wanted(entry[1])]
        heapq.heapify(self._fresh)
        self.held = [entry for entry in self.held if wanted(entry[2])]
        heapq.heapify(self.held)

    @property
    def _full(self) -> bool:
        return self.running >= (self.width.most if self.circuit.open else self.width.now)

    def _hold(self, work: Work, now: float) -> None:
        attempts = work.owed.journey.attempts
        if work.spell is not self._spell:
            work.spell = self._spell
            work.end = now + remaining(self._delivery, attempts, cap=self._settings.max_backoff)
        self._entries += 1
        work.held = entry = (work.end, self._entries, work)
        heapq.heappush(self.held, entry)
        if not attempts:
            heapq.heappush(self._fresh, (self._entries, work))

    def _pick(self, now: float) -> Work | None:
        """The held event that may be sent; it has left the queues once it is not held."""
        self._tidy()
        if self.held and self.circuit.may_probe(now):
            return self._fresh[0][1] if self._fresh else self.held[0][2]
        return self.held[0][2] if self.held and self.held[0][0] <= now else None

    def _tidy(self) -> None:
        """Drop what is not held any more from the front of both queues."""
        while self.held and self.held[0][2].held is not self.held[0]:
            heapq.heappop(self.held)
        while self._fresh and (not self._fresh[0][1].held or self._fresh[0][1].owed.journey.attempts):
            heapq.heappop(self._fresh)

    def _release(self) -> Change:
        works = sorted(self.queued())
        for work in works:
            work.held = None
        self.ready.extend(works)
        self.held, self._fresh = [], []
        return Change.CLOSED

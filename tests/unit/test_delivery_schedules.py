"""Thousands of seeded schedules of one Trigger's deliveries, through all that decides them.

A subscriber that is well, busy, flaky, hanging or down by turns; widths, rates, circuits, sinks and restarts.  Whatever
happens, every event ends once, taken or in the dead letters, after one attempt at the least and never more than its
retries allow; a key's events go one after another; and there is always a next moment until all have ended.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from tests.builders import event, trigger_plan
from tradewind.config import Settings
from tradewind.delivery.journey import Bury, Forward, Phase, Reply, Settle, Terms, Wait, after
from tradewind.delivery.schedule import Delivery
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events.model import Event
from tradewind.plan import TriggerPlan
from tradewind.ports import Bounds
from tradewind.trigger_dispatcher.budget import OVERHEAD, Budget
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.lanes import Lanes, lane_of
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition
from tradewind.trigger_dispatcher.work import Work

EVENTS = 20
BLOCKS, SEEDS = 20, 100

DOWN = NoAnswer("connection refused")
MODES: dict[str, Callable[[Random], tuple[Outcome, float]]] = {
    "well": lambda random: (Answer(202), 0.05),
    "flaky": lambda random: (Answer(random.choice([202, 202, 500, 503, 400])), 0.05),
    "busy": lambda random: (Answer(429, {"retry-after": str(random.randint(0, 20))}), 0.01),
    "hanging": lambda random: (NoAnswer("timed out after 30 s"), 30.0),
    "down": lambda random: (DOWN, 0.001),
}


class Schedule:
    """One seed's."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        delivery = Delivery(random.choice([0, 0, 1, 2, 5]), random.random() < 0.5, random.choice([0.0, 0.2, 5.0]))
        self.ordered = random.random() < 0.5
        self.plan = trigger_plan(
            delivery=delivery,
            sink=random.choice([None, "http://sink"]),
            max_in_flight=random.randint(1, 8),
            rate=random.choice([None, None, 0.5, 20.0]),
        )
        self.settings = replace(
            Settings(),
            circuit_failures=random.randint(1, 5),
            circuit_pause=random.choice([0.5, 4.0, 30.0]),
            backlog=random.choice([3, 100]),
            behind=random.choice([3, 100]),
            window_bytes=random.choice([200, 1 << 20]),
            max_event_bytes=1000,
        )
        self.budget = Budget(random.choice([500, 3000, 1 << 20]))
        self.now = 1000.0
        self.turns: list[tuple[float, int, Callable[[], None]]] = []
        self.log = [event(data=b"x" * random.randint(0, 300), partitionkey=random.choice("ab")) for _ in range(EVENTS)]
        self.due = deque(range(EVENTS))
        """Offsets that are not taken yet."""
        self.read = 0
        self.owed: dict[int, Owed] = {}
        self.ended: list[int] = []
        self.attempts: Counter[tuple[int, Phase]] = Counter()
        self.sent: Counter[Phase] = Counter()
        self.restarts = 0
        self.timer = 0.0
        self.modes = [random.choice(list(MODES)) for _ in range(6)]
        self.begin()

    def begin(self) -> None:
        """A new process: it knows what is owed, and nothing of circuits and widths."""
        ground = Ground(PartitionId("id", 0), "topic", 1, Bounds(0, 0), external=False)
        self.here = OwnedPartition(ground, owner="me", seen=-1, position=0)
        self.lanes = Lanes(self.plan, self.settings, self.budget, now=self.now)
        for offset in sorted(self.owed):
            lane = lane_of(self.log[offset], self.here) if self.ordered else None
            self.lanes.add(Work(self.here, self.owed[offset], None, lane), now=self.now)

    def at(self, moment: float, turn: Callable[[], None]) -> None:
        heapq.heappush(self.turns, (moment, self.random.randrange(1 << 30), turn))

    def run(self) -> None:
        for _ in range(EVENTS):
            self.at(1000.0 + self.random.random() * 20, self.arrive)
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self.at(1000.0 + self.random.random() * 60, self.restart)
        while len(self.ended) < EVENTS:
            assert self.turns, "nothing will ever happen again"
            self.now, _, turn = heapq.heappop(self.turns)
            assert self.now < 1e6
            turn()
            self.pump()

    def arrive(self) -> None:
        self.read += 1

    def restart(self) -> None:
        self.restarts += 1
        for gate in self.lanes.gates.values():
            assert gate.running >= 0
        running = list(self.lanes.running)
        self.lanes.retire()
        for work in running:
            self.lanes.done(work, now=self.now)
        assert self.budget.total == 0
        self.begin()

    def pump(self) -> None:
        lanes, settings = self.lanes, self.settings
        while self.due and EVENTS - len(self.due) < self.read and lanes.has_room(self.here):
            offset = self.due.popleft()
            owed = self.owed[offset] = Owed(offset)
            sent = self.log[offset]
            lanes.add(Work(self.here, owed, sent, lane_of(sent, self.here) if self.ordered else None), now=self.now)
            lanes.fit()
        lanes.due(now=self.now)
        while work := lanes.take(now=self.now):
            for one in (work, *lanes.ahead(work, 5)):
                lanes.remember(one, self.log[one.owed.offset])
            assert work.event is not None
            self.start(work, work.event)
        if (moment := lanes.next(now=self.now)) is not None:
            moment = max(moment, self.now + 1e-6)
            if not self.now < self.timer <= moment:
                self.timer = moment
                self.at(moment, lambda: None)
        for gate in lanes.gates.values():
            assert gate.running <= (self.plan.max_in_flight or settings.max_in_flight)
        largest = max(one.weight for one in self.log) + OVERHEAD
        taken_over = len(self.owed) * OVERHEAD if self.restarts else 0
        assert lanes.account.bytes <= self.budget.most + 2 * largest + taken_over

    def start(self, work: Work, sent: Event) -> None:
        lanes, phase = self.lanes, work.owed.journey.phase
        mode = self.modes[min(len(self.modes) - 1, int((self.now - 1000.0) // 10))]
        outcome, latency = MODES[mode](self.random)
        self.attempts[work.owed.offset, phase] += 1
        self.sent[phase] += 1
        if self.plan.rate and not self.restarts:
            assert self.sent[phase] <= max(1.0, self.plan.rate) + self.plan.rate * (self.now - 1000.0) + 0.01
        if self.ordered:
            mine = [one for one in lanes.running if one.lane == work.lane]
            assert mine == [work]
        self.at(self.now + latency, lambda: self.end(lanes, work, outcome))

    def end(self, lanes: Lanes, work: Work, outcome: Outcome) -> None:
        if lanes is not self.lanes:
            return  # it was in flight when its process ended
        gate = lanes.running[work]
        over = work.last and gate.circuit.open
        gate.told(work, outcome, now=self.now)
        step = after(work.owed.journey, outcome, self.terms(self.plan, over=over))
        match step:
            case Settle() | Reply() | Bury():
                self.ended.append(work.owed.offset)
                del self.owed[work.owed.offset]
                lanes.done(work, now=self.now)
            case Wait(journey, due):
                work.owed.journey, work.owed.due = journey, due
                lanes.wait(work, keep_payload=self.random.random() < 0.5)
            case Forward(journey):
                work.owed.journey, work.owed.due = journey, self.now
                lanes.wait(work, keep_payload=True)

    def terms(self, plan: TriggerPlan, *, over: bool) -> Terms:
        return Terms(plan.delivery, "http://a", plan.dead_letter_sink is not None, self.now, 0.5, 600.0, 0.2, over)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_event_ends_once_within_its_attempts_and_in_its_order(block: int) -> None:
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        schedule = Schedule(seed)
        try:
            schedule.run()
            retry = schedule.plan.delivery.retry
            assert sorted(schedule.ended) == list(range(EVENTS))
            for offset in range(EVENTS):
                assert schedule.attempts[offset, Phase.SUBSCRIBER] >= 1
            assert max(schedule.attempts.values()) <= retry + 1 + schedule.restarts
            if schedule.ordered:
                for key in "ab":
                    mine = [o for o in schedule.ended if schedule.log[o].attributes["partitionkey"] == key]
                    assert mine == sorted(mine)
            assert (schedule.budget.total, schedule.lanes.bytes) == (0, 0)
        except AssertionError as failed:
            raise AssertionError(f"seed {seed}: {failed}") from failed

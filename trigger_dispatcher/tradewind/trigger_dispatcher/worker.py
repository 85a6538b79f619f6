"""One Trigger at work: takes what its Lanes give and sends it; what follows from that is in `outcomes.py`.

offer ──► Lanes ──► begin ──► Sender ──► told ── its way ends ──► settled
            ▲         │ needs waiting      │ anything else
            │         └───► a task ◄───────┘
            └── wait ◄──────┘

What nearly every delivery is has no task: it is begun in a turn of the loop, and its answer calls.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from tradewind.delivery.journey import Phase, ends
from tradewind.delivery.verdicts import Answer, Dropped, Outcome
from tradewind.events.model import Event
from tradewind.plan import TriggerPlan
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.counts import TriggerCounts
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.lanes import Lanes, lane_of
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.outcomes import Outcomes
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.payloads import AHEAD, LONG_WAIT, Payloads, SecondReader
from tradewind.trigger_dispatcher.portion import portion
from tradewind.trigger_dispatcher.turns import Turns
from tradewind.trigger_dispatcher.work import Work

REFILL = 0.75
"""Share of a window that may be full when catching up resumes: reading for a single free place would waste a read."""

AT_EASE = 0.2
"""Share of one partition's backlog, and of the window, below which a Trigger has little to deliver: twice its width.
Higher, and of many Triggers that are all busy the slowest would detach as soon as the quickest is a little ahead."""


class _Going:
    """An Exchange that a task sees to."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def give_up(self, about: object) -> None:
        """See Exchange."""
        self._task.cancel()


class Worker:
    """Delivers for one Trigger, on every partition that this process owns."""

    def __init__(
        self,
        plan: TriggerPlan,
        edges: Edges,
        second: SecondReader,
        turns: Turns,
        budget: Budget,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.lanes = Lanes(plan, edges.settings, budget, now=edges.clock())
        self.counts = TriggerCounts()
        self.stuck: dict[OwnedPartition, str | None] = {}
        """The key on each partition that so many events are behind that no more are taken; None is the lack of one."""
        self._edges = edges
        self._payloads = Payloads(second, self.lanes, tasks)
        self._outcomes = Outcomes(plan, edges, self.lanes, self.counts, self._payloads, more=self._soon)
        self._turns = turns
        self._tasks = tasks
        self._second = second
        self._releasing: dict[OwnedPartition, asyncio.Event] = {}
        """Partitions that somebody waits for: until nothing of them runs any more."""
        self._timer: asyncio.TimerHandle | None = None
        self._queued = False
        """What may run is started in the loop's next turn."""
        self._loading: dict[OwnedPartition, asyncio.Task[None]] = {}
        self._retired = False
        self._paused = False
        self._owned, self._of = 0, 0
        self._go_by(plan)

    @property
    def paused(self) -> bool:
        """Whether nothing is started until it is resumed."""
        return self._paused

    @property
    def probing(self) -> bool:
        """Whether the subscriber is taken for down: only single events ask whether it is well again."""
        return self.lanes.gates[Phase.SUBSCRIBER].circuit.open

    def adopt(self, plan: TriggerPlan) -> None:
        """Go on with a changed Trigger: no gap, nothing forgotten."""
        self._go_by(plan)
        self._narrow()

    def share(self, owned: int, of: int) -> None:
        """This process owns so many `of` its topic's partitions from now on, and keeps as much of its bounds.

        Of none nothing follows: what it gives up may be begun until it is dropped, and no wider for that.
        """
        if owned:
            self._owned, self._of = owned, of
            if self.plan.bounded:
                self._narrow()

    def _narrow(self) -> None:
        self.lanes.adopt(portion(self.plan, owned=self._owned, of=self._of), now=self._edges.clock())
        self._soon()

    def _go_by(self, plan: TriggerPlan) -> None:
        self.plan = self._outcomes.plan = plan
        self._ordered = plan.order is Order.ORDERED
        self._lines = _lines(plan)

    def pause(self, paused: bool) -> None:
        """Start nothing more, and take nothing more in, until resumed; what runs ends by itself, what is due waits."""
        if paused != self._paused:
            self._paused = paused
            log.info("trigger paused" if paused else "trigger resumed", trigger=self.plan.name)
            self._soon()
            self._second.room()

    def offer(self, partition: OwnedPartition, owed: Owed, event: Event) -> None:
        """An event is owed from now on."""
        self.counts.matched += 1
        self._add(partition, owed, event)
        self._soon()

    def resume(self, partition: OwnedPartition) -> None:
        """Take up what a partition's Ledger already owes."""
        owed = sorted(partition.ledgers[self.plan.name].owed.values(), key=lambda entry: entry.offset)
        if owed and self._ordered:
            self._loading[partition] = self._tasks.create_task(self._load(partition, owed))
            return
        for entry in owed:
            self.lanes.add(Work(partition, entry, None, None), now=self._edges.clock())
        self._soon()

    def has_room(self, partition: OwnedPartition, share: float = 1.0) -> bool:
        """Whether one more event of this partition may be held; of each bound, `share` counts."""
        if self.plan.subscriber.url is None or self._paused or partition in self._loading:
            return False
        if self.lanes.has_room(partition, share):
            return True
        if self.lanes.overrun(partition) and partition not in self.stuck:
            key, behind = self.lanes.stuck(partition)
            self.stuck[partition] = key
            told = {"trigger": self.plan.name, "topic": partition.topic, "partition": partition.identity.partition}
            log.warning("a key that waits for a retry holds up its trigger", **told, key=key or "", behind=behind)
        return False

    def may_refill(self, partition: OwnedPartition) -> bool:
        """Whether it is worth reading on for this Trigger: a good part of the window is free."""
        room = self.has_room(partition, REFILL)
        if room:
            self.stuck.pop(partition, None)
        return room

    def room(self, partition: OwnedPartition) -> int:
        """How many more events of this partition may be held, if they are as large as those that are."""
        settings, lanes = self._edges.settings, self.lanes
        left = settings.backlog - lanes.fresh[partition]
        held = sum(lanes.fresh.values()) + sum(lanes.blocked.values())
        if held and lanes.bytes:
            left = min(left, (settings.window_bytes - lanes.bytes) * held // lanes.bytes)
        return left

    @property
    def at_ease(self) -> bool:
        """Whether it has little to deliver: what it may run at once, and as much again."""
        settings, lanes = self._edges.settings, self.lanes
        return sum(lanes.fresh.values()) < settings.backlog * AT_EASE and lanes.bytes < settings.window_bytes * AT_EASE

    async def release(self, partition: OwnedPartition, *, grace: float) -> None:
        """Start nothing more of this partition; wait for what runs, cut it short after `grace` seconds."""
        self.lanes.drop(partition)
        self.stuck.pop(partition, None)
        if loading := self._loading.pop(partition, None):
            loading.cancel()
        if not self._runs(partition):
            return
        ended = self._releasing[partition] = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), grace)
        del self._releasing[partition]
        for work in self._runs(partition):
            self._cut_short(work)

    def retire(self) -> None:
        """The Trigger is gone: start nothing more; what runs ends by itself."""
        self._retired = True
        self.lanes.retire()
        if self._timer:
            self._timer.cancel()
        self._payloads.stop()
        for task in self._loading.values():
            task.cancel()

    def abandon(self) -> None:
        """The process ends: leave what still runs.  It is owed, and whoever owns its partition next goes on with it."""
        self.retire()
        for work in tuple(self.lanes.running):
            self._cut_short(work)

    def hasten(self, partition: OwnedPartition, offsets: Collection[int]) -> None:
        """These have been saved from retention: their lanes go on."""
        self.lanes.hasten(partition, offsets, now=self._edges.clock())
        self._soon()

    def _add(self, partition: OwnedPartition, owed: Owed, event: Event) -> Work:
        lane = lane_of(event, partition) if self._ordered else None
        work = Work(partition, owed, event, lane)
        self.lanes.add(work, now=self._edges.clock())
        self.lanes.fit()
        return work

    async def _load(self, partition: OwnedPartition, owed: list[Owed]) -> None:
        """Read again what an ordered Trigger owes, in order: its lanes come from the events' keys."""
        for first in range(0, len(owed), AHEAD):
            part = owed[first : first + AHEAD]
            left = iter(part)
            async for event in self._payloads.each(partition, [entry.offset for entry in part]):
                entry = next(left)
                if event is None:
                    self.lanes.add(Work(partition, entry, None, None), now=self._edges.clock())
                    continue
                work = self._add(partition, entry, event)
                if not self.lanes.fits() or entry.due > self._edges.clock() + LONG_WAIT:
                    self.lanes.forget(work)
            self._soon()
        self._loading.pop(partition, None)
        self._second.room()

    def _soon(self) -> None:
        """Start what may run in the loop's next turn, once for all that comes in this."""
        if not self._queued:
            self._queued = True
            self._turns.soon(self._turn)

    def _turn(self) -> int:
        """Start all that may run now, and look again when more may; how much has been started."""
        self._queued = False
        if self._retired or self._paused or self.plan.subscriber.url is None:
            return 0
        clock, here, lanes = self._edges.clock, self._edges.here, self.lanes
        now, started = clock(), 0
        if lanes.waiting:
            lanes.due(now=now)
        while here():
            work = lanes.take(now=now)
            if work is None:
                self._look_again(now)
                break
            if not self._begin(work):
                self._start(work, partial(self._outcomes.attempt, work))
            started += 1
            now = clock()
        return started

    def _look_again(self, now: float) -> None:
        """When more may run, if nothing happens before."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due = self.lanes.next(now=now)
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._soon)

    def _begin(self, work: Work) -> bool:
        """Send it, where there is nothing to wait for first; `_told` hears what comes of it."""
        event, plan = work.event, self.plan
        if event is None or work.owed.saved or work.owed.journey.phase is not Phase.SUBSCRIBER:
            return False
        url, lines = plan.subscriber.url, event.lines
        if url is None or lines is None or plan.delivery.structured:
            return False
        body, timeout = event.data or b"", plan.delivery.timeout
        try:
            work.way = self._edges.sender.begin(
                url, lines + self._lines, body, timeout=timeout, told=self._told, about=work
            )
        except Exception as error:  # a task meets it as well, and does what follows
            log.debug("delivery cannot be begun", trigger=plan.name, offset=work.owed.offset, error=error)
        if work.way is None:
            return False
        work.url = url
        return True

    def _told(self, work: Work, outcome: Outcome | Dropped) -> None:
        """What came of a Work that was begun; its end makes room for the next."""
        work.way = None
        try:
            if isinstance(outcome, Answer) and ends(outcome):
                now = self._edges.clock()
                self._outcomes.ended(work, outcome, now=now)
                self.lanes.done(work, now=now)
                self._over(work.partition)
            else:
                self._start(work, partial(self._outcomes.go_on, work, outcome))
        except Exception as error:  # it ends the process, and not the connection that told
            self._turns.fault(error)

    def _start(self, work: Work, attempt: Callable[[], Awaitable[None]]) -> None:
        task = self._tasks.create_task(self._guarded(work, attempt))
        work.way = going = _Going(task)
        task.add_done_callback(lambda _: self._ended(work) if work.way is going else None)  # it was cut short

    async def _guarded(self, work: Work, attempt: Callable[[], Awaitable[None]]) -> None:
        try:
            await attempt()
        except Exception as error:
            await self._outcomes.stumbled(work, error)
        self._ended(work)

    def _ended(self, work: Work) -> None:
        """An attempt is over: unless its event waits for another, what may run in its place does.

        Of one that was cut short nothing is settled: its event is owed as before.
        """
        work.way = None
        if work in self.lanes.running:
            self.lanes.done(work, now=self._edges.clock())
        self._over(work.partition)

    def _over(self, partition: OwnedPartition) -> None:
        """One less of its events runs."""
        if (ended := self._releasing.get(partition)) and not self._runs(partition):
            ended.set()
        self._soon()
        if self._second.someone_behind and self.may_refill(partition):
            self._second.room()

    def _runs(self, partition: OwnedPartition) -> list[Work]:
        return [work for work in self.lanes.running if work.partition is partition]

    def _cut_short(self, work: Work) -> None:
        if work.way is not None:
            work.way.give_up(work)
            self._ended(work)


def _lines(plan: TriggerPlan) -> bytes:
    """The header lines that every delivery of a Trigger has."""
    return b"Prefer: reply\r\nKn-Namespace: %b\r\n" % plan.name.namespace.encode()

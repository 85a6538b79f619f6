"""One Trigger at work: takes what its Lanes give, sends it, and does what its Journey says.

offer ──► Lanes ──► begin ──► Sender ──► told ── plain success ──► the Ledger settles
            ▲         │ needs waiting      │ anything else
            │         └──► a task: attempt ▼
            └── Wait ◄─ after(journey, outcome) ─► Settle | Reply → Broker topic | Bury → dead-letter topic, then settle

What nearly every delivery is has no task: it is begun in a turn of the loop, and its answer calls.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial

from tradewind.delivery.journey import (
    Bury,
    Failure,
    Forward,
    Journey,
    Phase,
    Reply,
    Settle,
    Terms,
    Wait,
    after,
    dead_letter,
    ends,
    failure_of,
    outgoing,
)
from tradewind.delivery.verdicts import Answer, Dropped, NoAnswer, Outcome
from tradewind.events import http
from tradewind.events.model import Event
from tradewind.plan import TriggerPlan
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher import letters
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.circuit import Circuit
from tradewind.trigger_dispatcher.counts import RETENTION, TriggerCounts
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.gate import Change
from tradewind.trigger_dispatcher.lanes import Lanes, lane_of
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.payloads import AHEAD, Payloads, SecondReader
from tradewind.trigger_dispatcher.replies import reenter
from tradewind.trigger_dispatcher.work import Work

LONG_WAIT = 5.0
"""Seconds of waiting above which an event's payload is given up and read again when it is due."""

STUMBLE = 1.0
"""Seconds, at the least, before an attempt is repeated that ended in a fault of ours; it counts as one that failed."""

SAVING = 5.0
"""Seconds after which a lane looks again whether its event has been saved from retention."""

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
        tasks: asyncio.TaskGroup,
        budget: Budget,
    ) -> None:
        self._go_by(plan)
        self.lanes = Lanes(plan, edges.settings, budget, now=edges.clock())
        self.counts = TriggerCounts()
        self.stuck: dict[OwnedPartition, str | None] = {}
        """The key on each partition that so many events are behind that no more are taken; None is the lack of one."""
        self._edges = edges
        self._payloads = Payloads(second, self.lanes, tasks)
        self._tasks = tasks
        self._second = second
        self._releasing: dict[OwnedPartition, asyncio.Event] = {}
        """Partitions that somebody waits for: until nothing of them runs any more."""
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False
        """What may run is started in the loop's next turn."""
        self._loading: dict[OwnedPartition, asyncio.Task[None]] = {}
        self._retired = False
        self._paused = False

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
        self.lanes.adopt(plan, now=self._edges.clock())
        self._pump()

    def _go_by(self, plan: TriggerPlan) -> None:
        self.plan = plan
        self._ordered = plan.order is Order.ORDERED
        self._lines = _lines(plan)

    def pause(self, paused: bool) -> None:
        """Start nothing more, and take nothing more in, until resumed; what runs ends by itself, what is due waits."""
        if paused != self._paused:
            self._paused = paused
            log.info("trigger paused" if paused else "trigger resumed", trigger=self.plan.name)
            self._pump()
            self._second.room()

    def offer(self, partition: OwnedPartition, owed: Owed, event: Event) -> None:
        """An event is owed from now on."""
        self.counts.matched += 1
        self._add(partition, owed, event)
        self._pump_soon()

    def resume(self, partition: OwnedPartition) -> None:
        """Take up what a partition's Ledger already owes."""
        owed = sorted(partition.ledgers[self.plan.name].owed.values(), key=lambda entry: entry.offset)
        if owed and self._ordered:
            self._loading[partition] = self._tasks.create_task(self._load(partition, owed))
            return
        for entry in owed:
            self.lanes.add(Work(partition, entry, None, None), now=self._edges.clock())
        self._pump()

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
        self._pump()

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
            self._pump()
        self._loading.pop(partition, None)
        self._second.room()

    def _pump_soon(self) -> None:
        """In the loop's next turn, once for all that comes in this: requests sent together wake the subscriber once."""
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """The loop calls: nobody else would hear of a fault of ours, which ends the process."""
        self._soon = False
        try:
            self._pump()
        except Exception as error:
            self._tasks.create_task(_raised(error))

    def _pump(self) -> None:
        """Start all that may run now, and look again when more may."""
        if self._retired or self._paused or self.plan.subscriber.url is None:
            return
        clock, here, lanes = self._edges.clock, self._edges.here, self.lanes
        now = clock()
        if lanes.waiting:
            lanes.due(now=now)
        while here():
            work = lanes.take(now=now)
            if work is None:
                self._look_again(now)
                return
            if not self._begin(work):
                self._start(work, partial(self._attempt, work))
            now = clock()

    def _look_again(self, now: float) -> None:
        """When more may run, if nothing happens before."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due = self.lanes.next(now=now)
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._turn)

    def _begin(self, work: Work) -> bool:
        """Send it, where there is nothing to wait for first; `_told` hears what comes of it."""
        work.url = None
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
        work.url = url
        return work.way is not None

    def _told(self, work: Work, outcome: Outcome | Dropped) -> None:
        """What came of a Work that was begun; its end makes room for the next."""
        work.way = None
        try:
            if not isinstance(outcome, Dropped) and ends(work.owed.journey, outcome):
                self._note(work, outcome)
                self._settle(work)
                self._over(work.partition)
            else:
                self._start(work, partial(self._go_on, work, outcome))
        except Exception as error:  # it ends the process, and not the connection that told
            self._tasks.create_task(_raised(error))

    def _start(self, work: Work, attempt: Callable[[], Awaitable[None]]) -> None:
        task = self._tasks.create_task(self._guarded(work, attempt))
        work.way = going = _Going(task)
        task.add_done_callback(lambda _: self._ended(work) if work.way is going else None)  # it was cut short

    async def _guarded(self, work: Work, attempt: Callable[[], Awaitable[None]]) -> None:
        try:
            await attempt()
        except Exception as error:
            await self._stumbled(work, error)
        self._ended(work)

    def _ended(self, work: Work) -> None:
        """An attempt is over, and has said what becomes of its event: what may run in its place does.

        One that was cut short has said nothing: its event is left where it was.
        """
        work.way = None
        if work in self.lanes.running:
            self.lanes.done(work, now=self._edges.clock())
        self._over(work.partition)

    def _over(self, partition: OwnedPartition) -> None:
        """One less of its events runs."""
        if (ended := self._releasing.get(partition)) and not self._runs(partition):
            ended.set()
        self._pump_soon()
        if self._second.someone_behind and self.may_refill(partition):
            self._second.room()

    def _runs(self, partition: OwnedPartition) -> list[Work]:
        return [work for work in self.lanes.running if work.partition is partition]

    def _cut_short(self, work: Work) -> None:
        if work.way is not None:
            work.way.give_up(work)
            self._ended(work)

    async def _stumbled(self, work: Work, error: Exception) -> None:
        """An attempt ended in a fault of ours: it counts as one that failed, and says nothing of the subscriber."""
        log.exception("delivery stumbled", trigger=self.plan.name, offset=work.owed.offset)
        journey, outcome = work.owed.journey, NoAnswer(f"a fault of Tradewind's own: {type(error).__name__}")
        step, soonest = after(journey, outcome, self._terms(work)), self._edges.clock() + STUMBLE
        if isinstance(step, Wait) or work.event is None:
            due = step.due if isinstance(step, Wait) else 0.0
            self._wait(work, replace(journey, attempts=journey.attempts + 1), max(soonest, due))
            return
        try:
            await self._follow(work, work.event, step, outcome)
        except Exception:  # what stumbles even on its way to the dead letters waits, and is never lost
            log.exception("dead letter stumbled", trigger=self.plan.name, offset=work.owed.offset)
            self._wait(work, journey, self._edges.clock() + self._edges.settings.max_backoff)

    async def _go_on(self, work: Work, outcome: Outcome | Dropped) -> None:
        """What was begun asks for more than to be settled."""
        if isinstance(outcome, Dropped) or work.event is None:
            await self._attempt(work, anew=True)
        else:
            await self._conclude(work, work.event, outcome)

    async def _attempt(self, work: Work, *, anew: bool = False) -> None:
        """Send it, with all that may have to be waited for; `anew` where what was begun was dropped."""
        if work.owed.saved:
            if work.owed.offset in work.partition.ledgers[self.plan.name].owed:  # not yet: its lane waits for that
                work.owed.due = self._edges.clock() + SAVING
                self.lanes.wait(work, keep_payload=False)
            return
        if work.event is None:
            self._payloads.read_ahead(work)
        event = await self._payloads.of(work) if work.event is None else work.event
        if event is None:
            await self._lost(work)
            return
        plan = self.plan
        work.url, (headers, body) = self._request(plan, work.owed.journey, event)
        if work.url is None and work.owed.journey.phase is Phase.SUBSCRIBER:  # since it was taken: no attempt was made
            self._wait(work, work.owed.journey, self._edges.clock())
            return
        if work.url is None:
            outcome: Outcome = NoAnswer(plan.dead_letter_sink.why if plan.dead_letter_sink else "no address")
        else:
            if not self._edges.here():  # its partition may be another's: it is owed, and goes on after the rebalance
                return
            outcome = await self._edges.sender.post(work.url, headers, body, timeout=plan.delivery.timeout, anew=anew)
        await self._conclude(work, event, outcome)

    async def _conclude(self, work: Work, event: Event, outcome: Outcome) -> None:
        """Do what follows from what came back."""
        terms = self._terms(work)
        self._note(work, outcome)
        await self._follow(work, event, after(work.owed.journey, outcome, terms), outcome)

    def _terms(self, work: Work) -> Terms:
        plan, settings = self.plan, self._edges.settings
        return Terms(
            plan.delivery,
            work.url or "",
            plan.dead_letter_sink is not None,
            self._edges.clock(),
            self._edges.chance(),
            settings.max_backoff,
            settings.backoff_jitter,
            work.last and self.lanes.running[work].circuit.open,
        )

    def _note(self, work: Work, outcome: Outcome) -> None:
        """Count it, and let its gate know, where something was sent."""
        if work.url is None:
            return
        now, gate = self._edges.clock(), self.lanes.running[work]
        counts = self.counts.subscriber if work.owed.journey.phase is Phase.SUBSCRIBER else self.counts.sink
        counts.ended(outcome, now - work.sent)
        if change := gate.told(work, outcome, now=now):
            self._tell(change, gate.circuit, work.url, outcome)

    def _tell(self, change: Change, circuit: Circuit, url: str, outcome: Outcome) -> None:
        """A circuit opened or closed: say so, and go on by it."""
        if change is Change.OPENED:
            circuit.why = said = failure_of(outcome, url).reason
            log.warning("deliveries fail: probing with single events", trigger=self.plan.name, url=url, outcome=said)
        else:
            log.info("deliveries succeed again", trigger=self.plan.name, url=url)
        self._pump()

    async def _follow(self, work: Work, event: Event, step: object, outcome: Outcome) -> None:
        match step:
            case Settle():
                self._settle(work)
            case Reply(answer):
                place = work.partition.identity, work.owed.offset
                self.counts.replies[await reenter(self._edges, self.plan, *place, event, answer)] += 1
                self._settle(work)
            case Wait(journey, due):
                said = outcome.status if isinstance(outcome, Answer) else outcome.reason
                wait = round(due - self._edges.clock(), 3)  # a moment is hard to compare with the time of the line
                told = {"trigger": self.plan.name, "id": event.id, "outcome": said, "wait_seconds": wait}
                log.info("delivery will be retried", **told)
                self.counts.retries += 1
                self._wait(work, journey, due)
            case Forward(journey):
                self._wait(work, journey, self._edges.clock())
            case Bury(failure, reason):
                await self._bury(work, event, failure, reason)
                self.counts.letters[reason] += 1
                self._settle(work)

    def _request(
        self, plan: TriggerPlan, journey: Journey, event: Event
    ) -> tuple[str | None, tuple[list[tuple[str, str]], bytes]]:
        """Where the attempt goes, and what is sent."""
        if journey.phase is Phase.SUBSCRIBER or journey.failure is None:
            url, sent = plan.subscriber.url, outgoing(event)
        else:
            url = plan.dead_letter_sink.url if plan.dead_letter_sink else None
            sent = dead_letter(event, journey.failure)
        headers, body = http.write_structured(sent) if plan.delivery.structured else http.write_binary(sent)
        return url, ([*headers, ("Prefer", "reply"), ("Kn-Namespace", plan.name.namespace)], body)

    async def _bury(self, work: Work, event: Event, failure: Failure, reason: str) -> None:
        plan = self.plan
        log.warning("event goes to the dead-letter topic", trigger=plan.name, id=event.id, reason=reason,
                    outcome=failure.reason)  # fmt: skip
        said = f"{reason}: {failure.reason}"
        await self._edges.kept(
            letters.of_event(
                plan.dead_letter_topic, plan.name, work.partition.identity, work.owed.offset, event, failure, said
            )
        )

    async def _lost(self, work: Work) -> None:
        plan, identity = self.plan, work.partition.identity
        reason = f"{plan.topic}[{identity.partition}] no longer holds offset {work.owed.offset}"
        log.error("owed event is gone from the log", trigger=plan.name, reason=reason)
        await self._edges.stored(
            letters.of_lost(plan.dead_letter_topic, plan.name, identity, work.owed.offset, f"{RETENTION}: {reason}")
        )
        self.counts.letters[RETENTION] += 1
        self._settle(work)

    def _settle(self, work: Work) -> None:
        work.partition.ledgers[self.plan.name].settle(work.owed.offset)
        self.lanes.done(work, now=self._edges.clock())

    def _wait(self, work: Work, journey: Journey, due: float) -> None:
        work.partition.ledgers[self.plan.name].wait(work.owed.offset, journey, due)
        self.lanes.wait(work, keep_payload=due - self._edges.clock() <= LONG_WAIT)


def _lines(plan: TriggerPlan) -> bytes:
    """The header lines that every delivery of a Trigger has."""
    return b"Prefer: reply\r\nKn-Namespace: %b\r\n" % plan.name.namespace.encode()


async def _raised(error: Exception) -> None:
    raise error

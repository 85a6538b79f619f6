"""What follows from an attempt, of one Trigger: its event is settled, waits, re-enters its Broker or is buried.

attempt ──► Sender ──► outcome ──after(journey, outcome)──► Settle | Reply → Broker topic | Bury → dead-letter topic
   ▲                                                       │
   └──────────────── the Lanes, when it is due ◄── Wait, Forward
"""

from collections.abc import Callable
from dataclasses import replace

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
    failure_of,
    outgoing,
)
from tradewind.delivery.verdicts import Answer, Dropped, NoAnswer, Outcome
from tradewind.events import http
from tradewind.events.model import Event
from tradewind.plan import TriggerPlan
from tradewind.trigger_dispatcher import letters
from tradewind.trigger_dispatcher.circuit import Circuit
from tradewind.trigger_dispatcher.counts import RETENTION, TriggerCounts
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.gate import Change
from tradewind.trigger_dispatcher.lanes import Lanes
from tradewind.trigger_dispatcher.payloads import LONG_WAIT, Payloads
from tradewind.trigger_dispatcher.replies import reenter
from tradewind.trigger_dispatcher.work import Work

STUMBLE = 1.0
"""Seconds, at the least, before an attempt is repeated that ended in a fault of ours; it counts as one that failed."""

SAVING = 5.0
"""Seconds after which a lane looks again whether its event has been saved from retention."""


class Outcomes:
    """`more` is called when more may run than the attempt's own end makes room for."""

    def __init__(
        self,
        plan: TriggerPlan,
        edges: Edges,
        lanes: Lanes,
        counts: TriggerCounts,
        payloads: Payloads,
        *,
        more: Callable[[], None],
    ) -> None:
        self.plan = plan
        self._edges = edges
        self._lanes = lanes
        self._counts = counts
        self._payloads = payloads
        self._more = more

    def ended(self, work: Work, answer: Answer, *, now: float) -> None:
        """Its way ends by this answer of the subscriber, as nearly every one does: nothing is waited for."""
        self._counts.subscriber.ended(answer, now - work.sent)
        gate = self._lanes.running[work]
        if change := gate.taken():
            self._tell(change, gate.circuit, work.url or "", answer)
        self._settle(work)

    async def attempt(self, work: Work, *, anew: bool = False) -> None:
        """Send it, with all that may have to be waited for; `anew` where what was begun was dropped."""
        if work.owed.saved:
            if work.owed.offset in work.partition.ledgers[self.plan.name].owed:  # not yet: its lane waits for that
                work.owed.due = self._edges.clock() + SAVING
                self._lanes.wait(work, keep_payload=False)
            return
        if work.event is None:
            self._payloads.read_ahead(work)
        event = await self._payloads.of(work) if work.event is None else work.event
        if event is None:
            await self._lost(work)
            return
        plan = self.plan
        work.url, (headers, body) = self._request(plan, work.owed.journey, event)
        if not self._lanes.counts(work):  # the address changed since it was taken: no attempt was made
            self._wait(work, work.owed.journey, self._edges.clock())
            return
        if work.url is None:
            outcome: Outcome = NoAnswer(plan.dead_letter_sink.why if plan.dead_letter_sink else "no address")
        else:
            if not self._edges.here():  # its partition may be another's: it is owed, and goes on after the rebalance
                return
            outcome = await self._edges.sender.post(work.url, headers, body, timeout=plan.delivery.timeout, anew=anew)
        await self._conclude(work, event, outcome)

    async def go_on(self, work: Work, outcome: Outcome | Dropped) -> None:
        """What was begun asks for more than to be settled."""
        if isinstance(outcome, Dropped) or work.event is None:
            await self.attempt(work, anew=True)
        else:
            await self._conclude(work, work.event, outcome)

    async def stumbled(self, work: Work, error: Exception) -> None:
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
            self._lanes.running[work].over(work),
        )

    def _note(self, work: Work, outcome: Outcome) -> None:
        """Count it, and let its gate know, where something was sent."""
        if work.url is None:
            return
        now, gate = self._edges.clock(), self._lanes.running[work]
        counts = self._counts.subscriber if work.owed.journey.phase is Phase.SUBSCRIBER else self._counts.sink
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
        self._more()

    async def _follow(self, work: Work, event: Event, step: object, outcome: Outcome) -> None:
        match step:
            case Settle():
                self._settle(work)
            case Reply(answer):
                place = work.partition.identity, work.owed.offset
                self._counts.replies[await reenter(self._edges, self.plan, *place, event, answer)] += 1
                self._settle(work)
            case Wait(journey, due):
                said = outcome.status if isinstance(outcome, Answer) else outcome.reason
                wait = round(due - self._edges.clock(), 3)  # a moment is hard to compare with the time of the line
                told = {"trigger": self.plan.name, "id": event.id, "outcome": said, "wait_seconds": wait}
                log.info("delivery will be retried", **told)
                self._counts.retries += 1
                self._wait(work, journey, due)
            case Forward(journey):
                self._wait(work, journey, self._edges.clock())
            case Bury(failure, reason):
                await self._bury(work, event, failure, reason)
                self._counts.letters[reason] += 1
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
        self._counts.letters[RETENTION] += 1
        self._settle(work)

    def _settle(self, work: Work) -> None:
        """It is owed no longer; its lane goes on when the attempt is over, which is at once."""
        work.partition.ledgers[self.plan.name].settle(work.owed.offset)

    def _wait(self, work: Work, journey: Journey, due: float) -> None:
        work.partition.ledgers[self.plan.name].wait(work.owed.offset, journey, due)
        self._lanes.wait(work, keep_payload=due - self._edges.clock() <= LONG_WAIT)

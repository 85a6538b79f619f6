"""What a dispatcher's metrics are now, read off the objects that deliver.  It looks, and decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from tradewind.delivery.journey import Phase
from tradewind.errors import LogUnavailable
from tradewind.filters.tree import sees_data
from tradewind.observe import metrics as m
from tradewind.observe.metrics import TURN, Reading, response_code_class
from tradewind.ports import Bounds, Member, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.counts import REPLY, Attempts
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.gate import Gate
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.replies import Came
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.worker import Worker

PATIENCE = 2.0
"""Seconds that Kafka has to say where the partitions end; without that a Trigger's backlog is not known."""

Ends = Mapping[TopicPartition, Bounds]


class Readings:
    """Of one process."""

    def __init__(self, edges: Edges, roster: Roster, budget: Budget) -> None:
        self.member: Member | None = None
        self._edges = edges
        self._roster = roster
        self._budget = budget

    async def page(self) -> bytes:
        """All of them, in text form."""
        return await m.page(self._all())

    async def _all(self) -> AsyncIterator[Reading]:
        for reading in (*self._of_process(), *self._of_brokers(), *self._of_alarms()):
            yield reading
        ends = await self._ends()
        for number, worker in enumerate(self._roster.all_workers()):
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)
            for reading in of_trigger(worker, self._roster.partitions(), ends):
                yield reading

    async def _ends(self) -> Ends | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._edges.log.bounds([place(partition) for partition in self._roster.partitions()])
        except (LogUnavailable, TimeoutError):
            return None

    def _of_process(self) -> Iterator[Reading]:
        counts = self._edges.counts
        yield Reading(m.BUDGET_HELD, (), self._budget.total)
        yield Reading(m.BUDGET, (), self._budget.most)
        yield Reading(m.PARTITIONS, (), len(self._roster.partitions()))
        yield Reading(m.REJOINED, (), counts.rejoined)
        yield Reading(m.FENCED, (), self.member.fenced if self.member else 0)
        yield Reading(m.CURSOR_FAILURES, (), counts.cursor_failures)

    def _of_brokers(self) -> Iterator[Reading]:
        counts = self._edges.counts
        for broker in self._roster.plan.brokers.values():
            topic, labels = broker.topic.name, (broker.name.namespace, broker.name.name)
            yield Reading(m.READ, labels, counts.read.get(topic, 0))
            yield Reading(m.NO_EVENTS, labels, counts.no_events.get(topic, 0))
            if types := self._roster.flowing.get(topic):
                yield Reading(m.TYPES_LEFT_OUT, labels, types.left_out)

    def _of_alarms(self) -> Iterator[Reading]:
        counts, plan = self._edges.counts, self._roster.plan
        brokers = {broker.topic.name: broker.name for broker in plan.brokers.values()}
        for metric, found in ((m.ALARMS, counts.alarms), (m.GONE, counts.gone)):
            for (topic, name, what), count in found.items():
                trigger, broker = plan.triggers.get(name) if name else None, brokers.get(topic)
                if trigger:
                    yield Reading(metric, (*_labels(trigger.name, trigger.broker), what), count)
                elif broker and not name:
                    yield Reading(metric, (broker.namespace, broker.name, "", what), count)


def of_trigger(worker: Worker, partitions: Iterable[OwnedPartition], ends: Ends | None) -> Iterator[Reading]:
    """One Trigger's; `ends` are those of the partitions, as far as they are known."""
    plan, lanes, counts = worker.plan, worker.lanes, worker.counts
    name, labels = plan.name, _labels(plan.name, plan.broker)
    here = [one for one in partitions if one.topic == plan.topic and name in one.ledgers]
    yield Reading(m.MATCHED, labels, counts.matched)
    if sees_data(plan.filter):
        yield Reading(m.FILTER_FAILURES, labels, counts.filter_failures)
    yield Reading(m.RETRIES, labels, counts.retries)
    for reason, count in (*counts.letters.items(), (REPLY, counts.replies.get(Came.DEAD_LETTER, 0))):
        if count:
            yield Reading(m.DEAD_LETTERS, (*labels, reason), count)
    for outcome, count in counts.replies.items():
        yield Reading(m.REPLIES, (*labels, outcome), count)
    yield Reading(m.OWED, labels, sum(len(one.ledgers[name].owed) for one in here))
    yield Reading(m.WAITING, labels, lanes.waiting)
    if ends is not None:
        yield Reading(m.BACKLOG, labels, sum(_behind(one, name, ends) for one in here))
    yield Reading(m.BLOCKED, labels, len(worker.stuck))
    yield Reading(m.PAUSED, labels, worker.paused)
    yield Reading(m.HELD, labels, lanes.account.bytes)
    for phase, gate in lanes.gates.items():
        yield from _of_target(gate, counts.sink if phase is Phase.SINK else counts.subscriber, (*labels, phase.value))


def _of_target(gate: Gate, attempts: Attempts, labels: tuple[str, ...]) -> Iterator[Reading]:
    yield Reading(m.IN_FLIGHT, labels, gate.running)
    yield Reading(m.WIDTH, labels, gate.width.now)
    yield Reading(m.CIRCUIT, labels, gate.circuit.open)
    if not attempts.any:
        return
    classes: dict[str, int] = {}
    for status, count in attempts.statuses.items():
        said = response_code_class(status)
        classes[said] = classes.get(said, 0) + count
    for said, count in classes.items():
        yield Reading(m.DELIVERIES, (*labels, said), count)
    yield Reading(m.LATENCY, labels, attempts.latency)


def _behind(partition: OwnedPartition, name: NamespacedName, ends: Ends) -> int:
    bounds = ends.get(place(partition))
    return 0 if bounds is None else max(0, bounds.end - max(bounds.start, partition.effective_next(name)))


def _labels(trigger: NamespacedName, broker: NamespacedName) -> tuple[str, str, str]:
    return trigger.namespace, broker.name, trigger.name

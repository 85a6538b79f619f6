"""Retention never takes what is owed: what comes near the start of the log goes to the dead letters before.

every few seconds, for each partition where something is old enough:
    owed, and not running now ──► read ──► dead-letter topic (`reason: retention`) ──► settled
    not looked at yet by a Trigger that is behind ──► an alarm, once
    gone already ──► every position is brought into the log, with an alarm that counts what is gone
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from tradewind.delivery.journey import Failure, Journey
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.plan import TriggerPlan
from tradewind.ports import Retention
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import alarms, letters
from tradewind.trigger_dispatcher.counts import RETENTION
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import Alarm, OwnedPartition
from tradewind.trigger_dispatcher.payloads import Fetch
from tradewind.trigger_dispatcher.retention import Weights, moment, near
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.worker import Worker

LOOK = 5.0
"""Seconds between two looks.  Below the margin of a topic that keeps its records for no more than a minute."""

PATIENCE = 30.0
"""Seconds for these, after which others have their turn: the dead-letter topic of one Broker may be out of reach."""

AT_ONCE = 20
"""Events that are read and kept at a time: bounds the memory that a Trigger with thousands of them takes."""


class Rescue:
    """Looks after what this process owns."""

    def __init__(
        self, edges: Edges, roster: Roster, fetch: Fetch, truncated: Callable[[OwnedPartition], Awaitable[None]]
    ) -> None:
        self._edges = edges
        self._roster = roster
        self._fetch = fetch
        self._truncated = truncated
        self._stood: dict[OwnedPartition, int] = {}
        """Where the shared reader stood at the last look: what lies behind that is not worth a question yet."""
        self._told: set[tuple[OwnedPartition, NamespacedName | None]] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._look()
            except LogUnavailable as failed:
                log.warning("cannot see how near retention has come", error=failed)

    async def _look(self) -> None:
        partitions = self._roster.partitions()
        found = await self._edges.log.retention({partition.topic for partition in partitions})
        self._stood = {partition: self._stood.get(partition, 0) for partition in partitions}
        self._told = {told for told in self._told if told[0] in self._stood}
        for partition in partitions:
            if partition.topic in found and self._roster.holds(partition):
                try:
                    await self._look_at(partition, found[partition.topic])
                except TimeoutError:
                    log.error("owed events cannot be saved from retention yet", topic=partition.topic)

    async def _look_at(self, partition: OwnedPartition, retention: Retention) -> None:
        weights = self._weighed(partition, retention)
        before, self._stood[partition] = self._stood[partition], partition.position
        if not partition.lags(before):
            return
        here, log_ = place(partition), self._edges.log
        bounds = (await log_.bounds([here]))[here]
        if partition.lags(bounds.start):
            await self._truncated(partition)
        old = moment(retention, margin=self._edges.settings.retention_margin, now=self._edges.clock())
        young = None if old is None else await log_.offset_at(here, old)

        def doomed(offsets: Iterable[int]) -> list[int]:
            return near(offsets, retention, young=young, weights=weights, end=bounds.end)

        self._warn(partition, None, doomed([partition.position] if partition.position < bounds.end else []))
        for name, worker in tuple(self._roster.workers(partition)):
            if name in partition.served:
                at = partition.effective_next(name)
                self._warn(partition, name, doomed([at] if at < partition.position else []))
                owed = partition.ledgers[name].owed
                begun = {offset for offset, entry in owed.items() if entry.saved}  # no lane runs these any more
                await self._save(partition, worker, sorted({*doomed(o for o in owed if o < before), *begun}))

    @staticmethod
    def _weighed(partition: OwnedPartition, retention: Retention) -> Weights:
        """Records are counted from the first look on, and only where bytes matter: each costs some microseconds."""
        weights = partition.weights or Weights(partition.position)
        partition.weights = None if retention.bytes is None else weights
        weights.mark(enough=retention.bytes or 0)
        return weights

    def _warn(self, partition: OwnedPartition, name: NamespacedName | None, doomed: list[int]) -> None:
        """Say it once, until it is no longer so."""
        if not doomed:
            self._told.discard((partition, name))
        elif (partition, name) not in self._told:
            self._told.add((partition, name))
            alarms.tell(partition, [Alarm("retention comes near the cursor", name, doomed[0], doomed[0])])

    async def _save(self, partition: OwnedPartition, worker: Worker, offsets: list[int]) -> None:
        ledger = partition.ledgers[worker.plan.name]
        for first in range(0, len(offsets), AT_ONCE):
            running = {work.owed.offset for work in worker.lanes.running if work.partition is partition}
            some = [o for o in offsets[first : first + AT_ONCE] if o in ledger.owed and o not in running]
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
                for offset in some:
                    ledger.owed[offset].saved = True  # from here on no lane runs it
                    tasks.create_task(self._keep(partition, worker, ledger.owed[offset]))
            worker.hasten(partition, [offset for offset in some if offset not in ledger.owed])

    async def _keep(self, partition: OwnedPartition, worker: Worker, entry: Owed) -> None:
        plan = worker.plan
        event = await self._fetch(partition, entry.offset)
        topic, name, identity = plan.dead_letter_topic, plan.name, partition.identity
        failure = _failure(plan, entry.journey)
        reason = f"{RETENTION}: {failure.reason}"
        told = {"trigger": name, "topic": partition.topic, "partition": identity.partition, "offset": entry.offset}
        try:
            if event is None:
                await self._edges.stored(letters.of_lost(topic, name, identity, entry.offset, reason))
            else:
                await self._edges.kept(letters.of_event(topic, name, identity, entry.offset, event, failure, reason))
        except LogRefused as refused:
            log.error("owed event cannot be saved from retention", error=refused, **told)
        else:
            log.warning("owed event is saved from retention, in the dead-letter topic", reason=reason, **told)
            worker.counts.letters[RETENTION] += 1
            partition.ledgers[name].settle(entry.offset)


def _failure(plan: TriggerPlan, journey: Journey) -> Failure:
    """What a dead letter says of an event whose way had not ended."""
    dest = plan.subscriber.url or ""
    return journey.failure or Failure(dest, f"{journey.attempts} failed attempts" if journey.attempts else "not sent")

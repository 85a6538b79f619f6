"""The dispatcher process: owns partitions, keeps the Triggers of the Plan at work, writes the cursors.

Plan ──adopt──► Workers, subscription, pins          Member ──assigned/revoked──► take over, release
                                 every second: Writer.flush           every few seconds: Mirror, topic ids
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.filters.tree import digest
from tradewind.observe.health import Health
from tradewind.plan import Adjust, BrokerPlan, Plan, Start, Stop, TriggerPlan, diff
from tradewind.ports import Member, NewRecord, TopicInfo, TopicPartition, TopicSpec
from tradewind.resources.model import NamespacedName, Order
from tradewind.topics import cursors_spec, topic_specs
from tradewind.trigger_dispatcher import alarms
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.catch_up import CatchUp
from tradewind.trigger_dispatcher.cursors import (
    GENERAL,
    ForceRecord,
    PartitionId,
    Pause,
    Write,
    encode,
    force_key,
    ledger_of,
)
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.growth import passed
from tradewind.trigger_dispatcher.mirror import Mirror
from tradewind.trigger_dispatcher.ownership import Alarm, Ground, OwnedPartition
from tradewind.trigger_dispatcher.presence import TICK
from tradewind.trigger_dispatcher.reader import SharedReader
from tradewind.trigger_dispatcher.rescue import Rescue
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.sweeper import Sweeper
from tradewind.trigger_dispatcher.takeover import start_of, take_over
from tradewind.trigger_dispatcher.worker import Worker
from tradewind.trigger_dispatcher.writer import Writer

TOPICS_WAIT = 5.0
"""Seconds that a Plan waits for its topics before what can run is put in force."""

TOPICS_AGAIN = 10.0
"""Seconds after which topics that Kafka refused are asked for again: its settings, or ours, may have been mended."""


class Dispatcher:
    """One process's share of all deliveries.  `run` is its whole life; the log calls `assigned` and `revoked`."""

    def __init__(self, edges: Edges, health: Health) -> None:
        self._edges = edges
        self._health = health
        self._roster = Roster(max_data_bytes=edges.settings.max_data_bytes)
        self._budget = Budget(edges.settings.dispatch_bytes)
        self._adopting = asyncio.Lock()
        self._making: dict[NamespacedName, asyncio.Task[None]] = {}
        self._leaving: set[Worker] = set()
        """Workers of Triggers that are gone, while something of theirs still runs."""

    async def run(self, plans: AsyncIterator[Plan], stop: asyncio.Event) -> None:
        """Deliver by these Plans until `stop` is set; then settle what runs, write the cursors and leave."""
        topic = await _unless(stop, self._cursors_topic())
        if topic is None:
            return
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._writer = Writer(self._edges, topic.partitions)
            self._follower = Follower(self._edges, topic, self._written)
            self._sweeper = Sweeper(self._edges, self._roster, self._follower.view, self._writer, self._adopting)
            self._catch_up = CatchUp(self._edges, self._roster, self._truncated)
            self._member = self._join()
            reader = SharedReader(
                self._edges, self._roster, tasks=tasks, truncated=self._truncated, wake=self._catch_up.wake
            )
            running = [
                tasks.create_task(self._follower.run()),
                tasks.create_task(self._catch_up.run()),
                tasks.create_task(self._flush()),
                tasks.create_task(Mirror(self._edges, self._roster).run()),
                tasks.create_task(self._watch_topics()),
                tasks.create_task(self._look_around()),
                tasks.create_task(self._sweeper.run()),
                tasks.create_task(Rescue(self._edges, self._roster, self._catch_up.fetch, self._truncated).run()),
            ]
            adopting = tasks.create_task(self._adopt_all(plans))
            reading = tasks.create_task(reader.run(self._member))
            try:
                await stop.wait()
                await _ended(adopting)
                await _ended(reading)
                await self._member.close()
            finally:
                for worker in (*self._roster.all_workers(), *self._leaving):
                    worker.abandon()
                for making in self._making.values():
                    making.cancel()
            for task in running:
                await _ended(task)

    def _join(self) -> Member:
        settings = self._edges.settings
        return self._edges.log.member(group=settings.dispatcher_group, instance=settings.slot, ownership=self)

    async def _cursors_topic(self) -> TopicInfo:
        spec = cursors_spec(self._edges.settings)
        return (await self._until_made([spec]))[spec.name]

    # --- what the Plan asks

    async def _adopt_all(self, plans: AsyncIterator[Plan]) -> None:
        async for plan in plans:
            try:
                await self.adopt(plan)
            except (LogRefused, LogUnavailable) as failed:
                log.error("manifests cannot be put in force", error=failed)

    async def adopt(self, plan: Plan) -> None:
        """Put a Plan in force: every Trigger of it is pinned on every partition that is ours."""
        self._health.reached("manifests")
        await self._make_topics(plan)
        async with self._adopting:
            self._change_workers(plan)
            migrated = Migrated(self._edges)
            for partition in self._roster.partitions():
                await self._settle_in(partition, migrated, partial(self._roster.holds, partition))
        await self._member.subscribe(sorted({broker.topic.name for broker in plan.brokers.values()}))
        await self._in_force(plan)
        log.info("triggers in force", brokers=len(plan.brokers), triggers=len(plan.triggers))

    async def _make_topics(self, plan: Plan) -> None:
        """Make every Broker's topics; one whose topics cannot be made holds up no other, and is tried again."""
        for name, task in tuple(self._making.items()):
            if task.done() or plan.brokers.get(name) != self._roster.plan.brokers.get(name):
                task.cancel()
                del self._making[name]
        for name, broker in plan.brokers.items():
            if name not in self._making and broker != self._roster.plan.brokers.get(name):
                self._making[name] = self._tasks.create_task(self._make(broker))
        if self._making:
            await asyncio.wait(self._making.values(), timeout=TOPICS_WAIT)

    async def _make(self, broker: BrokerPlan) -> None:
        specs = topic_specs(broker, self._edges.settings)
        while True:
            try:
                await self._until_made(specs)
            except LogRefused as refused:
                log.error("topics cannot be made", broker=broker.name, error=refused)
                await asyncio.sleep(TOPICS_AGAIN)
            else:
                return

    def _change_workers(self, plan: Plan) -> None:
        steps = diff(self._roster.plan, plan)
        self._roster.adopt(plan)
        for step in steps:
            match step:
                case Stop(TriggerPlan(name=name)):
                    self._dismiss(name)
                case Start(TriggerPlan() as trigger):
                    self._hire(trigger)
                case Adjust(new=TriggerPlan() as trigger):
                    self._roster.worker(trigger.name).adopt(trigger)
                    for partition in self._roster.partitions():
                        if partition.revive(trigger.name, now=self._edges.clock(), start=trigger.start):
                            partition.decide(trigger.name, digest(trigger.filter))
        self._catch_up.wake()

    def _hire(self, trigger: TriggerPlan) -> None:
        room = self._catch_up.room
        worker = Worker(trigger, self._edges, self._catch_up.fetch, self._tasks, room, self._budget)
        worker.pause(trigger.name in self._follower.view.paused)
        self._roster.hire(worker)

    def _dismiss(self, name: NamespacedName) -> None:
        worker = self._roster.dismiss(name)
        if worker:
            worker.retire()
            self._leaving = {left for left in (*self._leaving, worker) if left.lanes.running}
        for partition in self._roster.partitions():
            if name in partition.ledgers:
                partition.retire(name, now=self._edges.clock())

    async def _settle_in(self, partition: OwnedPartition, migrated: "Migrated", ours: Callable[[], bool]) -> None:
        """Give every Trigger of the Plan its place on a partition, and take up what it owes there, while it is ours."""
        starts = self._roster.starts(partition.topic)
        names = [name for name in starts if name not in partition.served]
        now = self._edges.clock()
        new = [name for name in names if not partition.revive(name, now=now, start=starts[name])]
        if new:
            await self._pin(partition, new, migrated)
            if not ours():
                return
        for name in names:
            self._serve(partition, name)
        self._catch_up.wake()

    def _serve(self, partition: OwnedPartition, name: NamespacedName) -> None:
        """Begin, unless what lies on other partitions comes first; then `_begin_on_added` does."""
        partition.decide(name, digest(self._roster.plan.triggers[name].filter))
        if not partition.ledgers[name].after:
            partition.served.add(name)
            partition.try_attach(name)
            self._roster.worker(name).resume(partition)

    async def _ends(self, partition: OwnedPartition, before: int | None) -> Mapping[int, int]:
        """Where the partitions end that were there before this one was added."""
        old = [TopicPartition(partition.topic, number) for number in range(before or 0)]
        found = await self._edges.patiently(lambda: self._edges.log.bounds(old), what="the ends of partitions")
        return {at.partition: bounds.end for at, bounds in found.items()}

    async def _pin(self, partition: OwnedPartition, names: Collection[NamespacedName], migrated: "Migrated") -> None:
        """Find where Triggers start, and store that before anything is done with them."""
        await self._follower.caught_up(self._writer.partition_of(partition.identity))
        view, here = self._follower.view, place(partition)
        ground = replace(partition.ground, bounds=await self._edges.bounds(here))
        pinned = []
        for name in names:
            trigger = self._roster.plan.triggers[name]
            kept = view.state(name, partition.identity)
            if kept and name not in partition.ledgers:
                partition.ledgers[name] = ledger_of(kept)
                if partition.revive(name, now=self._edges.clock(), start=trigger.start):
                    continue
            offsets = await migrated.of(trigger, ground)
            now, asked = self._edges.clock(), trigger.start
            start = start_of(
                view,
                ground,
                name,
                migrated=offsets.get(here),
                kept=kept,
                now=now,
                start=asked,
                generation=trigger.generation,
            )
            if start.alarm:
                alarms.tell(partition, [start.alarm])
            offset = start.offset
            if start.moment is not None:
                offset = min(offset, await self._edges.offset_at(here, start.moment))
            after = await self._ends(partition, start.before) if trigger.order is Order.ORDERED else {}
            since = start.since or now
            partition.pin(name, offset, earliest=start.earliest, since=since, start=asked, after=after)
            pinned.append(name)
        await self._writer.pinned(partition, pinned)

    async def _in_force(self, plan: Plan) -> None:
        settings = self._edges.settings
        record = ForceRecord({str(name): trigger.generation for name, trigger in plan.triggers.items()})
        await self._edges.stored(
            NewRecord(settings.cursors_topic, encode(record), (), force_key(settings.slot), partition=GENERAL)
        )

    # --- what the group says (ports.Ownership)

    async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Take these partitions over; answers with the shared reader's position on each."""
        names = {partition.topic for partition in partitions}
        topics = await self._edges.patiently(lambda: self._edges.log.topics(names), what="topic ids")
        if gone := names - topics.keys():
            raise LogUnavailable(f"topics {', '.join(sorted(gone))} are gone")
        await self._follower.caught_up(GENERAL)  # what is paused is known before anything is delivered
        offsets = {}
        async with self._adopting:
            migrated = Migrated(self._edges)
            for here in partitions:
                owned = await self._take_over(here, topics[here.topic], migrated)
                self._roster.take(owned)
                offsets[here] = owned.position
        log.info("partitions taken over", partitions=len(offsets))
        return offsets

    async def _take_over(self, here: TopicPartition, topic: TopicInfo, migrated: "Migrated") -> OwnedPartition:
        identity = PartitionId(topic.id, here.partition)
        external = any(b.topic.external for b in self._roster.plan.brokers.values() if b.topic.name == here.topic)
        seen = await self._follower.caught_up(self._writer.partition_of(identity))
        bounds = await self._edges.bounds(here)  # after what was read of it: the log reaches as far as any cursor says
        ground = Ground(identity, here.topic, topic.partitions, bounds, external)
        owned, raised = take_over(
            self._follower.view,
            ground,
            self._roster.starts(here.topic),
            owner=self._writer.name(),
            seen=seen,
            now=self._edges.clock(),
        )
        alarms.tell(owned, raised)
        await self._settle_in(owned, migrated, lambda: True)
        return owned

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Give these partitions up: end what runs within the grace, write every cursor."""
        given = [owned for here in partitions if (owned := self._roster.give(here))]
        async with asyncio.TaskGroup() as tasks:
            for owned in given:
                tasks.create_task(self._release(owned))
        log.info("partitions given up", partitions=len(given))

    async def settled(self) -> None:
        """Every partition of the Plan is ours, another's, or not there yet: nobody waits for us."""
        self._health.reached("partitions")

    async def _release(self, owned: OwnedPartition) -> None:
        grace = self._edges.settings.grace / 2
        self._catch_up.release(owned)
        async with asyncio.TaskGroup() as tasks:
            for worker in self._roster.all_workers():
                tasks.create_task(worker.release(owned, grace=grace))
        if not await self._writer.flush(owned):
            await self._writer.flush(owned)
        self._writer.forget(owned)

    # --- what the clock asks

    def _begin_on_added(self) -> None:
        for partition in self._roster.partitions():
            for name in self._roster.triggers(partition.topic):
                ledger = partition.ledgers.get(name)
                if not ledger or not ledger.after or ledger.deleted is not None:
                    continue
                if passed(self._follower.view, name, partition.identity.topic_id, ledger.after):
                    ledger.begin()
                    self._serve(partition, name)
                    self._catch_up.wake()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(self._edges.settings.cursor_interval)
            self._begin_on_added()
            for partition in self._roster.partitions():
                if self._roster.holds(partition):
                    await self._writer.flush(partition)

    async def _look_around(self) -> None:
        """Notice it when this process was away, also where nothing is taken or sent."""
        while True:
            self._edges.here()
            await asyncio.sleep(TICK)

    async def _watch_topics(self) -> None:
        """A topic made again under its name is read from its start: only its id tells (DESIGN §5)."""
        while True:
            await asyncio.sleep(self._edges.settings.mirror_interval)
            with contextlib.suppress(LogUnavailable):
                topics = await self._edges.log.topics({owned.topic for owned in self._roster.partitions()})
                for owned in self._roster.partitions():
                    topic = topics.get(owned.topic)
                    if topic and topic.id != owned.identity.topic_id:
                        await self._begin_again(owned, topic)

    async def _begin_again(self, owned: OwnedPartition, topic: TopicInfo) -> None:
        here = place(owned)
        alarms.tell(owned, [Alarm("topic was made again", None, owned.position, 0)])
        async with self._adopting:
            if not self._roster.holds(owned):
                return
            self._roster.give(here)
            await self._release(owned)
            fresh = await self._take_over(here, topic, Migrated(self._edges))
        await self._member.seek(here, fresh.position)  # outside: a rebalance holds the member until `assigned` is done
        with contextlib.suppress(KeyError):  # ours no longer
            if self._member.position(here) == fresh.position and self._roster.owned(here) is None:
                self._roster.take(fresh)

    # --- what others wrote, and what the log did

    def _written(self, change: Write | Pause) -> None:
        match change:
            case Pause(trigger, paused):
                if worker := self._roster.find(trigger):
                    worker.pause(paused)
            case Write():
                self._overwritten(change)

    def _overwritten(self, write: Write) -> None:
        for partition in self._roster.partitions():
            if partition.identity == write.partition:
                partition.overwritten(write)

    async def _truncated(self, partition: OwnedPartition) -> None:
        asked_at = partition.position
        bounds = (await self._edges.log.bounds([place(partition)]))[place(partition)]
        alarms.tell(partition, partition.truncated(bounds, asked_at=asked_at))
        self._catch_up.wake()

    async def _until_made(self, specs: Collection[TopicSpec]) -> Mapping[str, TopicInfo]:
        made = await self._edges.patiently(lambda: self._edges.log.ensure_topics(specs), what="topics to be made")
        self._health.reached("kafka")
        return made


class Migrated:
    """Where Knative's own dispatcher left Triggers: their groups' offsets, asked for once for each Trigger."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._known: dict[NamespacedName, Mapping[TopicPartition, int]] = {}
        self._groups: Collection[str] | None = None
        """Those that are there: most Triggers have none, and to ask for each of thousands takes minutes."""

    async def of(self, trigger: TriggerPlan, ground: Ground) -> Mapping[TopicPartition, int]:
        """The offsets of a Trigger's group on the topic that this ground is of."""
        if self._groups is None:
            self._groups = await self._edges.patiently(self._edges.log.groups, what="the groups")
        if trigger.group not in self._groups:
            return {}
        if trigger.name not in self._known:
            partitions = [TopicPartition(ground.topic, number) for number in range(ground.partitions)]
            self._known[trigger.name] = await self._edges.patiently(
                lambda: self._edges.log.group_offsets(trigger.group, partitions), what="group offsets"
            )
        return self._known[trigger.name]


T = TypeVar("T")


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """The result of `work`, or None when `stop` is set before it ends."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work)
        stopping = tasks.create_task(stop.wait())
        done, _ = await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return working.result() if working in done else None


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

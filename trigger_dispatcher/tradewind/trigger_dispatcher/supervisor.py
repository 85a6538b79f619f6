"""The dispatcher process: owns partitions, keeps the Triggers of the Plan at work, writes the cursors.

Plan ──adopt──► Workers, subscription, pins          Member ──assigned/revoked──► take over, release
                                 every second: Writer.flush           every few seconds: Mirror, topic ids
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from tradewind.endings import ended, unless
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.health import Health
from tradewind.plan import Plan, TriggerPlan
from tradewind.ports import TopicInfo
from tradewind.presence import TICK
from tradewind.resources.model import NamespacedName
from tradewind.steps import Adjust, Start, Stop, diff
from tradewind.topics import cursors_spec
from tradewind.trigger_dispatcher import alarms
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.catch_up import CatchUp
from tradewind.trigger_dispatcher.custody import Custody
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.mirror import Mirror
from tradewind.trigger_dispatcher.noting import Noter
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.placing import Placing
from tradewind.trigger_dispatcher.reader import SharedReader
from tradewind.trigger_dispatcher.readings import Readings
from tradewind.trigger_dispatcher.reporter import Reporter
from tradewind.trigger_dispatcher.rescue import Rescue
from tradewind.trigger_dispatcher.restorer import Restorer
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.sweeper import Sweeper
from tradewind.trigger_dispatcher.teller import Teller
from tradewind.trigger_dispatcher.topic_maker import TopicMaker
from tradewind.trigger_dispatcher.turns import Turns
from tradewind.trigger_dispatcher.view import Pause, Said, Write
from tradewind.trigger_dispatcher.worker import Worker
from tradewind.trigger_dispatcher.writer import Writer

FLUSHED_AT_ONCE = 8
"""Partitions whose cursors are written at once.  Each waits for two or three answers of Kafka in turn, which one after
another makes a cycle of seconds where there are many; all at once would be a burst on the loop every second."""


class Dispatcher:
    """One process's share of all deliveries.  `run` is its whole life."""

    def __init__(self, edges: Edges, health: Health) -> None:
        self._edges = edges
        self._health = health
        self._roster = Roster(max_data_bytes=edges.settings.max_data_bytes)
        self._topics = TopicMaker(edges, health)
        self._budget = Budget(edges.settings.dispatch_bytes)
        self.readings = Readings(edges, self._roster, self._budget)
        """What its metrics are now."""
        self._adopting = asyncio.Lock()
        self._leaving: set[Worker] = set()
        """Workers of Triggers that are gone, while something of theirs still runs."""

    async def run(self, plans: AsyncIterator[Plan], stop: asyncio.Event) -> None:
        """Deliver by these Plans until `stop` is set; then settle what runs, write the cursors and leave."""
        topic = await unless(stop, self._cursors_topic())
        if topic is None:
            return
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._turns = Turns(tasks)
            self._writer = Writer(self._edges, topic.partitions)
            self._follower = Follower(self._edges, topic, self._written)
            self._teller = Teller(self._edges, self._roster, self._follower)
            self._restorer = Restorer(
                self._edges,
                self._roster,
                follower=self._follower,
                writer=self._writer,
                tell=self._teller.shared_out.set,
            )
            self._sweeper = Sweeper(self._edges, self._roster, self._follower.view, self._writer, self._adopting)
            self._reporter = Reporter(self._edges, self._roster, self._follower.view, self._writer)
            self._catch_up = CatchUp(self._edges, self._roster, self._truncated, self._turns)
            self._placing = Placing(
                self._edges, self._roster, follower=self._follower, writer=self._writer, wake=self._catch_up.wake
            )
            self._custody = Custody(
                self._edges,
                self._roster,
                self._health,
                follower=self._follower,
                writer=self._writer,
                catch_up=self._catch_up,
                placing=self._placing,
                reporter=self._reporter,
                adopting=self._adopting,
                shared_out=self._teller.shared_out,
            )
            self.readings.member = self._custody.member
            reader = SharedReader(
                self._edges,
                self._roster,
                turns=self._turns,
                tasks=tasks,
                truncated=self._truncated,
                wake=self._catch_up.wake,
            )
            running = [
                tasks.create_task(self._follower.run()),
                tasks.create_task(self._catch_up.run()),
                tasks.create_task(self._flush()),
                tasks.create_task(Mirror(self._edges, self._roster).run()),
                tasks.create_task(self._custody.watch_topics()),
                tasks.create_task(self._topics.watch(lambda: self._roster.plan)),
                tasks.create_task(self._look_around()),
                tasks.create_task(self._teller.run(self._custody.in_order)),
                tasks.create_task(self._sweeper.run()),
                tasks.create_task(self._restorer.run()),
                tasks.create_task(self._reporter.run()),
                tasks.create_task(Noter(self._edges, self._roster, self._follower).run()),
                tasks.create_task(Rescue(self._edges, self._roster, self._catch_up.fetch, self._truncated).run()),
            ]
            adopting = tasks.create_task(self._adopt_all(plans))
            reading = tasks.create_task(reader.run(self._custody.member))
            try:
                await stop.wait()
                await ended(adopting)
                await ended(reading)
                await self._custody.member.close()
            finally:
                for worker in (*self._roster.all_workers(), *self._leaving):
                    worker.abandon()
                self._topics.stop()
            for task in running:
                await ended(task)

    async def _cursors_topic(self) -> TopicInfo:
        spec = cursors_spec(self._edges.settings)
        return (await self._topics.until_made([spec]))[spec.name]

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
        await self._topics.make(plan, self._roster.plan, self._tasks)
        async with self._adopting:
            self._change_workers(plan)
            await self._custody.settle_in()
        self._teller.adopted = plan
        await self._custody.member.subscribe(sorted({broker.topic.name for broker in plan.served}))
        log.info("triggers in force", brokers=len(plan.brokers), triggers=len(plan.triggers))

    def _change_workers(self, plan: Plan) -> None:
        steps = diff(self._roster.plan, plan)
        self._roster.adopt(plan)
        self._edges.counts.keep({broker.topic.name for broker in plan.brokers.values()}, plan.triggers.keys())
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
                            partition.decide(trigger.name, self._roster.digest(trigger.name))
        self._catch_up.wake()

    def _hire(self, trigger: TriggerPlan) -> None:
        worker = Worker(trigger, self._edges, self._catch_up, self._turns, self._budget, self._tasks)
        worker.pause(trigger.name in self._follower.view.paused)
        self._roster.hire(worker)

    def _dismiss(self, name: NamespacedName) -> None:
        now = self._edges.clock()
        worker = self._roster.dismiss(name, now=now)
        if worker:
            worker.retire()
            self._leaving = {left for left in (*self._leaving, worker) if left.lanes.running}
        for partition in self._roster.partitions():
            if name in partition.ledgers:
                partition.retire(name, now=now)

    # --- what the clock asks

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(self._edges.settings.cursor_interval)
            self._placing.begin_on_added()
            partitions = iter(self._roster.partitions())
            async with asyncio.TaskGroup() as tasks:
                for _ in range(FLUSHED_AT_ONCE):
                    tasks.create_task(self._flush_each(partitions))

    async def _flush_each(self, partitions: Iterator[OwnedPartition]) -> None:
        for partition in partitions:
            if self._roster.holds(partition):
                await self._writer.flush(partition)

    async def _look_around(self) -> None:
        """Notice it when this process was away, also where nothing is taken or sent."""
        while True:
            self._edges.here()
            await asyncio.sleep(TICK)

    # --- what others wrote, and what the log did

    def _written(self, change: Write | Pause | Said) -> None:
        match change:
            case Pause(trigger, paused):
                if worker := self._roster.find(trigger):
                    worker.pause(paused)
            case Said(member):
                self._teller.overwritten(member)
            case Write():
                self._overwritten(change)

    def _overwritten(self, write: Write) -> None:
        for partition in self._roster.partitions():
            if partition.identity == write.partition:
                partition.overwritten(write)

    async def _truncated(self, partition: OwnedPartition) -> None:
        """Whoever met it: what others have read of this partition may not be there any more, either."""
        asked_at = partition.position
        self._catch_up.forget(partition)
        bounds = (await self._edges.log.bounds([place(partition)]))[place(partition)]
        if self._roster.holds(partition):  # else it may be of a topic that is no more
            alarms.tell(partition, partition.truncated(bounds, asked_at=asked_at))
            self._catch_up.wake()

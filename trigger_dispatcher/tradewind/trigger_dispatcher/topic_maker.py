"""Makes the topics of every Broker; one whose topics cannot be made holds up no other, and is tried again.

On Kubernetes the controller alone makes them.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.health import Health
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import TopicInfo, TopicSpec
from tradewind.resources.model import NamespacedName
from tradewind.topics import topic_specs
from tradewind.trigger_dispatcher.edges import Edges, log

WAIT = 5.0
"""Seconds that a Plan waits for its topics before what can run is put in force."""

AGAIN = 10.0
"""Seconds after which topics that Kafka refused are asked for again: its settings, or ours, may have been mended."""


class TopicMaker:
    """One for each process."""

    def __init__(self, edges: Edges, health: Health) -> None:
        self._edges = edges
        self._health = health
        self._making: dict[NamespacedName, asyncio.Task[None]] = {}

    async def make(self, plan: Plan, running: Plan, tasks: asyncio.TaskGroup) -> None:
        """Make the topics of every Broker that is not as in `running`; waits a while for them."""
        if self._edges.settings.kubernetes:
            return
        for name, task in tuple(self._making.items()):
            if task.done() or plan.brokers.get(name) != running.brokers.get(name):
                task.cancel()
                del self._making[name]
        for name, broker in plan.brokers.items():
            if name not in self._making and broker != running.brokers.get(name):
                self._making[name] = tasks.create_task(self._try(broker))
        if self._making:
            await asyncio.wait(self._making.values(), timeout=WAIT)

    async def _try(self, broker: BrokerPlan) -> None:
        specs = topic_specs(broker, self._edges.settings)
        while True:
            try:
                await self.until_made(specs)
            except LogRefused as refused:
                log.error("topics cannot be made", broker=broker.name, error=refused)
                await asyncio.sleep(AGAIN)
            else:
                return

    async def watch(self, running: Callable[[], Plan]) -> None:
        """Make again what vanishes of the Plan that runs: a dead letter would wait for its topic for ever."""
        while not self._edges.settings.kubernetes:
            await asyncio.sleep(AGAIN)
            for broker in running().brokers.values():
                try:
                    await self._make_again(broker)
                except (LogRefused, LogUnavailable) as failed:
                    log.debug("topics are not made again yet", broker=broker.name, error=failed)

    async def _make_again(self, broker: BrokerPlan) -> None:
        specs = topic_specs(broker, self._edges.settings)
        there = await self._edges.log.topics({spec.name for spec in specs})
        if missing := [spec for spec in specs if spec.name not in there]:
            made = await self._edges.log.ensure_topics(missing)
            log.warning("topics had vanished, and are made again", topics=", ".join(sorted(made)))

    async def until_made(self, specs: Collection[TopicSpec]) -> Mapping[str, TopicInfo]:
        """Make these, as soon as Kafka is there.  Raises LogRefused."""
        made = await self._edges.patiently(lambda: self._edges.log.ensure_topics(specs), what="topics to be made")
        self._health.reached("kafka")
        return made

    def stop(self) -> None:
        """Make nothing more."""
        for making in self._making.values():
            making.cancel()

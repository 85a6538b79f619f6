"""A dispatcher over a real Kafka, with subscribers that are functions; its topics are the test's own."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from confluent_kafka import Producer
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # the latter untyped

from tests.contracts.driving import until
from tests.shell.dispatching import BROKER, Subscribers
from tradewind.adapters.elapsed import clock
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.cli.standing import Row, row
from tradewind.config import Settings
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.observe.health import Health
from tradewind.plan import BrokerPlan, Plan, TopicPlan, TriggerPlan
from tradewind.ports import NewRecord, Record, TopicPartition
from tradewind.topics import topic_specs
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.supervisor import Dispatcher


class KafkaWorld:
    """One Broker's topics on a Kafka, and dispatchers that come and go."""

    def __init__(self, bootstrap: str, name: str, *, config: Mapping[str, str] | None = None, **settings: object):
        self.bootstrap = bootstrap
        self.topic = name
        self.dead = f"{name}.dead-letters"
        known = Settings(
            partitions=1,
            backoff_jitter=0.0,
            cursors_topic=f"{name}.cursors",
            dispatcher_group=f"{name}-dispatchers",
            mirror_interval=0.5,
        )
        self.settings = replace(known, **settings)  # type: ignore[arg-type]
        self.broker = BrokerPlan(BROKER, TopicPlan(name, config=config or {}), self.dead)
        self.subscribers = Subscribers()
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self.log = KafkaLog(bootstrap, client_id="test", patience=10.0)
        self.passed = 0.0
        """Seconds by which the dispatchers' wall clock is ahead."""
        self._plans: list[asyncio.Queue[Plan]] = []

    async def close(self) -> None:
        await self.log.close()

    def plan(self, *triggers: TriggerPlan) -> None:
        """Put these Triggers in force; they are all of this Broker."""
        here = [replace(each, topic=self.topic, dead_letter_topic=self.dead) for each in triggers]
        here = [replace(each, group=f"{self.topic}-{each.name.name}") for each in here]
        self._plan = Plan(brokers={BROKER: self.broker}, triggers={each.name: each for each in here})
        for queue in self._plans:
            queue.put_nowait(self._plan)

    async def make_topics(self) -> None:
        await self.log.ensure_topics(topic_specs(self.broker, self.settings))

    @contextlib.asynccontextmanager
    async def dispatcher(self, slot: str = "dispatcher-0") -> AsyncIterator[Dispatcher]:
        """A dispatcher that is ready; at the end it stops in order."""
        health = Health("kafka", "manifests", "partitions")
        log = KafkaLog(self.bootstrap, client_id=slot)
        settings = replace(self.settings, slot=slot)

        def wall() -> float:
            return time.time() + self.passed

        made = Dispatcher(Edges(log, self.subscribers, settings, wall, random.random, clock()), health)
        plans: asyncio.Queue[Plan] = asyncio.Queue()
        plans.put_nowait(self._plan)
        self._plans.append(plans)

        async def following() -> AsyncIterator[Plan]:
            while True:
                yield await plans.get()

        stop = asyncio.Event()
        running = asyncio.create_task(made.run(following(), stop))
        try:
            await until(lambda: health.ready or running.done())
            yield made
        finally:
            self._plans.remove(plans)
            stop.set()
            await running
            await log.close()

    async def post(self, *events: Event, partition: int | None = 0) -> None:
        waiting = []
        for each in events:
            headers, value = kafka.write(each)
            waiting.append(self.log.append(NewRecord(self.topic, value, headers, kafka.key(each), partition)))
        for one in waiting:
            await one

    def ids(self, name: str) -> list[str]:
        return self.subscribers.ids(f"http://{name}")

    async def got(self, name: str, *ids: str, within: float = 40.0) -> None:
        """Wait until a subscriber has been sent these."""
        await until(lambda: set(ids) <= set(self.ids(name)), within)

    async def records(self, topic: str) -> Sequence[Record]:
        """Every record that a topic holds now, partition by partition."""
        info = (await self.log.topics([topic]))[topic]
        held: list[Record] = []
        for number in range(info.partitions):
            at = TopicPartition(topic, number)
            bounds = (await self.log.bounds([at]))[at]
            reader = self.log.reader()
            await reader.assign({at: bounds.start})
            while reader.position(at) < bounds.end:
                held += await reader.take(1000, 0.5)
            await reader.close()
        return held

    async def row(self, trigger: TriggerPlan) -> Row:
        """What `get triggers` says of a Trigger."""
        topic = (await self.log.topics([self.topic]))[self.topic]
        bounds = await outside.bounds_of(self.log, topic)
        here = {PartitionId(topic.id, at.partition): one for at, one in bounds.items()}
        view = await outside.view_of(self.log, self.settings.cursors_topic)
        return row(trigger, view, here, await self.log.members(self.settings.dispatcher_group))

    async def add_partitions(self, total: int) -> None:
        for future in self.admin.create_partitions([NewPartitions(self.topic, total)]).values():
            await asyncio.wrap_future(future)

    async def delete_records_before(self, partition: int, offset: int) -> None:
        for future in self.admin.delete_records([KafkaPartition(self.topic, partition, offset)]).values():
            await asyncio.wrap_future(future)

    async def recreate(self, partitions: int | None = None) -> None:
        """Delete the topic and make it again, with as many partitions or with these."""
        for future in self.admin.delete_topics([self.topic]).values():
            await asyncio.wrap_future(future)
        async with asyncio.timeout(30):
            while await self.log.topics([self.topic]):
                pass
        self.settings = replace(self.settings, partitions=partitions or self.settings.partitions)
        await self.make_topics()

    async def abort_a_transaction(self, partition: int = 0) -> None:
        """Leave records that nobody may read, and the marker behind them."""
        await asyncio.to_thread(self._abort, partition)

    def _abort(self, partition: int) -> None:
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "transactional.id": f"hole-{time.time_ns()}", "log_level": 0}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(self.topic, b"taken back", partition=partition)
        producer.flush(30)
        producer.abort_transaction(30)

"""Processes of sources that read topics of a real Kafka, and what came of it in their Broker's topic."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from pathlib import Path

from tests.process.sources_processes import SourcesProcesses
from tradewind.config import Settings
from tradewind.errors import LogUnavailable
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.ports import NewRecord, TopicPartition, TopicSpec
from tradewind.resources.model import NamespacedName
from tradewind.topics import topic_specs

TOPIC = "knative-broker-default-default"
GROUP = "orders-to-events"
DEADLINE = 90.0

MANIFESTS = """apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {{name: default}}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {{name: orders}}
spec:
  bootstrapServers: ["{servers}"]
  topics: [orders]
  consumerGroup: {group}
{more}
  sink: {{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}}
"""


class Reading(SourcesProcesses):
    """Processes by slot, the topic `orders` that they read, and the events that came of it."""

    def __init__(self, folder: Path, bootstrap: str, servers: str, more: str) -> None:
        super().__init__(folder, bootstrap, deadline=DEADLINE)
        self.declare(servers, more)
        self.sent = 0
        self.came: Counter[bytes | None] = Counter()
        """Data of the events, which tells the records apart."""
        self.events: list[Event] = []

    def declare(self, servers: str, more: str, beside: str = "") -> None:
        """Have the manifests say this of the source, at once, with these documents beside it."""
        draft = self.folder / "draft.yaml"
        draft.write_text(MANIFESTS.format(servers=servers, group=GROUP, more=more) + beside)
        draft.replace(self.manifests / "all.yaml")

    async def until_known(self, ask: Callable[[], Awaitable[object]], within: float = DEADLINE) -> None:
        """Wait until what is asked of Kafka is so."""
        async with asyncio.timeout(within):
            while True:
                with contextlib.suppress(LogUnavailable):
                    if await ask():
                        return
                await asyncio.sleep(0.2)

    async def send(self, count: int, partitions: Collection[int] = (0, 1, 2)) -> None:
        """Append so many more records, each of a number of its own, to these partitions in turn."""
        numbers = range(self.sent, self.sent + count)
        self.sent += count
        places = [list(partitions)[number % len(partitions)] for number in numbers]
        for number, place in zip(numbers, places, strict=True):
            await self._append(NewRecord("orders", b"%d" % number, (), b"key-%d" % (number % 7), place))

    async def _append(self, record: NewRecord) -> None:
        while True:
            try:
                await self.log.append(record)
                return
            except LogUnavailable:
                await asyncio.sleep(0.1)

    async def more(self, count: int) -> None:
        """Wait for so many more events."""
        goal = sum(self.came.values()) + count
        await self.until(lambda: sum(self.came.values()) >= goal)

    async def all_came(self) -> None:
        """Wait until every record has become an event."""
        wanted = [b"%d" % number for number in range(self.sent)]
        try:
            await self.until(lambda: all(self.came[each] for each in wanted))
        except TimeoutError:
            missing = [each for each in wanted if not self.came[each]]
            raise AssertionError(f"{len(missing)} of {self.sent} never came: {missing[:20]}") from None

    async def listen(self, begins: Mapping[TopicPartition, int]) -> None:
        """Read the Broker's topic from here, without end."""
        reader = self.log.reader()
        await reader.assign(begins)
        try:
            while True:
                with contextlib.suppress(LogUnavailable):
                    for record in await reader.take(1000, 0.2):
                        event = kafka.read(record.headers, record.value)
                        self.came[event.data] += 1
                        self.events.append(event)
        finally:
            await reader.close()

    async def committed(self, partitions: int = 3) -> None:
        """Wait until the group has committed all that was sent."""
        every = [TopicPartition("orders", number) for number in range(partitions)]

        async def caught_up() -> bool:
            ends, held = await self.log.bounds(every), await self.log.group_offsets(GROUP, every)
            return all(held.get(at, 0) == ends[at].end for at in every)

        await self.until_known(caught_up)


@contextlib.asynccontextmanager
async def reading(folder: Path, bootstrap: str, *, servers: str = "", more: str = "") -> AsyncIterator[Reading]:
    """A Broker, a topic `orders` of three partitions, and a KafkaSource in the manifests; no process yet."""
    made = Reading(folder, bootstrap, servers or bootstrap, more)
    broker = BrokerPlan(NamespacedName("default", "default"), TopicPlan(TOPIC, partitions=1), f"{TOPIC}.dead-letters")
    topics = await made.log.ensure_topics([*topic_specs(broker, Settings()), TopicSpec("orders", 3, None, {})])
    begins: dict[TopicPartition, int] = {}  # where it ends, as others may have used it

    async def found() -> bool:
        places = [TopicPartition(TOPIC, number) for number in range(topics[TOPIC].partitions)]
        begins.update({at: bounds.end for at, bounds in (await made.log.bounds(places)).items()})
        return True

    await made.until_known(found)
    listening = asyncio.create_task(made.listen(begins))
    try:
        yield made
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await made.close()

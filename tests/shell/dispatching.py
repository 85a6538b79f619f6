"""A dispatcher over a log in memory, with subscribers that are functions: what the tests of its shells share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from tests.fake_time import clock, until
from tradewind.adapters.memory_log import MemoryLog, MemoryStore
from tradewind.config import Settings
from tradewind.delivery.schedule import Delivery
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events import http, kafka
from tradewind.events.model import Event
from tradewind.filters.attributes import AttributesFilter
from tradewind.observe.health import Health
from tradewind.plan import BrokerPlan, Plan, Target, TopicPlan, TriggerPlan
from tradewind.ports import Exchange, NewRecord, Record, Sender, Told
from tradewind.resources.model import NamespacedName, Order
from tradewind.trigger_dispatcher.cursors import force_key
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.supervisor import Dispatcher
from tradewind.trigger_dispatcher.worker import Worker

BROKER = NamespacedName("default", "default")
TOPIC = "knative-broker-default-default"
DEAD = f"{TOPIC}.dead-letters"

Subscriber = Callable[[Event], Outcome]


class Begun:
    """See Exchange."""

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self._task = task

    def give_up(self, about: object) -> None:
        self._task.cancel()


class Subscribers:
    """A Sender whose other side are functions by URL; it remembers what each was sent."""

    def __init__(self, *, latency: float = 0.001) -> None:
        self.at: dict[str, Subscriber] = {}
        self.got: dict[str, list[Event]] = {}
        self.headers: list[Mapping[str, str]] = []
        self.latency = latency
        self.running = 0
        self._turns = 0
        self._begun: set[asyncio.Task[None]] = set()

    def begin(
        self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object
    ) -> Exchange | None:
        """Every other request: so each test goes both ways."""
        self._turns += 1
        if self._turns % 2:
            return None
        headers = [(name, value) for line in lines.decode().splitlines() for name, _, value in [line.partition(": ")]]

        async def answer() -> None:
            told(about, await self.post(url, headers, body, timeout=timeout))

        task = asyncio.create_task(answer())
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return Begun(task)

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        event = http.read([(name.encode(), value.encode()) for name, value in headers], body)
        self.headers.append({name.lower(): value for name, value in headers})
        self.running += 1
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.running -= 1
        self.got.setdefault(url, []).append(event)
        return self.at[url](event) if url in self.at else Answer(202)

    async def close(self) -> None:
        pass

    def ids(self, url: str) -> list[str]:
        return [event.id for event in self.got.get(url, [])]


def trigger(
    name: str, *, retry: int = 3, sink: str | None = None, order: Order = Order.UNORDERED, **wanted: str
) -> TriggerPlan:
    return TriggerPlan(
        name=NamespacedName("default", name),
        uid="",
        broker=BROKER,
        topic=TOPIC,
        dead_letter_topic=DEAD,
        group=f"knative-trigger-default-{name}",
        filter=AttributesFilter(wanted),
        subscriber=Target(f"http://{name}"),
        dead_letter_sink=Target(sink) if sink else None,
        delivery=Delivery(retry=retry),
        order=order,
        generation=f"{name}-1",
    )


def plan(*triggers: TriggerPlan) -> Plan:
    broker = BrokerPlan(BROKER, TopicPlan(TOPIC), DEAD)
    return Plan(brokers={BROKER: broker}, triggers={one.name: one for one in triggers})


def event(number: int | str, **attributes: str) -> Event:
    core = {"id": str(number), "source": "/test", "type": "com.example.a", "specversion": "1.0"}
    return Event({**core, **attributes}, b"data")


def answer_event(number: str, **attributes: str) -> Answer:
    """A subscriber's answer that is an event."""
    headers = {"ce-id": number, "ce-source": "/subscriber", "ce-type": "com.example.reply", "ce-specversion": "1.0"}
    return Answer(200, {**headers, **{f"ce-{name}": value for name, value in attributes.items()}})


def on(partition: int, one: Event) -> NewRecord:
    """An event for this partition."""
    headers, value = kafka.write(one)
    return NewRecord(TOPIC, value, headers, kafka.key(one), partition)


class World:
    """The log, its subscribers, and dispatchers that come and go."""

    def __init__(self, *, seed: int = 0, latency: float = 0.001, **settings: object) -> None:
        self.store = MemoryStore(clock=clock)
        self.log: MemoryLog = self.store.client()
        self.subscribers = Subscribers(latency=latency)
        self.random = Random(seed)
        self.settings = replace(Settings(partitions=2, backoff_jitter=0.0), **settings)  # type: ignore[arg-type]
        self.plans: list[asyncio.Queue[Plan]] = []

    async def post(self, *events: Event) -> None:
        for one in events:
            headers, value = kafka.write(one)
            await self.log.append(NewRecord(TOPIC, value, headers, kafka.key(one)))

    def adopt(self, new: Plan) -> None:
        self.plan = new
        for queue in self.plans:
            queue.put_nowait(new)

    @contextlib.asynccontextmanager
    async def dispatcher(
        self,
        slot: str = "dispatcher-0",
        *,
        kill: bool = False,
        log: MemoryLog | None = None,
        sender: Sender | None = None,
        elapsed: Callable[[], float] = clock,
        wall: Callable[[], float] = clock,
    ) -> AsyncIterator[Dispatcher]:
        """A dispatcher that is ready; at the end it stops in order, or is killed where it stands."""
        health = Health("kafka", "manifests", "partitions")
        log = log or self.store.client()
        settings = replace(self.settings, slot=slot)
        edges = Edges(log, sender or self.subscribers, settings, wall, self.random.random, elapsed)
        made = Dispatcher(edges, health)
        queue: asyncio.Queue[Plan] = asyncio.Queue()
        queue.put_nowait(self.plan)
        self.plans.append(queue)

        async def plans() -> AsyncIterator[Plan]:
            while True:
                yield await queue.get()

        stop = asyncio.Event()
        running = asyncio.create_task(made.run(plans(), stop))
        try:
            await until(lambda: health.ready or running.done(), what=f"ready, still missing {health.missing}")
            yield made
        finally:
            self.plans.remove(queue)
            if kill:
                log.down = True  # whatever it still wants to write does not arrive
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
                self.store.fence(settings.dispatcher_group, slot)
            else:
                stop.set()
                await running

    def in_force(self, member: str = "dispatcher-0") -> bytes:
        """What a dispatcher last said that it has in force."""
        topic = self.settings.cursors_topic
        said = [record.value for record in self.store.records(topic) if record.key == force_key(member)]
        return (said[-1] or b"") if said else b""

    def says(self, member: str, name: str) -> bool:
        """Whether a dispatcher says, or said last, that it has a Trigger in force."""
        return b'"default/%s"' % name.encode() in self.in_force(member)

    def all_say(self, name: str) -> bool:
        """Whether every member of the group says so."""
        members = self.store.group(self.settings.dispatcher_group).wants
        return bool(members) and all(self.says(member, name) for member in members)

    def dead_letters(self) -> list[Record]:
        return self.store.records(DEAD)


def worker(dispatcher: Dispatcher, name: str = "a") -> Worker:
    """The Worker of a Trigger in the namespace `default`."""
    return dispatcher._roster.worker(NamespacedName("default", name))

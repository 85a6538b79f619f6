"""A process of sources in fake time, over a log in memory and a sender that answers from a list."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests import builders, fake_time
from tradewind.adapters.memory_log import MemoryLog
from tradewind.config import Settings
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.observe.health import Health
from tradewind.plan import BrokerPlan, Plan, SourcePlan, Target, TopicPlan
from tradewind.ports import Record, Told, TopicSpec
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.edges import Edges
from tradewind.sources.emission import Ack, Emission, Emissions, Given, nobody_waits
from tradewind.sources.kinds import Kinds, Maker
from tradewind.sources.runner import NEEDS, Sources
from tradewind.sources.times import Time

BROKER = NamespacedName("default", "hello")
BROKERS = {BROKER: BrokerPlan(BROKER, TopicPlan("events"), "dead")}
MINUTE = 60.0
START = fake_time.EPOCH // MINUTE * MINUTE
SETTINGS = Settings()
DEAD = SETTINGS.sources_dead_letter_topic


@dataclass
class FakeSender:
    """Answers what it is told, the last answer for ever."""

    outcomes: list[Outcome] = field(default_factory=lambda: [Answer(202)])
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def begin(self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object) -> None: ...

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        self.sent.append((url, dict(headers), body))
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    async def close(self) -> None: ...


Make = Callable[[SourcePlan, Given], Emissions]
KINDS = Kinds()


@dataclass
class Making:
    """Makes sources as it is told to."""

    make: Make = KINDS.make
    here: bool = False
    """Whether they run everywhere."""

    def declared(self, sources: Collection[SourcePlan]) -> None: ...

    def everywhere(self, source: SourcePlan) -> bool:
        return self.here


@dataclass
class World:
    """One process of sources, and what it reaches."""

    log: MemoryLog = field(default_factory=MemoryLog)
    sender: FakeSender = field(default_factory=FakeSender)
    health: Health = field(default_factory=lambda: Health(*NEEDS))
    maker: Maker = field(default_factory=Making)
    plans: asyncio.Queue[Plan] = field(default_factory=asyncio.Queue)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    slot: str = "sources-0"
    slept: float = 0.0
    """Seconds by which the clock that goes on while a process is stopped is ahead."""

    def __post_init__(self) -> None:
        time = Time(fake_time.clock, asyncio.sleep, lambda: 0.0, lambda: fake_time.clock() + self.slept)
        self.process = Sources(Edges(self.log, self.sender, SETTINGS, self.slot, time), self.maker, self.health)

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[asyncio.Task[None]]:
        """While the block runs the process does, unless its task is cancelled, which is its kill -9; then it stops."""
        task = asyncio.ensure_future(self.process.run(self.follow(), self.stop))
        try:
            yield task
        finally:
            self.stop.set()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    def make_topics(self) -> None:
        for name in ("events", "dead"):
            if name not in self.log.store.topics:
                self.log.store.make(TopicSpec(name, 1, None, {}))

    def dead(self, topic: str = "dead") -> list[dict[str, str]]:
        """The dead letters of a topic: keys, and what marks them."""
        return [
            {"key": (record.key or b"").decode(), **{name: text.decode() for name, text in record.headers}}
            for record in self.records(topic)
        ]

    def records(self, topic: str) -> Sequence[Record]:
        """What lies in a topic, if it is there by now."""
        return self.log.store.records(topic) if topic in self.log.store.topics else ()

    @property
    def events(self) -> list[Event]:
        """What is stored, in the order of its topic."""
        return [kafka.read(record.headers, record.value) for record in self.log.store.records("events")]

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]

    async def follow(self) -> AsyncIterator[Plan]:
        while True:
            yield await self.plans.get()

    def declare(self, *sources: SourcePlan, brokers: bool = True) -> None:
        """Put another Plan in force."""
        named = {(type(plan.source).__name__, plan.source.metadata.name): plan for plan in sources}
        self.plans.put_nowait(Plan(BROKERS if brokers else {}, sources=named))

    async def begun(self, *sources: SourcePlan) -> None:
        """Put these in force, and wait until all of them run here."""
        self.declare(*sources)
        hosts = self.process.hosts
        await fake_time.until(lambda: len(hosts) == len(sources) and all(host.claimed for host in hosts.values()))

    async def begun_and_held(self, source: SourcePlan) -> None:
        """As `begun`, and what Kafka stores from then on it does not acknowledge."""
        self.log.held = True
        self.declare(source)
        for number in (1, 2):  # the layout of the topic, then the claim of the source
            await self._written(number)
            self.log.release()

    async def _written(self, number: int) -> None:
        await fake_time.until(lambda: len(self.records(SETTINGS.sources_topic)) == number)

    async def stored(self, number: int) -> None:
        await fake_time.until(lambda: len(self.records("events")) >= number, what=f"{number} events")


def running(scenario: Callable[[World], Coroutine[None, None, None]], *, make: Make = KINDS.make) -> World:
    """A scenario in a world whose sources run; the process is told to stop when the scenario ends."""

    async def run() -> World:
        world = World(maker=Making(make))
        world.make_topics()
        async with world.run():
            await scenario(world)
        return world

    return fake_time.run(run, patience=100_000.0)


def ping(name: str = "tick", *, url: str | None = None, schedule: str = "* * * * *", data: bytes = b"x") -> SourcePlan:
    source = PingSource(Metadata(NamespacedName("default", name)), Destination(), schedule, data=data)
    return SourcePlan(source, None if url else BROKER, Target(url))


def event(name: str, data: bytes | None = None, **attributes: str) -> Event:
    """An event of this id."""
    return builders.event(data=data, id=name, **attributes)


def emitting(*events: Iterable[str] | Exception, acked: list[str] | None = None) -> Make:
    """A kind of source: each life gives these events, then fails; the last life waits without end."""
    lives = list(events)

    async def emit(source: SourcePlan, _given: Given) -> Emissions:
        life = lives.pop(0) if lives else ()
        if isinstance(life, Exception):
            raise life
        for name in life:
            ack: Ack = nobody_waits if acked is None else partial(acked.append, name)
            yield Emission(event(name), ack)
        if lives:
            raise RuntimeError("the origin hung up")
        await asyncio.Event().wait()

    return emit

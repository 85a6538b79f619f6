"""Hosting sources: fake time, a log in memory, a sender that answers from a list."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tests import fake_time
from tests.scraped import Scraped
from tradewind.adapters.memory_log import MemoryLog
from tradewind.config import Settings
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.observe.health import Health
from tradewind.observe.metrics import exposition
from tradewind.plan import BrokerPlan, Plan, SourcePlan, Target, TopicPlan
from tradewind.ports import Told, TopicSpec
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.edges import Edges
from tradewind.sources.emission import Ack, Emission, Emissions, Given, nobody_waits
from tradewind.sources.kinds import Kinds, Maker
from tradewind.sources.runner import PLAN, Sources
from tradewind.sources.times import Time

BROKER = NamespacedName("default", "hello")
BROKERS = {BROKER: BrokerPlan(BROKER, TopicPlan("events"), "dead")}
TIME = Time(fake_time.clock, asyncio.sleep, lambda: 0.0, fake_time.clock)
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

    def everywhere(self, source: SourcePlan) -> bool:
        return False


@dataclass
class World:
    """One process of sources, and what it reaches."""

    log: MemoryLog = field(default_factory=MemoryLog)
    sender: FakeSender = field(default_factory=FakeSender)
    health: Health = field(default_factory=lambda: Health(PLAN))
    maker: Maker = field(default_factory=Making)
    plans: asyncio.Queue[Plan] = field(default_factory=asyncio.Queue)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def sources(self) -> Sources:
        """A process of them."""
        return Sources(Edges(self.log, self.sender, SETTINGS, "sources-0", TIME), self.maker, self.health)

    def make_topics(self) -> None:
        for name in ("events", "dead"):
            self.log.store.make(TopicSpec(name, 1, None, {}))

    def dead(self, topic: str = "dead") -> list[dict[str, str]]:
        """The dead letters of a topic: keys, and what marks them."""
        if topic not in self.log.store.topics:
            return []
        return [
            {"key": (record.key or b"").decode(), **{name: text.decode() for name, text in record.headers}}
            for record in self.log.store.records(topic)
        ]

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

    async def stored(self, number: int) -> None:
        await fake_time.until(lambda: len(self.events) >= number, what=f"{number} events, found {self.ids}")


def running(scenario: Callable[[World], Coroutine[None, None, None]], *, make: Make = KINDS.make) -> World:
    """A scenario in a world whose sources run; the process is told to stop when the scenario ends."""

    async def run() -> World:
        world = World(maker=Making(make))
        world.make_topics()
        sources = world.sources()
        async with asyncio.TaskGroup() as group:
            group.create_task(sources.run(world.follow(), world.stop))
            await scenario(world)
            world.stop.set()
        return world

    return fake_time.run(run, patience=100_000.0)


def ping(name: str = "tick", *, url: str | None = None, schedule: str = "* * * * *", data: bytes = b"x") -> SourcePlan:
    source = PingSource(Metadata(NamespacedName("default", name)), Destination(), schedule, data=data)
    return SourcePlan(source, None if url else BROKER, Target(url))


def emitting(*events: Iterable[str] | Exception, acked: list[str] | None = None) -> Make:
    """A kind of source: each life gives these events, then fails; the last life waits without end."""
    lives = list(events)

    async def emit(source: SourcePlan, _given: Given) -> Emissions:
        life = lives.pop(0) if lives else ()
        if isinstance(life, Exception):
            raise life
        for name in life:
            ack: Ack = nobody_waits if acked is None else partial(acked.append, name)
            yield Emission(Event({"specversion": "1.0", "id": name, "source": "s", "type": "t"}), ack)
        if lives:
            raise RuntimeError("the origin hung up")
        await asyncio.Event().wait()

    return emit


def test_a_ping_arrives_in_its_brokers_topic_at_each_instant() -> None:
    async def scenario(world: World) -> None:
        assert not world.health.ready
        world.declare(ping(data=b'{"a":1}'))
        await world.stored(2)
        assert world.health.ready
        assert fake_time.clock() - START < 3 * MINUTE

    first, second = running(scenario).events
    assert (first.id, second.id) == ("default/tick/2023-11-14T22:14:00Z", "default/tick/2023-11-14T22:15:00Z")
    assert first.data == b'{"a":1}'


def test_the_partition_key_is_the_records_key() -> None:
    async def scenario(world: World) -> None:
        plan = ping()
        world.declare(replace(plan, source=replace(plan.source, ce_overrides={"partitionkey": "k"})))
        await world.stored(1)

    assert [record.key for record in running(scenario).log.store.records("events")] == [b"k"]


def test_kafka_away_drops_no_event() -> None:
    async def scenario(world: World) -> None:
        world.log.down = True
        world.declare(ping())
        await asyncio.sleep(10 * MINUTE)
        assert not world.events
        world.log.down = False
        await world.stored(10)

    ids = running(scenario).ids
    assert [name[-6:-4] for name in ids] == [f"{minute}" for minute in range(14, 14 + len(ids))]


def test_an_event_is_acknowledged_once_it_is_stored() -> None:
    acked: list[str] = []

    async def scenario(world: World) -> None:
        world.log.held = True
        world.declare(ping())
        await world.stored(1)
        await asyncio.sleep(MINUTE)
        assert not acked
        world.log.held = False
        world.log.release()
        await fake_time.until(lambda: acked == ["1", "2"])

    assert running(scenario, make=emitting(["1", "2"], acked=acked)).ids == ["1", "2"]


def test_what_the_log_refuses_for_ever_holds_up_nothing() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping(data=b"x" * 2_000_000), ping("other"))
        await world.stored(2)

    world = running(scenario)
    assert all("other" in name for name in world.ids)
    assert "(--max-event-bytes)" in world.dead()[0]["tradewind-reason"]


def test_a_source_that_fails_is_made_again_after_a_growing_wait() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping())
        await world.stored(2)
        assert 0.4 + 0.8 <= fake_time.clock() - fake_time.EPOCH < 2.0

    assert running(scenario, make=emitting(ValueError("no"), OSError("no"), ["1", "2"])).ids == ["1", "2"]


def test_a_life_that_gave_events_makes_the_next_wait_short_again() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping())
        await world.stored(3)
        assert fake_time.clock() - fake_time.EPOCH < 3 * 0.4 + 0.1

    assert running(scenario, make=emitting(["1"], ["2"], ["3"])).ids == ["1", "2", "3"]


def test_a_failing_source_takes_nothing_from_others() -> None:
    def either(source: SourcePlan, given: Given) -> Emissions:
        if source.source.metadata.name.name == "bad":
            return emitting(*[ValueError("no")] * 1000)(source, given)
        return KINDS.make(source, given)

    async def scenario(world: World) -> None:
        world.declare(ping("bad"), ping("good"))
        await world.stored(3)

    assert len(running(scenario, make=either).events) == 3


def test_a_waiting_sink_takes_nothing_from_others() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused")]
        world.declare(ping("slow", url="http://sink/"), ping("good"))
        await world.stored(5)

    assert len(running(scenario).events) == 5


def test_a_url_gets_it_in_binary_mode_and_retries_until_it_is_accepted() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused"), Answer(503), Answer(200)]
        world.declare(ping(url="http://sink/"))
        await fake_time.until(lambda: len(world.sender.sent) == 4)

    sent = running(scenario).sender.sent
    url, headers, body = sent[0]
    assert (url, headers["ce-type"], body) == ("http://sink/", "dev.knative.sources.ping", b"x")
    ids = [headers["ce-id"] for _, headers, _ in sent]
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_what_a_url_refuses_goes_to_the_dead_letters_and_the_next_one_goes_on() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [Answer(400)]
        world.declare(ping(url="http://sink/"))
        await fake_time.until(lambda: len(world.sender.sent) == 2)

    world = running(scenario)
    first, second = (headers["ce-id"] for _, headers, _ in world.sender.sent)
    assert first != second
    letter = world.dead(DEAD)[0]
    assert letter["key"] == f"source:PingSource/default/tick/{first}"
    assert letter["tradewind-reason"] == "refused: status 400"
    assert letter["tradewind-source"] == "PingSource default/tick"
    assert (letter["ce_knativeerrordest"], letter["ce_knativeerrorcode"]) == ("http://sink/", "400")


def test_a_url_that_never_answers_is_given_up_when_the_retries_are_spent() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [Answer(500)]
        world.declare(ping(url="http://sink/"))
        await fake_time.until(lambda: world.dead(DEAD), within=5000)

    world = running(scenario)
    ids = [headers["ce-id"] for _, headers, _ in world.sender.sent]
    assert ids.count(ids[0]) == 11
    assert world.dead(DEAD)[0]["tradewind-reason"] == "retries spent: status 500"


def test_events_wait_for_a_broker_that_is_missing() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping(), brokers=False)
        await asyncio.sleep(3 * MINUTE)
        world.declare(ping())
        await world.stored(3)

    assert running(scenario).ids[0] == "default/tick/2023-11-14T22:14:00Z"


def test_a_changed_sink_counts_for_the_event_that_waits() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused")]
        world.declare(ping(url="http://wrong/"))
        await fake_time.until(lambda: world.sender.sent)
        world.declare(ping())
        await world.stored(1)

    world = running(scenario)
    assert world.ids == [world.sender.sent[0][1]["ce-id"]]


def test_a_changed_source_is_made_anew_once_its_waiting_event_is_stored() -> None:
    async def scenario(world: World) -> None:
        world.log.down = True
        world.declare(ping(data=b"old"))
        await asyncio.sleep(1.5 * MINUTE)
        world.declare(ping(data=b"never"))
        await asyncio.sleep(1.0)
        world.declare(ping(data=b"new"))
        await asyncio.sleep(1.0)
        world.log.down = False
        await world.stored(2)

    assert [event.data for event in running(scenario).events] == [b"old", b"new"]


def test_an_unchanged_source_goes_on_through_a_new_plan() -> None:
    lives: list[str] = []

    def counting(source: SourcePlan, given: Given) -> Emissions:
        lives.append(source.source.metadata.name.name)
        return KINDS.make(source, given)

    async def scenario(world: World) -> None:
        world.declare(ping("a"))
        await world.stored(1)
        world.declare(ping("a"), ping("b"))
        await world.stored(3)
        assert lives == ["a", "b"]
        world.declare(ping("b"))
        await asyncio.sleep(1.0)
        before = len(world.events)
        await world.stored(before + 2)
        assert all("default/b" in name for name in world.ids[before:])

    running(scenario, make=counting)


def test_a_removed_source_ends_even_while_its_event_waits() -> None:
    async def scenario(world: World) -> None:
        world.log.down = True
        world.declare(ping(data=b"old"))
        await asyncio.sleep(2 * MINUTE)
        world.declare(ping(data=b"new"))
        await asyncio.sleep(1.0)
        world.declare()
        await asyncio.sleep(1.0)
        world.log.down = False
        await asyncio.sleep(5 * MINUTE)

    assert not running(scenario).events


def test_stopping_waits_for_what_is_being_stored() -> None:
    async def scenario(world: World) -> None:
        world.log.down = True
        world.declare(ping())
        await asyncio.sleep(MINUTE)
        asyncio.get_running_loop().call_later(5.0, setattr, world.log, "down", False)

    assert len(running(scenario).events) == 1


def test_stopping_ends_after_the_grace() -> None:
    async def run() -> float:
        world = World()
        world.log.down = True
        sources = world.sources()
        task = asyncio.ensure_future(sources.run(world.follow(), world.stop))
        world.declare(ping(), ping("other", schedule="0 0 1 1 *"))
        await asyncio.sleep(MINUTE)
        world.stop.set()
        stopping = fake_time.clock()
        await task
        return fake_time.clock() - stopping

    assert SETTINGS.grace <= fake_time.run(run) < SETTINGS.grace + 0.1


def test_a_source_that_ends_is_not_made_again_and_takes_nothing_from_others() -> None:
    lives: list[str] = []

    async def ending(name: str) -> Emissions:
        lives.append(name)
        for none in list[Emission]():
            yield none

    def either(source: SourcePlan, given: Given) -> Emissions:
        name = source.source.metadata.name.name
        return ending(name) if name == "ending" else KINDS.make(source, given)

    async def scenario(world: World) -> None:
        world.declare(ping("ending"), ping())
        await world.stored(2)

    assert len(running(scenario, make=either).events) == 2
    assert lives == ["ending"]


def test_events_wait_for_kafka_in_their_order() -> None:
    async def scenario(world: World) -> None:
        world.log.down = True
        world.declare(ping())
        await asyncio.sleep(180 * MINUTE)
        world.log.down = False
        await world.stored(180)

    ids = running(scenario).ids
    assert ids == sorted(set(ids))


def test_metrics_count_what_became_of_each_sources_events() -> None:
    fails_once = emitting(ValueError("no"))

    def either(source: SourcePlan, given: Given) -> Emissions:
        bad = source.source.metadata.name.name == "bad"
        return fails_once(source, given) if bad else KINDS.make(source, given)

    async def run() -> tuple[Scraped, Scraped]:
        world = World()
        world.make_topics()
        world.maker = Making(either)
        sources = world.sources()

        async def scraped() -> Scraped:
            return Scraped(exposition([each async for each in sources._readings()]).decode())

        world.sender.outcomes = [Answer(503), Answer(202), Answer(400)]
        async with asyncio.TaskGroup() as group:
            group.create_task(sources.run(world.follow(), world.stop))
            large = ping("large", data=b"x" * 2_000_000)
            world.declare(ping("good"), ping("bad"), ping("url", url="http://sink/"), large)
            await world.stored(2)
            await fake_time.until(lambda: len(world.sender.sent) == 3)
            before = await scraped()
            world.declare(ping("good", data=b"changed"))
            await world.stored(3)
            after = await scraped()
            world.stop.set()
        return before, after

    before, after = fake_time.run(run)
    assert before.by("tradewind_source_events_total", "name") == {"good": 2, "bad": 0, "url": 1, "large": 0}
    assert before.by("tradewind_source_dead_letters_total", "name") == {"good": 0, "bad": 0, "url": 1, "large": 2}
    assert before.by("tradewind_source_retries_total", "name") == {"good": 0, "bad": 0, "url": 1, "large": 0}
    assert before.by("tradewind_source_failures_total", "name") == {"good": 0, "bad": 1, "url": 0, "large": 0}
    assert after.by("tradewind_source_events_total", "name", resource_group="pingsources.sources.knative.dev") == {
        "good": 3
    }

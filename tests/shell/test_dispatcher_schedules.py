"""Seeded disorder: subscribers that fail at random, dispatchers that are killed and come back, Kafka that goes away,
Triggers that are paused and resumed, redriven dead letters.  Afterwards every event was delivered to each Trigger, or
lies in the dead letters; and once all of these are redriven, it was delivered."""

import asyncio
import contextlib
from random import Random

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import BROKER, World, event, plan, trigger
from tests.shell.test_dead_letters import Command
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events.model import Event
from tradewind.resources.model import NamespacedName, Order
from tradewind.topics import cursors_spec, topic_specs
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.auditor import audit
from tradewind.trigger_dispatcher.cursors import PauseRecord

SEEDS = 60
EVENTS = 150


class Disorder:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(seed=seed, partitions=3, backlog=12, waiting=20, max_in_flight=4, latency=0.02)
        self.taken: dict[str, set[str]] = {"a": set(), "b": set(), "c": set()}
        for name in self.taken:
            self.world.subscribers.at[f"http://{name}"] = self.subscriber(name)
        self.troubled = True

    def subscriber(self, name: str):  # type: ignore[no-untyped-def]
        def answer(got: Event) -> Outcome:
            chance = self.random.random() if self.troubled else 1.0
            if chance < 0.2:
                return Answer(503)
            if chance < 0.25:
                return NoAnswer("connection reset")
            if chance < 0.28:
                return Answer(400)
            self.taken[name].add(got.id)
            return Answer(202)

        return answer

    async def feed(self) -> None:
        for number in range(EVENTS):
            await self.world.post(event(number, partitionkey=str(number % 5)))
            await asyncio.sleep(self.random.random() * 0.1)

    async def trouble(self, slot: str, feeding: "asyncio.Task[None]") -> None:
        """One slot's life: up for a while, then killed or stopped, then up again."""
        while not feeding.done():
            async with self.world.dispatcher(slot, kill=self.random.random() < 0.6) as dispatcher:
                await asyncio.sleep(self.random.random() * 4)
                if self.random.random() < 0.3:
                    with self.away(dispatcher._edges.log):
                        await asyncio.sleep(self.random.random() * 3)

    async def command(self, feeding: "asyncio.Task[None]") -> None:
        """Pauses and resumes at random, redrives now and then, and audits whatever stands then."""
        world, names = self.world, [NamespacedName("default", name) for name in self.taken]
        while not feeding.done():
            await asyncio.sleep(self.random.random() * 2)
            record = PauseRecord("me", 0.0) if self.random.random() < 0.5 else None
            await outside.pause(world.log, world.settings.cursors_topic, self.random.choice(names), record)
            if self.random.random() < 0.3:
                await self.redrive()
            await self.audit()
        for name in names:
            await outside.pause(world.log, world.settings.cursors_topic, name, None)

    async def redrive(self) -> None:
        left = await Command(self.world).leave()
        assert left.unavailable is None

    async def audit(self) -> None:
        world = self.world
        (report,) = await audit(world.log, world.plan, world.plan.brokers.values(), world.settings.cursors_topic)
        assert report.faults == []

    @contextlib.contextmanager
    def away(self, log):  # type: ignore[no-untyped-def]
        log.down = True
        yield
        log.down = False

    async def run(self) -> None:
        world = self.world
        triggers = [trigger("a", retry=2), trigger("b", retry=4, order=Order.ORDERED), trigger("c", retry=50)]
        world.adopt(plan(*triggers))
        await world.log.ensure_topics(
            [*topic_specs(world.plan.brokers[BROKER], world.settings), cursors_spec(world.settings)]
        )
        feeding = asyncio.create_task(self.feed())
        troubles = [self.trouble("dispatcher-0", feeding), self.trouble("dispatcher-1", feeding)]
        await asyncio.gather(*troubles, self.command(feeding))
        self.troubled = False
        async with world.dispatcher():
            await until(lambda: not self.missing(), within=2000.0, what="nothing missing")
            await self.redrive()
            await until(lambda: not self.missing(dead=False), within=2000.0, what="every dead letter delivered")
            await asyncio.sleep(5)
            await self.audit()
            assert await Command(world).letters() == []

    def missing(self, *, dead: bool = True) -> set[tuple[str, str]]:
        marks = [dict(letter.headers) for letter in self.world.dead_letters() if dead and letter.headers]
        lie = {(mark["tradewind-trigger"].decode().split("/")[1], mark["ce_id"].decode()) for mark in marks}
        owed = {(name, str(number)) for name in self.taken for number in range(EVENTS)}
        return owed - lie - {(name, taken) for name, ids in self.taken.items() for taken in ids}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost(seed: int) -> None:
    async def scenario() -> None:
        await Disorder(seed).run()

    run(scenario)

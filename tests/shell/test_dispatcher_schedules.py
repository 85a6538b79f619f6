"""Seeded disorder: subscribers that fail at random, dispatchers that are killed and come back, Kafka that goes away,
Triggers that change.  Afterwards every event was delivered to each Trigger, or lies in the dead letters."""

import asyncio
import contextlib
from random import Random

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import BROKER, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events.model import Event
from tradewind.resources.model import Order
from tradewind.topics import topic_specs

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

    @contextlib.contextmanager
    def away(self, log):  # type: ignore[no-untyped-def]
        log.down = True
        yield
        log.down = False

    async def run(self) -> None:
        world = self.world
        triggers = [trigger("a", retry=2), trigger("b", retry=4, order=Order.ORDERED), trigger("c", retry=50)]
        world.adopt(plan(*triggers))
        await world.log.ensure_topics(topic_specs(world.plan.brokers[BROKER], world.settings))
        feeding = asyncio.create_task(self.feed())
        await asyncio.gather(self.trouble("dispatcher-0", feeding), self.trouble("dispatcher-1", feeding))
        self.troubled = False
        async with world.dispatcher():
            await until(lambda: not self.missing(), within=2000.0, what="nothing missing")

    def missing(self) -> set[tuple[str, str]]:
        dead = {
            (dict(letter.headers)["tradewind-trigger"].decode().split("/")[1], dict(letter.headers)["ce_id"].decode())
            for letter in self.world.dead_letters()
        }
        owed = {(name, str(number)) for name in self.taken for number in range(EVENTS)}
        return owed - dead - {(name, taken) for name, ids in self.taken.items() for taken in ids}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost(seed: int) -> None:
    async def scenario() -> None:
        await Disorder(seed).run()

    run(scenario)

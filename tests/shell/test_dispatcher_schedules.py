"""Seeded disorder: subscribers that fail at random or are down for a while, dispatchers that are killed and come back,
Kafka that goes away; circuits that open, narrow widths, rates, a small budget of bytes.  Afterwards every event was
delivered to each Trigger, or lies in the dead letters, and each key's first deliveries were in order where that was
asked for."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events.model import Event
from tradewind.resources.model import Order
from tradewind.topics import topic_specs

SEEDS = 60
EVENTS = 150
KEYS = 5


class Disorder:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(
            seed=seed,
            partitions=3,
            backlog=12,
            behind=self.random.choice([5, 1000]),
            waiting=20,
            max_in_flight=4,
            latency=0.02,
            circuit_failures=self.random.choice([2, 5, 20]),
            circuit_pause=self.random.choice([0.5, 3.0]),
            dispatch_bytes=self.random.choice([2_000, 20_000, 1 << 20]),
        )
        self.taken: dict[str, dict[str, None]] = {"a": {}, "b": {}, "c": {}}
        """In the order of the first deliveries."""
        self.tries: Counter[tuple[str, str]] = Counter()
        self.lives = 1
        for name in self.taken:
            self.world.subscribers.at[f"http://{name}"] = self.subscriber(name)
        self.down = {name: (start := self.random.random() * 6, start + self.random.random() * 8) for name in self.taken}
        """From when to when a subscriber is down, in seconds since the beginning."""
        self.troubled = True

    def subscriber(self, name: str):  # type: ignore[no-untyped-def]
        def answer(got: Event) -> Outcome:
            self.tries[name, got.id] += 1
            start, end = self.down[name]
            if start < clock() - EPOCH < end:
                return Answer(503, {"retry-after": "1"}) if self.random.random() < 0.5 else NoAnswer("refused")
            chance = self.random.random() if self.troubled else 1.0
            if chance < 0.2:
                return Answer(503)
            if chance < 0.25:
                return NoAnswer("connection reset")
            if chance < 0.28:
                return Answer(400)
            self.taken[name].setdefault(got.id)
            return Answer(202)

        return answer

    async def feed(self) -> None:
        for number in range(EVENTS):
            await self.world.post(event(number, partitionkey=str(number % KEYS)))
            await asyncio.sleep(self.random.random() * 0.1)

    async def trouble(self, slot: str, feeding: "asyncio.Task[None]") -> None:
        """One slot's life: up for a while, then killed or stopped, then up again."""
        while not feeding.done():
            self.lives += 1
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
        triggers = [
            replace(trigger("a", retry=2), rate=self.random.choice([None, 20.0])),
            trigger("b", retry=4, order=Order.ORDERED),
            replace(trigger("c", retry=50), max_in_flight=self.random.choice([None, 1, 16])),
        ]
        world.adopt(plan(*triggers))
        await world.log.ensure_topics(topic_specs(world.plan.brokers[BROKER], world.settings))
        feeding = asyncio.create_task(self.feed())
        await asyncio.gather(self.trouble("dispatcher-0", feeding), self.trouble("dispatcher-1", feeding))
        self.troubled = False
        async with world.dispatcher():
            await until(lambda: not self.missing(), within=2000.0, what="nothing missing")
        for one in triggers:
            tries = max(count for (name, _), count in self.tries.items() if name == one.name.name)
            assert tries <= (one.delivery.retry + 1) * self.lives
        dead = self.dead()  # one that was there, and was repeated after a kill, comes late
        for key in range(KEYS):
            first = [int(taken) for taken in self.taken["b"] if int(taken) % KEYS == key and ("b", taken) not in dead]
            assert first == sorted(first)

    def missing(self) -> set[tuple[str, str]]:
        owed = {(name, str(number)) for name in self.taken for number in range(EVENTS)}
        return owed - self.dead() - {(name, taken) for name, ids in self.taken.items() for taken in ids}

    def dead(self) -> set[tuple[str, str]]:
        return {
            (dict(letter.headers)["tradewind-trigger"].decode().split("/")[1], dict(letter.headers)["ce_id"].decode())
            for letter in self.world.dead_letters()
        }


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost(seed: int) -> None:
    async def scenario() -> None:
        await Disorder(seed).run()

    run(scenario)

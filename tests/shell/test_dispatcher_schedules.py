"""Seeded disorder: subscribers that fail at random or are down for a while, dispatchers that are killed and come back,
Kafka that goes away; circuits that open, narrow widths, rates, a small budget of bytes; Triggers that are paused and
resumed, redriven dead letters.  Afterwards every event was delivered to each Trigger, or lies in the dead letters, and
each key's first deliveries were in order where that was asked for; and once all dead letters are redriven, every event
was delivered."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, World, event, plan, trigger
from tests.shell.test_dead_letters import Command
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events.model import Event
from tradewind.plan import TriggerPlan
from tradewind.resources.model import NamespacedName, Order
from tradewind.topics import cursors_spec, topic_specs
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.auditor import audit
from tradewind.trigger_dispatcher.cursors import PauseRecord

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
        (report,) = await audit(
            world.log, world.plan, world.plan.brokers.values(), world.settings.cursors_topic, max_data_bytes=1000
        )
        assert report.faults == []

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
        await world.log.ensure_topics(
            [*topic_specs(world.plan.brokers[BROKER], world.settings), cursors_spec(world.settings)]
        )
        feeding = asyncio.create_task(self.feed())
        troubles = [self.trouble("dispatcher-0", feeding), self.trouble("dispatcher-1", feeding)]
        await asyncio.gather(*troubles, self.command(feeding))
        self.troubled = False
        async with world.dispatcher():
            await until(lambda: not self.missing(), within=2000.0, what="nothing missing")
            self.first_deliveries(triggers)
            await self.redrive()
            await until(lambda: not self.missing(dead=False), within=2000.0, what="every dead letter delivered")
            await asyncio.sleep(5)
            await self.audit()
            assert await Command(world).letters() == []

    def first_deliveries(self, triggers: Sequence[TriggerPlan]) -> None:
        dead = self.dead()  # one that ever was there came late, repeated or redriven, and had a budget of its own
        for one in triggers:
            tries = [n for (name, id), n in self.tries.items() if name == one.name.name and (name, id) not in dead]
            assert max(tries) <= (one.delivery.retry + 1) * self.lives
        for key in range(KEYS):
            first = [int(taken) for taken in self.taken["b"] if int(taken) % KEYS == key and ("b", taken) not in dead]
            assert first == sorted(first)

    def missing(self, *, dead: bool = True) -> set[tuple[str, str]]:
        owed = {(name, str(number)) for name in self.taken for number in range(EVENTS)}
        lie = self.dead() if dead else set()
        return owed - lie - {(name, taken) for name, ids in self.taken.items() for taken in ids}

    def dead(self) -> set[tuple[str, str]]:
        marks = [dict(letter.headers) for letter in self.world.dead_letters() if letter.headers]
        return {(mark["tradewind-trigger"].decode().split("/")[1], mark["ce_id"].decode()) for mark in marks}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost(seed: int) -> None:
    async def scenario() -> None:
        await Disorder(seed).run()

    run(scenario)

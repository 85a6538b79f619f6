"""Seeded change of everything that a partition stands on: leaders that go and come, a topic that is made again or
grows, dispatchers that come, go, die and stand still, Triggers that are added, changed and taken away, a Kafka that
answers late.  Whatever is written while every member has said that a Trigger is in force reaches it, unless its topic
goes."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from random import Random

import pytest

from tests.fake_time import clock, run, until
from tests.shell.dispatching import TOPIC, World, event, on, plan, trigger
from tests.shell.late import Late
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events.model import Event
from tradewind.plan import TriggerPlan
from tradewind.ports import TopicPartition, TopicSpec
from tradewind.resources.model import Order

SEEDS = 30
EVENTS = 80
ORDERS = {name: Order.ORDERED if name in "ace" else Order.UNORDERED for name in "abcdef"}
SLOTS = ("dispatcher-0", "dispatcher-1")


@dataclass
class Stopped:
    """How long a process stood still (SIGSTOP), whose own clock did not."""

    seconds: float = 0.0

    def elapsed(self) -> float:
        return clock() + self.seconds


class Changes:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        partitions = self.random.choice([1, 2])
        self.world = World(seed=seed, partitions=partitions, mirror_interval=self.random.choice([0.5, 5.0]))
        self.store = self.world.store
        self.here = {"a": "0."}
        """The Triggers that are there, each with a generation that begins with a number which it alone ever had."""
        self.numbers = count(1)
        self.hurry = 0
        """Steps for which everything changes at once: what an old topic leaves is put in order meanwhile."""
        self.due: set[tuple[str, str]] = set()
        """Who is to get what."""
        self.taken: set[tuple[str, str]] = set()
        for name in ORDERS:
            self.world.subscribers.at[f"http://{name}"] = partial(self.answer, name)

    def answer(self, name: str, got: Event) -> Outcome:
        if self.random.random() < 0.2:
            return Answer(503)
        self.taken.add((name, got.id))
        return Answer(202)

    async def feed(self) -> None:
        for number in range(EVENTS):
            self.hurry -= 1
            await asyncio.sleep(self.random.random() * (0.5 if self.hurry > 0 else self.random.choice([0.2, 2, 10])))
            self.change()
            there = [TopicPartition(TOPIC, n) for n in range(len(self.store.topics[TOPIC].partitions))]
            if led := [at for at in there if at not in self.store.leaderless]:
                at = self.random.choice(led).partition
                sure = [name for name in self.here if self.in_force(name)]
                await self.world.log.append(on(at, event(number)))
                self.due |= {(name, str(number)) for name in sure}

    def in_force(self, name: str) -> bool:
        """Whether every member of the group has said so."""
        members = self.store.group(self.world.settings.dispatcher_group).wants
        means = f'"default/{name}":"{self.here[name].partition(".")[0]}.'.encode()
        return bool(members) and all(means in self.world.in_force(member) for member in members)

    def change(self) -> None:
        store, choice = self.store, self.random.random()
        if choice < 0.07:
            store.recreate_topic(TOPIC)
            self.hurry = 10
            self.due.clear()  # with the old topic went what was not delivered yet
        elif choice < 0.09 and len(store.topics[TOPIC].partitions) < 4:
            store.add_partitions(TOPIC, len(store.topics[TOPIC].partitions) + 1)
        elif choice < 0.13:
            there = {TopicPartition(TOPIC, number) for number in range(len(store.topics[TOPIC].partitions))}
            store.leaderless = set() if store.leaderless else there
            self.hurry = 0 if store.leaderless else 5
        elif choice < 0.2:
            store.leaderless ^= {TopicPartition(TOPIC, self.random.randrange(2))}
        elif choice < (0.7 if self.hurry > 0 else 0.4):
            name = self.random.choice([*ORDERS])
            if self.here.pop(name, None) is None:
                self.here[name] = f"{next(self.numbers)}."
            self.due = {(name, number) for name, number in self.due if name in self.here}
            self.adopt()
        elif choice > 0.9 and self.here:
            self.here[self.random.choice(sorted(self.here))] += "changed"
            self.adopt()

    def trigger(self, name: str) -> TriggerPlan:
        made = trigger(name, retry=50, order=ORDERS[name])
        return replace(made, generation=self.here[name])

    def adopt(self) -> None:
        self.world.adopt(plan(*map(self.trigger, sorted(self.here))))

    async def live(self, slot: str, feeding: "asyncio.Task[None]") -> None:
        """One slot: up for a while, stopped in between or without Kafka perhaps; then killed or ended; up again."""
        while not feeding.done():
            log, stopped = Late(self.store, self.random), Stopped()
            kill = self.random.random() < 0.3
            async with self.world.dispatcher(slot, kill=kill, log=log, elapsed=stopped.elapsed):
                await asyncio.sleep(self.random.random() * self.random.choice([10, 60]))
                if self.random.random() < 0.3:
                    stopped.seconds += 12
                    self.store.fence(self.world.settings.dispatcher_group, slot)
                    await asyncio.sleep(self.random.random() * 30)
                if self.random.random() < 0.3:
                    log.down = True
                    await asyncio.sleep(self.random.random() * 20)
                    log.down = False
                    await asyncio.sleep(self.random.random() * 20)
            await asyncio.sleep(self.random.random() * 10)

    async def run(self) -> None:
        world = self.world
        self.adopt()
        self.store.make(TopicSpec(TOPIC, self.world.settings.partitions, None, {}))
        feeding = asyncio.create_task(self.feed())
        await asyncio.gather(feeding, *(self.live(slot, feeding) for slot in SLOTS))
        self.store.leaderless.clear()
        async with world.dispatcher(log=Late(self.store, self.random)):
            await until(lambda: self.due <= self.taken, what=f"{len(self.due)} due")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_in_force_gets_what_is_written(seed: int) -> None:
    run(lambda: Changes(seed).run())

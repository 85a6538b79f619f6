"""Seeded change of everything that a partition stands on: leaders that go and come, a topic that is made again or
grows, dispatchers that come, go and die, Triggers that are added and taken away, and a Kafka that answers late.
Whatever is written while every member has said that a Trigger is in force reaches it, as long as the topic is there."""

import asyncio
from random import Random

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import TOPIC, World, event, plan, trigger
from tests.shell.late import Late
from tradewind.events import kafka
from tradewind.ports import NewRecord, TopicPartition, TopicSpec
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher.cursors import force_key

SEEDS = 30
EVENTS = 80
ORDERS = {name: Order.ORDERED if name in "ace" else Order.UNORDERED for name in "abcdef"}
SLOTS = ("dispatcher-0", "dispatcher-1")


class Changes:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(seed=seed, partitions=2, mirror_interval=self.random.choice([0.5, 5.0]))
        self.store = self.world.store
        self.here = {"a"}
        """Names of the Triggers that are there."""
        self.due: set[tuple[str, str]] = set()
        """Who is to get what."""

    async def feed(self) -> None:
        for number in range(EVENTS):
            await asyncio.sleep(self.random.random() * self.random.choice([0.2, 2, 5]))
            self.change()
            headers, value = kafka.write(event(number))
            there = [TopicPartition(TOPIC, n) for n in range(len(self.store.topics[TOPIC].partitions))]
            if led := [at for at in there if at not in self.store.leaderless]:
                at = self.random.choice(led).partition
                sure = [name for name in self.here if self.in_force(name)]
                await self.world.log.append(NewRecord(TOPIC, value, headers, partition=at))
                self.due |= {(name, str(number)) for name in sure}

    def in_force(self, name: str) -> bool:
        """Whether every member of the group has said so."""
        world = self.world
        members = self.store.group(world.settings.dispatcher_group).wants
        said = {record.key: record.value or b"" for record in self.store.records(world.settings.cursors_topic)}
        return bool(members) and all(b'"default/%s"' % name.encode() in said.get(force_key(m), b"") for m in members)

    def change(self) -> None:
        store, choice = self.store, self.random.random()
        if choice < 0.07:
            store.recreate_topic(TOPIC)
            self.due.clear()  # with the old topic went what was not delivered yet
        elif choice < 0.09 and len(store.topics[TOPIC].partitions) < 4:
            store.add_partitions(TOPIC, len(store.topics[TOPIC].partitions) + 1)
        elif choice < 0.2:
            store.leaderless ^= {TopicPartition(TOPIC, self.random.randrange(2))}
        elif choice < 0.4:
            self.here ^= {self.random.choice([*ORDERS])}
            self.due = {(name, number) for name, number in self.due if name in self.here}
            self.adopt()

    def adopt(self) -> None:
        self.world.adopt(plan(*(trigger(name, order=ORDERS[name]) for name in sorted(self.here))))

    async def live(self, slot: str, feeding: "asyncio.Task[None]") -> None:
        """One slot: up for a while, then killed or stopped, then up again."""
        while not feeding.done():
            async with self.world.dispatcher(slot, kill=self.random.random() < 0.3, log=Late(self.store, self.random)):
                await asyncio.sleep(self.random.random() * 60)
            await asyncio.sleep(self.random.random() * 10)

    async def run(self) -> None:
        world = self.world
        self.adopt()
        self.store.make(TopicSpec(TOPIC, 2, None, {}))
        feeding = asyncio.create_task(self.feed())
        await asyncio.gather(feeding, *(self.live(slot, feeding) for slot in SLOTS))
        self.store.leaderless.clear()
        async with world.dispatcher(log=Late(self.store, self.random)):
            await until(lambda: not self.missing(), what="nothing missing")

    def missing(self) -> set[tuple[str, str]]:
        return {
            (name, number) for name, number in self.due if number not in self.world.subscribers.ids(f"http://{name}")
        }


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_in_force_gets_what_is_written(seed: int) -> None:
    run(lambda: Changes(seed).run())

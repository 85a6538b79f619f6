"""Seeded disorder of sources: processes that come, go and die, a Kafka that answers late or not at all, sources that
are declared and taken away, a topic of positions that is made again or has no leader.  Each source counts from its
position on: whatever it has given is stored, with no number left out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random

import pytest

from tests import fake_time
from tests.fake_time import run, until
from tests.shell.late import Late
from tests.shell.sources_running import SETTINGS, Making, World, event, ping
from tradewind.adapters.memory_log import MemoryStore
from tradewind.plan import SourcePlan
from tradewind.ports import TopicPartition
from tradewind.sources.emission import Emission, Emissions, Given

SEEDS = 15
NAMES = "abcdef"
SLOTS = ("sources-0", "sources-1")
STEPS = 60


class Disorder:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.store = MemoryStore(clock=fake_time.clock)
        self.here = set(NAMES)
        self.alive: list[World] = []

    async def count(self, source: SourcePlan, given: Given) -> Emissions:
        number = given.position if isinstance(given.position, int) else 0
        name = source.source.metadata.name.name
        while True:
            yield Emission(event(f"{name}-{number}"), position=number + 1)
            number += 1
            await asyncio.sleep(self.random.random())

    @contextlib.asynccontextmanager
    async def process(self, slot: str, *, kill: bool = False) -> AsyncIterator[World]:
        """One that is there while the block runs."""
        world = World(log=Late(self.store, self.random), maker=Making(self.count), slot=slot)
        world.make_topics()
        self.alive.append(world)
        async with world.run() as task:
            self.declare(world)
            yield world
            self.alive.remove(world)
            if kill:
                world.log.down = True
                task.cancel()
        if kill:
            self.store.fence(SETTINGS.sources_group, slot)

    def declare(self, *worlds: World) -> None:
        for world in worlds:
            world.declare(*(ping(name) for name in sorted(self.here)))

    async def live(self, slot: str, changing: "asyncio.Task[None]") -> None:
        """One slot: up for a while, then killed or stopped, then up again."""
        while not changing.done():
            async with self.process(slot, kill=self.random.random() < 0.5) as world:
                await asyncio.sleep(self.random.random() * 40)
                if self.random.random() < 0.3:
                    world.log.down = True
                    await asyncio.sleep(self.random.random() * 20)
                    world.log.down = False
                    await asyncio.sleep(self.random.random() * 20)
            await asyncio.sleep(self.random.random() * 10)

    async def change(self) -> None:
        for _ in range(STEPS):
            await asyncio.sleep(self.random.random() * self.random.choice([0.2, 2, 10]))
            choice = self.random.random()
            if choice < 0.5:
                self.here ^= {self.random.choice(NAMES)}
                self.declare(*self.alive)
            elif choice < 0.7:
                number = self.random.randrange(SETTINGS.partitions)
                self.store.leaderless ^= {TopicPartition(SETTINGS.sources_topic, number)}
            elif choice < 0.75 and SETTINGS.sources_topic in self.store.topics:
                self.store.recreate_topic(SETTINGS.sources_topic)

    async def run(self) -> None:
        changing = asyncio.create_task(self.change())
        await asyncio.gather(changing, *(self.live(slot, changing) for slot in SLOTS))
        self.store.leaderless.clear()
        self.here = set(NAMES)
        async with self.process(SLOTS[0]) as world:
            before = {name: len(self.numbers(world, name)) for name in NAMES}
            await until(lambda: all(len(self.numbers(world, name)) > before[name] + 5 for name in NAMES))
        for name in NAMES:
            numbers = self.numbers(world, name)
            assert sorted(set(numbers)) == list(range(max(numbers) + 1))

    def numbers(self, world: World, name: str) -> list[int]:
        """What is stored of a source, in its order."""
        return [int(id.partition("-")[2]) for id in world.ids if id.startswith(f"{name}-")]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_number_is_left_out(seed: int) -> None:
    run(lambda: Disorder(seed).run())

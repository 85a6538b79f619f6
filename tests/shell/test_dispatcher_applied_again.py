"""Seeded lives of Triggers that are taken away and applied again, within a day and beyond one, as dispatchers, leaders
and other Brokers come and go, partitions are added, and what is left over is swept.  What is written while every member
has said that a Trigger is in force reaches it, also if it is taken away meanwhile and comes back within a day; and one
that comes back later, or says `latest` where it said something else, gets nothing that was there before."""

import asyncio
from dataclasses import replace
from functools import partial
from random import Random

import pytest

from tests.fake_time import clock, run, until
from tests.shell.dispatching import BROKER, DEAD, TOPIC, World, event, on, trigger
from tests.shell.late import Late
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events.model import Event
from tradewind.plan import BrokerPlan, Plan, TopicPlan
from tradewind.ports import TopicPartition, TopicSpec
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import force_key
from tradewind.trigger_dispatcher.ownership import KEPT
from tradewind.trigger_dispatcher.supervisor import Dispatcher
from tradewind.trigger_dispatcher.view import View

SEEDS = 20
EVENTS = 60
NAMES = "abc"
OTHER = NamespacedName("default", "other")
SLOTS = ("dispatcher-0", "dispatcher-1")


class Lives:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.later = 0.0
        """Seconds that have been skipped."""
        self.world = World(seed=seed, partitions=self.random.choice([1, 2, 3]), mirror_interval=0.5)
        self.store = self.world.store
        self.store._clock = self.wall
        self.here = {"a": ""}
        """What is there, and where each starts."""
        self.gone: dict[str, tuple[str, float]] = {}
        """What was there: its start then, and when it was taken away."""
        self.applied = {"a": 0.0}
        self.new_since: dict[str, float] = {}
        self.other = True
        self.written: dict[str, tuple[int, float]] = {}
        self.due: set[tuple[str, str]] = set()
        self.taken: set[tuple[str, str]] = set()
        self.old: set[tuple[str, str]] = set()
        """What was there before its Trigger."""
        self.running: list[Dispatcher] = []
        for name in NAMES:
            self.world.subscribers.at[f"http://{name}"] = partial(self.answer, name)

    def wall(self) -> float:
        return clock() + self.later

    def answer(self, name: str, got: Event) -> Outcome:
        since = self.new_since.get(name, 0.0)
        if self.written[got.id][1] < since and clock() > since + 5:  # else what was owed before
            self.old.add((name, got.id))
        self.taken.add((name, got.id))
        return Answer(202)

    async def feed(self) -> None:
        for number in map(str, range(EVENTS)):
            await asyncio.sleep(self.random.random() * self.random.choice([0.2, 2, 10]))
            await self.change()
            there = [TopicPartition(TOPIC, n) for n in range(len(self.store.topics[TOPIC].partitions))]
            if led := [at for at in there if at not in self.store.leaderless]:
                at = self.random.choice(led).partition
                sure = {name for name in self.here if self.in_force(name)}
                self.written[number] = (at, clock())
                await self.world.log.append(on(at, event(number)))
                self.due |= {(name, number) for name in sure}

    def in_force(self, name: str) -> bool:
        """Whether every member has said so since it was applied."""
        members = self.store.group(self.world.settings.dispatcher_group).wants
        return bool(members) and all(
            self.world.says(one, name) and self.told(one) > self.applied[name] for one in members
        )

    def told(self, member: str) -> float:
        records = self.store.records(self.world.settings.cursors_topic)
        return max(record.timestamp for record in records if record.key == force_key(member))

    def places(self, name: str) -> dict[int, float | None]:
        """On which partitions a Trigger has a cursor, and when it was seen to be gone there."""
        view = View()
        for record in self.store.records(self.world.settings.cursors_topic):
            view.apply(record.key or b"", record.value, record.offset)
        known = view.known(NamespacedName("default", name), TOPIC)
        return {here.partition: record.deleted for here, record in known.items()}

    async def change(self) -> None:
        store, choice, name = self.store, self.random.random(), self.random.choice(NAMES[1:])
        if choice < 0.35:
            self.take_away(name) if name in self.here else self.apply(name)
            self.adopt()
        elif choice < 0.45 and self.settled():
            self.later += self.random.choice([KEPT / 5, KEPT + 60])
            for dispatcher in [*self.running, *self.running]:
                await dispatcher._sweeper.sweep()
        elif choice < 0.5:
            self.other = not self.other
            self.adopt()
        elif choice < 0.54 and len(store.topics[TOPIC].partitions) < 4:
            store.add_partitions(TOPIC, len(store.topics[TOPIC].partitions) + 1)
        elif choice < 0.62:
            store.leaderless ^= {TopicPartition(TOPIC, self.random.randrange(3))}

    def settled(self) -> bool:
        """Whether all that changed last has been seen by all: a day is long."""
        absent = [b'"default/%s"' % name.encode() for name in NAMES if name not in self.here]
        members = self.store.group(self.world.settings.dispatcher_group).wants
        told = b"".join(map(self.world.in_force, members))
        return (
            len(self.running) == len(members) > 0
            and not self.store.leaderless
            and all(map(self.in_force, self.here))
            and not any(name in told for name in absent)
        )

    def take_away(self, name: str) -> None:
        self.gone[name] = self.here.pop(name), self.wall()
        self.new_since.pop(name, None)
        placed = [partition for partition, deleted in self.places(name).items() if deleted is None]
        self.due = {(n, number) for n, number in self.due if n != name or self.written[number][0] in placed}

    def apply(self, name: str) -> None:
        start = self.random.choice(["", "latest"])
        was, left = self.gone.get(name, (start, -KEPT))
        seen = [deleted for deleted in self.places(name).values() if deleted is None or deleted > left - KEPT / 2]
        new = self.wall() - left > KEPT
        if new or start not in ("", was):
            self.due = {(n, number) for n, number in self.due if n != name}
        if new and not any(deleted is None or self.wall() - deleted < KEPT for deleted in seen):
            self.new_since[name] = clock()
        self.here[name], self.applied[name] = start, self.wall()

    def adopt(self) -> None:
        brokers = {BROKER: BrokerPlan(BROKER, TopicPlan(TOPIC), DEAD)}
        if self.other:
            brokers[OTHER] = BrokerPlan(OTHER, TopicPlan("other"), "other.dead-letters")
        triggers = [replace(trigger(name, retry=50), start=start) for name, start in self.here.items()]
        self.world.adopt(Plan(brokers=brokers, triggers={one.name: one for one in triggers}))

    async def live(self, slot: str, feeding: "asyncio.Task[None]") -> None:
        """One slot: up for a while, killed or ended, up again."""
        while not feeding.done():
            log = Late(self.store, self.random) if self.random.random() < 0.5 else self.store.client()
            kill = self.random.random() < 0.3
            async with self.world.dispatcher(slot, kill=kill, log=log, wall=self.wall) as dispatcher:
                self.running.append(dispatcher)
                await asyncio.sleep(self.random.random() * self.random.choice([10, 60]))
                self.running.remove(dispatcher)
            await asyncio.sleep(self.random.random() * 10)

    async def run(self) -> None:
        self.adopt()
        self.store.make(TopicSpec(TOPIC, self.world.settings.partitions, None, {}))
        self.store.make(TopicSpec("other", 3, None, {}))
        async with self.world.dispatcher(wall=self.wall):
            await asyncio.sleep(3)  # the topic has been read
        feeding = asyncio.create_task(self.feed())
        await asyncio.gather(feeding, *(self.live(slot, feeding) for slot in SLOTS))
        self.store.leaderless.clear()
        async with self.world.dispatcher(wall=self.wall):
            await until(lambda: {due for due in self.due if due[0] in self.here} <= self.taken, what="what is due")
            await asyncio.sleep(5)
        assert not self.old


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_comes_back_goes_on_or_is_new(seed: int) -> None:
    run(lambda: Lives(seed).run())

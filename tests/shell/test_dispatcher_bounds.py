"""How much a Trigger's `maxInFlight` and `rate` let through, by one dispatcher or several; in fake time."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import TOPIC, Begun, Subscribers, World, event, plan, trigger, worker
from tradewind.delivery.verdicts import Answer, Dropped, Outcome
from tradewind.events.model import Event
from tradewind.plan import Target
from tradewind.ports import Exchange, Told


class Busiest:
    """A subscriber that takes everything, and knows how many deliveries to all of them ran at once."""

    def __init__(self, subscribers: Subscribers) -> None:
        self._subscribers = subscribers
        self.most = 0

    def __call__(self, _: Event) -> Outcome:
        self.most = max(self.most, self._subscribers.running + 1)  # the one that counts has left already
        return Answer(204)


class Dropping(Subscribers):
    """Some of their connections close before an answer; it counts how many were under way at once, by URL."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.most = Counter[str]()
        self._random = random
        self._now = Counter[str]()

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        self._now[url] += 1
        self.most[url] = max(self.most[url], self._now[url])
        await asyncio.sleep(self._random.random() / 2)
        self._now[url] -= 1
        return await super().post(url, headers, body, timeout=timeout)

    def begin(
        self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object
    ) -> Exchange | None:
        if self._random.random() < 0.8:
            return super().begin(url, lines, body, timeout=timeout, told=told, about=about)

        async def drop() -> None:
            await asyncio.sleep(self._random.random() / 2)
            told(about, Dropped("closed"))

        task = asyncio.create_task(drop())
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return Begun(task)


async def sent(world: World, seconds: float) -> int:
    """How many deliveries end in so many seconds."""
    before = len(world.subscribers.ids("http://a"))
    await asyncio.sleep(seconds)
    return len(world.subscribers.ids("http://a")) - before


def test_width_and_rate_of_a_running_trigger_change_without_a_gap() -> None:
    async def scenario() -> None:
        world = World(latency=1.0)
        world.subscribers.at["http://a"] = busiest = Busiest(world.subscribers)
        world.adopt(plan(replace(trigger("a"), max_in_flight=3)))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(400)))
            await until(lambda: len(world.subscribers.ids("http://a")) >= 30)
            assert busiest.most == 3
            world.adopt(plan(replace(trigger("a"), max_in_flight=9)))
            await until(lambda: len(world.subscribers.ids("http://a")) >= 90)
            assert busiest.most == 9
            world.adopt(plan(replace(trigger("a"), max_in_flight=9, rate=4.0)))
            await asyncio.sleep(5.0)  # what was sent before has ended
            assert 76 <= await sent(world, 20.0) <= 84
            world.adopt(plan(trigger("a")))
            await until(lambda: len(world.subscribers.ids("http://a")) == 400, within=5.0)
        assert len(set(world.subscribers.ids("http://a"))) == 400

    run(scenario)


@pytest.mark.parametrize("seed", range(20))
def test_an_address_that_goes_and_comes_back_gets_no_more_at_once(seed: int) -> None:
    """Whatever was on its way to another meanwhile: taken, being read again, or sent and dropped by its connection."""

    async def scenario() -> None:
        random, world = Random(seed), World(partitions=1, window_bytes=2000)
        world.subscribers = subscribers = Dropping(random)
        bounded = replace(trigger("a"), max_in_flight=2)
        world.adopt(plan(bounded))
        addresses = Target("http://a"), Target("http://a"), Target("http://b"), Target(None, "no Service")
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(100)))
            for _ in range(200):
                await asyncio.sleep(random.choice([0, 0, 0, 0.001, 0.1, 0.5]))
                world.adopt(plan(replace(bounded, subscriber=random.choice(addresses))))
            world.adopt(plan(bounded))
            await until(lambda: len(subscribers.ids("http://a") + subscribers.ids("http://b")) >= 100)
            await asyncio.sleep(2.0)
            assert [gate.running for gate in worker(dispatcher).lanes.gates.values()] == [0]
        assert subscribers.most == {"http://a": 2, "http://b": 2}
        assert {*subscribers.ids("http://a"), *subscribers.ids("http://b")} == {str(number) for number in range(100)}
        assert len(subscribers.ids("http://a") + subscribers.ids("http://b")) == 100

    run(scenario)


def test_an_address_that_goes_and_comes_back_gets_no_more_in_a_second() -> None:
    async def scenario() -> None:
        world = World()
        bounded = replace(trigger("a"), rate=10.0)
        world.adopt(plan(bounded))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(1000)))
            await asyncio.sleep(5.0)  # what was saved up is used
            before = len(world.subscribers.ids("http://a"))
            for _ in range(50):
                world.adopt(plan(replace(bounded, subscriber=Target(None, "no Service"))))
                await asyncio.sleep(0.1)
                world.adopt(plan(bounded))
                await asyncio.sleep(0.1)
            assert 90 <= len(world.subscribers.ids("http://a")) - before <= 101

    run(scenario)


def test_dispatchers_keep_a_triggers_bounds_together() -> None:
    """Each by the part of the partitions that it owns; whoever is left alone has all of them again."""

    async def scenario() -> None:
        world = World(partitions=10, latency=1.0, max_in_flight=50)
        world.subscribers.at["http://a"] = busiest = Busiest(world.subscribers)
        bounded = replace(trigger("a"), max_in_flight=7)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("dispatcher-0"):
            async with world.dispatcher("dispatcher-1"), world.dispatcher("dispatcher-2"):
                world.adopt(plan(bounded))
                await world.post(*(event(number) for number in range(2000)))
                await asyncio.sleep(2.0)  # what began before they shared has ended
                busiest.most = 0
                assert 30 <= await sent(world, 6.0) <= 42
                assert 5 <= busiest.most <= 7
                world.adopt(plan(trigger("a")))
                await until(lambda: busiest.most > 100, within=3.0)
                world.adopt(plan(replace(bounded, rate=3.0)))
                await asyncio.sleep(5.0)
                assert 57 <= await sent(world, 20.0) <= 63
            await asyncio.sleep(3.0)
            assert 57 <= await sent(world, 20.0) <= 63
            world.adopt(plan(bounded))
            await asyncio.sleep(2.0)
            busiest.most = 0
            assert 65 <= await sent(world, 10.0) <= 70
            assert busiest.most == 7

    run(scenario)


@pytest.mark.parametrize("dispatchers", [1, 2, 3])
def test_whoever_leaves_sends_no_more_at_once_for_that(dispatchers: int) -> None:
    """With nothing left it has no part in the bounds, and not all of them."""

    async def scenario() -> None:
        world = World(partitions=6, latency=1.0)
        world.subscribers.at["http://a"] = busiest = Busiest(world.subscribers)
        world.adopt(plan(replace(trigger("a"), max_in_flight=6)))
        async with world.dispatcher("dispatcher-0"), contextlib.AsyncExitStack() as others:
            for number in range(dispatchers):
                await others.enter_async_context(world.dispatcher(f"dispatcher-{1 + number}"))
            await world.post(*(event(number) for number in range(500)))
            await asyncio.sleep(3.5)
            await others.aclose()
            await asyncio.sleep(3.0)
        assert busiest.most == 6

    run(scenario)


@pytest.mark.parametrize("grows", [False, True])
def test_a_trigger_that_comes_later_is_bounded_by_all_partitions_that_there_are_then(grows: bool) -> None:
    """Also where the topic grows, by whoever owns as many of it as before."""

    async def scenario() -> None:
        world = World(partitions=2)
        world.adopt(plan())
        async with world.dispatcher("dispatcher-0"), world.dispatcher("dispatcher-1"):
            world.adopt(plan(replace(trigger("a"), rate=30.0)))
            await asyncio.sleep(1.0)
            if grows:
                world.store.add_partitions(TOPIC, 3)
                await asyncio.sleep(2 * world.settings.mirror_interval)
            await world.post(*(event(number) for number in range(3000)))
            await asyncio.sleep(5.0)  # what was saved up is used
            assert 590 <= await sent(world, 20.0) <= 610

    run(scenario)

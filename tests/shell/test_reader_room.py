"""When the shared reader waits for room, and when it does not."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tests.fake_time import clock, run, until
from tests.shell.dispatching import Subscribers, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events.model import Event
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.roster import place
from tradewind.trigger_dispatcher.supervisor import Dispatcher

NEVER = 86400.0
NAME = NamespacedName("default", "a")


class Paced(Subscribers):
    """Subscribers that take their time, each its own."""

    def __init__(self, **pace: float) -> None:
        super().__init__()
        self.pace = {f"http://{name}": seconds for name, seconds in pace.items()}

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        await asyncio.sleep(self.pace.get(url, 0.0))
        return await super().post(url, headers, body, timeout=timeout, anew=anew)


def world_of(subscribers: Paced, **settings: Any) -> World:
    world = World(**{"backlog": 40, "max_in_flight": 4, **settings})
    world.subscribers = subscribers
    return world


def attached(dispatcher: Dispatcher) -> set[str]:
    """The Triggers that the shared reader serves on every partition."""
    partitions = dispatcher._roster.partitions()
    names = dispatcher._roster.plan.triggers
    return {name.name for name in names if all(partition.serves(name) for partition in partitions)}


def watching(dispatcher: Dispatcher, seen: list[set[str]]) -> Callable[[Event], Outcome]:
    """A subscriber that notes at each delivery which Triggers are attached."""

    def subscriber(_: Event) -> Outcome:
        seen.append(attached(dispatcher))
        return Answer(204)

    return subscriber


def test_a_trigger_alone_is_waited_for_and_read_for_once() -> None:
    async def scenario() -> None:
        world, seen = world_of(Paced(a=0.01)), list[set[str]]()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            world.subscribers.at["http://a"] = watching(dispatcher, seen)
            await world.post(*(event(number) for number in range(1000)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 1000)
        assert all(each == {"a"} for each in seen)

    run(scenario)


def test_large_events_are_waited_for_as_well() -> None:
    async def scenario() -> None:
        world, seen = world_of(Paced(a=0.01), backlog=1000, window_bytes=20_000), list[set[str]]()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            world.subscribers.at["http://a"] = watching(dispatcher, seen)
            for number in range(200):  # they come as they are taken: nobody knows their size before
                await world.post(event(number, padding="x" * 400))
                await asyncio.sleep(0.002)
            await until(lambda: len(world.subscribers.ids("http://a")) == 200)
        assert all(each == {"a"} for each in seen)

    run(scenario)


def test_triggers_that_are_all_busy_are_waited_for_together() -> None:
    async def scenario() -> None:
        world, seen = world_of(Paced(a=0.01, b=0.012)), list[set[str]]()
        world.adopt(plan(trigger("a"), trigger("b")))
        async with world.dispatcher() as dispatcher:
            world.subscribers.at["http://a"] = watching(dispatcher, seen)
            await world.post(*(event(number) for number in range(200)))
            await until(lambda: len(world.subscribers.ids("http://b")) == 200)
        assert seen[20] == {"a", "b"}

    run(scenario)


def test_who_is_at_ease_waits_for_nobody() -> None:
    async def scenario() -> None:
        world = world_of(Paced(slow=1.0))
        world.adopt(plan(trigger("slow"), trigger("quick", type="com.example.quick")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(1000)))
            began = clock()
            await world.post(event("quick", type="com.example.quick"))
            await until(lambda: world.subscribers.ids("http://quick"))
            assert clock() - began < 1.0, "and the slow one has 250 s to go"
            await until(lambda: len(world.subscribers.ids("http://slow")) == 1001)

    run(scenario)


def test_a_subscriber_that_answers_nothing_is_not_waited_for_longer_than_patience() -> None:
    async def scenario() -> None:
        world = world_of(Paced(down=NEVER))
        world.adopt(plan(trigger("down")))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(1000)))
            (one, two) = dispatcher._roster.partitions()
            await until(lambda: one.position + two.position == 1000, within=60.0)
            assert attached(dispatcher) == set()

    run(scenario)


def test_a_partition_is_given_up_while_others_go_on() -> None:
    """Whoever releases it waits for its own events, not for what runs in their place."""

    async def scenario() -> None:
        world = world_of(Paced(a=0.5), backlog=1000)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(400)))
            await until(lambda: len(world.subscribers.ids("http://a")) >= 8)
            began = clock()
            await dispatcher._custody.revoked([place(next(iter(dispatcher._roster.partitions())))])
            assert clock() - began < 1.0
            (left,) = dispatcher._roster.partitions()
            await until(lambda: not left.ledgers[NAME].owed)

    run(scenario)

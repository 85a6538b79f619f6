"""The dispatcher's shells over a log in memory, in fake time: matches, order, width, changed Triggers."""

import asyncio
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.events.model import HOPS, Event
from tradewind.plan import Plan, Target
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher import ownership


def test_an_event_reaches_the_triggers_it_matches_and_no_other() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a", type="com.example.a"), trigger("b", type="com.example.b"), trigger("all")))
        async with world.dispatcher():
            await world.post(event(1, **{HOPS: "9", "subject": "grüße %"}), event(2, type="com.example.b"))
            await until(lambda: len(world.subscribers.got.get("http://all", [])) == 2)
        assert world.subscribers.ids("http://a") == ["1"]
        assert world.subscribers.ids("http://b") == ["2"]
        (got,) = world.subscribers.got["http://a"]
        assert got == event(1, subject="grüße %")
        headers = next(h for h in world.subscribers.headers if h["ce-id"] == "1")
        assert headers["prefer"] == "reply"
        assert headers["kn-namespace"] == "default"
        assert "ce-knativebrokerttl" not in headers

    run(scenario)


def test_a_failing_subscriber_holds_up_neither_other_triggers_nor_is_anything_of_it_lost() -> None:
    async def scenario() -> None:
        world = World(backlog=20, max_in_flight=5, waiting=40)
        healthy = False
        world.subscribers.at["http://slow"] = lambda _: Answer(200) if healthy else Answer(503)
        world.adopt(plan(trigger("slow", retry=1000), trigger("quick")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(500)))
            await until(lambda: len(world.subscribers.ids("http://quick")) == 500, within=5.0)
            healthy = True
            await until(lambda: len(set(world.subscribers.ids("http://slow"))) == 500)
        assert len(world.subscribers.ids("http://quick")) == 500

    run(scenario)


def test_width_bounds_what_runs() -> None:
    async def scenario() -> None:
        world = World(max_in_flight=7, latency=1.0)
        most = 0

        def watch(_: Event) -> Outcome:
            nonlocal most
            most = max(most, world.subscribers.running)
            return Answer(200)

        world.subscribers.at["http://a"] = watch
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(100)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 100)
        assert most == 6  # the one that counts has left already

    run(scenario)


def test_order_is_kept_for_each_key_and_one_key_does_not_hold_up_another() -> None:
    async def scenario() -> None:
        world = World()
        failures = {"k1-3": 4}

        def sometimes(got: Event) -> Outcome:
            if failures.get(got.id, 0):
                failures[got.id] -= 1
                return Answer(503)
            return Answer(200)

        world.subscribers.at["http://a"] = sometimes
        world.adopt(plan(trigger("a", retry=10, order=Order.ORDERED)))
        async with world.dispatcher():
            for number in range(6):
                await world.post(*(event(f"k{key}-{number}", partitionkey=f"k{key}") for key in range(4)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 24)
        ids = world.subscribers.ids("http://a")
        for key in range(4):
            mine = [name for name in ids if name.startswith(f"k{key}-")]
            assert mine == sorted(mine)
        assert ids.index("k0-5") < ids.index("k1-4")

    run(scenario)


def test_a_changed_filter_loses_and_repeats_nothing_and_binds_what_matched() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: Answer(200) if got.type == "com.example.b" else Answer(503)
        world.adopt(plan(trigger("a", retry=2, type="com.example.a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            world.adopt(plan(trigger("a", retry=2, type="com.example.b")))
            await until(lambda: world.dead_letters())
            await world.post(event(2), event(3, type="com.example.b"))
            await until(lambda: "3" in world.subscribers.ids("http://a"))
        assert world.subscribers.ids("http://a") == ["1", "1", "1", "3"]

    run(scenario)


def test_a_trigger_without_an_address_waits_for_one() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(replace(trigger("a"), subscriber=Target(None, "nobody knows"))))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(30)))
            await until(lambda: clock() - EPOCH > 100)
            assert not world.subscribers.got
            world.adopt(plan(trigger("a")))
            await until(lambda: len(world.subscribers.ids("http://a")) == 30)
            await world.post(event("later"))
            await until(lambda: "later" in world.subscribers.ids("http://a"))
        assert len(world.subscribers.ids("http://a")) == 31

    run(scenario)


def test_a_changed_filter_and_subscriber_take_effect_together() -> None:
    """As the controller has it: the edit takes the address away, and the new one comes a moment later."""

    async def scenario() -> None:
        world = World()
        old, new = trigger("a", type="old"), trigger("a", type="new")
        world.adopt(plan(old))
        async with world.dispatcher():
            await world.post(event(1, type="old"), event(2, type="new"))
            await until(lambda: world.subscribers.ids("http://a") == ["1"])
            world.adopt(plan(replace(new, subscriber=Target(None, "not resolved yet"))))
            await asyncio.sleep(10)
            await world.post(event(3, type="old"), event(4, type="new"))
            await asyncio.sleep(10)
            world.adopt(plan(replace(new, subscriber=Target("http://b"))))
            await until(lambda: world.subscribers.ids("http://b") == ["4"])
        assert world.subscribers.ids("http://a") == ["1"]

    run(scenario)


def test_the_triggers_of_a_broker_that_waits_keep_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than the place of one that was deleted is kept."""
    monkeypatch.setattr(ownership, "KEPT", 60.0)

    async def scenario() -> None:
        world = World()
        served = plan(trigger("a"))
        held = replace(trigger("a"), subscriber=Target(None, "its broker waits"))
        waiting = Plan({BROKER: replace(served.brokers[BROKER], waits="faults")}, {held.name: held})
        world.adopt(served)
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a") == ["1"])
            world.adopt(waiting)
            await asyncio.sleep(10)
            await world.post(event(2))
            await asyncio.sleep(100)
            assert world.subscribers.ids("http://a") == ["1"]
            world.adopt(served)
            await until(lambda: world.subscribers.ids("http://a") == ["1", "2"])

    run(scenario)


def test_an_attempt_that_follows_at_once_is_the_only_one_of_its_key() -> None:
    """Many end in one moment, and each goes on to the sink in that moment: the end of the first attempt must not be
    taken for that of the second."""

    async def scenario() -> None:
        world = World(partitions=1)
        world.subscribers.at["http://a"] = lambda _: Answer(400)
        world.subscribers.at["http://sink"] = lambda _: Answer(204)
        world.adopt(plan(trigger("a", sink="http://sink", order=Order.ORDERED)))
        async with world.dispatcher():
            await world.post(*(event(number, partitionkey=str(number % 10)) for number in range(200)))
            await until(lambda: len(world.subscribers.ids("http://sink")) >= 200)
        for url in ("http://a", "http://sink"):
            numbers = list(map(int, world.subscribers.ids(url)))
            assert sorted(numbers) == list(range(200))
            assert all([n for n in numbers if n % 10 == key] == list(range(key, 200, 10)) for key in range(10))

    run(scenario)

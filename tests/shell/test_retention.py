"""Retention never takes what is owed: the dispatcher over a log in memory, in fake time."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, DEAD, TOPIC, World, event, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.delivery.verdicts import Answer
from tradewind.errors import LogUnavailable
from tradewind.events import kafka
from tradewind.plan import BrokerPlan, Plan, Target, TopicPlan
from tradewind.ports import NewRecord, Position, TopicPartition
from tradewind.resources.model import NamespacedName, Order

KEPT = 400.0
"""Seconds that the topic keeps its records."""


def saved(world: World) -> dict[str, str]:
    """The dead letters: the reason of each, by its event."""
    return {
        kafka.read(letter.headers, letter.value).id: dict(letter.headers)["tradewind-reason"].decode()
        for letter in world.dead_letters()
    }


@pytest.mark.parametrize("order", list(Order))
def test_what_waits_goes_to_the_dead_letters_before_its_time_is_over(order: Order) -> None:
    """Waiting for a retry, or behind a key that waits for one; what follows goes on."""

    async def scenario() -> None:
        world = World(partitions=1, retention=KEPT, retention_margin=60.0)
        world.subscribers.at["http://a"] = lambda got: (
            Answer(503, {"retry-after": "7200"}) if got.id in ("1", "3") else Answer(204)
        )
        world.adopt(plan(trigger("a", order=order)))
        async with world.dispatcher():
            await world.post(event(1, partitionkey="k"), event(2, partitionkey="k"), event(3, partitionkey="other"))
            await until(lambda: clock() - EPOCH > KEPT - 70)
            assert not world.dead_letters()
            await until(lambda: world.dead_letters())
            assert clock() - EPOCH < KEPT - 50
            await world.post(event(4, partitionkey="k"))
            await until(lambda: "4" in world.subscribers.ids("http://a"))
            await until(lambda: clock() - EPOCH > KEPT)
            world.store.delete_records_before(TopicPartition(TOPIC, 0), 3)
        expected = {"1": "retention: 1 failed attempts", "3": "retention: 1 failed attempts"}
        if order is Order.ORDERED:
            expected["2"] = "retention: not sent"
        assert saved(world) == expected
        assert world.subscribers.ids("http://a").count("1") == 1
        async with world.dispatcher():  # what was saved is settled
            await until(lambda: clock() - EPOCH > KEPT + 500)
        assert saved(world) == expected

    run(scenario)


def test_what_is_being_sent_is_left_to_its_end() -> None:
    async def scenario() -> None:
        world = World(partitions=1, retention=KEPT, retention_margin=60.0, latency=KEPT - 40)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            assert clock() - EPOCH > KEPT - 50
            await until(lambda: clock() - EPOCH > KEPT)
        assert not world.dead_letters()

    run(scenario)


class OneIsAway(MemoryLog):
    """A log that cannot reach the dead-letter topic of the first Broker."""

    def append(self, record: NewRecord) -> Awaitable[Position]:
        if record.topic != DEAD:
            return super().append(record)
        failed: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        failed.set_exception(LogUnavailable("away"))
        return failed


def test_a_dead_letter_topic_that_is_out_of_reach_holds_up_no_others() -> None:
    async def scenario() -> None:
        world = World(partitions=1, retention=KEPT, retention_margin=90.0)
        for name in "ab":
            world.subscribers.at[f"http://{name}"] = lambda _: Answer(503, {"retry-after": "7200"})
        other = BrokerPlan(NamespacedName("default", "other"), TopicPlan("other"), "other.dead-letters")
        late = replace(trigger("b"), broker=other.name, topic="other", dead_letter_topic=other.dead_letter_topic)
        first = plan(trigger("a"))
        both = replace(
            first,
            brokers={**first.brokers, other.name: other},
            triggers={
                **first.triggers,
                late.name: late,
            },
        )
        world.adopt(both)
        async with world.dispatcher(log=OneIsAway(world.store)):
            headers, value = kafka.write(event(2))
            await world.post(event(1))
            await world.log.append(NewRecord("other", value, headers))
            await until(lambda: world.store.records("other.dead-letters"))
            assert clock() - EPOCH < KEPT
        assert not world.dead_letters()

    run(scenario)


def test_what_has_nowhere_to_go_is_saved_too() -> None:
    async def scenario() -> None:
        world = World(partitions=1, retention=KEPT)
        world.adopt(plan(trigger("a")))
        world.subscribers.at["http://a"] = lambda _: Answer(503)
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            world.adopt(plan(replace(trigger("a"), subscriber=Target(None, "nobody knows"))))
            await until(lambda: world.dead_letters())
        assert saved(world) == {"1": "retention: 1 failed attempts"}
        assert KEPT / 2 < clock() - EPOCH < KEPT

    run(scenario)


def test_what_lies_too_deep_is_saved() -> None:
    """By bytes: before more than is kept lies behind it, however young it is."""

    async def scenario() -> None:
        world = World(partitions=1)
        world.subscribers.at["http://a"] = lambda got: (
            Answer(503, {"retry-after": "7200"}) if got.id == "first" else Answer(204)
        )
        broker = BrokerPlan(BROKER, TopicPlan(TOPIC, config={"retention.bytes": "100000"}), f"{TOPIC}.dead-letters")
        one = trigger("a")
        world.adopt(Plan(brokers={BROKER: broker}, triggers={one.name: one}))
        async with world.dispatcher():
            await until(lambda: clock() - EPOCH > 10)
            await world.post(event("first"))
            for number in range(120):  # each of 141 bytes
                await world.post(*(event(f"{number}-{each}") for each in range(5)))
                await asyncio.sleep(1)
            first = clock()
            await until(lambda: world.dead_letters())
            assert clock() - first < 20
        assert saved(world) == {"first": "retention: 1 failed attempts"}

    run(scenario)


def test_a_trigger_that_is_behind_is_an_alarm_before_and_a_count_after(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        world = World(partitions=1, retention=KEPT, backlog=10)
        world.adopt(plan(replace(trigger("a"), subscriber=Target(None, "nobody knows")), trigger("b")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(30)))
            await until(lambda: len(world.subscribers.ids("http://b")) == 30)
            await until(lambda: alarms("retention comes near the cursor"))
            assert clock() - EPOCH < KEPT
            await until(lambda: clock() - EPOCH > KEPT)
            world.store.delete_records_before(TopicPartition(TOPIC, 0), 30)
            await until(lambda: alarms("retention has overtaken the cursor"))
            await world.post(event("first left"))
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: world.subscribers.ids("http://a") == ["first left"])

    def alarms(what: str) -> list[object]:
        found = [record.fields for record in caplog.records if record.getMessage() == what]  # type: ignore[attr-defined]
        return [(str(fields["trigger"]), fields["gone"]) for fields in found]

    with caplog.at_level(logging.ERROR, "tradewind.dispatcher"):
        run(scenario)
    assert alarms("retention comes near the cursor") == [("default/a", 0)]
    assert alarms("retention has overtaken the cursor") == [("default/a", 30)]


@pytest.mark.parametrize("order", list(Order))
def test_what_could_not_be_saved_is_not_forgotten_when_the_retention_is_raised(order: Order) -> None:
    """As somebody does who sees that the dead-letter topic refuses it."""

    async def scenario() -> None:
        world = World(partitions=1, retention=KEPT, retention_margin=60.0)
        world.subscribers.at["http://a"] = lambda _: Answer(503, {"retry-after": "7200"})
        world.adopt(plan(trigger("a", order=order)))
        async with world.dispatcher():
            held, dead = world.store.topics[TOPIC], world.store.topics[DEAD]
            world.store.topics[DEAD] = replace(dead, config={**dead.config, "max.message.bytes": "1"})
            await world.post(event(1), event(2))
            await until(lambda: clock() - EPOCH > KEPT - 30)
            world.store.topics[TOPIC] = replace(held, config={**held.config, "retention.ms": "-1"})
            await asyncio.sleep(20)
            world.store.topics[DEAD] = dead
            await until(lambda: len(world.dead_letters()) == 2, what="dead letters")

    run(scenario)


@pytest.mark.parametrize("wait", ["350", "7200"])
def test_what_is_behind_it_waits_until_it_is_saved(wait: str) -> None:
    """Else a restart would deliver it after those that came later."""

    async def scenario() -> None:
        world = World(partitions=1, retention=KEPT, retention_margin=60.0)
        world.subscribers.at["http://a"] = lambda got: (
            Answer(503, {"retry-after": wait}) if got.id == "1" else Answer(204)
        )
        world.adopt(plan(trigger("a", order=Order.ORDERED)))
        async with world.dispatcher():
            dead = world.store.topics[DEAD]
            world.store.topics[DEAD] = replace(dead, config={**dead.config, "max.message.bytes": "1"})
            await world.post(event(1, partitionkey="k"))
            await until(lambda: clock() - EPOCH > KEPT / 2)
            await world.post(event(2, partitionkey="k"))
            await until(lambda: clock() - EPOCH > KEPT - 30)
            assert world.subscribers.ids("http://a") == ["1"]
            world.store.topics[DEAD] = dead
            await until(lambda: world.subscribers.ids("http://a") == ["1", "2"], within=20)
        assert list(saved(world)) == ["1"]

    run(scenario)

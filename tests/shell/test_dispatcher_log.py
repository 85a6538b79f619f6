"""Dispatchers that come and go, Kafka that is away, topics that change, over a log in memory, in fake time."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import DEAD, TOPIC, World, answer_event, event, on, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.delivery.verdicts import Answer
from tradewind.errors import LogUnavailable
from tradewind.events import kafka
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.ports import NewRecord, Position, Record
from tradewind.resources.model import NamespacedName, Order


def test_a_broker_whose_topics_are_refused_holds_up_no_other() -> None:
    async def scenario() -> None:
        world = World()
        bad = BrokerPlan(NamespacedName("default", "bad"), TopicPlan("bad", partitions=0), "bad.dead-letters")
        both = plan(trigger("a"))
        world.adopt(replace(both, brokers={bad.name: bad, **both.brokers}))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            mended = replace(bad, topic=TopicPlan("bad", partitions=1))
            late = replace(trigger("b"), broker=bad.name, topic="bad")
            world.adopt(replace(plan(trigger("a"), late), brokers={bad.name: mended, **both.brokers}))
            await until(lambda: world.store.existing(["bad"]))
            headers, value = kafka.write(event(2))
            await world.log.append(NewRecord("bad", value, headers))
            await until(lambda: world.subscribers.ids("http://b"))

    run(scenario)


def test_a_stopped_dispatcher_goes_on_where_it_stood_and_repeats_nothing() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(50)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 50)
        await world.post(*(event(number) for number in range(50, 100)))
        async with world.dispatcher():
            await until(lambda: len(world.subscribers.ids("http://a")) == 100)
        assert sorted(map(int, world.subscribers.ids("http://a"))) == list(range(100))

    run(scenario)


def test_a_log_that_lost_its_end_is_read_as_it_is_now_by_who_had_it_read_already() -> None:
    """A leader was elected that had less: what has come since lies at offsets that somebody has seen before."""

    async def scenario() -> None:
        world = World(partitions=1, backlog=20, latency=1.0)
        world.adopt(plan(replace(trigger("slow"), max_in_flight=1), trigger("quick")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(200)))
            await until(lambda: len(world.subscribers.ids("http://quick")) == 200)
            log = world.store.topics[TOPIC].partitions[0]
            del log.records[150:]
            log.end = 150
            await asyncio.sleep(3)
            await world.post(*(event(f"new {number}") for number in range(50)))
            await asyncio.sleep(300)
        for one in ("slow", "quick"):
            assert len([got for got in world.subscribers.ids(f"http://{one}") if got.startswith("new")]) == 50

    run(scenario)


def test_a_topic_made_again_is_read_from_its_start() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(20)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 20)
        world.store.recreate_topic(TOPIC)
        await world.post(event("first of the new"))
        async with world.dispatcher():
            await until(lambda: "first of the new" in world.subscribers.ids("http://a"))

    run(scenario)


def test_a_topic_made_again_or_grown_while_it_is_read() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(20)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 20)
            await until(lambda: clock() - EPOCH > 3)
            world.store.recreate_topic(TOPIC)
            await world.post(*(event(f"again {number}") for number in range(30)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 50)
            world.store.add_partitions(TOPIC, 4)
            await world.log.append(on(3, event("on the new one")))
            await until(lambda: "on the new one" in world.subscribers.ids("http://a"))

    run(scenario)


def test_kafka_away_for_a_while_loses_nothing() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: answer_event(f"r{got.id}") if got.id.isdigit() else Answer(200)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            log = dispatcher._edges.log
            await world.post(*(event(number) for number in range(40)))
            log.down = True  # type: ignore[attr-defined]
            await until(lambda: clock() - EPOCH > 30)
            log.down = False  # type: ignore[attr-defined]
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 80)

    run(scenario)


def test_kafka_away_at_the_start_is_waited_for() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        world.log.down = True
        outage = asyncio.create_task(after_outages(world))
        async with world.dispatcher(log=world.log):
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
        await outage

    async def after_outages(world: World) -> None:
        for _ in range(40):
            await asyncio.sleep(0.17)
            world.log.down = not world.log.down
        world.log.down = False

    run(scenario)


def test_two_dispatchers_share_and_one_takes_over_from_a_killed_one() -> None:
    async def scenario() -> None:
        world = World(partitions=4, latency=0.05)
        world.adopt(plan(trigger("a"), trigger("b", order=Order.ORDERED)))
        async with world.dispatcher("dispatcher-0"):
            async with world.dispatcher("dispatcher-1", kill=True):
                await world.post(*(event(number, partitionkey=str(number % 9)) for number in range(300)))
                await until(lambda: len(world.subscribers.ids("http://a")) > 100)
            await world.post(*(event(number, partitionkey=str(number % 9)) for number in range(300, 400)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 400)
            await until(lambda: len(set(world.subscribers.ids("http://b"))) == 400)
        assert json.dumps(sorted(set(map(int, world.subscribers.ids("http://b"))))) == json.dumps(list(range(400)))
        assert not world.store.records(DEAD)

    run(scenario)


def test_topics_that_vanish_are_made_again() -> None:
    """A dead letter has to wait until then, in its place of the Trigger's width."""

    async def scenario() -> None:
        world = World(max_in_flight=1)
        world.subscribers.at["http://a"] = lambda got: Answer(400 if got.id == "1" else 204)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            del world.store.topics[DEAD]
            await world.post(event(1), event(2))
            await until(lambda: DEAD in world.store.topics and world.dead_letters())
            await until(lambda: "2" in world.subscribers.ids("http://a"))

    run(scenario)


class FarAway(MemoryLog):
    """A log that stores at once and answers late."""

    def append(self, record: NewRecord) -> Awaitable[Position]:
        return self._late(super().append(record))

    async def _late(self, stored: Awaitable[Position]) -> Position:
        await asyncio.sleep(0.2)
        return await stored


def test_cursors_of_many_partitions_wait_for_answers_together() -> None:
    """Each asks for some in turn; what a kill -9 repeats would grow with the number of partitions."""

    async def scenario() -> None:
        world = World(partitions=32)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(log=FarAway(world.store)):
            await until(lambda: clock() - EPOCH > 60)
            said = len(readers(world))
            for partition in range(32):
                await world.log.append(on(partition, event(partition)))
            await until(lambda: len(readers(world)) == said + 32, within=5)

    def readers(world: World) -> list[Record]:
        return [each for each in world.store.records("tradewind.cursors") if (each.key or b"").startswith(b"reader/")]

    run(scenario)


def test_dead_letters_that_all_wait_for_their_topic_say_so_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    class Without(MemoryLog):
        """Has no dead-letter topic."""

        def append(self, record: NewRecord) -> Awaitable[Position]:
            if record.topic == DEAD:
                raise LogUnavailable(f"topic {DEAD} is not there")
            return super().append(record)

    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: Answer(400)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher(log=Without(world.store)):
            await world.post(*(event(number) for number in range(50)))
            await asyncio.sleep(60.0)

    run(scenario)
    said = [
        record for record in caplog.records if record.message == "waiting for Kafka" and record.levelname == "WARNING"
    ]
    assert 10 <= len(said) <= 13

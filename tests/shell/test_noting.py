"""Dispatchers note what flows through Brokers that are switched on: once, for all of them, within bounds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import BROKER, DEAD, TOPIC, World, answer_event, event, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe import metrics
from tradewind.plan import BrokerPlan, Plan, TopicPlan
from tradewind.ports import NewRecord, Position
from tradewind.trigger_dispatcher import flowing, noting, sweeper
from tradewind.trigger_dispatcher.cursors import GENERAL, TypeRecord, encode, type_key
from tradewind.trigger_dispatcher.view import View


def plan(*, on: bool = True, uid: str = "u") -> Plan:
    broker = BrokerPlan(BROKER, TopicPlan(TOPIC), DEAD, uid=uid, event_types=on)
    a = trigger("a")
    return Plan(brokers={BROKER: broker}, triggers={a.name: a})


def writes(world: World) -> list[bytes | None]:
    """The keys of what was ever written of types, tombstones included."""
    records = world.store.records(world.settings.cursors_topic)
    return [record.key for record in records if (record.key or b"").startswith(b"type/")]


def noted(world: World) -> Mapping[tuple[str, str], TypeRecord]:
    view = View()
    for record in world.store.records(world.settings.cursors_topic):
        if (record.key or b"").startswith(b"type/"):
            assert record.partition == GENERAL
            view.apply(record.key or b"", record.value, record.offset)
    return {(one.type, one.source): one for one in view.types.get(BROKER, {}).values()}


@asynccontextmanager
async def one_noted() -> AsyncIterator[World]:
    """A world with a dispatcher, which has noted the type of the one event that flowed."""
    world = World()
    world.adopt(plan())
    async with world.dispatcher():
        await world.post(event(1))
        await until(lambda: len(noted(world)) == 1, within=60, what="what flows")
        yield world


async def put(world: World, key: bytes | None, record: TypeRecord | None) -> None:
    """As another dispatcher, or the controller, writes; None is a tombstone."""
    value = None if record is None else encode(record)
    await world.log.append(NewRecord(world.settings.cursors_topic, value, (), key, GENERAL))


async def rounds(world: World, count: int = 5) -> None:
    await asyncio.sleep(count * world.settings.cursor_interval)


def test_each_type_is_noted_once_by_all_dispatchers_together() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan())
        async with world.dispatcher("one"), world.dispatcher("two"):
            for turn in range(3):
                await world.post(*(event(f"{turn}-{n}", type=f"t{n % 3}") for n in range(30)))
                await rounds(world)
            assert noted(world) == {(f"t{n}", "/test"): TypeRecord(f"t{n}", "/test", uid="u") for n in range(3)}
            assert len(writes(world)) <= 6  # both may have seen one before either told
        before = len(writes(world))
        async with world.dispatcher("one"):
            await world.post(*(event(n, type=f"t{n % 3}") for n in range(30)))
            await rounds(world)
        assert len(writes(world)) == before

    run(scenario)


def test_replies_are_noted_too() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: answer_event("r")
        world.adopt(replace(plan(), triggers={(a := trigger("a", type="com.example.a")).name: a}))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: ("com.example.reply", "/subscriber") in noted(world), within=60, what="the reply")

    run(scenario)


def test_ten_thousand_types_are_bounded() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan())
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(n, type=f"t{n}") for n in range(10_000)))
            await until(lambda: len(world.subscribers.got.get("http://a", [])) == 10_000, within=600, what="all")
            await rounds(world)
            assert len(noted(world)) == len(writes(world)) == flowing.MOST
            left = [one.value async for one in dispatcher.readings._all() if one.metric is metrics.TYPES_LEFT_OUT]
            assert left == [10_000 - flowing.MOST]

    run(scenario)


def test_several_dispatchers_together_are_bounded() -> None:
    async def scenario() -> None:
        world = World(partitions=6)
        world.adopt(plan())
        async with world.dispatcher("one"), world.dispatcher("two"), world.dispatcher("three"):
            await world.post(*(event(n, type=f"t{n}") for n in range(6000)))
            await until(lambda: len(world.subscribers.got.get("http://a", [])) == 6000, within=600, what="all")
            await rounds(world)
            assert flowing.MOST <= len(noted(world)) <= flowing.MOST + 2 * noting.AT_ONCE

    run(scenario)


def test_switched_off_nothing_is_noted_and_nothing_forgotten() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(on=False))
        async with world.dispatcher():
            await world.post(event(1, type="before"))
            await rounds(world)
            assert not writes(world)
            world.adopt(plan())
            await rounds(world)
            await world.post(event(2, type="on"))
            await until(lambda: set(noted(world)) == {("on", "/test")}, within=60, what="what flows")
            world.adopt(plan(on=False))
            await rounds(world)
            await world.post(event(3, type="after"))
            await rounds(world)
            await asyncio.sleep(2 * sweeper.INTERVAL)
            assert set(noted(world)) == {("on", "/test")}

    run(scenario)


def test_what_was_removed_is_noted_when_it_flows_again() -> None:
    async def scenario() -> None:
        async with one_noted() as world:
            await put(world, writes(world)[0], None)
            await rounds(world)
            assert not noted(world)
            await world.post(event(2))
            await until(lambda: len(noted(world)) == 1, within=60, what="what flows again")

    run(scenario)


def test_an_outage_loses_no_type_that_was_seen() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan())
        log = world.store.client()
        async with world.dispatcher(log=log):
            await world.post(event(1))
            await until(lambda: bool(world.subscribers.got), within=60, what="the delivery")
            log.down = True
            await rounds(world, 30)
            log.down = False
            await until(lambda: len(noted(world)) == 1, within=120, what="what flows")

    run(scenario)


def test_what_a_broker_left_that_is_gone_is_swept() -> None:
    async def scenario() -> None:
        async with one_noted() as world:
            key = type_key(BROKER._replace(name="gone"), "d")
            await put(world, key, TypeRecord("x", "/x"))
            await asyncio.sleep(2 * sweeper.INTERVAL)
            assert writes(world).count(key) == 2
            assert len(noted(world)) == 1
            world.adopt(plan(uid="made-again"))
            await rounds(world)
            await asyncio.sleep(2 * sweeper.INTERVAL)
            assert not noted(world)
            await world.post(event(2))
            await until(lambda: [one.uid for one in noted(world).values()] == ["made-again"], within=60, what="anew")

    run(scenario)


class Failing(MemoryLog):
    """Fails each record of types while it is told how."""

    failure: LogUnavailable | LogRefused | None = None
    tried = 0

    def append(self, record: NewRecord) -> Awaitable[Position]:
        if self.failure is not None and (record.key or b"").startswith(b"type/"):
            self.tried += 1
            raise self.failure
        return super().append(record)


@asynccontextmanager
async def failing(how: LogUnavailable | LogRefused) -> AsyncIterator[tuple[World, Failing]]:
    """A world with a dispatcher whose records of types fail so."""
    world = World()
    world.adopt(plan())
    log = Failing(world.store)
    log.failure = how
    async with world.dispatcher(log=log):
        yield world, log


def test_what_is_not_stored_is_tried_again() -> None:
    async def scenario() -> None:
        async with failing(LogUnavailable("no answer")) as (world, log):
            await world.post(event(1))
            await until(lambda: log.tried >= 3, within=60, what="tries")
            log.failure = None
            await until(lambda: len(noted(world)) == 1, within=60, what="what flows")
            gone = type_key(BROKER._replace(name="gone"), "d")
            await put(world, gone, TypeRecord("x", "/x"))
            log.failure = LogUnavailable("no answer")
            await asyncio.sleep(2 * sweeper.INTERVAL)
            assert writes(world).count(gone) == 1
            log.failure = None
            await asyncio.sleep(2 * sweeper.INTERVAL)
            assert writes(world).count(gone) == 2

    run(scenario)


def test_what_kafka_refuses_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with failing(LogRefused("too large")) as (world, log):
            for number in range(5):
                await world.post(event(number))
                await rounds(world)
            assert log.tried == 1
        assert [one.message for one in caplog.records].count("a type of events cannot be noted") == 1

    run(scenario)


def test_without_brokers_nothing_is_swept() -> None:
    """Before a Plan is there, nobody knows whose they are."""

    async def scenario() -> None:
        async with one_noted() as world:
            world.adopt(Plan())
            await asyncio.sleep(2 * sweeper.INTERVAL)
            assert len(noted(world)) == 1

    run(scenario)

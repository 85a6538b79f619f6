"""What a Trigger's status says while a dispatcher runs, and once it does not; in fake time."""

import asyncio
from collections.abc import Callable

from tests.fake_time import run, until
from tests.shell.dispatching import TOPIC, World, event, plan, trigger
from tradewind.cli.standing import Row, row
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events.model import Event
from tradewind.ports import TopicPartition
from tradewind.resources.model import NamespacedName, Order
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.view import View

A = trigger("a")
OVERTAKEN = "retention has overtaken the cursor"


async def view_of(world: World) -> View:
    """As a command reads it."""
    view = View()
    for record in world.store.records(world.settings.cursors_topic):
        view.apply(record.key or b"", record.value, record.offset)
    return view


async def row_of(world: World) -> Row:
    """As `get triggers` says it, of Trigger a."""
    topic = (await world.log.topics([TOPIC]))[TOPIC]
    bounds = await outside.bounds_of(world.log, topic)
    here = {PartitionId(topic.id, at.partition): one for at, one in bounds.items()}
    return row(A, await view_of(world), here, await world.log.members(world.settings.dispatcher_group))


def statuses(world: World) -> int:
    """How many were ever written."""
    records = world.store.records(world.settings.cursors_topic)
    return sum((record.key or b"").startswith(b"status/") for record in records)


async def said(world: World, wanted: Callable[[Row], object], *, within: float = 600.0) -> Row:
    """Look at the status until it says so."""
    async with asyncio.timeout(within):
        while not wanted(shown := await row_of(world)):
            await asyncio.sleep(0.2)
    return shown


def test_an_open_circuit_shows_while_it_is_open_and_who_says_so_is_there() -> None:
    async def scenario() -> None:
        world, well = World(), False
        world.subscribers.at["http://a"] = lambda _: Answer(204) if well else NoAnswer("connection refused")
        world.adopt(plan(trigger("a", retry=100)))
        async with world.dispatcher(kill=True):
            assert (await row_of(world))["circuits"] == []
            await world.post(*(event(number) for number in range(50)))
            shown = await said(world, lambda one: one["state"] == "Probing")
            (circuit,) = shown["circuits"]
            assert (circuit["address"], circuit["why"]) == ("http://a", "connection refused")
            written = statuses(world)
            assert written == world.settings.partitions
        assert (await row_of(world))["state"] == "Ready"  # nobody is there who says anything else
        async with world.dispatcher():
            await said(world, lambda one: one["state"] == "Probing")
            well = True
            await said(world, lambda one: (one["state"], one["owed"]) == ("Ready", 0))
        assert statuses(world) == written * 3

    run(scenario)


def test_a_dispatcher_that_ends_in_order_takes_back_what_it_said() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: NoAnswer("connection refused")
        world.adopt(plan(trigger("a", retry=100)))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(50)))
            await said(world, lambda one: one["state"] == "Probing")
        assert not any((await view_of(world)).statuses.values())

    run(scenario)


def test_a_key_that_holds_up_everything_is_named() -> None:
    async def scenario() -> None:
        world = World(partitions=1, behind=5, backlog=10)
        answer = Answer(503, {"retry-after": "60"})
        world.subscribers.at["http://a"] = lambda _: answer
        world.adopt(plan(trigger("a", retry=50, order=Order.ORDERED)))
        async with world.dispatcher():
            await world.post(*(event(number, partitionkey="hot") for number in range(40)))
            shown = await said(world, lambda one: one["state"] == "Blocked")
            assert [(one["key"], one["partition"]) for one in shown["blocked"]] == [("hot", 0)]
            answer = Answer(204)
            await said(world, lambda one: (one["state"], one["owed"], one["behind"]) == ("Ready", 0, 0))
        assert set(world.subscribers.ids("http://a")) == {str(number) for number in range(40)}

    run(scenario)


def test_an_alarm_is_metric_status_and_log_and_survives_its_dispatcher() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(0))
            await until(lambda: world.subscribers.ids("http://a") == ["0"])
        await world.post(*(event(number) for number in range(1, 11)))
        world.store.delete_records_before(TopicPartition(TOPIC, 0), 8)
        async with world.dispatcher() as dispatcher:
            await until(lambda: "10" in world.subscribers.ids("http://a"))
            await said(world, lambda one: one["alarms"])
            assert dispatcher._edges.counts.gone[TOPIC, NamespacedName("default", "a"), OVERTAKEN] == 7
        async with world.dispatcher(kill=True):
            (alarm,) = (await row_of(world))["alarms"]
        assert (alarm["alarm"], alarm["partition"], alarm["times"], alarm["gone"]) == (OVERTAKEN, 0, 1, 7)
        assert world.subscribers.ids("http://a") == ["0", "8", "9", "10"]

    run(scenario)


def test_what_could_not_be_written_is_written_once_kafka_is_back() -> None:
    async def scenario() -> None:
        world = World()
        log = world.store.client()

        def away(_: Event) -> Outcome:
            log.down = True
            return NoAnswer("connection refused")

        world.subscribers.at["http://a"] = away
        world.adopt(plan(trigger("a", retry=100)))
        async with world.dispatcher(log=log) as dispatcher:
            await world.post(*(event(number) for number in range(50)))
            await until(lambda: dispatcher._roster.worker(A.name).probing)
            await asyncio.sleep(5)
            assert not statuses(world)
            world.subscribers.at["http://a"] = lambda _: NoAnswer("connection refused")
            log.down = False
            assert (await said(world, lambda one: one["circuits"], within=15.0))["state"] == "Probing"

    run(scenario)


def test_of_a_trigger_that_is_gone_nothing_is_said() -> None:
    async def scenario() -> None:
        world = World()
        for name in ("a", "b"):
            world.subscribers.at[f"http://{name}"] = lambda _: NoAnswer("connection refused")
        world.adopt(plan(trigger("a", retry=100), trigger("b", retry=100)))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(50)))
            await said(world, lambda one: one["state"] == "Probing")
            world.adopt(plan(trigger("b", retry=100)))
            await said(world, lambda one: not one["circuits"], within=5.0)
            left = {name for here in (await view_of(world)).statuses.values() for name in here}
            assert left == {trigger("b").name}

    run(scenario)

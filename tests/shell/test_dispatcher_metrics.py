"""What a dispatcher's metrics say of what it does; in fake time."""

from tests.fake_time import run, until
from tests.scraped import Scraped
from tests.shell.dispatching import TOPIC, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.observe.metrics import exposition
from tradewind.ports import NewRecord
from tradewind.resources.model import NamespacedName, Order
from tradewind.trigger_dispatcher.cursors import PauseRecord
from tradewind.trigger_dispatcher.outside import pause
from tradewind.trigger_dispatcher.supervisor import Dispatcher

REPLY = {"ce-id": "r", "ce-source": "/r", "ce-type": "reply", "ce-specversion": "1.0"}


async def scraped(dispatcher: Dispatcher) -> Scraped:
    """Not in a thread, for which fake time does not wait."""
    return Scraped(exposition([each async for each in dispatcher.readings._all()]).decode())


def test_what_was_delivered_is_counted_by_what_was_answered() -> None:
    async def scenario() -> None:
        world = World()
        answers = {"200": Answer(200), "invalid": Answer(200, {"ce-id": "r"}), "reply": Answer(200, REPLY)}
        world.subscribers.at["http://a"] = lambda one: answers.get(one.id, Answer(204))
        world.subscribers.at["http://b"] = lambda _: Answer(503)
        world.subscribers.at["http://c"] = lambda _: NoAnswer("connection refused")
        world.subscribers.at["http://d"] = lambda _: Answer(400)
        posted = "com.example.a"
        world.adopt(
            plan(
                trigger("a", type=posted),
                trigger("b", retry=2, sink="http://sink", type=posted),
                trigger("c", retry=1, type=posted),
                trigger("d", type=posted),
                trigger("idle", type="never"),
            )
        )
        async with world.dispatcher() as dispatcher:
            before = await scraped(dispatcher)
            assert before.value("tradewind_trigger_deliveries_total") is None
            assert before.value("tradewind_trigger_owed", trigger_name="idle") == 0
            await world.post(*(event(one) for one in ("1", "200", "invalid", "reply")))
            await world.log.append(NewRecord(TOPIC, b"no event"))
            await until(lambda: len(world.dead_letters()) == 4 + 4 + 1)
            await until(lambda: len(world.subscribers.ids("http://sink")) == 4)
            await until(lambda: dispatcher._edges.counts.read[TOPIC] == 6)
            found = await scraped(dispatcher)
        deliveries = "tradewind_trigger_deliveries_total"
        for name, expected in (("a", {"2xx": 4}), ("c", {"none": 8}), ("d", {"4xx": 4}), ("idle", {})):
            assert found.by(deliveries, "response_code_class", trigger_name=name) == expected
        assert found.by(deliveries, "target", trigger_name="b") == {"subscriber": 12, "sink": 4}
        assert found.by("tradewind_trigger_replies_total", "outcome", trigger_name="a") == {
            "acknowledged": 1, "invalid": 1, "stored": 1,
        }  # fmt: skip
        assert found.by("tradewind_trigger_dead_letters_total", "reason", trigger_name="c") == {"retries spent": 4}
        assert found.by("tradewind_trigger_dead_letters_total", "reason", trigger_name="d") == {"refused": 4}
        assert found.value("tradewind_trigger_retries_total", trigger_name="b") == 8
        assert found.value("tradewind_trigger_delivery_latency_seconds_count", trigger_name="c") == 8
        matched = found.by("tradewind_trigger_matched_total", "trigger_name", namespace_name="default")
        assert matched == {"a": 4, "b": 4, "c": 4, "d": 4, "idle": 0}
        assert found.value("tradewind_broker_records_total", broker_name="default") == 6
        assert found.value("tradewind_broker_no_events_total", broker_name="default") == 1
        assert found.value("tradewind_trigger_owed") == found.value("tradewind_trigger_backlog") == 0
        assert found.value("tradewind_dispatcher_partitions") == 2

    run(scenario)


def test_what_waits_and_what_is_held_shows() -> None:
    async def scenario() -> None:
        world = World(partitions=1, behind=5, backlog=10, max_in_flight=8)
        world.subscribers.at["http://a"] = lambda _: Answer(429, {"retry-after": "600"})
        world.subscribers.at["http://down"] = lambda _: NoAnswer("connection refused")
        world.adopt(plan(trigger("a", order=Order.ORDERED), trigger("down", retry=30), trigger("paused")))
        async with world.dispatcher() as dispatcher:
            await pause(
                world.log, world.settings.cursors_topic, NamespacedName("default", "paused"), PauseRecord("", 0)
            )
            await until(lambda: dispatcher._roster.worker(NamespacedName("default", "paused")).paused)
            await world.post(*(event(number, partitionkey="k") for number in range(40)))
            await until(lambda: dispatcher._roster.worker(NamespacedName("default", "down")).probing)
            await until(lambda: dispatcher._roster.worker(NamespacedName("default", "a")).stuck)
            found = await scraped(dispatcher)
            world.store.fence(world.settings.dispatcher_group, "dispatcher-0")
            await until(lambda: dispatcher.readings.member and dispatcher.readings.member.fenced)
            assert (await scraped(dispatcher)).value("tradewind_dispatcher_fenced_total") == 1
        assert found.by("tradewind_trigger_circuit_open", "trigger_name") == {"a": 0, "down": 1, "paused": 0}
        assert found.by("tradewind_trigger_blocked_partitions", "trigger_name") == {"a": 1, "down": 0, "paused": 0}
        assert found.by("tradewind_trigger_paused", "trigger_name") == {"a": 0, "down": 0, "paused": 1}
        assert found.value("tradewind_trigger_width", trigger_name="a") == 4
        assert found.value("tradewind_trigger_retries_waiting", trigger_name="a") == 1
        owed = found.by("tradewind_trigger_owed", "trigger_name")
        backlog = found.by("tradewind_trigger_backlog", "trigger_name")
        assert {name: owed[name] + backlog[name] for name in owed} == {"a": 40, "down": 40, "paused": 40}
        assert backlog["paused"] == 40
        held = found.value("tradewind_dispatcher_held_bytes")
        assert held is not None and 0 < held <= (found.value("tradewind_dispatcher_budget_bytes") or 0)

    run(scenario)


def test_a_backlog_that_is_not_known_is_not_told_and_what_is_gone_has_no_series() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a"), trigger("b")))
        log = world.store.client()
        async with world.dispatcher(log=log) as dispatcher:
            assert (await scraped(dispatcher)).value("tradewind_trigger_backlog", trigger_name="b") == 0
            world.adopt(plan(trigger("a")))
            await until(lambda: dispatcher._roster.find(NamespacedName("default", "b")) is None)
            assert (await scraped(dispatcher)).value("tradewind_trigger_owed", trigger_name="b") is None
            log.down = True
            assert (await scraped(dispatcher)).value("tradewind_trigger_backlog", trigger_name="a") is None
            log.down = False

    run(scenario)

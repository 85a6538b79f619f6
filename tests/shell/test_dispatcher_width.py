"""How much a Trigger sends at once, and what it does with a subscriber that is down; in fake time."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.fake_time import EPOCH, FakeTimeLoop, clock, run, until
from tests.shell.dispatching import World, event, plan, trigger, worker
from tests.shell.late import SlowToTurn
from tradewind.delivery.schedule import remaining
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.plan import Target, TriggerPlan
from tradewind.ports import NewRecord
from tradewind.resources.model import NamespacedName, Order
from tradewind.trigger_dispatcher.cursors import GENERAL, PauseRecord, encode, pause_key
from tradewind.trigger_dispatcher.worker import Worker

DOWN = NoAnswer("connection refused")


def dead(world: World) -> list[str]:
    return [kafka.read(letter.headers, letter.value).id for letter in world.dead_letters()]


def told(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    return [vars(record)["fields"] for record in caplog.records if record.message == message]


def test_a_subscriber_that_is_down_is_asked_by_single_events_and_gets_all_when_it_is_well_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        world = World()
        well = False
        world.subscribers.at["http://a"] = lambda _: Answer(204) if well else DOWN
        world.adopt(plan(trigger("a", retry=10)))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(500)))
            await until(lambda: worker(dispatcher).probing)
            at_once = len(world.subscribers.ids("http://a"))
            await until(lambda: clock() - EPOCH > 300)
            tries = world.subscribers.ids("http://a")
            assert len(tries) - at_once < 120  # what was on its way when it opened, and a probe every 30 s
            assert max(Counter(tries).values()) <= 3
            well = True
            await until(lambda: len(world.subscribers.ids("http://a")) >= len(tries) + 500, within=31.0)
            assert not worker(dispatcher).probing
        assert set(world.subscribers.ids("http://a")[len(tries) :]) == {str(number) for number in range(500)}
        assert not world.dead_letters()

    with caplog.at_level("INFO", "tradewind"):
        run(scenario)
    (opened,) = told(caplog, "deliveries fail: probing with single events")
    assert (str(opened["trigger"]), opened["outcome"]) == ("default/a", "connection refused")
    assert len(told(caplog, "deliveries succeed again")) == 1


@pytest.mark.parametrize("retry", [0, 1, 3, 10])
@pytest.mark.parametrize("order", list(Order))
def test_a_circuit_makes_no_event_wait_beyond_its_schedule_nor_skips_its_first_attempt(
    retry: int, order: Order
) -> None:
    async def scenario() -> None:
        world = World(circuit_failures=5)
        world.subscribers.at["http://a"] = lambda _: DOWN
        failing = trigger("a", retry=retry, order=order)
        world.adopt(plan(failing))
        async with world.dispatcher():
            await world.post(*(event(number, partitionkey=str(number)) for number in range(300)))
            schedule = remaining(failing.delivery, 0, cap=world.settings.max_backoff)
            began = clock()
            await until(lambda: len(world.dead_letters()) == 300, within=schedule + 15.0)
            assert clock() - began >= schedule
        tries = Counter(world.subscribers.ids("http://a"))
        assert sorted(dead(world)) == sorted(tries)
        assert max(tries.values()) <= retry + 1
        assert retry == 0 or sum(tries.values()) < 300 * (retry + 1) or retry == 1

    run(scenario)


def test_a_subscriber_that_hangs_holds_up_the_end_of_no_schedule() -> None:
    async def scenario() -> None:
        world = World(latency=5.0)
        world.subscribers.at["http://a"] = lambda _: NoAnswer("timed out after 5 s")
        world.adopt(plan(trigger("a", retry=5)))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(400)))
            await until(lambda: worker(dispatcher).probing)
            await until(lambda: len(world.dead_letters()) == 400, within=12.4 + 6 * 5.0)
        assert set(Counter(dead(world)).values()) == {1}

    run(scenario)


def test_one_event_that_always_fails_does_not_open_the_circuit() -> None:
    async def scenario() -> None:
        world = World(circuit_failures=3)
        world.subscribers.at["http://a"] = lambda got: Answer(500) if got.id == "bad" else Answer(204)
        world.adopt(plan(trigger("a", retry=10)))
        async with world.dispatcher() as dispatcher:
            await world.post(event("bad"))
            await until(lambda: len(world.subscribers.ids("http://a")) == 8)
            assert not worker(dispatcher).probing
            await world.post(event("good"))
            await until(lambda: "good" in world.subscribers.ids("http://a"), within=1.0)

    run(scenario)


def test_an_answer_that_asks_for_patience_is_given_it_by_the_probes_too() -> None:
    async def scenario() -> None:
        world = World(circuit_failures=3)
        times: list[float] = []

        def busy(_: Event) -> Outcome:
            times.append(clock() - EPOCH)
            return Answer(503, {"retry-after": "100"}) if clock() - EPOCH < 150 else Answer(204)

        world.subscribers.at["http://a"] = busy
        world.adopt(plan(trigger("a", retry=10)))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(3)))
            await until(lambda: worker(dispatcher).probing)
            opened = times[-1]
            await world.post(*(event(number) for number in range(3, 6)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 6)
            assert not [moment for moment in times if opened < moment < opened + 99]
            await until(lambda: not worker(dispatcher).probing)
        assert not world.dead_letters()

    run(scenario)


def test_the_sink_is_an_address_of_its_own() -> None:
    async def scenario() -> None:
        world = World(circuit_failures=5)
        world.subscribers.at["http://a"] = lambda _: DOWN
        world.adopt(plan(trigger("a", retry=2, sink="http://sink")))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(100)))
            await until(lambda: len(world.subscribers.ids("http://sink")) == 100, within=20.0)
            assert worker(dispatcher).probing
        assert not world.dead_letters()

    run(scenario)


def test_a_sink_that_is_down_loses_nothing() -> None:
    async def scenario() -> None:
        world = World(circuit_failures=5)
        world.subscribers.at["http://a"] = lambda _: Answer(400)
        world.subscribers.at["http://sink"] = lambda _: DOWN
        world.adopt(plan(trigger("a", retry=3, sink="http://sink")))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(100)))
            await until(lambda: len(world.dead_letters()) == 100, within=30.0)
            assert not worker(dispatcher).probing
        assert sorted(dead(world)) == sorted(map(str, range(100)))

    run(scenario)


def test_what_was_on_its_way_to_a_sink_that_is_taken_away_goes_to_the_topic() -> None:
    """Nobody is there to be waited for, and its key waits behind it."""

    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: Answer(400 if got.id == "0" else 202)
        world.subscribers.at["http://sink"] = lambda _: DOWN
        one = trigger("a", retry=50, sink="http://sink", order=Order.ORDERED)
        world.adopt(plan(one))
        async with world.dispatcher():
            await world.post(*(event(number, partitionkey="k") for number in range(3)))
            await until(lambda: len(world.subscribers.ids("http://sink")) == 4)
            world.adopt(plan(replace(one, dead_letter_sink=None, generation="a-2")))
            await until(lambda: world.subscribers.ids("http://a") == ["0", "1", "2"], within=5.0)
        assert dead(world) == ["0"]

    run(scenario)


def test_attempts_survive_a_kill_while_the_circuit_is_open() -> None:
    async def scenario() -> None:
        world = World(circuit_failures=5)
        world.subscribers.at["http://a"] = lambda _: DOWN
        world.adopt(plan(trigger("a", retry=5)))
        async with world.dispatcher(kill=True):
            await world.post(*(event(number) for number in range(50)))
            await until(lambda: clock() - EPOCH > 10)
        async with world.dispatcher():
            await until(lambda: len(world.dead_letters()) == 50, within=60.0)
        tries = Counter(world.subscribers.ids("http://a"))
        assert max(tries.values()) <= 7  # of one, the attempt may be repeated that the kill left unwritten
        assert sorted(dead(world)) == sorted(tries)

    run(scenario)


def test_a_narrow_trigger_goes_on_as_fast_after_a_restart_as_its_subscriber_takes() -> None:
    """What is owed is read again in stretches, not by a turn of the second reader for each event."""

    async def scenario() -> None:
        world = World(latency=5.0)
        world.adopt(plan(replace(trigger("a"), max_in_flight=1)))
        async with world.dispatcher(kill=True):
            await world.post(*(event(number) for number in range(400)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 2)  # and all others are owed
        world.subscribers.latency = 0.01
        async with world.dispatcher(log=SlowToTurn(world.store)):
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 400, within=400 * 0.01 + 2)

    run(scenario)


def test_another_subscriber_is_innocent_of_what_the_last_one_did() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: DOWN
        world.adopt(plan(trigger("a", retry=10)))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(400)))
            await until(lambda: worker(dispatcher).probing)
            await until(lambda: clock() - EPOCH > 30)
            world.adopt(plan(replace(trigger("a", retry=10), subscriber=trigger("b").subscriber, generation="a-2")))
            await until(lambda: not worker(dispatcher).probing, within=1.0)
            await until(lambda: len(set(world.subscribers.ids("http://b"))) == 400, within=250.0)
        assert not world.dead_letters()

    run(scenario)


def test_what_the_last_subscriber_still_refuses_holds_nothing_that_is_for_another() -> None:
    """As many as open a circuit fail after the change, while most events still wait for their turn."""

    async def scenario() -> None:
        world = World(latency=5.0, max_in_flight=20)
        world.subscribers.at["http://a"] = lambda _: DOWN
        world.adopt(plan(trigger("a", retry=10)))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(200)))
            await asyncio.sleep(1)
            world.adopt(plan(replace(trigger("a", retry=10), subscriber=Target("http://b"), generation="a-2")))
            await until(lambda: len(set(world.subscribers.ids("http://b"))) == 200)
        assert len(world.subscribers.ids("http://b")) == 200
        assert not world.dead_letters()

    run(scenario)


def test_the_width_shrinks_under_too_much_and_grows_back() -> None:
    async def scenario() -> None:
        world = World(latency=0.1, partitions=1)
        busy = True

        def narrow(_: Event) -> Outcome:
            return Answer(503) if busy and world.subscribers.running >= 8 else Answer(204)

        world.subscribers.at["http://a"] = narrow
        world.adopt(plan(trigger("a", retry=1000)))
        async with world.dispatcher() as dispatcher:
            await world.post(*(event(number) for number in range(2000)))
            await until(lambda: len(world.subscribers.ids("http://a")) > 1200)
            gate = next(iter(worker(dispatcher).lanes.gates.values()))
            assert gate.width.now <= 16
            busy = False
            await world.post(*(event(number) for number in range(2000, 9000)))
            await until(lambda: gate.width.now == 100)
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 9000)

    run(scenario)


def test_a_blocked_key_holds_up_no_other_for_many_backlogs() -> None:
    async def scenario() -> None:
        world = World(partitions=1, backlog=100, window_bytes=20_000)
        well = False
        world.subscribers.at["http://a"] = lambda got: Answer(204) if well or got.id[0] != "b" else Answer(500)
        world.adopt(plan(trigger("a", retry=1000, order=Order.ORDERED)))
        async with world.dispatcher() as dispatcher:
            for number in range(3000):
                await world.post(event(f"b{number}", partitionkey="blocked"))
                if number % 10 == 0:
                    await world.post(event(f"f{number}", partitionkey="free"))
            await until(lambda: len([i for i in world.subscribers.ids("http://a") if i[0] == "f"]) == 300, within=10.0)
            lanes = worker(dispatcher).lanes
            assert lanes.bytes <= 20_000
            well = True
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 3300, within=700.0)
        ids = [i for i in world.subscribers.ids("http://a") if i != "b0"]
        assert ids == sorted(ids, key=lambda i: ids.index(i))
        assert [i for i in ids if i[0] == "b"] == [f"b{number}" for number in range(1, 3000)]

    run(scenario)


def test_a_key_that_too_many_are_behind_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        world = World(partitions=1, backlog=100, behind=200)
        well = False
        world.subscribers.at["http://a"] = lambda got: Answer(204) if well or got.id[0] != "b" else Answer(500)
        world.adopt(plan(trigger("a", retry=1000, order=Order.ORDERED)))
        async with world.dispatcher() as dispatcher:
            await world.post(event("b", partitionkey="culprit"))
            await until(lambda: worker(dispatcher).lanes.waiting)
            await world.post(*(event(f"b{number}", partitionkey="culprit") for number in range(500)))
            await world.post(event("f", partitionkey="free"))
            await until(lambda: worker(dispatcher).stuck)
            assert set(worker(dispatcher).stuck.values()) == {"culprit"}
            well = True
            await until(lambda: "f" in world.subscribers.ids("http://a"), within=700.0)
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 502)
            assert not worker(dispatcher).stuck

    run(scenario)
    (said,) = told(caplog, "a key that waits for a retry holds up its trigger")
    assert (said["key"], said["behind"]) == ("culprit", 200)


def test_a_hundred_triggers_that_are_stuck_do_not_slow_one_that_is_not() -> None:
    async def scenario(stuck: int) -> list[float]:
        world = World(dispatch_bytes=8_000_000)
        late: list[float] = []
        names = [f"down{number}" for number in range(stuck)]
        for name in names:
            world.subscribers.at[f"http://{name}"] = lambda _: DOWN

        def healthy(got: Event) -> Outcome:
            late.append(clock() - float(got.attributes["at"]))
            return Answer(204)

        world.subscribers.at["http://well"] = healthy
        world.adopt(plan(trigger("well"), *(trigger(name, retry=10) for name in names)))
        async with world.dispatcher() as dispatcher:
            budget = dispatcher._budget
            for _ in range(30):
                await world.post(*(replace(event(n, at=str(clock())), data=b"x" * 2000) for n in range(20)))
                await asyncio.sleep(0.1)
                assert budget.total <= budget.most + (stuck + 1) * 3000
            await until(lambda: len(late) == 600, within=1.0)
            assert all(worker(dispatcher, name).probing for name in names)
            assert not stuck or any(not p.ledgers[NamespacedName("default", names[0])].attached
                                    for p in dispatcher._roster.partitions())  # fmt: skip
        assert not world.dead_letters()
        return late

    alone = run(lambda: scenario(0))
    beside = run(lambda: scenario(100))
    assert max(beside) <= max(alone) + 0.002  # of 0.001, one delivery


def test_many_that_were_stuck_recover_together_within_the_budget() -> None:
    async def scenario() -> None:
        world = World(partitions=1, dispatch_bytes=300_000)
        well = False
        names = [f"down{number}" for number in range(20)]
        for name in names:
            world.subscribers.at[f"http://{name}"] = lambda _: Answer(204) if well else DOWN
        orders = {name: list(Order)[number % 2] for number, name in enumerate(names)}
        world.adopt(plan(*(trigger(name, retry=10, order=orders[name]) for name in names)))
        async with world.dispatcher() as dispatcher:
            for first in range(0, 200, 20):
                sent = (event(n, partitionkey=str(n % 7)) for n in range(first, first + 20))
                await world.post(*(replace(one, data=b"x" * 2000) for one in sent))
                await asyncio.sleep(1.0)
            well = True
            while any(len(set(world.subscribers.ids(f"http://{name}"))) < 200 for name in names):
                assert dispatcher._budget.total <= 300_000 + 21 * 3000
                await asyncio.sleep(0.05)
            await until(lambda: dispatcher._budget.total == 0)
        assert not world.dead_letters()

    run(scenario)


def test_a_backlog_at_a_stopped_subscriber_stays_within_the_budget_and_comes_whole() -> None:
    async def scenario() -> None:
        world = World(partitions=2, dispatch_bytes=100_000)
        well = False
        world.subscribers.at["http://a"] = lambda _: Answer(204) if well else DOWN
        world.adopt(plan(trigger("a", retry=10)))
        async with world.dispatcher() as dispatcher:
            budget, most = dispatcher._budget, 0
            for first in range(0, 5000, 100):
                await world.post(*(replace(event(n), data=b"x" * 1000) for n in range(first, first + 100)))
                await asyncio.sleep(0.5)
                most = max(most, budget.total)
            assert most <= 100_000 + 2000
            well = True
            while len(set(world.subscribers.ids("http://a"))) < 5000:
                await asyncio.sleep(0.1)
                most = max(most, budget.total)
            assert most <= 100_000 + 2000
            await until(lambda: not worker(dispatcher).lanes.running)
            assert budget.total == 0
        assert not world.dead_letters()

    run(scenario)


@pytest.mark.parametrize("behind", [False, True], ids=["at the tip", "behind"])
def test_many_triggers_that_match_leave_turns_of_the_loop_to_others(
    monkeypatch: pytest.MonkeyPatch, behind: bool
) -> None:
    offers, offer = Counter[int](), Worker.offer

    def counted(self: Worker, *args: Any) -> None:  # Any: passed on as they are
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FakeTimeLoop)
        offers[loop.turns] += 1
        offer(self, *args)

    monkeypatch.setattr(Worker, "offer", counted)

    async def scenario() -> None:
        world = World(partitions=1, backlog=100_000)
        triggers = [trigger(f"t{number}") for number in range(100)]
        world.adopt(plan(*triggers))
        async with world.dispatcher():
            if behind:
                await paused(world, triggers, True)
                await asyncio.sleep(2)
                await world.post(*(event(number) for number in range(200)))
                await asyncio.sleep(5)
            if behind:
                await paused(world, triggers, False)
            else:
                await world.post(*(event(number) for number in range(200)))
            await until(lambda: offers.total() == 20_000)

    run(scenario)
    assert max(offers.values()) <= 5000


async def paused(world: World, triggers: Sequence[TriggerPlan], are: bool) -> None:
    """Pause or resume all of these, as the command does."""
    for each in triggers:
        record = encode(PauseRecord("me", 0.0)) if are else None
        await world.log.append(NewRecord(world.settings.cursors_topic, record, (), pause_key(each.name), GENERAL))

"""Deliveries that are begun, without a task: what makes them need one, and how they are cut short."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import TOPIC, Begun, Subscribers, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, Dropped, Outcome
from tradewind.ports import Exchange, NewRecord, Told
from tradewind.trigger_dispatcher.edges import Edges


class Beginning(Subscribers):
    """Begins whatever it can; `drops` of these are dropped."""

    def __init__(self, *, drops: int = 0) -> None:
        super().__init__()
        self.drops = drops
        self.anew: list[bool] = []

    def begin(
        self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object
    ) -> Exchange | None:
        self._turns = 1
        if self.drops:
            self.drops -= 1

            async def drop() -> None:
                told(about, Dropped("connection closed before an answer"))

            task = asyncio.create_task(drop())
            self._begun.add(task)
            return Begun(task)
        return super().begin(url, lines, body, timeout=timeout, told=told, about=about)

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        self.anew.append(anew)
        return await super().post(url, headers, body, timeout=timeout, anew=anew)


def world_of(subscribers: Subscribers) -> World:
    world = World()
    world.subscribers = subscribers
    return world


def test_what_was_dropped_is_sent_anew_and_that_costs_no_attempt() -> None:
    async def scenario() -> None:
        world = world_of(sender := Beginning(drops=3))
        world.adopt(plan(trigger("a", retry=0)))
        async with world.dispatcher():
            await world.post(*map(event, range(5)))
            await until(lambda: len(sender.ids("http://a")) == 5)
        assert sender.anew.count(True) == 3
        assert not world.dead_letters()

    run(scenario)


def test_answers_that_ask_for_more_than_to_be_settled_have_it() -> None:
    """A retry, a reply, and what nobody takes."""
    seen: list[str] = []

    def subscriber(one: object) -> Outcome:
        seen.append("")
        if len(seen) == 1:
            return Answer(500)
        if len(seen) == 2:
            reply = {"ce-id": "r", "ce-source": "/r", "ce-type": "reply", "ce-specversion": "1.0"}
            return Answer(200, reply)
        return Answer(400)

    async def scenario() -> None:
        world = world_of(sender := Beginning())
        sender.at["http://a"] = subscriber
        world.adopt(plan(trigger("a", type="com.example.a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: len(seen) == 2)
            await world.post(event(2))
            await until(lambda: len(world.dead_letters()) == 1)
        assert sender.ids("http://a") == ["1", "1", "2"]
        assert [dict(record.headers)["ce_type"] for record in world.store.records(TOPIC)].count(b"reply") == 1

    run(scenario)


def test_what_hangs_is_cut_short_when_its_partition_goes_and_comes_again() -> None:
    async def scenario() -> None:
        world = world_of(sender := Beginning())
        sender.latency = 10_000.0
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: sender.running == 1)
        assert sender.running == 0
        sender.latency = 0.001
        async with world.dispatcher():
            await until(lambda: sender.ids("http://a") == ["1"])

    run(scenario)


def test_a_fault_of_ours_in_a_callback_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        world = world_of(Beginning())
        world.adopt(plan(trigger("a")))
        with pytest.raises(BaseExceptionGroup) as raised:
            async with world.dispatcher() as dispatcher:
                (worker,) = dispatcher._roster.all_workers()
                monkeypatch.setattr(worker.lanes, "done", None)
                await world.post(event(1))
                await asyncio.sleep(1.0)
        assert raised.group_contains(TypeError)

    run(scenario)


class Faulty(Beginning):
    """A sender with a fault of our own: it raises for one event, whichever way that goes."""

    def begin(
        self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object
    ) -> Exchange | None:
        if b"ce-id: bad\r\n" in lines:
            raise ValueError("a fault")
        return super().begin(url, lines, body, timeout=timeout, told=told, about=about)

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        if ("ce-id", "bad") in headers:
            raise ValueError("a fault")
        return await super().post(url, headers, body, timeout=timeout, anew=anew)


def test_an_event_at_which_we_fail_is_kept_when_its_retries_are_spent_and_holds_up_no_other() -> None:
    async def scenario() -> None:
        world = world_of(sender := Faulty())
        world.adopt(plan(trigger("a", retry=2)))
        async with world.dispatcher() as dispatcher:
            await world.post(event(1), event("bad"), event(2))
            await until(lambda: len(world.dead_letters()) == 1)
            (worker,) = dispatcher._roster.all_workers()
            assert not worker.probing and not worker.lanes.running
        assert sorted(sender.ids("http://a")) == ["1", "2"]
        assert dict(world.dead_letters()[0].headers)["ce_id"] == b"bad"

    run(scenario)


def test_a_dead_letter_at_which_we_fail_waits_and_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, faults = Edges.kept, [ValueError("a fault")] * 2

    async def faulty(edges: Edges, forms: Sequence[NewRecord]) -> None:
        if faults:
            raise faults.pop()
        await kept(edges, forms)

    monkeypatch.setattr(Edges, "kept", faulty)

    async def scenario() -> None:
        world = World(max_backoff=10.0)
        world.subscribers = sender = Beginning()
        sender.at["http://a"] = lambda _: Answer(400)
        world.adopt(plan(trigger("a", retry=0)))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: len(world.dead_letters()) == 1)
        assert not faults

    run(scenario)

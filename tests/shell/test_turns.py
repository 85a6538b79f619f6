"""When deliveries are begun: once in a turn of the loop, in slices of it, and reading waits for them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import World, event, plan, trigger
from tradewind.trigger_dispatcher.supervisor import Dispatcher
from tradewind.trigger_dispatcher.turns import SLICE, Turns


class Begun:
    """What was begun, in the order of that."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.names: list[str] = []

    def soon(self, name: str, deliveries: int, then: Callable[[], object] = lambda: None) -> None:
        def begin() -> int:
            self.names.append(name)
            then()
            return deliveries

        self.turns.soon(begin)

    def for_ever(self, name: str) -> None:
        """As soon as it has begun what it may, it may begin more: its subscriber is quick."""
        self.soon(name, SLICE, then=lambda: self.for_ever(name) if len(self.names) < 100 else None)


def test_what_is_begun_waits_for_the_loops_next_turn() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            begun = Begun(Turns(tasks))
            begun.soon("a", 1)
            begun.soon("b", 1)
            assert begun.names == []
            await asyncio.sleep(0)
            assert begun.names == ["a", "b"]

    run(scenario)


def test_a_turn_ends_when_it_has_begun_its_slice_and_what_comes_meanwhile_is_behind_the_rest() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            begun = Begun(Turns(tasks))
            for name in "abc":
                begun.soon(name, SLICE // 2)
            await asyncio.sleep(0)
            assert begun.names == ["a", "b"]
            begun.soon("d", 0)
            await asyncio.sleep(0)
            assert begun.names == ["a", "b", "c", "d"]

    run(scenario)


def test_what_one_that_begins_makes_room_for_has_the_same_turn_and_the_loop_calls_once() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            begun = Begun(Turns(tasks))
            begun.soon("a", 1, then=lambda: begun.soon("b", SLICE, then=lambda: begun.soon("c", SLICE)))
            await asyncio.sleep(0)
            assert begun.names == ["a", "b"]
            begun.soon("d", 0)
            await asyncio.sleep(0)
            assert begun.names == ["a", "b", "c"]

    run(scenario)


def test_whoever_waits_until_all_is_begun_waits_for_what_is_there_and_not_for_what_comes() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            begun = Begun(Turns(tasks))
            begun.soon("first", SLICE)
            begun.for_ever("on and on")
            await begun.turns.passed()
            assert begun.names[:2] == ["first", "on and on"]
            assert len(begun.names) < 5

    run(scenario)


def test_nobody_waits_where_nothing_is_to_begin() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = Turns(tasks).passed()
            with pytest.raises(StopIteration):
                waiting.send(None)

    run(scenario)


def test_who_gives_up_waiting_leaves_the_others_their_turn() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            begun = Begun(Turns(tasks))
            waiting = tasks.create_task(begun.turns.passed())
            begun.soon("a", 0, then=waiting.cancel)  # by then it has its place behind this
            await asyncio.sleep(0)
            begun.soon("b", 0)
            await asyncio.sleep(0.1)
            assert (begun.names, waiting.cancelled()) == (["a", "b"], True)

    run(scenario)


def test_a_fault_of_one_ends_the_process_and_until_then_the_others_have_their_turn() -> None:
    async def scenario() -> None:
        with pytest.RaisesGroup(ZeroDivisionError):
            async with asyncio.TaskGroup() as tasks:
                begun = Begun(Turns(tasks))
                begun.turns.soon(lambda: 1 // 0)
                begun.soon("b", 1)
                await asyncio.sleep(100)
        assert begun.names == ["b"]

    run(scenario)


def noting(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, one: object, name: str, left: list[int]) -> None:
    """Note, when this is called, how many events could be sent at once and are not."""
    call = getattr(one, name)

    def called(*arguments: Any, **options: Any) -> object:
        workers = dispatcher._roster.all_workers()
        left.append(sum(len(gate.ready) for worker in workers for gate in worker.lanes.gates.values()))
        return call(*arguments, **options)

    monkeypatch.setattr(one, name, called)


@pytest.mark.parametrize("behind", [False, True])
def test_readers_read_on_when_all_that_they_offered_is_begun(behind: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is cheap where an event matches many Triggers: it would else read ahead until the memory is full."""

    async def scenario() -> None:
        left = list[int]()
        world = World(latency=1.0, max_in_flight=1000)
        triggers = plan(*(replace(trigger(f"t{number}"), start="earliest") for number in range(30)))
        world.adopt(plan() if behind else triggers)
        async with world.dispatcher() as dispatcher:
            if behind:
                noting(dispatcher, monkeypatch, dispatcher._catch_up, "_share_out", left)
            else:
                noting(dispatcher, monkeypatch, dispatcher._custody.member, "take", left)
            await world.post(*(event(number) for number in range(100)))
            world.adopt(triggers)
            await until(lambda: len(world.subscribers.ids("http://t29")) == 100)
        assert len(left) > 1 and set(left) == {0}

    run(scenario)

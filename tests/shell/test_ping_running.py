"""A PingSource as it runs, in fake time: what it fires after an outage, and when its clock is set."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from tests import fake_time
from tests.shell.sources_running import MINUTE, SETTINGS, START, World, ping
from tradewind.plan import SourcePlan
from tradewind.resources.model import MISSED, Missed, PingSource
from tradewind.sources.emission import Emission, Given, Mark
from tradewind.sources.ping import run as running
from tradewind.sources.ping.ticks import position
from tradewind.sources.standing import Standing
from tradewind.sources.times import Time

HOUR = 3600.0
ALL = ["23", "00", "01", "02", "03", "04", "05"]


def hourly(missed: Missed) -> SourcePlan:
    plan = ping(schedule="0 * * * *")
    metadata = replace(plan.source.metadata, annotations={MISSED: missed.value})
    return replace(plan, source=replace(plan.source, metadata=metadata))


@pytest.mark.parametrize(("missed", "hours"), [(Missed.SKIP, []), (Missed.ONCE, ["05"]), (Missed.ALL, ALL)])
def test_what_was_missed_while_no_process_ran(missed: Missed, hours: list[str]) -> None:
    """It is declared at 22:13; at 22:14 the only process is killed, before anything has ever been fired."""

    async def scenario() -> None:
        first = World()
        first.make_topics()
        async with first.run() as task:
            await first.begun(hourly(missed))
            await asyncio.sleep(MINUTE)
            task.cancel()
        await asyncio.sleep(7 * HOUR)
        second = World(log=first.log.store.client(), slot="sources-1")
        first.log.store.fence(SETTINGS.sources_group, "sources-0")
        async with second.run():
            await second.begun(hourly(missed))
            await asyncio.sleep(MINUTE)
        assert [event.id[-9:-7] for event in second.events] == hours

    fake_time.run(scenario, patience=100_000.0)


def test_a_schedule_that_was_changed_while_no_process_ran_makes_up_for_nothing() -> None:
    async def scenario() -> None:
        first = World()
        first.make_topics()
        async with first.run():
            await first.begun(hourly(Missed.ALL))
            await asyncio.sleep(MINUTE)
        await asyncio.sleep(7 * HOUR)
        second = World(log=first.log.store.client())
        async with second.run():
            await second.begun(ping(schedule="30 * * * *"))
            await asyncio.sleep(MINUTE)
        assert not second.events

    fake_time.run(scenario, patience=100_000.0)


@dataclass
class Clocks:
    """One that is set, and one that is not."""

    is_set: float = 0.0
    """Seconds by which the wall clock is ahead of what it would show."""
    slept: float = 0.0
    """Seconds that the machine slept, in which timers stood still."""

    def given(self, stored: object = None) -> Given:
        time = Time(self.wall, asyncio.sleep, lambda: 0.0, lambda: fake_time.clock() + self.slept)
        return Given(stored, Standing(self.wall), time, SETTINGS, "sources-0")

    def wall(self) -> float:
        return fake_time.clock() + self.is_set + self.slept


def declared(plan: SourcePlan) -> PingSource:
    """What it was planned from."""
    assert isinstance(plan.source, PingSource)
    return plan.source


def fired(source: SourcePlan, *changes: tuple[float, Clocks], stored: object = None) -> list[tuple[str, str]]:
    """Each instant that it fires, and when it does by the wall clock; `changes` are what the clocks are, after so many
    seconds."""
    clocks, found = Clocks(), list[tuple[str, str]]()

    async def firing() -> None:
        async with aclosing(running.run(declared(source), clocks.given(stored))) as emissions:
            async for emission in emissions:
                if isinstance(emission, Emission):
                    found.append((emission.event.id[-9:-1], f"{datetime.fromtimestamp(clocks.wall(), UTC):%H:%M}"))

    async def scenario() -> None:
        task = asyncio.create_task(firing())
        for seconds, change in changes:
            await asyncio.sleep(seconds)
            clocks.is_set, clocks.slept = change.is_set, change.slept
        await asyncio.sleep(2 * MINUTE)
        task.cancel()
        await asyncio.wait([task])

    fake_time.run(scenario, patience=100_000.0)
    return found


def alarms(source: SourcePlan, seconds: float, change: Clocks) -> tuple[int, str]:
    """How many alarms it raises by two minutes after the clocks have become so, and what its status says."""
    clocks, told = Clocks(), list[Standing]()

    async def running_on() -> None:
        given = clocks.given()
        assert isinstance(given.tell, Standing)
        told.append(given.tell)
        async with aclosing(running.run(declared(source), given)) as emissions:
            async for _ in emissions:
                pass

    async def scenario() -> None:
        task = asyncio.create_task(running_on())
        await asyncio.sleep(seconds)
        clocks.is_set, clocks.slept = change.is_set, change.slept
        await asyncio.sleep(2 * MINUTE)
        task.cancel()
        await asyncio.wait([task])

    fake_time.run(scenario, patience=100_000.0)
    return told[0].alarms, told[0].record(owner="", in_flight=0, sink="").error


EACH = ping()


def test_each_instant_when_it_has_come() -> None:
    """It begins at 22:13:20."""
    assert fired(EACH) == [("22:14:00", "22:14"), ("22:15:00", "22:15")]


def test_a_clock_that_is_set_forward_brings_what_is_on_time_and_no_burst() -> None:
    found = fired(ping(schedule="*/10 * * * *"), (MINUTE, Clocks(is_set=3 * HOUR)))
    assert [at for at, _ in found] == ["01:10:00"]
    assert len(fired(EACH, (MINUTE, Clocks(is_set=3 * HOUR)))) <= 1 + 5 + 2


def test_a_clock_that_is_set_back_a_little_repeats_nothing_and_loses_nothing() -> None:
    found = fired(EACH, (MINUTE, Clocks(is_set=-5 * MINUTE)), (5 * MINUTE, Clocks(is_set=-5 * MINUTE)))
    assert [at for at, _ in found] == ["22:14:00", "22:15:00", "22:16:00"]


def test_a_clock_that_was_an_hour_ahead_goes_on_from_now() -> None:
    found = fired(EACH, (MINUTE, Clocks(is_set=-HOUR)), (MINUTE, Clocks(is_set=-HOUR)))
    assert [at for at, _ in found] == ["22:14:00", "21:15:00", "21:16:00", "21:17:00"]


def test_a_position_that_is_years_ahead_silences_nothing() -> None:
    stored = position(declared(EACH), START + 1000 * 24 * HOUR)
    assert [at for at, _ in fired(EACH, stored=stored)] == ["22:14:00", "22:15:00"]


@pytest.mark.parametrize(("missed", "count"), [(Missed.SKIP, 0), (Missed.ONCE, 1), (Missed.ALL, 8)])
def test_a_machine_that_slept_for_the_night(missed: Missed, count: int) -> None:
    """Its timers stood still, so it looks half a minute after it woke at the latest."""
    found = fired(hourly(missed), (MINUTE, Clocks(slept=8 * HOUR)))
    assert len(found) == count
    assert all(when in ("06:14", "06:15") for _, when in found)


def test_what_is_passed_over_is_an_alarm() -> None:
    number, said = alarms(hourly(Missed.SKIP), MINUTE, Clocks(slept=8 * HOUR))
    assert (number, said.partition(",")[0]) == (1, "instants are passed over")
    assert said.endswith("(missed: skip)")
    number, said = alarms(EACH, MINUTE, Clocks(is_set=-HOUR))
    assert (number, said.partition(",")[0]) == (1, "the clock was set back")
    assert alarms(hourly(Missed.ALL), MINUTE, Clocks(slept=8 * HOUR)) == alarms(EACH, MINUTE, Clocks()) == (0, "")


def test_a_source_without_a_position_says_where_it_begins() -> None:
    async def scenario() -> None:
        async with aclosing(running.run(declared(EACH), Clocks().given())) as emissions:
            assert await anext(emissions) == Mark(position(declared(EACH), fake_time.EPOCH))

    fake_time.run(scenario)

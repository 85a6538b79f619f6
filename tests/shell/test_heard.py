"""What sources processes say, as a controller hears it, over a log in memory and in fake time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from tests import fake_time
from tests.shell.sources_running import SETTINGS, World, ping
from tradewind.plan import SourcePlan
from tradewind.ports import Heard, NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.sources.heard import PACE, HostedSources
from tradewind.sources.positions import SourceKey, StatusRecord, encode, status_key

TICK = ("PingSource", NamespacedName("default", "tick"))


class Listening:
    """All that was heard."""

    def __init__(self, world: World) -> None:
        self.heard: list[Heard] = []
        self._hosted = HostedSources(world.log.store.client(), SETTINGS)

    async def listen(self) -> None:
        watch: AsyncIterator[Heard] = self._hosted.watch()
        async with aclosing(watch) as found:  # type: ignore[type-var]  # it is a generator
            async for one in found:
                self.heard.append(one)

    def state(self, plan: SourcePlan) -> str:
        """The state of a source as it was heard last; empty where nothing is said."""
        name = (type(plan.source).__name__, plan.source.metadata.name)
        said = self.heard[-1].said.get(name, ()) if self.heard else ()
        return said[0].state if said else ""


async def append(world: World, status: StatusRecord | None) -> None:
    value = None if status is None else encode(status)
    key = status_key(SourceKey(*TICK))
    await world.log.append(NewRecord(SETTINGS.sources_topic, value, (), key, 0))


def test_a_source_that_runs_is_heard_of_and_events_are_not_told() -> None:
    async def scenario() -> None:
        world = World()
        world.make_topics()
        listening = Listening(world)
        task = asyncio.ensure_future(listening.listen())
        await fake_time.until(lambda: bool(listening.heard))
        assert listening.heard[0] == Heard(frozenset(), {}, None), "nobody is there yet, and no topic"
        async with world.run():
            await world.begun(ping())
            await fake_time.until(lambda: listening.state(ping()) == "Ready")
            assert listening.heard[-1].members == {"sources-0"}
            await world.stored(1)
            await asyncio.sleep(5.0)
            told = len(listening.heard)
            await world.stored(4)
            await asyncio.sleep(5.0)
            assert len(listening.heard) == told, "an event is nothing new"
            world.declare()
            await fake_time.until(lambda: TICK not in listening.heard[-1].said)
        task.cancel()
        await asyncio.wait([task])

    fake_time.run(scenario, patience=100_000.0)


def test_what_changes_by_the_moment_is_told_once_a_second() -> None:
    async def scenario() -> None:
        world = World()
        world.make_topics()
        async with world.run():
            await world.begun()
            listening = Listening(world)
            task = asyncio.ensure_future(listening.listen())
            await fake_time.until(lambda: bool(listening.heard))
            told = len(listening.heard)
            for number in range(100):
                await append(world, StatusRecord("sources-9:1", "Failed", 1.0, error=f"try {number}"))
                await asyncio.sleep(0.1)
            await fake_time.until(lambda: listening.heard[-1].said[TICK][0].error == "try 99")
            assert len(listening.heard) - told <= 10.0 / PACE + 2
            assert listening.heard[-1].changed == frozenset({TICK})
            await append(world, None)
            await fake_time.until(lambda: TICK not in listening.heard[-1].said)
            await world.log.append(NewRecord(SETTINGS.sources_topic, b"x", (), b"status/odd", 0))
            task.cancel()
            await asyncio.wait([task])

    fake_time.run(scenario, patience=100_000.0)

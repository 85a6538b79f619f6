"""The store over an API server in fake time, where answers must be scripted (a real one: tests/kube/test_store.py)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

import pytest

from tests.api_objects import Object, broker, taken, trigger
from tests.fake_time import run, until
from tradewind.adapters.kube.store import MOST, KubeStore
from tradewind.api_server import BROKERS, CRDS, TRIGGERS, Change, Changed, GroupVersionResource
from tradewind.errors import ApiDenied, ApiFailed, ApiUnavailable
from tradewind.ports import Snapshot
from tradewind.resources.model import NamespacedName


class Scripted:
    """A Reflector that holds what it is given."""

    def __init__(self, resource: GroupVersionResource, changed: Changed) -> None:
        self.resource = resource
        self.synced = False
        self.objects: Mapping[NamespacedName, Object] = {}
        self.failure: ApiFailed | None = None
        self.fault: Exception | None = None
        self._changed = changed

    def hold(self, *objects: Object) -> None:
        """These are all there are."""
        names = (NamespacedName("default", one["metadata"]["name"]) for one in objects)
        self.objects, self.synced = dict(zip(names, objects, strict=True)), True
        self._changed(Change(None, None))

    async def run(self) -> None:
        while self.fault is None:
            await asyncio.sleep(0.01)
        raise self.fault


class Door:
    """As much of an ApiServer as the store asks for."""

    def __init__(self) -> None:
        self.reflectors: dict[GroupVersionResource, Scripted] = {}
        self.failure: ApiFailed | None = None
        """What a question for a definition ends in."""
        self.going = False
        """Whether the definitions are being deleted."""
        self.asked = 0

    def reflector(
        self, resource: GroupVersionResource, changed: Changed, *, namespace: str = "", field_selector: str = ""
    ) -> Scripted:
        made = self.reflectors[resource] = Scripted(resource, changed)
        return made

    async def get(self, resource: GroupVersionResource, name: NamespacedName) -> Object | None:
        assert resource == CRDS
        self.asked += 1
        if self.failure:
            raise self.failure
        return {"metadata": {"name": name.name, **({"deletionTimestamp": "now"} if self.going else {})}}


class World:
    """A store that is followed."""

    def __init__(self) -> None:
        self.door = Door()
        self.told: list[Snapshot] = []
        self.missing: list[str] = []
        self.slow = 0.0
        """Seconds that each Plan takes."""

    def hold(self, brokers: list[Object], triggers: list[Object]) -> None:
        for resource, reflector in self.door.reflectors.items():
            reflector.hold(*(brokers if resource == BROKERS else triggers))

    @asynccontextmanager
    async def following(self) -> AsyncIterator["asyncio.Task[None]"]:
        async def follow() -> None:
            store = KubeStore(
                self.door,  # type: ignore[arg-type]  # as much of it as is asked
                classes=["Tradewind"],
                installation="here",
                missing=self.missing.append,
            )
            async with aclosing(store.watch()) as snapshots:
                async for snapshot in snapshots:
                    self.told.append(snapshot)
                    await asyncio.sleep(self.slow)

        task = asyncio.create_task(follow())
        await until(lambda: self.door.reflectors)
        yield task
        task.cancel()
        await asyncio.wait([task])


def many(count: int) -> list[Object]:
    return [trigger(f"t{number}", uid=f"u{number}") for number in range(count)]


def test_nothing_is_told_before_all_is_known() -> None:
    async def scenario() -> None:
        world = World()
        async with world.following():
            world.door.reflectors[BROKERS].hold(taken(broker()))
            world.door.reflectors[TRIGGERS].failure = ApiDenied("no triggers for you")
            await asyncio.sleep(60)
            assert (world.told, world.missing) == ([], ["no triggers for you"])
            world.hold([taken(broker())], [])
            await until(lambda: len(world.told) == 1)

    run(scenario)


@pytest.mark.parametrize(("slow", "most"), [(0.0, 22), (1.0, 3)])
def test_many_changes_are_few_plans(slow: float, most: int) -> None:
    """A hundred in a second: as many as fit with moments of quiet between, and fewer where each Plan takes long."""

    async def scenario() -> None:
        world = World()
        world.slow = slow
        async with world.following():
            for count in range(101):
                world.hold([taken(broker())], many(count))
                await asyncio.sleep(0.01)
            await until(lambda: len(world.told[-1].resources) == 101, within=2 * slow + 2 * MOST)
            assert 1 < len(world.told) <= most

    run(scenario)


def test_what_is_gone_waits_until_the_definitions_can_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        world = World()
        async with world.following():
            world.hold([taken(broker())], many(2))
            await until(lambda: len(world.told) == 1)
            world.door.failure = ApiUnavailable("away")
            world.hold([taken(broker())], many(1))
            await asyncio.sleep(600)
            assert (len(world.told), caplog.text.count("what ran goes on")) == (1, 1)
            world.door.failure = None
            await until(lambda: len(world.told) == 2)
            assert len(world.told[-1].resources) == 2

    run(scenario)


def test_what_goes_while_its_definition_is_being_deleted_is_not_gone() -> None:
    async def scenario() -> None:
        world = World()
        async with world.following():
            world.hold([taken(broker())], many(2))
            await until(lambda: len(world.told) == 1)
            world.door.going = True
            world.hold([taken(broker())], many(1))
            await asyncio.sleep(600)
            assert len(world.told) == 1
            world.door.going = False
            await until(lambda: len(world.told) == 2)

    run(scenario)


def test_who_begins_while_definitions_are_being_deleted_takes_nothing_for_all_there_is() -> None:
    """What it lacks may have gone a moment before, with its kind."""

    async def scenario() -> None:
        world = World()
        world.door.going = True
        async with world.following():
            world.hold([taken(broker())], many(1))
            await asyncio.sleep(600)
            assert world.told == []
            world.door.going = False
            await until(lambda: len(world.told) == 1)

    run(scenario)


def test_where_definitions_may_not_be_seen_what_is_gone_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        world = World()
        world.door.failure = ApiDenied("no")
        async with world.following():
            world.hold([taken(broker())], many(1))
            await until(lambda: len(world.told) == 1)
            for count in (0, 1, 0):
                told = len(world.told)
                world.hold([taken(broker())], many(count))
                await until(lambda told=told: len(world.told) > told)  # type: ignore[misc]  # its default binds it
        assert caplog.text.count("grant `get` of them") == 1

    run(scenario)


def test_what_comes_and_what_changes_asks_for_no_definition() -> None:
    async def scenario() -> None:
        world = World()
        async with world.following():
            world.hold([taken(broker())], [])
            await until(lambda: len(world.told) == 1)
            asked = world.door.asked
            world.hold([taken(broker())], many(1))
            await until(lambda: len(world.told) == 2)
            assert world.door.asked == asked

    run(scenario)


def test_a_reflector_that_ends_ends_the_store() -> None:
    """It would go on with what it knew, and nobody would be told."""

    async def scenario() -> None:
        world = World()
        async with world.following() as task:
            world.hold([taken(broker())], [])
            await until(lambda: len(world.told) == 1)
            world.door.reflectors[BROKERS].fault = ValueError("a fault of ours")
            await until(task.done)
            assert isinstance(task.exception(), ValueError)

    run(scenario)

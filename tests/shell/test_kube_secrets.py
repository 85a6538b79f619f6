"""Secrets that sources name, as they are got again and again, in fake time (a real API server: tests/kube)."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from tests.fake_time import run, until
from tradewind.adapters.kube.secrets import LOOK, MISSING, SPACING, Secrets
from tradewind.api_server import SECRETS, GroupVersionResource, Object
from tradewind.errors import ApiUnavailable
from tradewind.ports import Snapshot
from tradewind.resources.model import Broker, Destination, Metadata, NamespacedName, Secret, WebhookSource
from tradewind.resources.webhooks import SecretRef, Webhook

A = NamespacedName("default", "a")


class Door:
    """As much of an ApiServer as Secrets are got from."""

    def __init__(self) -> None:
        self.holds: dict[NamespacedName, bytes] = {}
        self.away = False
        self.asked: list[tuple[NamespacedName, float]] = []

    async def get(self, resource: GroupVersionResource, name: NamespacedName) -> Object | None:
        assert resource == SECRETS
        self.asked.append((name, asyncio.get_running_loop().time()))
        await asyncio.sleep(0.001)
        if self.away:
            raise ApiUnavailable("connection refused")
        if name not in self.holds:
            return None
        data = {"key": base64.b64encode(self.holds[name]).decode()}
        return {"metadata": {"name": name.name, "namespace": name.namespace}, "data": data}


class World:
    def __init__(self) -> None:
        self.door = Door()
        self.given: asyncio.Queue[Snapshot] = asyncio.Queue()
        self.told: list[Snapshot] = []

    def declare(self, *names: str) -> None:
        self.given.put_nowait(Snapshot(tuple(hook(name) for name in names)))

    async def store(self) -> AsyncIterator[Snapshot]:
        while True:
            yield await self.given.get()

    async def follow(self) -> None:
        secrets = Secrets(self.door)  # type: ignore[arg-type]
        added: AsyncGenerator[Snapshot] = secrets.added(self.store())
        async with aclosing(added) as snapshots:
            async for snapshot in snapshots:
                self.told.append(snapshot)

    @property
    def secrets(self) -> dict[str, bytes]:
        """What was told last of each, by name."""
        found = (one for one in self.told[-1].resources if isinstance(one, Secret)) if self.told else ()
        return {one.metadata.name.name: one.data["key"] for one in found}


def hook(secret: str) -> WebhookSource:
    metadata = Metadata(NamespacedName("default", f"hook-{secret}"))
    return WebhookSource(metadata, Destination(uri="http://x"), Webhook(secrets=(SecretRef(secret, "key"),)))


async def following(world: World) -> asyncio.Future[None]:
    return asyncio.ensure_future(world.follow())


def test_a_rotated_one_comes_in_force_and_one_that_comes_later_soon() -> None:
    async def scenario() -> None:
        world = World()
        world.door.holds[A] = b"first"
        task = await following(world)
        world.declare("a", "b")
        await until(lambda: world.secrets == {"a": b"first"})
        world.door.holds[A] = b"second"
        await asyncio.sleep(LOOK + 1)
        assert world.secrets == {"a": b"second"}
        world.door.holds[NamespacedName("default", "b")] = b"late"
        await asyncio.sleep(MISSING + 1)
        assert world.secrets == {"a": b"second", "b": b"late"}
        told = len(world.told)
        await asyncio.sleep(10 * LOOK)
        assert len(world.told) == told, "nothing changed"
        del world.door.holds[A]
        await asyncio.sleep(LOOK + 1)
        assert world.secrets == {"b": b"late"}, "what is deleted is revoked"
        task.cancel()
        await asyncio.wait([task])

    run(scenario)


def test_an_outage_takes_nothing_back_and_is_asked_through_at_the_same_pace() -> None:
    async def scenario() -> None:
        world = World()
        world.door.holds[A] = b"first"
        task = await following(world)
        world.declare("a")
        await until(lambda: world.secrets == {"a": b"first"})
        world.door.away = True
        asked = len(world.door.asked)
        await asyncio.sleep(10 * LOOK)
        assert world.secrets == {"a": b"first"}
        assert len(world.door.asked) - asked <= 10
        world.declare("a", "new")  # what else changes is told meanwhile
        await until(lambda: len(world.told[-1].resources) == 3)
        task.cancel()
        await asyncio.wait([task])

    run(scenario)


def test_many_are_looked_at_one_after_the_other() -> None:
    async def scenario() -> None:
        world = World()
        task = await following(world)
        world.declare(*(f"s{number}" for number in range(300)))
        await until(lambda: bool(world.told))
        began = len(world.door.asked)
        assert began == 300
        await asyncio.sleep(10.0)
        assert len(world.door.asked) - began <= 10.0 / SPACING + 1
        world.given.put_nowait(Snapshot((Broker(Metadata(A)),)))
        await until(lambda: len(world.told[-1].resources) == 1)
        asked = len(world.door.asked)
        await asyncio.sleep(10.0)
        assert len(world.door.asked) - asked <= 1, "nobody names any"
        task.cancel()
        await asyncio.wait([task])

    run(scenario)


def test_a_source_that_comes_and_goes_has_its_secret_looked_at_no_more_often() -> None:
    async def scenario() -> None:
        world = World()
        world.door.holds[A] = b"first"
        task = await following(world)
        for _ in range(50):
            for names in (("a",), ()):
                told = len(world.told)
                world.declare(*names)
                await until(lambda told=told: len(world.told) > told)  # type: ignore[misc]
        world.declare("a")
        await until(lambda: world.secrets == {"a": b"first"})
        asked = len(world.door.asked)
        await asyncio.sleep(10 * LOOK)
        assert len(world.door.asked) - asked <= 10
        task.cancel()
        await asyncio.wait([task])

    run(scenario)


def test_what_ends_the_store_ends_it() -> None:
    async def broken() -> AsyncIterator[Snapshot]:
        yield Snapshot(())
        raise RuntimeError("broken")

    async def scenario() -> None:
        told = 0
        try:
            async for _ in Secrets(Door()).added(broken()):  # type: ignore[arg-type]
                told += 1
        except RuntimeError as error:
            assert str(error) == "broken"
        assert told <= 1

    run(scenario)

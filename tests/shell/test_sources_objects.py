"""Sources that are Kubernetes' objects: held ones, ones that were made again, and what a status says of which."""

import asyncio
from dataclasses import replace

from tests import fake_time
from tests.shell.sources_running import BROKERS, KINDS, MINUTE, SETTINGS, World, ping, running
from tradewind.plan import Plan, SourcePlan
from tradewind.resources.model import NamespacedName
from tradewind.sources.emission import Emissions, Given
from tradewind.sources.positions import SourceKey, StatusRecord, View

TICK = SourceKey("PingSource", NamespacedName("default", "tick"))


def of(uid: str, generation: int = 1, schedule: str = "* * * * *") -> SourcePlan:
    """A ping that is the object of this uid."""
    plan = ping(schedule=schedule)
    metadata = replace(plan.source.metadata, uid=uid, generation=generation)
    return replace(plan, source=replace(plan.source, metadata=metadata))


def view(world: World) -> View:
    found = View()
    for record in world.records(SETTINGS.sources_topic):
        found.apply(record.key or b"", record.value)
    return found


def said(world: World) -> StatusRecord | None:
    return view(world).statuses.get(TICK, {}).get("")


async def until_position(world: World, uid: str) -> object:
    """Wait until a position of this object is stored, that is one."""

    def found() -> bool:
        return view(world).position(TICK, uid) is not None

    await fake_time.until(found, what=f"a position of {uid}")
    return view(world).position(TICK, uid)


def test_one_that_was_made_again_under_its_name_begins_anew() -> None:
    given_to: list[tuple[str, object]] = []

    def noting(source: SourcePlan, given: Given) -> Emissions:
        given_to.append((source.source.metadata.uid, given.position))
        return KINDS.make(source, given)

    async def scenario(world: World) -> None:
        await world.begun(of("first"))
        await world.stored(2)
        await until_position(world, "first")
        world.declare(of("second"))
        await world.stored(3)
        assert world.ids[-1].startswith("second/")
        await until_position(world, "second")
        assert view(world).position(TICK, "first") is None

    running(scenario, make=noting)
    assert given_to == [("first", None), ("second", None)]


def test_one_that_cannot_run_any_more_keeps_its_place() -> None:
    async def scenario(world: World) -> None:
        await world.begun(of("u"))
        await world.stored(2)
        at = await until_position(world, "u")
        world.plans.put_nowait(Plan(BROKERS, held={TICK: "it has faults"}))
        await fake_time.until(lambda: not world.process.hosts)
        await asyncio.sleep(3 * MINUTE)
        assert len(world.ids) == 2
        assert view(world).position(TICK, "u") == at
        await world.begun(of("u", 2))
        await world.stored(3)  # what was missed meanwhile counts from there

    running(scenario)


def test_one_that_is_deleted_leaves_nothing() -> None:
    async def scenario(world: World) -> None:
        await world.begun(of("u"))
        await until_position(world, "u")
        world.plans.put_nowait(Plan(BROKERS))
        await fake_time.until(lambda: TICK not in view(world).positions and TICK not in view(world).statuses)

    running(scenario)


def test_its_status_says_which_state_of_it_runs() -> None:
    async def scenario(world: World) -> None:
        await world.begun(of("u"))
        host = world.process.hosts[TICK]
        await fake_time.until(lambda: (found := said(world)) is not None and (found.uid, found.generation) == ("u", 1))
        await until_position(world, "u")
        started = host.standing.record(owner="", in_flight=0, sink="").since
        world.declare(replace(of("u", 2), broker=None))  # another sink is another state of it, and no other source
        await fake_time.until(lambda: (found := said(world)) is not None and found.generation == 2)
        assert host.standing.record(owner="", in_flight=0, sink="").since == started
        world.declare(of("u", 3, schedule="*/2 * * * *"))
        await fake_time.until(lambda: (found := said(world)) is not None and found.generation == 3)

    running(scenario)

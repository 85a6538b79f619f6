"""The controller's life over objects in memory: what is reconciled when, one at a time, through failures."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from tests import fake_time
from tradewind.api_server import BROKERS, TRIGGERS, Change, Changed, GroupVersionResource, Object
from tradewind.control.controller import OBJECTS, Controller
from tradewind.control.counts import Counts, Ended
from tradewind.control.doors import Enqueue, Leadership
from tradewind.errors import ApiConflict, ApiFailed, ApiUnavailable, LogRefused
from tradewind.observe.health import Health
from tradewind.resources.model import NamespacedName


def name(text: str) -> NamespacedName:
    return NamespacedName("default", text)


class Held:
    """A Reflector that holds what a test puts there."""

    failure: ApiFailed | None = None

    def __init__(self, resource: GroupVersionResource, changed: Changed) -> None:
        self.resource = resource
        self.changed = changed
        self.synced = False
        self.held: dict[NamespacedName, Object] = {}

    @property
    def objects(self) -> Mapping[NamespacedName, Object]:
        return self.held

    def put(self, text: str) -> None:
        made: Object = {"metadata": {"namespace": "default", "name": text}}
        self.changed(Change(self.held.get(name(text)), made))
        self.held[name(text)] = made

    async def run(self) -> None:
        await asyncio.Event().wait()


class Reflectors:
    """As much of an ApiServer as the controller itself uses."""

    def __init__(self) -> None:
        self.made: dict[GroupVersionResource, Held] = {}

    def reflector(self, resource: GroupVersionResource, changed: Changed, **_: str) -> Held:
        return self.made.setdefault(resource, Held(resource, changed))


class Noting:
    """A Reconciler that notes what it is asked, and does as it is told."""

    resource = BROKERS
    watches = (BROKERS, TRIGGERS)

    def __init__(self) -> None:
        self.began: list[tuple[float, NamespacedName]] = []
        self.running: list[NamespacedName] = []
        self.most = 0
        self.ends: dict[NamespacedName, list[Exception | float | None]] = {}
        self.takes = 0.0

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        assert change.new is not None
        return [name(change.new["metadata"]["name"])]

    async def reconcile(self, which: NamespacedName) -> float | None:
        assert which not in self.running
        self.began.append((asyncio.get_running_loop().time(), which))
        self.running.append(which)
        self.most = max(self.most, len(self.running))
        await asyncio.sleep(self.takes)
        self.running.remove(which)
        end = self.ends.get(which, [None]).pop(0) if self.ends.get(which) else None
        if isinstance(end, Exception):
            raise end
        return end

    async def run(self, enqueue: Enqueue) -> None:
        return None

    def times(self, text: str) -> list[float]:
        return [round(at, 2) for at, which in self.began if which == name(text)]


class World:
    """A controller and its surroundings."""

    def __init__(self) -> None:
        self.api = Reflectors()
        self.health = Health(OBJECTS)
        self.counts = Counts()
        self.reconciler = Noting()
        self.elected, self.stop = asyncio.Event(), asyncio.Event()
        self.controller = Controller(
            self.api,  # type: ignore[arg-type]  # nothing else of it is asked for
            health=self.health,
            counts=self.counts,
            chance=lambda: 0.0,
        )

    def sure(self, seconds: float) -> bool:
        return seconds < 5

    async def lead(self, work: Callable[[Leadership], Awaitable[None]], stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.elected.wait()
            working = asyncio.ensure_future(work(self))
            await fake_time.until(lambda: stop.is_set() or not self.elected.is_set())
            working.cancel()
            await asyncio.wait({working})

    def of(self, resource: GroupVersionResource) -> Held:
        return self.api.made[resource]


def played(scenario: Callable[[World], Awaitable[None]]) -> World:
    """Play a scenario beside a controller that runs."""

    async def whole() -> World:
        world = World()
        running = asyncio.ensure_future(world.controller.run([world.reconciler], world.lead, world.stop))
        await fake_time.until(lambda: TRIGGERS in world.api.made)
        await scenario(world)
        world.stop.set()
        await running
        return world

    return fake_time.run(whole)


async def begin(world: World) -> None:
    for held in world.api.made.values():
        held.synced = True
    world.elected.set()


def test_nothing_is_reconciled_before_everything_was_read_and_this_process_leads() -> None:
    async def scenario(world: World) -> None:
        brokers, triggers = world.of(BROKERS), world.of(TRIGGERS)
        brokers.put("a")
        brokers.synced = True
        world.elected.set()
        await asyncio.sleep(10)
        assert world.reconciler.began == [] and not world.health.ready
        world.elected.clear()
        triggers.synced = True
        await asyncio.sleep(10)
        assert world.reconciler.began == [] and world.health.ready
        assert not world.controller.sure(1)
        world.elected.set()
        await fake_time.until(lambda: world.reconciler.times("a"))
        assert world.controller.sure(1) and not world.controller.sure(9)

    played(scenario)


def test_changes_meanwhile_are_one_more_reconcile() -> None:
    async def scenario(world: World) -> None:
        await begin(world)
        world.reconciler.takes = 5
        for _ in range(4):
            world.of(TRIGGERS).put("a")  # a Trigger that concerns it
        await asyncio.sleep(1)
        for _ in range(4):
            world.of(BROKERS).put("a")
        await asyncio.sleep(60)
        assert len(world.reconciler.times("a")) == 2

    played(scenario)


def test_some_are_reconciled_at_once_and_not_all() -> None:
    async def scenario(world: World) -> None:
        await begin(world)
        world.reconciler.takes = 1
        for number in range(40):
            world.of(BROKERS).put(str(number))
        await asyncio.sleep(10)
        assert world.reconciler.most == 8 and len(world.reconciler.began) == 40

    played(scenario)


def test_failures_are_tried_again_ever_more_seldom_and_harm_no_other() -> None:
    async def scenario(world: World) -> None:
        await begin(world)
        errors = [ApiConflict("other"), ApiUnavailable("away"), LogRefused("no"), ValueError("a fault of ours")]
        world.reconciler.ends[name("a")] = [*errors, 30.0]
        start = asyncio.get_running_loop().time()
        world.of(BROKERS).put("a")
        world.of(BROKERS).put("b")
        await asyncio.sleep(20)
        assert [round(at - start) for at in world.reconciler.times("a")] == [0, 0, 1, 2, 4]
        assert len(world.reconciler.times("b")) == 1
        await asyncio.sleep(20)
        assert len(world.reconciler.times("a")) == 6  # which it had asked for

    world = played(scenario)
    assert world.counts.reconciles == {
        ("brokers", Ended.DONE): 3,
        ("brokers", Ended.CONFLICT): 1,
        ("brokers", Ended.UNAVAILABLE): 1,
        ("brokers", Ended.ERROR): 2,
    }


def test_what_was_cut_short_is_looked_at_again_by_whoever_leads_then() -> None:
    async def scenario(world: World) -> None:
        await begin(world)
        world.reconciler.takes = 100
        world.of(BROKERS).put("a")
        await fake_time.until(lambda: world.reconciler.running)
        world.elected.clear()
        await asyncio.sleep(1)
        world.reconciler.running.clear()
        world.reconciler.takes = 0
        world.elected.set()
        await fake_time.until(lambda: len(world.reconciler.times("a")) == 2)

    world = played(scenario)
    assert world.counts.reconciles == {("brokers", Ended.DONE): 1}


def test_a_change_that_nobody_can_make_sense_of_harms_no_other() -> None:
    async def scenario(world: World) -> None:
        await begin(world)
        world.of(BROKERS).changed(Change(None, {"metadata": {}}))  # the Reconciler looks for its name
        world.of(BROKERS).put("a")
        await fake_time.until(lambda: world.reconciler.began != [])

    assert [which for _, which in played(scenario).reconciler.began] == [name("a")]

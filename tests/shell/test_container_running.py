"""A ContainerSource as it runs, in fake time, over programs that end when they are told to."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace

import pytest

from tests import fake_time
from tests.shell.sources_running import SETTINGS, World
from tradewind.errors import StartFailed
from tradewind.plan import SourcePlan, Target
from tradewind.resources.containers import Container, EnvVar
from tradewind.resources.model import ContainerSource, Destination, Metadata, NamespacedName
from tradewind.sources.container import convert
from tradewind.sources.container.output import LINES
from tradewind.sources.container.program import Commands, Program
from tradewind.sources.container.run import GRACE
from tradewind.sources.kinds import Kinds
from tradewind.sources.positions import SourceKey
from tradewind.sources.standing import State

KEY = SourceKey("ContainerSource", NamespacedName("default", "c"))
HOUR = 3600.0


@dataclass
class Process:
    """A program that runs until it is told to end.  It obeys SIGTERM after `stubborn` seconds."""

    program: Program
    pid: int
    began: float
    stubborn: float = 0.5
    signals: list[str] = field(default_factory=list)
    status: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    written: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    async def output(self, most: int) -> bytes:
        return (await self.written.get())[:most]

    async def ended(self) -> int:
        return await asyncio.shield(self.status)

    async def stop(self, deadline: float) -> int:
        self.signals.append("TERM")
        self.written.put_nowait(b"bye\n")
        await asyncio.sleep(min(deadline, self.stubborn))
        if self.stubborn > deadline:
            self.signals.append("KILL")
        self.end(-15)
        return self.status.result()

    def drop(self) -> None:
        self.end(-9)

    def end(self, status: int) -> None:
        """It ends."""
        self.written.put_nowait(b"")
        if not self.status.done():
            self.status.set_result(status)

    @property
    def runs(self) -> bool:
        return not self.status.done()


class Machine:
    """Where programs are started."""

    def __init__(self) -> None:
        self.started: list[Process] = []
        self.refuses: Exception | None = None
        self.after: float | None = None
        """Seconds after which each ends with exit code 1; None: it runs on."""
        self.commands = Commands(self.launch, {"PATH": "/bin"}, "/m")

    async def launch(self, program: Program) -> Process:
        if self.refuses is not None:
            raise self.refuses
        process = Process(program, 100 + len(self.started), asyncio.get_running_loop().time())
        self.started.append(process)
        if self.after is not None:
            asyncio.get_running_loop().call_later(self.after, process.end, 1)
        return process

    @property
    def running(self) -> list[Process]:
        return [one for one in self.started if one.runs]


def source(*names: str, url: str | None = "http://a", word: str = "x") -> SourcePlan:
    containers = tuple(Container(name, "i", (word,)) for name in names or ("main",))
    made = ContainerSource(Metadata(KEY.name), Destination(), {}, containers)
    return SourcePlan(made, None, Target(url, "" if url else "no Broker default/b"))


def running(scenario: Callable[[World, Machine], Coroutine[None, None, None]], *, allowed: bool = True) -> Machine:
    """A scenario in a world that may run commands, or not; at its end nothing runs any more."""
    machine = Machine()

    async def run() -> None:
        world = World(maker=Kinds(commands=machine.commands if allowed else None))
        world.make_topics()
        async with world.run():
            await scenario(world, machine)
        assert machine.running == []

    fake_time.run(run, patience=100_000.0)
    return machine


def state(world: World) -> tuple[State, str]:
    standing = world.process.hosts[KEY].standing
    return standing.state, standing.record(owner="", in_flight=0, sink="").error


def test_each_container_is_a_process_and_the_source_is_ready_while_all_run() -> None:
    async def scenario(world: World, machine: Machine) -> None:
        await world.begun(source("one", "two"))
        await fake_time.until(lambda: len(machine.running) == 2)
        assert state(world) == (State.CONNECTING, "")
        await asyncio.sleep(2 * convert.STARTED)
        assert state(world) == (State.READY, "")
        machine.started[0].end(3)
        await asyncio.sleep(0.1)
        said = "container one ended with exit code 3 after 2.0 s"
        assert state(world) == (State.FAILED, said)
        await asyncio.sleep(5)
        assert state(world) == (State.READY, said)
        assert [one.program.name for one in machine.running] == ["two", "one"]

    machine = running(scenario)
    assert {one.program.environment["K_SINK"] for one in machine.started} == {"http://a"}
    assert all(one.signals == ["TERM"] for one in machine.started[1:])


def test_of_two_of_one_name_both_count() -> None:
    """One is named as the other is that has no name: `c-1` and the second of `c`."""

    async def scenario(world: World, machine: Machine) -> None:
        await world.begun(source("c-1", "c-1"))
        await fake_time.until(lambda: len(machine.running) == 2)
        machine.after = 0.1
        machine.started[1].end(1)
        for _ in range(100):
            await asyncio.sleep(0.1)
            assert state(world)[0] in (State.CONNECTING, State.FAILED)

    assert len(running(scenario).started) > 3


def test_one_that_ends_at_once_is_started_again_after_waits_that_grow_and_never_said_to_run() -> None:
    async def scenario(world: World, machine: Machine) -> None:
        machine.after = 0.1
        await world.begun(source())
        for _ in range(6000):
            await asyncio.sleep(0.1)
            assert state(world)[0] in (State.CONNECTING, State.FAILED)

    machine = running(scenario)
    begins = [one.began for one in machine.started]
    waits = [round(after - before - 0.1, 1) for before, after in itertools.pairwise(begins)]
    assert waits[:8] == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]
    assert set(waits[8:]) == {30.0}


def test_one_that_ends_well_is_started_again_too_and_soon_where_it_ran_for_long() -> None:
    async def scenario(world: World, machine: Machine) -> None:
        await world.begun(source())
        for number in range(1, 6):
            await fake_time.until(lambda number=number: len(machine.started) == number)  # type: ignore[misc]
            await asyncio.sleep(2 * convert.STEADY)
            machine.started[-1].end(0)
            await asyncio.sleep(0.1)
            assert state(world)[1] == "container main ended with exit code 0 after 120.0 s"
        await fake_time.until(lambda: len(machine.started) == 6, within=1.0)

    running(scenario)


@pytest.mark.parametrize("refusal", [StartFailed("no command 'x' is found", "Install it."), OSError("no memory")])
def test_one_that_cannot_be_started_says_why_and_is_tried_again(refusal: Exception) -> None:
    async def scenario(world: World, machine: Machine) -> None:
        machine.refuses = refusal
        await world.begun(source())
        await asyncio.sleep(2)
        said = str(refusal).replace("\n", "; ").rstrip(".")
        assert state(world) == (State.FAILED, f"container main cannot be started: {said}; 3 times in a row")
        machine.refuses = None
        await asyncio.sleep(10)
        assert state(world)[0] is State.READY

    running(scenario)


def test_without_the_permission_nothing_runs_and_the_status_says_what_gives_it() -> None:
    async def scenario(world: World, _machine: Machine) -> None:
        await world.begun(source())
        await asyncio.sleep(HOUR)
        said = "its command runs only under `tradewind up --allow-commands`"
        assert state(world) == (State.BLOCKED, said)

    assert running(scenario, allowed=False).started == []


def test_what_cannot_run_here_says_all_of_it_and_runs_once_it_is_changed() -> None:
    async def scenario(world: World, machine: Machine) -> None:
        bad = source(url=None)
        assert isinstance(bad.source, ContainerSource)
        held = replace(
            bad.source, containers=(Container("main", "i", ("x",), env=(EnvVar("A", unserved="fieldRef"),)),)
        )
        await world.begun(replace(bad, source=held))
        await asyncio.sleep(1)
        assert state(world) == (
            State.BLOCKED,
            "its sink has no address: no Broker default/b; "
            "container main: variable A is from a `fieldRef`, which only Kubernetes knows",
        )
        assert machine.started == []
        world.declare(source())
        await asyncio.sleep(2)
        assert state(world)[0] is State.READY

    running(scenario)


@pytest.mark.parametrize("change", [source(word="y"), source(url="http://b")])
def test_a_change_ends_it_before_it_begins_anew(change: SourcePlan) -> None:
    async def scenario(world: World, machine: Machine) -> None:
        await world.begun(source())
        await asyncio.sleep(2)
        world.declare(change)
        await asyncio.sleep(0.2)
        assert machine.started[0].signals == ["TERM"] and len(machine.started) == 1
        await asyncio.sleep(2)
        assert len(machine.running) == 1

    first, second = running(scenario).started
    assert (first.program.argv, first.program.environment) != (second.program.argv, second.program.environment)


def test_one_that_does_not_obey_is_killed_before_the_grace_is_over() -> None:
    async def scenario(world: World, machine: Machine) -> None:
        await world.begun(source())
        await fake_time.until(lambda: machine.running)
        (process,) = machine.started
        process.stubborn = HOUR
        await asyncio.sleep(2)
        began = asyncio.get_running_loop().time()
        world.declare()
        await fake_time.until(lambda: not machine.running)
        assert asyncio.get_running_loop().time() - began <= SETTINGS.grace * GRACE + 0.1

    (process,) = running(scenario).started
    assert process.signals == ["TERM", "KILL"]


def test_its_output_is_logged_by_line_bounded_and_what_it_says_last_is_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tradewind.sources")

    async def scenario(world: World, machine: Machine) -> None:
        await world.begun(source())
        await fake_time.until(lambda: machine.running)
        (process,) = machine.started
        process.written.put_nowait(b"hello\nhalf ")
        await asyncio.sleep(0.1)
        process.written.put_nowait(b"a line\n" + b"flood\n" * 1000)
        await asyncio.sleep(5)

    running(scenario)
    said = [getattr(record, "fields", {}) for record in caplog.records if record.getMessage() == "output"]
    assert {(str(one["source"]), one["container"]) for one in said} == {("ContainerSource/default/c", "main")}
    lines = [one["line"] for one in said]
    assert lines == ["hello", "half a line", *["flood"] * (LINES - 2), "(902 more lines, left out)", "bye"]

"""A ContainerSource runs: each of its containers as a process, started again whenever it ends.

    launch ──► runs ──► STARTED later it counts as running ──► ends ──► after a wait that grows: launch
       │ cannot be started                                                  ▲
       └────────────────────────────────────────────────────────────────────┘
    the source is changed, moves or ends: SIGTERM, and after a part of the grace SIGKILL

It POSTs its events to K_SINK by itself, where the answer is the promise; nothing is yielded here, and there is no
position.
"""

import asyncio
import contextlib
from collections.abc import Iterable

from tradewind.errors import StartFailed
from tradewind.observe.logs import Log
from tradewind.plan import SourcePlan
from tradewind.resources.model import ContainerSource
from tradewind.sources.container import convert
from tradewind.sources.container.output import CHUNK, PERIOD, Output
from tradewind.sources.container.program import Commands, Launch, Program, Running
from tradewind.sources.edges import pause
from tradewind.sources.emission import Emission, Emissions, Given, Tell
from tradewind.sources.positions import SourceKey

GRACE = 0.4
"""Part of the settings' grace that a command has to end: less than the half after which a source is let go of."""

log = Log("sources")


async def run(plan: SourcePlan, source: ContainerSource, given: Given, commands: Commands | None) -> Emissions:
    """Nothing, without end.  `commands` is None where none may be run."""
    key = SourceKey(type(source).__name__, source.metadata.name)
    obstacles = convert.obstacles(source, plan, allowed=commands is not None)
    if commands is None or obstacles:
        given.tell.blocked("; ".join(obstacles))
        log.warning("source does not run", source=key, why="; ".join(obstacles))
        await asyncio.Event().wait()
        return
    programs = convert.programs(source, plan, commands.environment, commands.folder)
    crew = _Crew(given.tell, len(programs))
    async with asyncio.TaskGroup() as tasks:
        for number, program in enumerate(programs):
            keeping = _Keeping(key, number, program, given, commands.launch, crew)
            tasks.create_task(keeping.run())
    for nothing in _NOTHING:
        yield nothing


_NOTHING: Iterable[Emission] = ()
"""What makes `run` a generator."""


class _Crew:
    """All containers of a source, for its status: it is connected while each of them runs.

    By their numbers: two may have one name, `c-1`, and the second of a source `c` where that has none.
    """

    def __init__(self, tell: Tell, containers: int) -> None:
        self._tell = tell
        self._down = set(range(containers))

    def up(self, number: int) -> None:
        """This one runs."""
        self._down.discard(number)
        if not self._down:
            self._tell.connected()

    def down(self, number: int, why: str) -> None:
        """This one does not."""
        self._down.add(number)
        self._tell.failed(why)


class _Keeping:
    """Keeps one program running."""

    def __init__(
        self, source: SourceKey, number: int, program: Program, given: Given, launch: Launch, crew: _Crew
    ) -> None:
        self._source = source
        self._number = number
        self._program = program
        self._given = given
        self._launch = launch
        self._crew = crew

    async def run(self) -> None:
        """Until it is cancelled, when its process has ended, too."""
        failures = 0
        while True:
            began = self._given.time.elapsed()
            try:
                why = await self._once()
            except (StartFailed, OSError) as failed:
                why = convert.unstartable(self._program, failed)
            failures = convert.failures(failures, self._given.time.elapsed() - began)
            wait = pause(failures, self._given.settings, self._given.time)
            log.warning("container ended", source=self._source, why=why, again_in=round(wait, 1))
            self._crew.down(self._number, convert.repeated(why, failures))
            await asyncio.sleep(wait)

    async def _once(self) -> str:
        """Run it once; answers with what its end means."""
        began = self._given.time.elapsed()
        running = await self._launch(self._program)
        try:
            log.info("container started", source=self._source, container=self._program.name, pid=running.pid)
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read(running))
                starting = tasks.create_task(self._count_as_running())
                try:
                    status = await self._ended(running)
                    ran = self._given.time.elapsed() - began
                finally:
                    starting.cancel()
                    await asyncio.wait([reading], timeout=PERIOD)  # a stranger to its group may hold the pipe open
                    reading.cancel()
            return convert.ending(self._program, status, ran)
        finally:
            running.drop()

    async def _ended(self, running: Running) -> int:
        """Its end; cancelled, its end by us, while its output is still read."""
        try:
            return await running.ended()
        except asyncio.CancelledError:
            status = await running.stop(self._given.settings.grace * GRACE)
            log.info("container stopped", source=self._source, container=self._program.name, status=status)
            raise

    async def _count_as_running(self) -> None:
        await asyncio.sleep(convert.STARTED)
        self._crew.up(self._number)

    async def _read(self, running: Running) -> None:
        clock = self._given.time.elapsed
        output = Output(clock())
        while chunk := await self._some(running, output):
            self._tell(output.take(chunk, clock()))
            if wait := output.wait(clock()):
                await asyncio.sleep(wait)
        self._tell(output.end())

    async def _some(self, running: Running, output: Output) -> bytes:
        """The next bytes; what was left out is told of meanwhile."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PERIOD):
                    return await running.output(CHUNK)
            self._tell(output.look(self._given.time.elapsed()))

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            log.info("output", source=self._source, container=self._program.name, line=line)

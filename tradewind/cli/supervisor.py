"""The supervisor: starts children, starts those again that die, and ends all of them in order.

    for each role   start ──► ready ──► ended ──► restarts.after: again after a wait │ give up │ leave
    stop            SIGTERM to one role after the other, the last started last, each with its deadline
    hurry           SIGKILL to all of them

It decides nothing about deaths (control.restarts) and knows nothing of what the roles are (cli.up).
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tradewind.adapters.children import Child, Command
from tradewind.control.restarts import Again, Death, GiveUp, Leave, Record, after, ended_with
from tradewind.errors import StartFailed

LOOK = 0.05
"""Seconds between two questions whether a role that does not announce itself is ready."""
REMINDER = 5.0
"""Seconds after which it is said again what is being waited for."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A child that is to be there all the time."""

    command: Command
    remedy: str
    """What to do when it is given up."""
    needs: str = ""
    """What it waits for before it is ready, for messages."""
    alike: bool = False
    """Whether it does the same work as the role before it, and so is stopped at the same time."""
    may_end: bool = False
    """Whether it may end with status 0."""
    probe: Callable[[], Awaitable[bool]] | None = None
    """Asks whether it is ready, where it does not announce itself."""
    failed: Callable[[int], StartFailed] | None = None
    """Explains an end before it was ready, by its status."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.command.name


class Supervisor:
    """Runs roles until it is told to stop, or one of them is given up."""

    def __init__(self, roles: Sequence[Role], *, grace: float, say: Say) -> None:
        """`roles` in the order of stopping; `grace` is each one's seconds for it."""
        self._roles = roles
        self._grace = grace
        self._say = say
        self._stop = asyncio.Event()
        self._hurried = False
        self._failure: StartFailed | None = None
        self._children: dict[str, Child] = {}
        self._starting = {role.name: asyncio.Lock() for role in roles}
        self._waiting_for = {role.name for role in roles}
        self._all_ready = asyncio.Event()

    async def run(self, *beside: Callable[[], Awaitable[None]]) -> None:
        """Until a signal asks for the stop.  `beside` runs as long.  Raises StartFailed when a role is given up."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stop)
        async with asyncio.TaskGroup() as tasks:
            keepers = [tasks.create_task(self._keep(role)) for role in self._roles]
            others = [tasks.create_task(self._remind())] + [tasks.create_task(_run(one)) for one in beside]
            await self._stop.wait()
            for other in others:
                other.cancel()
            for roles in _together(self._roles):
                async with asyncio.TaskGroup() as ends:
                    for role in roles:
                        ends.create_task(self._end(role))
            await asyncio.wait(keepers)
        if self._failure is not None:
            raise self._failure

    async def all_ready(self) -> None:
        """Wait until every role has been ready once."""
        await self._all_ready.wait()

    def stop(self) -> None:
        """Ask for the ordered stop; asked again, do not wait any more."""
        if self._stop.is_set() and not self._hurried:
            self._hurried = True
            self._say("not waiting any longer")
            for child in self._children.values():
                child.kill()
        elif not self._stop.is_set():
            self._say("stopping; once more to skip the waiting")
            self._stop.set()

    async def _keep(self, role: Role) -> None:
        """One role's lives, one after the other."""
        record = Record()
        while (child := await self._started(role)) is not None:
            born = time.monotonic()
            ready = await self._came_up(role, child, again=record.was_ready)
            status = await child.ended()
            if self._stop.is_set():
                return
            announced = ready if role.command.announces or role.probe else None
            now = time.monotonic()
            death = Death(at=now, status=status, lived=now - born, ready=announced)
            record, decision = after(record, death, may_end=role.may_end)
            match decision:
                case Leave():
                    self._say(f"{role.name} has ended")
                    return
                case GiveUp(why):
                    self._give_up(role, status, why, came_up=record.was_ready)
                    return
                case Again(wait):
                    self._say(f"{role.name} died ({ended_with(status)}); starting it again in {wait:g} s")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stop.wait(), wait)

    async def _started(self, role: Role) -> Child | None:
        """The next life of a role; None once all is to end."""
        async with self._starting[role.name]:
            if self._stop.is_set():
                return None
            child = Child(role.command)
            await child.start()
            self._children[role.name] = child
            return child

    async def _came_up(self, role: Role, child: Child, *, again: bool) -> bool:
        """Wait until it is ready, and say so; False when it ended first."""
        ready = await (child.ready(None) if role.probe is None else _probed(role.probe, child))
        if ready and child.status is None:
            if again:
                self._say(f"{role.name} is ready again")
            self._waiting_for.discard(role.name)
            if not self._waiting_for:
                self._all_ready.set()
        return ready

    async def _end(self, role: Role) -> None:
        async with self._starting[role.name]:
            child = self._children.get(role.name)
        if child is None or child.status is not None:
            return
        status = await child.stop(0.0 if self._hurried else self._grace)
        if status == -signal.SIGKILL and not self._hurried:
            self._say(f"{role.name} did not end within {self._grace:g} s and was killed")

    def _give_up(self, role: Role, status: int, why: str, *, came_up: bool) -> None:
        if self._failure is None:
            explained = role.failed(status) if role.failed and not came_up else None
            self._failure = explained or StartFailed(f"{role.name} {why}", role.remedy)
        self._stop.set()

    async def _remind(self) -> None:
        while not self._all_ready.is_set():
            await asyncio.sleep(REMINDER)
            if self._waiting_for:
                needs = sorted({role.needs for role in self._roles if role.name in self._waiting_for and role.needs})
                self._say(f"waiting for {', '.join(sorted(self._waiting_for))}" + "".join(f" ({n})" for n in needs))


def _together(roles: Sequence[Role]) -> list[list[Role]]:
    """Roles in the order of stopping, those that are stopped at the same time in one list."""
    stages: list[list[Role]] = []
    for role in roles:
        if role.alike and stages:
            stages[-1].append(role)
        else:
            stages.append([role])
    return stages


async def _run(one: Callable[[], Awaitable[None]]) -> None:
    await one()


async def _probed(probe: Callable[[], Awaitable[bool]], child: Child) -> bool:
    """Ask until it is ready or has ended."""
    while child.status is None:
        if await probe():
            return True
        await asyncio.sleep(LOOK)
    return False

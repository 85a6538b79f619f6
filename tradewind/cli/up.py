"""`tradewind up`: everything on this machine, each role a child process, with a Kafka of our own unless one is named.

    manifests ──► ports ──► Kafka prepared ──► children: Kafka, ingress, dispatcher, sources, --run ──► announcement
    stop in order: sources, ingress, dispatcher, --run (so that last deliveries arrive), Kafka

What cannot work is said before anything is started.  The children wait for Kafka themselves, so all start at once.
"""

import asyncio
import contextlib
import os
import re
import socket
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tradewind import runtime
from tradewind.adapters import reach
from tradewind.adapters.children import Command
from tradewind.adapters.embedded_kafka import (
    Prepared,
    Request,
    Wanted,
    answers,
    data_folder,
    died_early,
    prepare,
    require_different,
    require_free,
)
from tradewind.adapters.embedded_kafka.folder import FolderLock
from tradewind.adapters.embedded_kafka.layout import Layout
from tradewind.cli.announcement import (
    added_lines,
    broker_lines,
    changed,
    commands_held,
    curl,
    nothing_answers,
    source_lines,
    takes_webhooks,
)
from tradewind.cli.processes import process
from tradewind.cli.progress import Meter
from tradewind.cli.supervisor import Role, Supervisor
from tradewind.config import Loaded, Origin, Settings
from tradewind.errors import Fault, InvalidSettings, StartFailed
from tradewind.plan import Plan

PROCESSES = ("sources", "ingress", "dispatcher")
HEALTH_PORTS = {"dispatcher": 0, "sources": 1, "ingress": 2}
"""How far from --health-port each has its own; several workers of the ingress have all from there on."""
"""Our own roles, in the order of stopping."""
WORKERS = 1.0
"""Seconds that an ingress may need beyond its workers to end."""
SIMPLE = re.compile(r"[^\s=;&|<>()$`!{}]+(\s[^;&|<>()$`\n]*)?$")
"""A line for the shell that is one command with its arguments."""
LONGEST_NAME = 60
"""Characters of a --run command that messages show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What `up` may be told beyond the settings."""

    kafka_port: int = 9092
    """Port of the embedded Kafka."""
    reset: bool = False
    """Move the embedded Kafka's data aside first."""
    run: tuple[str, ...] = ()
    """Commands to run, too, each a line for the shell."""
    allow_commands: bool = False
    """Run the commands of ContainerSources."""


def say(line: str) -> None:
    """One line for the user.  A terminal that is gone must not disturb the stop that its end asks for."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def up(found: Loaded, flags: Mapping[str, str], wishes: Wishes) -> None:
    """Run until a signal ends it.  Raises StartFailed, InvalidSettings and InvalidManifest, and then nothing runs."""
    began = time.monotonic()
    settings = found.settings
    runtime.require_manifests(settings, "up")
    _possible(settings, wishes)
    plan = runtime.planned(settings, runtime.manifests(settings))
    _warn(plan.problems)
    prepared = None
    if found.origins["kafka"] is not Origin.DEFAULT:
        runtime.kafka_auth(settings)  # what is wrong with it is said before anything is started
    elif settings.kafka_auth:
        expected = "none without --kafka: the embedded Kafka asks nobody who he is"
        raise InvalidSettings([Fault("--kafka-auth", repr(settings.kafka_auth), expected)])
    if found.origins["kafka"] is Origin.DEFAULT:
        prepared = _prepared(settings, plan, wishes)
        settings = replace(settings, kafka=prepared.bootstrap, data=str(prepared.layout.root))
        flags = {**flags, "kafka": settings.kafka, "data": settings.data}
    else:
        require_different(ours := _ports(settings, plan))
        require_free(ours)
        flags = {name: text for name, text in flags.items() if name != "data"}
        if found.origins["slot"] is Origin.DEFAULT:  # another `up` on the same Kafka must not take this one's slot
            flags["slot"] = f"up-{socket.gethostname()}-{settings.port}"
        if not settings.sources_slot:
            flags["sources_slot"] = f"up-{socket.gethostname()}-{settings.port}"[:60]
    try:
        asyncio.run(
            Up(settings, plan, began, wishes, named=prepared is None).run(_roles(settings, flags, wishes, prepared))
        )
    finally:
        if prepared is not None:
            prepared.lock.release()


class Up:
    """What `up` tells while its children run."""

    def __init__(self, settings: Settings, plan: Plan, began: float, wishes: Wishes, *, named: bool) -> None:
        """`began` by the monotonic clock; `named`: Kafka is the user's own."""
        self._settings = settings
        self._plan = plan
        self._began = began
        self._named = named
        self._commands = wishes.allow_commands

    async def run(self, roles: Sequence[Role]) -> None:
        """Supervise until the end."""
        self._supervisor = Supervisor(roles, grace=self._settings.stop_deadline + WORKERS, say=say)
        await self._supervisor.run(self._announce, self._follow, self._look)
        say("stopped")

    async def _announce(self) -> None:
        await self._supervisor.all_ready()
        from importlib.metadata import version

        say(f"tradewind {version('tradewind')} is ready, {time.monotonic() - self._began:.1f} s after its start")
        for line in (*broker_lines(self._plan, self._settings), *source_lines(self._plan, self._settings)):
            say(line)
        if (example := curl(self._plan, self._settings)) is not None:
            say(f"Try it:\n  {example}")
        self._hint()
        say("Ctrl-C stops everything; events are kept.")

    def _hint(self) -> None:
        """Tell of sources that need a permission."""
        if not self._commands and (held := commands_held(self._plan)):
            say(held)

    async def _look(self) -> None:
        """Tell, once, that no Kafka is where the user named one: the children only go on trying."""
        if self._named and (why := await reach.unanswered(self._settings.kafka)):
            say(nothing_answers(why))

    async def _follow(self) -> None:
        """Tell of each change of the manifests: the children put it in force themselves."""
        faults: tuple[Fault, ...] = ()
        async for snapshot in runtime.store(self._settings).watch():
            if snapshot.faults and snapshot.faults != faults:
                say("manifests refused; what ran goes on:")
                for fault in snapshot.faults:
                    say(f"  {fault}")
            elif faults and not snapshot.faults:
                say("manifests are right again")
            faults = snapshot.faults
            if faults:
                continue
            old, self._plan = self._plan, runtime.planned(self._settings, snapshot.resources)
            if line := changed(old, self._plan):
                say(f"manifests: {line}")
            for line in added_lines(old, self._plan, self._settings):
                say(f"  {line}")
            if commands_held(self._plan) != commands_held(old):
                self._hint()
            _warn(problem for problem in self._plan.problems if problem not in old.problems)


def _possible(settings: Settings, wishes: Wishes) -> None:
    """Raises InvalidSettings for what is right for one process, and wrong here."""
    faults = [Fault("--run", repr(line), "a command") for line in wishes.run if not line.strip()]
    most = 65535 - 1 - settings.workers
    if settings.health_port > most:
        faults.append(
            Fault("--health-port", str(settings.health_port), f"at most {most}: each process has one of its own")
        )
    if faults:
        raise InvalidSettings(faults)


def _ports(settings: Settings, plan: Plan) -> list[Wanted]:
    """That users send to: of the ingress, and of the sources where one takes webhooks."""
    wanted = [Wanted(settings.port, "--port", settings.host)]
    return [*wanted, Wanted(settings.sources_port, "--sources-port", settings.host)] if takes_webhooks(plan) else wanted


def _prepared(settings: Settings, plan: Plan, wishes: Wishes) -> Prepared:
    """A Kafka that only needs to be started, and free ports for what users send to."""
    data = Path(settings.data or data_folder())
    ours = _ports(settings, plan)
    require_different([*ours, Wanted(wishes.kafka_port, "--kafka-port")])
    try:
        require_free(ours)
    except StartFailed:
        if (lock := Layout(data.absolute()).lock).exists():
            FolderLock(lock).release()  # raises where another `up` holds both port and folder: its pid says more
        raise
    request = Request(
        data=data,
        port=wishes.kafka_port,
        max_event_bytes=settings.max_event_bytes,
        disk_floor=settings.disk_floor,
        reset=wishes.reset,
    )
    with Meter(say) as meter:
        prepared = prepare(request, meter)
    if prepared.moved is not None:
        say(f"the data that was there lies in {prepared.moved} now")
    return prepared


def _roles(settings: Settings, flags: Mapping[str, str], wishes: Wishes, kafka: Prepared | None) -> list[Role]:
    """In the order of stopping."""
    roles = [
        process(name, {**flags, **_own(name, settings)}, settings.kafka, environment=_told(name, wishes))
        for name in PROCESSES
    ]
    roles += [_extra(line) for line in wishes.run]
    return [*roles, _kafka(kafka)] if kafka is not None else roles


def _own(name: str, settings: Settings) -> Mapping[str, str]:
    """What one process is told by itself: its health port."""
    port = settings.health_port
    return {"health_port": str(port + HEALTH_PORTS[name])} if port else {}


def _told(name: str, wishes: Wishes) -> Mapping[str, str]:
    """What one process is told besides settings.  Whether commands may be run is said either way: our own environment
    must not decide it."""
    allowed = wishes.allow_commands and name == "sources"
    return {runtime.SUPERVISED: "1", runtime.COMMANDS: "1" if allowed else ""}


def _extra(line: str) -> Role:
    """A command of the user's.  Its PATH begins with our interpreter's folder: `python` is the one that runs this."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    name = line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
    alone = "exec " if SIMPLE.match(line) else ""  # no shell stays between, whose end would be taken for the command's
    command = Command(name=name, argv=("/bin/sh", "-c", alone + line), environment={"PATH": path})
    return Role(command=command, remedy="Correct the command given with --run.", may_end=True)


def _kafka(prepared: Prepared) -> Role:
    log = prepared.layout.kafka_log
    length = log.stat().st_size if log.exists() else 0
    return Role(
        command=Command(name="kafka", argv=prepared.command),
        remedy=f"{log} says why.",
        probe=lambda: answers(prepared.port),
        failed=lambda status: died_early(prepared, status, length),
    )


def _warn(problems: Iterable[Fault]) -> None:
    for problem in problems:
        say(f"warning: {problem}")

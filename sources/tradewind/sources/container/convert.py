"""A ContainerSource → programs, or why there are none; how long to wait when one has ended.  Pure."""

import posixpath
import re
import signal
from collections.abc import Mapping

from tradewind.plan import SourcePlan
from tradewind.resources import sink_environment
from tradewind.resources.containers import ConfigMapRef, Container, EnvVar
from tradewind.resources.model import ContainerSource
from tradewind.sources.container.program import Program

KEPT = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
"""Variables of ours that a command gets: what it needs to find programs, files and its language.  Nothing else, so that
neither our settings nor a user's tokens are told to a command that a manifest names."""

NOT_ALLOWED = "its command runs only under `tradewind up --allow-commands`"
STEADY = 60.0
"""Seconds after which a command that ended did run: it is started again as after its first end.  (Kubernetes asks for
ten minutes, and waits five at most where we wait half of one.)"""
STARTED = 1.0
"""Seconds after which a command counts as running: one that fails at once is not said to run in between."""

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_NOT_FOUND, _CANNOT_RUN = 127, 126


def kept(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What a command is given of our own environment."""
    return {name: environ[name] for name in KEPT if name in environ}


def obstacles(source: ContainerSource, plan: SourcePlan, *, allowed: bool) -> list[str]:
    """Why it cannot run here, all that there is to say; empty where it can.  `allowed`: commands may be run."""
    found = [] if plan.sink.url else [f"its sink has no address: {plan.sink.why}"]
    for one in source.containers:
        if not one.command:
            found.append(f"container {one.name} has no `command`, and its image {one.image} is not run here")
        if one.env_from:
            found.append(f"container {one.name} has `envFrom`, which is read on Kubernetes only: name each in `env`")
        found += [f"container {one.name}: {why}" for variable in one.env if (why := _obstacle(variable, plan))]
    return found if allowed else [*found, NOT_ALLOWED]


def _obstacle(variable: EnvVar, plan: SourcePlan) -> str:
    if variable.unserved:
        return f"variable {variable.name} is from a `{variable.unserved}`, which only Kubernetes knows"
    value = _value(variable, plan)
    if value is None and not variable.optional:
        return f"variable {variable.name} needs the {variable.ref}, which is not there"
    return f"variable {variable.name} holds NUL, which no environment can" if value and "\0" in value else ""


def programs(source: ContainerSource, plan: SourcePlan, ours: Mapping[str, str], folder: str) -> tuple[Program, ...]:
    """One for each container, of a source to which nothing is an obstacle.

    `ours` is what they get of our environment, `folder` where they run if they do not say.
    """
    sink = sink_environment.environment(plan.sink.url or "", source.ce_overrides)
    return tuple(_program(one, plan, ours, sink, folder) for one in source.containers)


def _program(
    one: Container, plan: SourcePlan, ours: Mapping[str, str], sink: Mapping[str, str], folder: str
) -> Program:
    declared: dict[str, str] = {}
    for variable in one.env:
        if (value := _value(variable, plan)) is not None:
            declared[variable.name] = value if variable.ref else expanded(value, declared)
    known = {**declared, **sink}
    argv = tuple(expanded(word, known) for word in (*one.command, *one.args))
    place = posixpath.join(folder, one.working_dir) if one.working_dir else folder
    return Program(one.name, argv, {**ours, **known}, place)


def _value(variable: EnvVar, plan: SourcePlan) -> str | None:
    """None where what it refers to is not there."""
    match variable.ref:
        case None:
            return variable.value
        case ConfigMapRef():
            return plan.texts.get(variable.ref)
        case _:
            held = plan.secrets.get(variable.ref)
            return None if held is None else held.decode("utf-8", "surrogateescape")


def expanded(word: str, known: Mapping[str, str]) -> str:
    """The word with `$(NAME)` replaced, as Kubernetes does: what is not known stays, and `$$` is a dollar."""

    def replaced(found: re.Match[str]) -> str:
        name = found[1]
        return "$" if name is None else known.get(name, found[0])

    return _REFERENCE.sub(replaced, word)


def unstartable(program: Program, failed: Exception) -> str:
    """Why a program cannot be started, for people, in one line."""
    return f"container {program.name} cannot be started: {failed}".replace("\n", "; ").rstrip(".")


def ending(program: Program, status: int, ran: float) -> str:
    """What the end of a program means, for people: `status` is its exit code, or less than 0, a signal."""
    after = f"after {ran:.1f} s"
    if status < 0:
        return f"container {program.name} was ended by {_signal(-status)} {after}"
    hint = {_NOT_FOUND: ": a command was not found", _CANNOT_RUN: ": a command cannot be executed"}.get(status, "")
    return f"container {program.name} ended with exit code {status} {after}{hint}"


def _signal(number: int) -> str:
    return signal.Signals(number).name if number in tuple(signal.Signals) else f"signal {number}"


def failures(before: int, ran: float) -> int:
    """How many times in a row a program has ended soon, now that it did after `ran` seconds.

    That it ended well does not count: a source is to go on, as a Deployment would.
    """
    return 1 if ran >= STEADY else before + 1


def repeated(why: str, failures: int) -> str:
    """The end of a program as its source's status tells it."""
    return f"{why}; {failures} times in a row" if failures > 1 else why

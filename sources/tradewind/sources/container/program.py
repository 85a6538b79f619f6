"""What a container becomes on a laptop, a program, and the door by which it is run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Program:
    """A process to be started."""

    name: str
    """What it is called in messages."""
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    """All of it: there may be secrets in it."""
    folder: str
    """Where it runs."""


class Running(Protocol):
    """A program that was started, with whatever it has started itself in its process group."""

    @property
    def pid(self) -> int:
        """Its number."""

    async def output(self, most: int) -> bytes:
        """Some of what it wrote, up to `most` bytes; empty at the end.  What nobody reads makes it wait."""

    async def ended(self) -> int:
        """Wait for its end: the exit code, or less than 0, the signal.  What it left in its group is killed."""

    async def stop(self, deadline: float) -> int:
        """SIGTERM to its group, after `deadline` seconds SIGKILL; answers as `ended` does."""

    def drop(self) -> None:
        """Kill its group, if it is still there, and wait for nothing."""


Launch = Callable[[Program], Awaitable[Running]]
"""Starts a program, which ends with this process, however that ends.  Raises StartFailed, which says why it cannot."""


@dataclass(frozen=True, slots=True)
class Commands:
    """The permission to run commands, and what they are given of this process."""

    launch: Launch
    environment: Mapping[str, str]
    """Variables of ours that each gets (`convert.kept`)."""
    folder: str
    """Where they run, and what a `workingDir` is relative to."""

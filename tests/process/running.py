"""What process tests need to know of processes: does one run, and waiting until something is so."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE = 15.0
"""Seconds; generous, for machines that run other tests besides."""
LOOK = 0.02


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip()) and not found.stdout.strip().startswith("Z")


def members(group: int) -> set[int]:
    """Pids of the running processes of a group."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {int(pid) for pid, pgid, stat in rows if int(pgid) == group and not stat.startswith("Z")}


def stop(pid: int) -> None:
    """SIGSTOP, in force: on a busy machine some of its threads may run for a moment after the signal was sent."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path("/proc", str(pid), "task")
    until(lambda: all(_state(each) == "T" for each in tasks.iterdir()), f"{pid} stands still")


def _state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(") ")[2][0]


def until(condition: Callable[[], bool], what: str, deadline: float = DEADLINE) -> None:
    """Wait until the condition holds; fail saying what was waited for."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"not within {deadline:g} s: {what}"
        time.sleep(LOOK)


def until_gone(pids: set[int], deadline: float = DEADLINE) -> None:
    """Wait until none of these runs."""
    until(lambda: not any(map(runs, pids)), f"the end of {sorted(pids)}", deadline)

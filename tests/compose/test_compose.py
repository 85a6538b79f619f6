"""docker-compose.yml, brought up for real: events in at the published port, out at the sample subscriber.

    accepted (202)  ⊆  printed by event-display

whatever is killed meanwhile.  The process is killed from within its container (`kill -9`), where `init` is PID 1: an
engine takes a kill of its own (`docker kill`) for the wish that the container stay down, and does not start it again.
Tests run in order on one stack, in a project of their own with a port and a volume of their own.
"""

import http.client
import json
import os
import shlex
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = shlex.split(os.environ.get("COMPOSE", ""))
START = 900.0
"""Seconds that building the image and starting everything may take."""
PATIENCE = 180.0
GREETING = "com.example.greeting"

pytestmark = pytest.mark.timeout(1800)

PROCESS = """
import os, signal, sys
for pid in filter(str.isdigit, os.listdir('/proc')):
    with open(f'/proc/{pid}/cmdline', 'rb') as file:
        words = file.read().split(b'\\0')
    if int(pid) in (1, os.getpid()) or not any(word.endswith(b'/tradewind') for word in words):
        continue
    with open(f'/proc/{pid}/stat') as file:
        print(file.read().rsplit(')', 1)[1].split()[19])
    if sys.argv[1:] == ['kill']:
        os.kill(int(pid), signal.SIGKILL)
"""
"""Runs in a container: prints when each of our processes started, and kills them where it is told to."""


def until(condition: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Wait for a condition, looking four times a second."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(0.25)


class Stack:
    """The services of docker-compose.yml."""

    def __init__(self, port: int) -> None:
        self.port = port

    def compose(self, *words: str, within: float = PATIENCE, check: bool = True) -> str:
        """Run one compose command; its output."""
        command = [*COMMAND, "-p", "tradewind-test", *words]
        environment = {**os.environ, "TRADEWIND_PORT": str(self.port)}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=within, check=False
        )
        assert not check or done.returncode == 0, f"{shlex.join(command)}: {done.returncode}\n{done.stderr[-4000:]}"
        return done.stdout

    def post(self, name: str, type: str = GREETING) -> bool:
        """POST an event once; whether it was accepted."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/default/default",
            data=json.dumps({"message": name}).encode(),
            headers={
                "ce-specversion": "1.0",
                "ce-id": name,
                "ce-source": "/tests/compose",
                "ce-type": type,
                "content-type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bool(answer.status == 202)
        except (OSError, http.client.HTTPException):  # away, starting, 404 and 503 before it is ready
            return False

    def accept(self, name: str) -> str:
        """POST an event until it is accepted."""
        until(lambda: self.post(name), f"{name} accepted")
        return name

    def printed(self) -> set[str]:
        """Ids of the events that the sample subscriber has printed."""
        lines = self.compose("logs", "--no-log-prefix", "event-display").splitlines()
        return {line.split(":", 1)[1].strip() for line in lines if line.strip().startswith("id:")}

    def arrived(self, names: set[str]) -> None:
        """Wait until each of these events is printed."""
        until(lambda: names <= self.printed(), f"{len(names)} events printed")

    def processes(self, service: str, *action: str) -> list[str]:
        """When each of our processes in a service's container started; none while it is down."""
        return self.compose("exec", "-T", service, "python", "-c", PROCESS, *action, check=False).split()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = Stack(probe.getsockname()[1])
    made.compose("down", "--volumes", "--remove-orphans")
    try:
        made.compose("up", "-d", "--build", within=START)
        yield made
    finally:
        print(made.compose("logs", "--tail", "50", check=False))
        made.compose("down", "--volumes", "--remove-orphans")


class Traffic(threading.Thread):
    """Posts one event after the other, each until it is accepted."""

    def __init__(self, stack: Stack, prefix: str) -> None:
        super().__init__(daemon=True)
        self.accepted: list[str] = []
        self._stack = stack
        self._prefix = prefix
        self._enough = threading.Event()

    def run(self) -> None:
        for number in count(1):
            if self._enough.is_set():
                return
            name = f"{self._prefix}-{number}"
            while not self._stack.post(name):
                if self._enough.wait(0.1):
                    return
            self.accepted.append(name)
            self._enough.wait(0.02)

    def more(self, number: int) -> None:
        """Wait until so many more are accepted."""
        target = len(self.accepted) + number
        until(lambda: len(self.accepted) >= target, f"{number} more events accepted")

    def end(self) -> set[str]:
        """Stop; everything that was accepted."""
        self._enough.set()
        self.join(PATIENCE)
        return set(self.accepted)


def test_the_first_event_that_is_accepted_arrives_and_so_does_the_reply_to_it(stack: Stack) -> None:
    name = stack.accept("first")
    stack.arrived({name, f"reply-to-{name}"})


def test_what_no_trigger_wants_is_accepted_and_not_delivered(stack: Stack) -> None:
    until(lambda: stack.post("unwanted", "com.example.other"), "accepted")
    stack.arrived({stack.accept("wanted")})
    assert "unwanted" not in stack.printed()


@pytest.mark.parametrize("service", ["ingress", "dispatcher"])
def test_a_killed_process_comes_back_and_nothing_is_lost(stack: Stack, service: str) -> None:
    traffic = Traffic(stack, service)
    traffic.start()
    traffic.more(50)
    before = stack.processes(service, "kill")
    assert before
    until(lambda: bool(after := stack.processes(service)) and after != before, f"{service} started again")
    traffic.more(50)
    accepted = traffic.end()
    stack.arrived(accepted | {f"reply-to-{name}" for name in accepted})


def test_down_and_up_keep_what_is_owed(stack: Stack) -> None:
    stack.compose("stop", "event-display")
    owed = {stack.accept(f"owed-{number}") for number in range(10)}
    stack.compose("down")
    assert not stack.post("nobody-there")
    stack.compose("up", "-d", within=START)
    stack.arrived(owed)

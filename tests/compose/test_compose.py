"""docker-compose.yml, brought up for real: events in at the published ports, out at the sample subscriber.

    accepted (202)  ⊆  printed by event-display

whatever is killed meanwhile.  The process is killed from within its container (`kill -9`), where `init` is PID 1: an
engine takes a kill of its own (`docker kill`) for the wish that the container stay down, and does not start it again.
Tests run in order on one stack, in a project of their own with ports and a volume of their own.
"""

import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
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


Place = tuple[str, int]
"""A service, and which of its containers, from 1."""


class Stack:
    """The services of docker-compose.yml."""

    def __init__(self, port: int, sources_port: int) -> None:
        self.port = port
        self.sources_port = sources_port
        self.files: list[str] = []
        """Flags that name the files, where it is not docker-compose.yml alone."""

    def compose(self, *words: str, within: float = PATIENCE, check: bool = True) -> str:
        """Run one compose command; its output."""
        command = [*COMMAND, "-p", "tradewind-test", *self.files, *words]
        ports = {"TRADEWIND_PORT": str(self.port), "TRADEWIND_SOURCES_PORT": str(self.sources_port)}
        environment = {**os.environ, **ports}
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

    def hook(self, number: int, *, token: str = "let-me-in") -> int:
        """Send the webhook of an order once; the status of the answer, 0 where nobody answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.sources_port}/webhooks/default/orders",
            data=json.dumps({"kind": "order", "id": number}).encode(),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except (OSError, http.client.HTTPException):
            return 0

    def accept(self, name: str) -> str:
        """POST an event until it is accepted."""
        until(lambda: self.post(name), f"{name} accepted")
        return name

    def events(self) -> list[dict[str, str]]:
        """What the sample subscriber has printed of each event, in order: its attributes, and data by content type."""
        found: list[dict[str, str]] = []
        for line in self.compose("logs", "--no-log-prefix", "event-display").splitlines():
            name, colon, value = line.strip().partition(": ")
            if not line.startswith(" "):
                found.append({"type": line.partition(" at ")[0]})
            elif colon:
                found[-1][name] = value
        return found

    def printed(self) -> set[str]:
        """Ids of these events."""
        return {event["id"] for event in self.events() if "id" in event}

    def arrived(self, names: set[str]) -> None:
        """Wait until each of these events is printed."""
        until(lambda: names <= self.printed(), f"{len(names)} events printed")

    def processes(self, service: str, *action: str, index: int = 1) -> list[str]:
        """When each of our processes in a service's container started; none while it is down."""
        return self.inside((service, index), "python", "-c", PROCESS, *action).split()

    def runners(self, source: str, asked: Place) -> list[str]:
        """The slots of those who run a source, as `get sources` says in this container."""
        said = self.inside(asked, "tradewind", "get", "sources", "-o", "json")
        rows = json.loads(said) if said.startswith("[") else []
        return [process["slot"] for row in rows if row["name"] == source for process in row["processes"]]

    def inside(self, place: Place, *words: str) -> str:
        """The output of a command in a container; empty where it cannot be run."""
        service, index = place
        return self.compose("exec", "-T", "--index", str(index), service, *words, check=False)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with ExitStack() as probes:
        ports = []
        for probe in (probes.enter_context(socket.socket()) for _ in range(2)):
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
        made = Stack(*ports)
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


def test_a_webhook_is_an_event_and_who_may_not_send_is_told(stack: Stack) -> None:
    until(lambda: stack.hook(7) == 202, "the webhook taken")
    assert stack.hook(8, token="let-me-out") == 401
    stack.arrived({"7"})
    event = next(event for event in stack.events() if event.get("id") == "7")
    assert event["type"] == "com.example.order.received"
    assert event["source"] == "/apis/sources.tradewind.dev/v1alpha1/namespaces/default/webhooksources/orders"
    assert json.loads(event["application/json"]) == {"kind": "order", "id": 7}
    assert "8" not in stack.printed()


def test_a_ping_fires_by_itself(stack: Stack) -> None:
    def pings() -> list[dict[str, str]]:
        return [event for event in stack.events() if event["type"] == "dev.knative.sources.ping"]

    until(lambda: len(pings()) >= 2, "two ticks printed")
    assert {event["source"] for event in pings()} == {"/apis/v1/namespaces/default/pingsources/every-ten-seconds"}
    assert json.loads(pings()[0]["application/json"]) == {"message": "ten seconds have passed"}


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


TICKS = """
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: every-second}
spec: {schedule: "* * * * * *", sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}
"""

OVERRIDE = """
x-source: &source
  restart: "no"
  volumes: ["{folder}:/manifests:ro"]
  environment: {{TRADEWIND_MANIFESTS: /manifests}}
services: {{sources: *source, webhooks: *source}}
"""
"""Who is killed stays dead, and there is a source whose every second shows who fires."""

SOURCES: tuple[Place, ...] = (("sources", 1), ("sources", 2), ("webhooks", 1))


def scale(stack: Stack, folder: Path) -> None:
    """`up --scale sources=2`: three processes, with that of the webhooks."""
    manifests, override = folder / "manifests", folder / "override.yml"
    shutil.copytree(ROOT / "examples/compose", manifests)
    (manifests / "ticks.yaml").write_text(TICKS)
    override.write_text(OVERRIDE.format(folder=manifests))
    stack.files = ["-f", "docker-compose.yml", "-f", str(override)]
    stack.compose("up", "-d", "--scale", "sources=2", within=START)


def test_down_and_up_keep_what_is_owed(stack: Stack, tmp_path: Path) -> None:
    stack.compose("stop", "event-display")
    owed = {stack.accept(f"owed-{number}") for number in range(10)}
    stack.compose("down")
    assert not stack.post("nobody-there")
    scale(stack, tmp_path)
    stack.arrived(owed)


def test_of_several_one_fires_and_another_takes_over_from_it(stack: Stack) -> None:
    slots = {f"sources-{stack.inside(place, 'hostname').strip()}": place for place in SOURCES}

    def ticks() -> list[dict[str, str]]:
        return [event for event in stack.events() if event.get("source", "").endswith("/every-second")]

    until(lambda: set(stack.runners("orders", SOURCES[0])) == set(slots), "all three run")
    before = len(ticks())
    until(lambda: len(ticks()) >= before + 5, "ticks printed")
    (owner,) = stack.runners("every-second", SOURCES[0])
    fired = Counter(event["id"] for event in ticks())
    assert set(fired.values()) == {1}
    service, index = slots[owner]
    began = time.monotonic()
    assert stack.processes(service, "kill", index=index)
    dead = datetime.now(UTC) + timedelta(seconds=1)
    until(lambda: any(datetime.fromisoformat(event["time"]) > dead for event in ticks()), "another fires")
    print(f"{service} {index} was killed; what another fired was printed within {time.monotonic() - began:.1f} s")
    survivor = next(place for place in SOURCES if place != slots[owner])
    assert stack.runners("every-second", survivor) != [owner]
    instants = {datetime.fromisoformat(event["time"]) for event in ticks()}
    assert len(instants) == (max(instants) - min(instants)).total_seconds() + 1, "every second fired"

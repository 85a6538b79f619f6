"""ContainerSources on a laptop: real commands under `tradewind up`, allowed and not, killed, flooding, failing."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import KafkaServer
from tests.process.running import members, runs, until, until_gone
from tests.process.test_up import ENVIRONMENT, READY, STOPPED, Running
from tradewind import runtime
from tradewind.adapters.embedded_kafka import free_ports
from tradewind.sources.container.convert import KEPT
from tradewind.sources.container.output import LINES

pytestmark = [pytest.mark.process, pytest.mark.kafka, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "container" / "container.yaml"
HELLO = EXAMPLE.parents[1] / "hello"
SOURCE = """---
apiVersion: sources.knative.dev/v1
kind: ContainerSource
metadata: {{name: {name}}}
spec:
  sink: {{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}}
  ceOverrides: {{extensions: {{team: a}}}}
  template:
    spec:
      containers:
      - image: none
        command: [sh, -c]
        args:
        - |
          {script}
        env:
        - {{name: PASSWORD, valueFrom: {{secretKeyRef: {{name: s, key: k}}}}}}
"""
SECRET = "---\n{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {k: word}}\n"
NOTES = 'echo $$$$ >> "{folder}/{name}"; exec sleep 600'
"""Notes its pid (`$$` is a dollar in a container's words), and runs on."""


class Up(Running):
    """A `tradewind up` with ContainerSources."""

    def declare(self, **scripts: str) -> None:
        """Each a source by its name, and what its shell does."""
        broker = (HELLO / "broker.yaml").read_text()
        triggers = (HELLO / "triggers.yaml").read_text()
        sources = "".join(SOURCE.format(name=name, script=script) for name, script in scripts.items())
        (self.manifests / "all.yaml").write_text(f"{broker}---\n{triggers}{SECRET}{sources}")

    def notes(self, name: str) -> list[int]:
        """Pids that the source of this name has noted."""
        file = self.folder / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def running(self, name: str) -> list[int]:
        """Those of them that run."""
        return [pid for pid in self.notes(name) if runs(pid)]

    def rows(self) -> dict[str, Any]:  # the rows of a command's JSON
        """What `tradewind get sources` says, by name."""
        kafka = f"127.0.0.1:{self.kafka_port}"
        words = ("get", "sources", "-f", str(self.manifests), "--kafka", kafka, "-o", "json")
        done = subprocess.run(
            [sys.executable, "-m", "tradewind.cli.main", *words],
            capture_output=True,
            text=True,
            check=True,
            env=ENVIRONMENT,
        )
        return {one["name"]: one for one in json.loads(done.stdout)}

    def logged(self) -> list[dict[str, Any]]:  # as above, of log lines
        """What its processes have logged."""
        return [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A `tradewind up` on its own ports and folder; not started."""
    port, subscriber_port, kafka_port = free_ports(3)
    running = Up(tmp_path, port, subscriber_port, kafka_port)
    running.manifests.mkdir()
    yield running
    if hasattr(running, "process") and running.process.poll() is None:
        running.process.kill()
        running.process.wait(STOPPED)


def test_the_example_sends_events_with_its_overrides(up: Up) -> None:
    up.arguments = ("--allow-commands",)
    (up.manifests / "all.yaml").write_text(EXAMPLE.read_text())
    up.start().ready()
    up.until_said("com.example.load at /\n")
    up.until_said("  team: operations\n")
    until(lambda: up.rows()["load"]["state"] == "Ready", "that it is Ready")
    assert up.stop() == 0


def test_without_the_permission_nothing_runs(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where our own environment says what `up` says to its sources."""
    monkeypatch.setitem(ENVIRONMENT, runtime.COMMANDS, "1")
    up.declare(noted=NOTES.format(folder=up.folder, name="noted"))
    up.start().ready()
    assert (
        "ContainerSource default/noted does not run: its command is started only by `tradewind up --allow-commands`"
    ) in up.said
    until(lambda: up.rows()["noted"]["state"] == "Blocked", "that it is Blocked")
    (process,) = up.rows()["noted"]["processes"]
    assert process["error"] == "its command runs only under `tradewind up --allow-commands`"
    assert up.stop() == 0
    assert up.notes("noted") == []
    assert "container started" not in up.said


def test_what_a_command_is_told_and_what_is_not_told(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "MY_TOKEN", "hidden")
    monkeypatch.setitem(ENVIRONMENT, "TRADEWIND_PARTITIONS", "3")
    up.arguments = ("--allow-commands",)
    up.declare(dump=f'env > "{up.folder}/env.new"; mv "{up.folder}/env.new" "{up.folder}/env"; pwd; exec sleep 600')
    up.start().ready()
    until(lambda: (up.folder / "env").exists(), "what it was told")
    told = dict(line.split("=", 1) for line in (up.folder / "env").read_text().splitlines())
    assert told["K_SINK"] == f"http://127.0.0.1:{up.port}/default/default"
    assert json.loads(told["K_CE_OVERRIDES"]) == {"extensions": {"team": "a"}}
    assert told["PASSWORD"] == "word"
    shells = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert told.keys() <= {*KEPT, *shells, "K_SINK", "K_CE_OVERRIDES", "PASSWORD"}
    assert "word" not in up.said
    assert up.stop() == 0
    (said,) = [one["line"] for one in up.logged() if one["message"] == "output"]
    assert said == os.path.realpath(up.manifests)


def test_a_kill_9_leaves_no_orphan_and_what_comes_next_runs_it_once(up: Up) -> None:
    up.arguments = ("--allow-commands",)
    script = NOTES.format(folder=up.folder, name="noted").replace("exec sleep", "sleep 601 & exec sleep")
    up.declare(noted=script)
    up.start().ready()
    until(lambda: len(up.running("noted")) == 1, "the command")
    everything = set(members(up.running("noted")[0]))
    assert len(everything) == 3, "sleep, its child, the watcher"
    os.kill(up.children()["sources"], signal.SIGKILL)
    until_gone(everything)
    until(lambda: len(up.notes("noted")) == 2, "that it is started again", READY)
    assert len(up.running("noted")) == 1

    everything = up.everything() | members(up.running("noted")[0])
    up.process.kill()
    up.process.wait(STOPPED)
    until_gone(everything)

    up.start().ready()
    until(lambda: len(up.notes("noted")) == 3, "the command of the next", READY)
    (pid,) = up.running("noted")
    everything = members(pid)
    up.declare(noted=script.replace("601", "602"))
    until(lambda: len(up.notes("noted")) == 4, "the changed command", READY)
    until_gone(everything)
    everything = members(up.running("noted")[0])
    assert up.stop() == 0
    until_gone(everything)
    assert len(up.notes("noted")) == 4


FLOOD = 5.0
"""Seconds that one floods."""


def test_one_that_floods_or_fails_takes_nothing_from_its_neighbours(up: Up) -> None:
    """`yes` writes as much as is read of it; the line is 100 bytes long."""
    up.arguments = ("--allow-commands",)
    post = "curl -s -o /dev/null $K_SINK -H ce-specversion:1.0 -H ce-id:$id -H ce-source:/s -H ce-type:{type} -d x"
    well = f"id=0; while :; do id=$((id+1)); {post.format(type='com.example.other')}; echo $id > ids; sleep 0.2; done"
    up.declare(
        well=well,
        flood=f"exec yes {'x' * 99}",
        fails="echo no luck; exit 3",
        absent="exec /nowhere/at/all",
    )
    up.start().ready()
    ids = up.manifests / "ids"
    until(lambda: ids.exists() and int(ids.read_text() or 0) > 2, "events of the neighbour", READY)
    began, first, before = time.monotonic(), int(ids.read_text()), len(up.output.read_bytes())
    sources = up.children()["sources"]
    size, used = resident(sources), cpu(sources)
    until(lambda: time.monotonic() - began > FLOOD, "the flood")
    took = time.monotonic() - began
    assert int(ids.read_text()) - first >= took, "the neighbour went on: five a second on an idle machine"
    assert len(up.output.read_bytes()) - before < took * (LINES + 10) * 400, "bytes of the log"
    assert resident(sources) - size < 16 * 2**20
    print(f"flood: {cpu(sources) - used:.2f} s CPU in {took:.1f} s, {(resident(sources) - size) / 2**20:.1f} MiB more")
    left_out = [one["line"] for one in up.logged() if one["message"] == "output" and "left out" in one["line"]]
    assert left_out and all(re.fullmatch(r"\([\d,]+ more lines, left out\)", line) for line in left_out)
    rows = up.rows()
    assert {name: row["state"] for name, row in rows.items()} == {
        "well": "Ready",
        "flood": "Ready",
        "fails": "Failed",
        "absent": "Failed",
    }
    assert re.fullmatch(
        r"container fails-0 ended with exit code 3 after \d\.\d s(; \d+ times in a row)?",
        rows["fails"]["processes"][0]["error"],
    )
    assert "ended with exit code 127" in rows["absent"]["processes"][0]["error"]
    waits = [one["again_in"] for one in up.logged() if one.get("why", "").startswith("container fails-0")]
    assert len(waits) >= 3
    assert all(before * 1.2 < after or after > 20 for before, after in zip(waits, waits[2:], strict=False)), waits
    assert up.stop() == 0


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    return 1024 * int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)]))


def cpu(pid: int) -> float:
    """Seconds of processor that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def sources(manifests: Path, bootstrap: str, slot: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A sources process as `up --allow-commands` starts it."""
    words = ["sources", "--kafka", bootstrap, "--sources-slot", slot, "-f", str(manifests)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradewind.cli.main", *words),
        env={**ENVIRONMENT, runtime.SUPERVISED: "1", runtime.COMMANDS: "1"},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_of_two_processes_one_runs_it_and_the_other_takes_it_over(
    kafka_server: KafkaServer, tmp_path: Path, up: Up
) -> None:
    server = await kafka_server(tmp_path / "kafka")
    up.declare(noted=NOTES.format(folder=tmp_path, name="noted"))

    async def noted(number: int) -> None:
        async with asyncio.timeout(60):
            while len(up.notes("noted")) < number:
                await asyncio.sleep(0.05)

    async with (
        sources(up.manifests, server.bootstrap, "sources-a") as first,
        sources(up.manifests, server.bootstrap, "sources-b") as second,
    ):
        await noted(1)
        await asyncio.to_thread(until, lambda: len(up.running("noted")) == 1, "one of it")
        parent = {first.pid: first, second.pid: second}[parent_of(up.running("noted")[0])]
        count = len(up.notes("noted"))
        parent.kill()
        await parent.wait()
        await noted(count + 1)
        await asyncio.to_thread(until, lambda: len(up.running("noted")) == 1, "one of it, again")
        other = second if parent is first else first
        assert parent_of(up.running("noted")[0]) == other.pid
        last = up.running("noted")
        other.terminate()
        assert await other.wait() == 0
        await asyncio.to_thread(until_gone, set(last))


def parent_of(pid: int) -> int:
    """Pid of the process that started this one."""
    return int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pid)]))

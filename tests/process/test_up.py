"""`tradewind up` as people run it: one command, real processes, a real Kafka."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.process.running import members, runs, until, until_gone
from tradewind.adapters.embedded_kafka import free_ports

pytestmark = [pytest.mark.process, pytest.mark.kafka, pytest.mark.timeout(240)]

HELLO = Path(__file__).parents[2] / "examples" / "hello"
HOOK = """
apiVersion: sources.tradewind.dev/v1alpha1
kind: WebhookSource
metadata: {name: orders}
spec: {insecure: true, sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}
"""
READY = 90.0
"""Seconds; five are usual, more on a machine that runs other tests besides."""
STOPPED = 60.0
TAKES_EFFECT = 10.0
"""Seconds; one is promised, on a machine that does nothing else."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}


@dataclass
class Running:
    """One `tradewind up` and what it says."""

    folder: Path
    port: int
    subscriber_port: int
    kafka_port: int
    arguments: tuple[str, ...] = ()
    subscriber: bool = True
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> "Running":
        self.output.write_bytes(b"")
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(self.command(), stdout=output, stderr=output, env=ENVIRONMENT)
        return self

    def command(self) -> list[str]:
        subscriber = shlex.join([sys.executable, str(HELLO / "subscriber.py"), "--port", str(self.subscriber_port)])
        run = ("--run", subscriber) if self.subscriber else ()
        return [
            *(sys.executable, "-m", "tradewind.cli.main", "up", "-f", str(self.manifests)),
            *("--data", str(self.folder / "data"), "--disk-floor", "0", "--kafka-port", str(self.kafka_port)),
            *("--port", str(self.port), "--service", f"default/event-display=127.0.0.1:{self.subscriber_port}"),
            *run,
            *self.arguments,
        ]

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def until_said(self, text: str, deadline: float = READY) -> None:
        def there() -> bool:
            assert text in self.said or self.process.poll() is None, f"it ended: {self.said}"
            return text in self.said

        until(there, f"{text!r} in:\n{self.said}", deadline)

    def ready(self) -> "Running":
        self.until_said("Ctrl-C stops everything")
        return self

    def children(self) -> dict[str, int]:
        """Pids of the children: each leads its own group."""
        listed = subprocess.run(
            ["ps", "-eww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        rows = [line.split(None, 2) for line in listed]
        found = {}
        for pid, parent, args in rows:
            if int(parent) == self.process.pid:
                role = re.search(r"tradewind\.cli\.main (\w+)", args)
                found["kafka" if "/java " in args else role[1] if role else "subscriber"] = int(pid)
        return found

    def everything(self) -> set[int]:
        """Pids of the supervisor and of every member of its children's groups."""
        return {self.process.pid}.union(*(members(pid) for pid in self.children().values()))

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOPPED)

    def post(self, type: str = "com.example.greeting", id: str = "1") -> int:
        headers = {"specversion": "1.0", "id": id, "source": "/test", "type": type}
        words = [word for name, value in headers.items() for word in ("-H", f"ce-{name}: {value}")]
        url = f"http://127.0.0.1:{self.port}/default/default"
        return status(["curl", "-i", url, *words, "-d", "hello"])


def status(curl: list[str]) -> int:
    """The status that this curl command got; 0 for no answer."""
    done = subprocess.run([*curl, "-s", "-m", "10"], capture_output=True, text=True, check=False)
    return int(done.stdout.split(" ", 2)[1]) if done.stdout.startswith("HTTP/") else 0


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    """A `tradewind up` on its own ports and folder, with a copy of examples/hello; not started."""
    port, subscriber_port, kafka_port = free_ports(3)
    running = Running(tmp_path, port, subscriber_port, kafka_port)
    running.manifests.mkdir()
    for file in HELLO.glob("*.yaml"):
        (running.manifests / file.name).write_text(file.read_text())
    yield running
    if hasattr(running, "process") and running.process.poll() is None:
        running.process.kill()
        running.process.wait(STOPPED)


def test_the_curl_line_works_a_reply_comes_back_and_an_ordered_stop_leaves_nothing(up: Running) -> None:
    up.start().ready()
    assert f"Broker default/default listens on http://127.0.0.1:{up.port}/default/default" in up.said
    line = re.search(r"^  (curl .*)$", up.said, re.MULTILINE)
    assert line
    assert status(shlex.split(line[1])) == 202
    up.until_said("com.example.greeting at /\n")
    up.until_said("com.example.greeting.reply at /replies\n")

    assert set(up.children()) == {"kafka", "ingress", "dispatcher", "sources", "subscriber"}
    everything = up.everything()
    assert up.stop() == 0
    until_gone(everything)
    assert up.said.endswith("stopped\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_mean_the_same_stop_even_before_it_is_ready(up: Running, number: signal.Signals) -> None:
    up.start()
    until(lambda: len(up.children()) == 5, "all five children")
    everything = up.everything()
    assert up.stop(number) == 0
    until_gone(everything)


def test_kill_9_leaves_nothing_and_the_next_run_takes_events(up: Running) -> None:
    up.start().ready()
    everything = up.everything()
    assert len(everything) > 2 * 5
    up.process.kill()
    up.process.wait(STOPPED)
    until_gone(everything)
    up.start().ready()
    assert up.post() == 202
    up.until_said("com.example.greeting at /\n")
    assert up.stop() == 0


def test_children_that_are_killed_are_started_again_and_said_so(up: Running) -> None:
    up.start().ready()
    for name in ("dispatcher", "kafka"):
        pid = up.children()[name]
        os.kill(pid, signal.SIGKILL)
        up.until_said(f"{name} died (SIGKILL); starting it again")
        up.until_said(f"{name} is ready again")
        assert up.children()[name] != pid
    until(lambda: up.post() == 202, "an event that is taken")
    up.until_said("com.example.greeting at /\n")
    assert up.stop() == 0


def test_a_second_ctrl_c_skips_the_waiting(up: Running) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    up.arguments = ("--grace", "600", "--run", shlex.join([sys.executable, "-c", stubborn]))
    up.start()
    up.until_said("deaf\n")
    everything = up.everything()
    up.process.send_signal(signal.SIGINT)
    up.until_said("stopping; once more to skip the waiting")
    assert up.stop() == 0
    until_gone(everything)
    assert "not waiting any longer" in up.said


def test_a_command_that_cannot_run_ends_it_with_cause_and_remedy(up: Running) -> None:
    up.arguments = ("--run", "/nowhere/at/all")
    assert up.start().process.wait(READY) == 1
    assert "error: /nowhere/at/all ended before it was ready (status 127)\n" in up.said
    assert "Correct the command given with --run.\n" in up.said


def test_broken_manifests_start_nothing_and_every_fault_is_named(up: Running) -> None:
    (up.manifests / "wrong.yaml").write_text(
        "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: a}\nspec: {broker: 7}\n"
    )
    assert up.start().process.wait(READY) == 1
    faults = [line for line in up.said.splitlines() if line.startswith("error: wrong.yaml: Trigger default/a: spec.")]
    assert len(faults) >= 2
    assert not (up.folder / "data").exists()


def test_changed_manifests_take_effect_and_broken_ones_are_refused_while_all_goes_on(up: Running) -> None:
    (sources_port,) = free_ports(1)
    up.arguments = ("--sources-port", str(sources_port))
    up.start().ready()
    triggers = (up.manifests / "triggers.yaml").read_text()
    (up.manifests / "triggers.yaml").write_text(triggers.replace("type: com.example.greeting\n", "type: a.b\n"))
    up.until_said("manifests: Trigger default/greetings changed\n", TAKES_EFFECT)
    until(lambda: up.post("a.b", id="in force?") == 202 and "in force?" in up.said, "a.b delivered", TAKES_EFFECT)
    pids = up.children()

    (up.manifests / "triggers.yaml").write_text(triggers.replace("broker: default", "broker: [7]"))
    up.until_said("manifests refused; what ran goes on:\n", TAKES_EFFECT)
    up.until_said("Trigger default/greetings: spec.broker", TAKES_EFFECT)
    up.until_said("Trigger default/replies: spec.broker", TAKES_EFFECT)
    assert up.post("a.b", id="goes on") == 202
    up.until_said("id: goes on\n")

    (up.manifests / "triggers.yaml").write_text(triggers)
    up.until_said("manifests are right again\n", TAKES_EFFECT)
    until(lambda: up.post() == 202 and "com.example.greeting at /\n" in up.said, "greetings delivered", TAKES_EFFECT)

    (up.manifests / "hook.yaml").write_text(HOOK)
    url = f"http://127.0.0.1:{sources_port}/webhooks/default/orders"
    up.until_said(f"manifests: WebhookSource default/orders added\n  WebhookSource default/orders listens on {url}\n")
    until(lambda: status(["curl", "-i", url, "-d", "{}"]) == 202, "the webhook taken", TAKES_EFFECT)
    assert up.children() == pids
    assert up.stop() == 0


def test_a_second_up_on_the_same_data_folder_names_the_pid_of_the_first(up: Running) -> None:
    up.start()
    until(lambda: "kafka" in up.children(), "the first one's Kafka")
    second = subprocess.run(up.command(), capture_output=True, text=True, timeout=READY, env=ENVIRONMENT, check=False)
    assert second.returncode == 1
    cause, remedy = second.stderr.splitlines()
    assert cause.startswith("error: ")
    assert f"pid {up.process.pid} " in cause
    assert "--data" in remedy
    assert runs(up.process.pid)


@pytest.mark.parametrize("flag", ["--port", "--kafka-port", "--sources-port"])
def test_a_taken_port_is_named_with_its_flag_and_nothing_is_started(up: Running, flag: str) -> None:
    (up.manifests / "hook.yaml").write_text(HOOK)
    (sources_port,) = free_ports(1)
    up.arguments = ("--sources-port", str(sources_port))
    taken = {"--port": up.port, "--kafka-port": up.kafka_port, "--sources-port": sources_port}[flag]
    with subprocess.Popen(
        [sys.executable, str(HELLO / "subscriber.py"), "--port", str(taken)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        refused = subprocess.run(
            up.command(), capture_output=True, text=True, timeout=READY, env=ENVIRONMENT, check=False
        )
        holder.terminate()
    assert refused.returncode == 1
    cause, remedy = refused.stderr.splitlines()
    assert f"127.0.0.1:{taken}" in cause
    assert f"{flag} PORT" in remedy
    assert refused.stdout == ""


def test_one_port_for_ingress_and_kafka_is_told_before_anything_starts(up: Running) -> None:
    up.kafka_port = up.port
    refused = subprocess.run(up.command(), capture_output=True, text=True, timeout=READY, env=ENVIRONMENT, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"error: --port and --kafka-port both name port {up.port}\n")
    assert not (up.folder / "data").exists()


def test_a_kafka_that_is_there_is_used_and_no_other_is_started(up: Running, kafka: str) -> None:
    up.arguments = ("--kafka", kafka)
    up.start().ready()
    assert set(up.children()) == {"ingress", "dispatcher", "sources", "subscriber"}
    assert up.post() == 202
    up.until_said("com.example.greeting at /\n")
    assert up.stop() == 0


def test_two_on_one_kafka_share_the_work(up: Running, kafka: str) -> None:
    """Each has a slot of its own; whose dispatcher delivers what is Kafka's to say, and both have one subscriber."""
    up.arguments = ("--kafka", kafka)
    up.start().ready()
    other = replace(up, folder=up.folder / "other", port=free_ports(1)[0], subscriber=False)
    shutil.copytree(up.manifests, other.manifests)
    other.start().ready()
    names = [f"event {number}" for number in range(40)]
    assert {(up, other)[number % 2].post(id=name) for number, name in enumerate(names)} == {202}
    for name in names:
        up.until_said(f"id: {name}\n")
    assert other.process.poll() is None
    assert "another process" not in up.said + other.said
    assert other.stop() == 0
    assert up.stop() == 0


def test_a_kafka_that_is_not_there_is_said_once_and_waited_for(up: Running) -> None:
    up.arguments = ("--kafka", f"127.0.0.1:{up.kafka_port}")
    up.start()
    text = f"nothing answers at 127.0.0.1:{up.kafka_port} (Connection refused); check --kafka.  Waiting for it.\n"
    up.until_said(text)
    up.until_said(f"waiting for dispatcher, ingress, sources (Kafka at 127.0.0.1:{up.kafka_port})\n")
    assert up.said.count("nothing answers") == 1
    assert up.stop() == 0


def test_settings_that_are_wrong_are_all_named(up: Running) -> None:
    up.arguments = ("--port", "http", "--grace", "soon")
    assert up.start().process.wait(READY) == 2
    assert up.said.splitlines() == [
        "error: --port: found 'http', expected a port, 1–65535",
        "error: --grace: found 'soon', expected a number of seconds, 0.001 or more",
    ]


def test_config_says_where_values_come_from() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradewind.cli.main", "config", "--port", "81", "-o", "json"],
        env={**ENVIRONMENT, "TRADEWIND_GRACE": "3", "TRADEWIND_GRAC": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert (rows["port"]["value"], rows["port"]["origin"]) == (81, "flag")
    assert (rows["grace"]["value"], rows["grace"]["origin"]) == (3.0, "environment")
    assert rows["kafka"]["origin"] == "default"
    assert rows["kafka"]["doc"].startswith("Bootstrap servers")
    assert done.stderr == "warning: TRADEWIND_GRAC is no setting; is TRADEWIND_GRACE meant?\n"

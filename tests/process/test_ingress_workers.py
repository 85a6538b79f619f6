"""`tradewind ingress --workers 2`: two processes on one port, kept alive and ended together."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from tests.process.running import until, until_gone
from tests.scraped import Scraped
from tradewind.adapters.embedded_kafka import free_ports

pytestmark = [pytest.mark.process, pytest.mark.kafka, pytest.mark.timeout(180)]

READY = 60.0
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
EVENT = (
    b"POST /default/%s HTTP/1.1\r\nHost: x\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-source: /x\r\nce-type: t\r\n"
    b"Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
)


@dataclass
class Ingress:
    """The command and what it runs."""

    arguments: list[str]
    port: int
    broker: str
    said: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> "Ingress":
        self._ready, theirs = os.pipe()
        with self.said.open("wb") as said:
            environment = {**ENVIRONMENT, "TRADEWIND_READY_FD": str(theirs)}
            self.process = subprocess.Popen(self.arguments, stderr=said, env=environment, pass_fds=[theirs])
        os.close(theirs)
        return self

    def wait_ready(self) -> None:
        """Until it says that every worker is: one that dies before that is not started again."""
        with os.fdopen(self._ready) as announced:
            assert select.select([announced], [], [], READY)[0], "not ready"
            assert announced.readline() == "ready\n"

    def workers(self) -> set[int]:
        """Pids of the processes that it keeps."""
        listed = subprocess.run(["ps", "-eww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        return {int(pid) for pid, parent, args in rows if int(parent) == self.process.pid and "main ingress" in args}

    def post(self) -> int:
        """The status of one event on a connection of its own; 0 where nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.settimeout(10)
                connection.sendall(EVENT % self.broker.encode())
                return int(connection.recv(4096).split(b" ", 2)[1] or 0)
        except (OSError, IndexError):
            return 0

    def listeners(self) -> int:
        """How many listen on the port: each worker has a listener of its own."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == "0A" for row in rows)


@pytest.fixture
def ingress(tmp_path: Path, kafka: str) -> Iterator[Ingress]:
    (port,) = free_ports(1)
    broker = f"workers-{uuid4().hex[:8]}"
    (tmp_path / "broker.yaml").write_text(
        f"apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {{name: {broker}}}\n"
    )
    command = [sys.executable, "-m", "tradewind.cli.main", "ingress", "-f", str(tmp_path), "--kafka", kafka]
    made = Ingress([*command, "--port", str(port), "--workers", "2"], port, broker, tmp_path / "said")
    yield made
    if hasattr(made, "process") and made.process.poll() is None:
        made.process.kill()
        made.process.wait(READY)


def test_two_workers_serve_one_port_and_one_that_dies_is_started_again(ingress: Ingress) -> None:
    ingress.start().wait_ready()
    until(lambda: len(ingress.workers()) == 2 and ingress.post() == 202, "events that are taken", READY)
    until(lambda: ingress.listeners() == 2, "a listener for each worker", READY)
    before = ingress.workers()
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(ingress.workers() - {min(before)}) == 2, "another worker", READY)
    until(lambda: ingress.listeners() == 2, "its listener", READY)
    statuses = [ingress.post() for _ in range(40)]
    assert set(statuses) <= {202, 503}  # the new one may still be asking for the Broker's topic
    until(lambda: {ingress.post() for _ in range(20)} == {202}, "both take events", READY)
    everything = ingress.workers() | {ingress.process.pid}
    ingress.process.send_signal(signal.SIGTERM)
    assert ingress.process.wait(READY) == 0
    until_gone(everything - {ingress.process.pid})


def test_each_worker_serves_its_metrics_on_a_port_of_its_own(ingress: Ingress) -> None:
    """Two in a row, from --health-port on; the shared port would tell of either, and says where to ask."""
    health = next(port for port in free_ports(20) if _free(port + 1))
    ingress.arguments += ["--health-port", str(health)]
    ingress.start()
    until(lambda: len(ingress.workers()) == 2 and ingress.post() == 202, "events that are taken", READY)
    until(lambda: ingress.listeners() == 2, "a listener for each worker", READY)
    until(lambda: {ingress.post() for _ in range(20)} == {202}, "both take events", READY)
    taken = [_scraped(port).value("tradewind_ingress_events_total") or 0.0 for port in (health, health + 1)]
    assert min(taken) > 0
    assert sum(taken) >= 21
    with pytest.raises(urllib.error.HTTPError, match="404"):
        _scraped(ingress.port)


def _free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def _scraped(port: int) -> Scraped:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=READY) as answer:
        return Scraped(answer.read().decode())


def test_all_workers_stop_at_once_and_each_has_its_grace(ingress: Ingress) -> None:
    """Whoever is not done by then is told so: no worker is killed before it could."""
    ingress.arguments += ["--grace", "2"]
    ingress.start()
    until(lambda: len(ingress.workers()) == 2 and ingress.post() == 202, "events that are taken", READY)
    until(lambda: ingress.listeners() == 2, "a listener for each worker", READY)
    with contextlib.ExitStack() as stack:
        half = [stack.enter_context(socket.create_connection(("127.0.0.1", ingress.port), 5)) for _ in range(20)]
        for connection in half:
            connection.settimeout(READY)
            connection.sendall((EVENT % ingress.broker.encode())[:-2])
        for _ in range(20):  # a worker accepts what came before, and some of these come to each
            until(lambda: ingress.post() == 202, "that they have been accepted", READY)
        ingress.process.send_signal(signal.SIGTERM)
        until(lambda: ingress.listeners() == 0, "that nobody listens", READY)
        assert ingress.workers(), "all that is under way has its grace"
        assert {connection.recv(4096).split(b" ", 2)[1] for connection in half} == {b"503"}
    assert ingress.process.wait(READY) == 0
    assert "was killed" not in ingress.said.read_text()


def test_a_taken_port_is_said_before_any_worker_starts(ingress: Ingress) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", ingress.port))
        holder.listen()
        ingress.start()
        assert ingress.process.wait(READY) == 1
    assert f"port {ingress.port} on 127.0.0.1 cannot be listened on" in ingress.said.read_text()

"""A real Kafka as a child: its start, its deaths, its folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tradewind.adapters.embedded_kafka import (
    EmbeddedKafka,
    Request,
    Wanted,
    data_folder,
    free_ports,
    prepare,
    require_free,
)
from tradewind.adapters.embedded_kafka.layout import Layout
from tradewind.errors import StartFailed

pytestmark = [pytest.mark.kafka, pytest.mark.process]

KafkaServer = Callable[[Path], Awaitable[EmbeddedKafka]]
PATIENCE = 30.0

OWNER = """
import asyncio, sys
from pathlib import Path
from tradewind.adapters.embedded_kafka import EmbeddedKafka, Request, prepare
async def own() -> None:
    server = EmbeddedKafka(prepare(Request(data=Path(sys.argv[1]), port=0, disk_floor=0)))
    await server.start()
    await server.wait_ready(60)
    print(server.pid, flush=True)
    await server.died()
asyncio.run(own())
"""


@pytest.fixture(scope="session")
def once_formatted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was formatted, to be copied."""
    folder = tmp_path_factory.mktemp("formatted")
    prepare(wanted(folder)).lock.release()
    return folder


@pytest.fixture
def formatted(once_formatted: Path, tmp_path: Path) -> Path:
    """A formatted data folder of the test's own."""
    return shutil.copytree(once_formatted, tmp_path / "kafka")


def wanted(data: Path, *, disk_floor: int = 0, port: int = 0, reset: bool = False) -> Request:
    return Request(data=data, port=port, disk_floor=disk_floor, reset=reset)


def test_events_go_in_and_come_out(kafka: str) -> None:
    make_topic(kafka, "embedded.in-and-out")
    produce(kafka, "embedded.in-and-out", [b"one", b"two"])
    assert consume(kafka, "embedded.in-and-out", 2) == [b"one", b"two"]


def test_a_record_of_the_largest_event_and_its_dead_letter_fits(kafka: str) -> None:
    make_topic(kafka, "embedded.large")
    produce(kafka, "embedded.large", [os.urandom((1000 + 64) * 1024)])


def test_nobody_makes_a_topic_by_a_typing_error(kafka: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    assert admin.list_topics("embedded.typo", timeout=10).topics["embedded.typo"].error is not None
    assert "embedded.typo" not in admin.list_topics(timeout=10).topics


async def test_what_was_acknowledged_is_there_after_kill_9(kafka_server: KafkaServer, tmp_path: Path) -> None:
    server = await kafka_server(tmp_path)
    make_topic(server.bootstrap, "kept")
    produce(server.bootstrap, "kept", [b"%d" % number for number in range(1000)])
    os.kill(server.pid, signal.SIGKILL)
    assert await server.died() == -signal.SIGKILL
    await server.start()
    await server.wait_ready(PATIENCE)
    assert consume(server.bootstrap, "kept", 1000) == [b"%d" % number for number in range(1000)]


async def test_data_is_kept_between_runs_on_other_ports(kafka_server: KafkaServer, tmp_path: Path) -> None:
    first = await kafka_server(tmp_path)
    make_topic(first.bootstrap, "kept")
    produce(first.bootstrap, "kept", [b"one"])
    await first.stop(PATIENCE)
    assert tmp_path.joinpath("kafka.log").stat().st_size > 0
    second = await kafka_server(tmp_path)
    assert second.bootstrap != first.bootstrap
    assert consume(second.bootstrap, "kept", 1) == [b"one"]


def test_it_ends_with_an_owner_that_is_killed(formatted: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(formatted)], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    with owner.stdout:
        java = int(owner.stdout.readline())
    assert alive(java)
    owner.kill()
    owner.wait(PATIENCE)
    eventually(lambda: not alive(java), "Kafka ends")
    prepare(wanted(formatted)).lock.release()


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_a_kafka_left_over_is_ended(formatted: Path, stopped: bool) -> None:
    prepared = prepare(wanted(formatted))
    left = subprocess.Popen(prepared.command, start_new_session=True)
    try:
        eventually(lambda: said(prepared.layout.java_pid) == f"{left.pid}\n", "it has written its pid")
        if stopped:
            left.send_signal(signal.SIGSTOP)
        prepared.lock.release()
        prepare(wanted(formatted)).lock.release()
        assert left.wait(PATIENCE) != 0
    finally:
        left.kill()
        left.wait(PATIENCE)


def test_a_pid_that_is_anothers_by_now_is_left_alone(formatted: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        Layout(formatted).java_pid.write_text(f"{other.pid}\n")
        prepare(wanted(formatted)).lock.release()
        assert other.poll() is None
        other.kill()


def test_the_second_on_a_folder_is_told_who_was_first(formatted: Path) -> None:
    prepared = prepare(wanted(formatted))
    with pytest.raises(StartFailed, match=f"pid {os.getpid()} .*\n.*--data"):
        prepare(wanted(formatted))
    prepared.lock.release()
    prepare(wanted(formatted)).lock.release()


def test_every_taken_port_is_named_with_its_flag(formatted: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        with pytest.raises(StartFailed) as failed:
            require_free([Wanted(first, "--port"), Wanted(free_ports(1)[0], "--free"), Wanted(second, "--other")])
        assert f"127.0.0.1:{first} " in failed.value.cause and f"127.0.0.1:{second} " in failed.value.cause
        assert failed.value.remedy.endswith("--port PORT, --other PORT")
        with pytest.raises(StartFailed, match=f"{first} cannot be listened on.*\n.*--kafka-port PORT"):
            prepare(wanted(formatted, port=first))
    prepare(wanted(formatted, port=first)).lock.release()


async def test_a_port_lost_at_the_last_moment_is_the_cause(formatted: Path) -> None:
    server = EmbeddedKafka(prepare(wanted(formatted)))
    # Bound but not listening: whoever asks is refused, and Kafka cannot have it.
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", server.prepared.port))
        await server.start()
        with pytest.raises(
            StartFailed, match=r"(?s)Kafka ended at its start.*Address already in use.*kafka.log"
        ) as failed:
            await server.wait_ready(PATIENCE)
    assert f"{server.prepared.bootstrap}, or name another port with --kafka-port" in failed.value.remedy
    assert "--reset" not in failed.value.remedy
    await server.stop(PATIENCE)


@pytest.mark.parametrize("above", ["a file", "nobody's"])
def test_a_folder_that_cannot_be_made_is_no_matter_of_a_reset(tmp_path: Path, above: str) -> None:
    (tmp_path / "a file").touch()
    folder = tmp_path / "a file" / "kafka" if above == "a file" else Path("/proc/kafka")
    for reset in (False, True):
        with pytest.raises(StartFailed) as failed:
            prepare(wanted(folder, reset=reset))
        assert str(folder) in failed.value.cause
        assert failed.value.remedy == "Allow writing there, or name another folder with --data."


def break_meta(folder: Path) -> None:
    Layout(folder).data.joinpath("meta.properties").write_bytes(b"\0\xff" * 100)


def remove_meta(folder: Path) -> None:
    Layout(folder).data.joinpath("meta.properties").unlink()


def put_a_file_in_the_way(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("not a folder")


def put_a_file_for_the_data(folder: Path) -> None:
    Layout(folder).data.rename(folder / "elsewhere")
    Layout(folder).data.write_text("not a folder")


def write_by_a_newer_kafka(folder: Path) -> None:
    Layout(folder).version.write_text("99.0.0\n")


@pytest.mark.parametrize(
    "harm", [break_meta, remove_meta, put_a_file_in_the_way, put_a_file_for_the_data, write_by_a_newer_kafka]
)
def test_a_broken_folder_is_refused_and_reset_keeps_it(formatted: Path, harm: Callable[[Path], None]) -> None:
    harm(formatted)
    before = everything_in(formatted.parent)
    with pytest.raises(StartFailed, match=f"{formatted}.*\n.*--reset"):
        prepare(wanted(formatted))
    assert everything_in(formatted.parent) == before
    prepared = prepare(wanted(formatted, reset=True))
    prepared.lock.release()
    assert prepared.moved is not None and prepared.moved.exists()
    assert Layout(formatted).data.joinpath("meta.properties").is_file()


async def test_a_log_that_kafka_cannot_read_is_the_cause(formatted: Path) -> None:
    prepared = prepare(wanted(formatted))
    metadata = prepared.layout.data / "__cluster_metadata-0"
    metadata.rename(formatted / "elsewhere")
    metadata.write_text("not a folder")
    server = EmbeddedKafka(prepared)
    await server.start()
    with pytest.raises(StartFailed, match=r"(?s)__cluster_metadata-0.*--reset"):
        await server.wait_ready(PATIENCE)
    await server.stop(PATIENCE)


def test_a_format_that_was_cut_short_is_done_anew(tmp_path: Path) -> None:
    half = tmp_path / "data.new-1"
    half.mkdir()
    half.joinpath("meta.properties").write_text("")
    prepare(wanted(tmp_path)).lock.release()
    assert not half.exists()
    meta = tmp_path.joinpath("data", "meta.properties").read_text()
    prepare(wanted(tmp_path)).lock.release()
    assert tmp_path.joinpath("data", "meta.properties").read_text() == meta


def test_the_folder_is_where_the_desktop_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "tradewind" / "kafka"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_folder() == Path.home() / ".local" / "share" / "tradewind" / "kafka"


def test_a_disk_below_the_floor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match=f"The disk is full: {tmp_path} has .*\n.*--data.*--disk-floor"):
        prepare(wanted(tmp_path, disk_floor=2**60))


def test_a_disk_that_is_full_in_truth_is_refused_and_forgotten(small_disk: Path) -> None:
    data = small_disk / "kafka"
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while file.write(bytes(4096)):
            pass
    with pytest.raises(StartFailed, match=r"(?s)No space left.*--data"):
        prepare(wanted(data))
    filler.unlink()
    prepare(wanted(data)).lock.release()


def test_a_folder_that_may_not_be_written_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=PATIENCE)
    with pytest.raises(StartFailed, match=r"Read-only file system\n.*, or name another folder with --data\.$"):
        prepare(wanted(small_disk / "kafka"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True, timeout=PATIENCE)


def eventually(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process that is not our child still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def said(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def everything_in(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if "scratch" not in path.parts}


def make_topic(bootstrap: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(10)


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Produce, and see each acknowledged."""
    refused: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0, "message.max.bytes": 2**21})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: refused.append(error) if error else None)
    assert producer.flush(PATIENCE) == 0
    assert refused == []


def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        return [message.value() for message in consumer.consume(count, PATIENCE)]
    finally:
        consumer.close()

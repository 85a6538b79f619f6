"""What Kafka is told."""

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from tradewind.adapters.embedded_kafka import Listener, properties
from tradewind.config import Settings


def read(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def told(**changed: int) -> dict[str, str]:
    numbers = {"port": 9092, "controller_port": 9093, "max_event_bytes": Settings().max_event_bytes, **changed}
    text = properties.server_properties(
        log_dir=PurePosixPath("/d"),
        port=numbers["port"],
        controller_port=numbers["controller_port"],
        max_event_bytes=numbers["max_event_bytes"],
    )
    return read(text)


def test_everything_listens_on_loopback() -> None:
    values = told(port=1, controller_port=2)
    assert values["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert values["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1"
    assert values["controller.quorum.voters"] == "1@127.0.0.1:2"


@pytest.mark.parametrize("largest", [1, Settings().max_event_bytes, 8 * 1024 * 1024, 100 * 1024 * 1024])
def test_a_record_may_be_longer_than_the_largest_event(largest: int) -> None:
    values = told(max_event_bytes=largest)
    assert int(values["message.max.bytes"]) >= max(2 * 1024 * 1024, largest + 64 * 1024)
    assert int(values["socket.request.max.bytes"]) >= 2 * int(values["message.max.bytes"])
    assert int(values["queued.max.request.bytes"]) >= int(values["socket.request.max.bytes"])


def test_the_flush_interval_is_looked_at() -> None:
    values = told()
    flush = {name: value for name, value in values.items() if name.startswith(("log.flush", "log.initial"))}
    assert set(flush.values()) == {"1000"}
    assert set(flush) == {"log.flush.interval.ms", "log.flush.scheduler.interval.ms", "log.initial.task.delay.ms"}


def test_no_internal_topic_wants_a_second_node() -> None:
    values = told()
    copies = [name for name in values if "replication.factor" in name or "min.isr" in name or "min.insync" in name]
    assert len(copies) == 7
    assert {values[name] for name in copies} == {"1"}


def test_a_path_keeps_its_blanks_and_backslashes() -> None:
    text = properties.server_properties(
        log_dir=PurePosixPath("/my data/a\\b"), port=1, controller_port=2, max_event_bytes=1
    )
    assert "log.dirs=/my\\ data/a\\\\b\n" in text


def test_a_path_may_have_any_letters() -> None:
    """Java reads properties as Latin-1."""
    text = properties.server_properties(log_dir=PurePosixPath("/jörg/🚢"), port=1, controller_port=2, max_event_bytes=1)
    assert "log.dirs=/j\\u00f6rg/\\ud83d\\udea2\n" in text


def test_more_ways_in() -> None:
    more = [
        Listener(name="SAFE", protocol="SSL", port=3, properties={"ssl.keystore.key": "a\nb"}),
        Listener(name="KNOWN", protocol="SASL_PLAINTEXT", port=4),
    ]
    values = read(
        properties.server_properties(
            log_dir=PurePosixPath("/d"), port=1, controller_port=2, max_event_bytes=1, listeners=more
        )
    )
    assert values["listeners"].endswith(",SAFE://127.0.0.1:3,KNOWN://127.0.0.1:4")
    assert values["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1,SAFE://127.0.0.1:3,KNOWN://127.0.0.1:4"
    assert values["listener.security.protocol.map"] == (
        "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SAFE:SSL,KNOWN:SASL_PLAINTEXT"
    )
    assert values["listener.name.safe.ssl.keystore.key"] == "a\\nb"


def test_the_command_writes_its_own_pid_and_keeps_what_is_said(tmp_path: Path) -> None:
    pid_file, output = tmp_path / "pid file", tmp_path / "out put"
    output.write_text("before\n")
    command = properties.recorded(["/bin/sh", "-c", "echo $$; echo err >&2"], pid_file=pid_file, output=output)
    subprocess.run(command, check=True, timeout=10)
    assert output.read_text() == f"before\n{pid_file.read_text()}err\n"

"""The commands as people type them: beside a running system, ended in the midst, and on a Kafka where nothing runs."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.process.commands import Shell
from tests.process.whole import Poster, Recorder, Up
from tradewind.adapters.embedded_kafka.ports import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
spec: {delivery: {retry: 0}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: a}
spec: {broker: default, subscriber: {uri: "http://127.0.0.1:%d/a"}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: b}
spec: {broker: default, subscriber: {ref: {apiVersion: v1, kind: Service, name: recorder}, uri: /b}}
"""
EVENTS = 60


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, int]]:
    recorder = Recorder()
    async with recorder.served() as port:
        yield recorder, port


async def test_pause_redrive_discard_and_audit_beside_a_running_system(
    tmp_path: Path, recorder: tuple[Recorder, int]
) -> None:
    seen, port = recorder
    up = Up(tmp_path, port)
    (nobody,) = free_ports(1)
    up.declare(BROKER % nobody)
    await up.start()
    try:
        shell = Shell(up.manifests, f"127.0.0.1:{up.kafka}")
        poster = Poster(up.url)
        await poster.post(range(EVENTS))
        await seen.has("b", poster.accepted)
        async with asyncio.timeout(30):
            while len(await shell.letters()) < EVENTS:
                pass
        await shell.done("pause", "trigger/a", "--reason", "test")
        again = await shell.done("pause", "trigger/a", "--reason", "another")
        assert re.fullmatch(r"trigger/a is paused already, by \S+: test\n", again)
        up.declare(BROKER % port)
        await up.said("Trigger default/a changed")

        for end in (signal.SIGINT, signal.SIGKILL):  # of the first is told, of the second only its lot may be repeated
            redriving = await shell.start("dead-letters", "redrive", "--all", "--rate", "10/s")
            assert redriving.stdout is not None
            for _ in range(5):
                assert b"redriven to" in await redriving.stdout.readline()
            redriving.send_signal(end)
            rest, _ = await redriving.communicate()
            assert redriving.returncode == (130 if end is signal.SIGINT else -9)
            assert end is signal.SIGKILL or b"ended early" in rest
        left = await shell.letters()
        assert 0 < len(left) <= EVENTS - 9
        letter = (await shell.done("dead-letters", "list")).splitlines()[1].split()[1]
        shown = json.loads(await shell.done("dead-letters", "show", letter, "-o", "json"))
        assert shown["event"]["id"] == left[0]
        assert shown["failure"]["knativeerrordest"] == f"http://127.0.0.1:{nobody}/a"
        await shell.done("dead-letters", "discard", letter, "--reason", "of no use")
        out = await shell.done("dead-letters", "redrive", "--trigger", "default/a")
        assert out.endswith(f"{len(left) - 1} redriven\n")
        assert await shell.letters() == []
        for words in (("list",), ("redrive",), ("discard", "--reason", "none")):
            for whose, there in (("--trigger", "c"), "default/a, default/b"), (("--source", "pingsource/c"), "none"):
                code, out, err = await shell.run("dead-letters", *words, *whose)
                assert (code, out) == (2, ""), (words, err)
                assert f"manifests ({there}), or one that left dead letters; -f says where they are" in err
        assert await shell.done("dead-letters", "redrive", "--trigger", "a") == "0 redriven\n"

        (a, b) = json.loads(await shell.done("get", "triggers", "-o", "json"))
        assert (a["state"], b["state"]) == ("Paused", "Ready")
        assert EVENTS - 1 <= a["behind"] <= EVENTS
        assert "a" not in seen.got
        await shell.done("resume", "trigger/a")
        await seen.has("a", set(poster.accepted) - {left[0]})
        async with asyncio.timeout(30):
            while True:
                (report,) = json.loads(await shell.done("audit", "-o", "json"))
                if not any(trigger["behind"] or trigger["owed"] for trigger in report["triggers"]):
                    break
        a, b = report["triggers"]
        assert report["addsUp"]
        assert (a["left"], a["dead"], b["settled"]) == (EVENTS, 0, EVENTS)
        assert a["settled"] == report["records"] - EVENTS == sum(seen.got["a"].values())
        assert sum(seen.got["b"].values()) == EVENTS  # what was redriven went to nobody else
        assert await up.stop() == 0
    finally:
        print("\n".join(up.lines[-60:]))  # pytest shows it where the test failed
        if up.process is not None and up.process.returncode is None:
            await up.kill()


async def test_a_kafka_where_nothing_has_run_is_said(kafka: str, tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text((BROKER % 1).replace("default", "never"))
    shell = Shell(tmp_path, kafka)
    topics = ("--cursors-topic", "never.cursors")
    for words in (("pause", "trigger/a"), ("get", "triggers"), ("audit",), ("dead-letters", "redrive", "--all")):
        code, out, err = await shell.run(*words, *topics)
        assert (code, out) == (3, ""), words
        assert "found none on this Kafka, expected the one that" in err
    assert await shell.run("dead-letters", "list", *topics) == (
        0,
        "",
        "warning: topic knative-broker-default-never.dead-letters is not there yet\nNo dead letters found.\n",
    )


@pytest.mark.parametrize("command", ["up", "validate"])
async def test_what_reads_manifests_reads_no_cluster(tmp_path: Path, command: str) -> None:
    code, _, err = await Shell(tmp_path, "127.0.0.1:1").run(command, "--kubernetes", "true")
    assert code == 1
    assert f"`tradewind {command}` reads manifests, not a cluster." in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("kubeconfig", "code", "words"),
    [("{}", 3, "Cannot connect"), ("[", 1, "no Kubernetes API server is known")],
)
async def test_no_api_server_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kubeconfig: str, code: int, words: str
) -> None:
    (nobody,) = free_ports(1)
    there = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{nobody}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    whole = {"clusters": [there], "contexts": [context], "users": [{"name": "u", "user": {}}], "current-context": "c"}
    (tmp_path / "config").write_text(json.dumps(whole) if kubeconfig == "{}" else kubeconfig)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    ended, _, err = await Shell(tmp_path, "127.0.0.1:1").run("get", "triggers", "--kubernetes", "true")
    assert (ended, words in err, "Traceback" in err) == (code, True, False), err


async def test_no_kafka_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(BROKER % 1)
    (nobody,) = free_ports(1)
    code, out, err = await Shell(tmp_path, f"127.0.0.1:{nobody}").run("audit")
    assert (code, out) == (3, "")
    assert err.startswith(f"error: --kafka: found nothing that answers at 127.0.0.1:{nobody} (Connection refused)")

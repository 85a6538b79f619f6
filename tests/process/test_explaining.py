"""`tradewind explain` of events that a real Kafka holds, beside the system that decided about them."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.process.commands import Shell
from tests.process.whole import Poster, Recorder, Up

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

MANIFESTS = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
spec: {delivery: {retry: 0}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: a}
spec:
  broker: default
  filters: [%s]
  subscriber: {ref: {apiVersion: v1, kind: Service, name: recorder}, uri: /a}
"""
OLD = "{any: [{exact: {type: com.example.load}}, {cesql: \"type LIKE '%.other'\"}]}"
NEW = "{not: {prefix: {type: com.example.load}}}"


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, int]]:
    recorder = Recorder()
    async with recorder.served() as port:
        yield recorder, port


async def test_what_became_of_a_stored_event_and_which_filter_decided(
    tmp_path: Path, recorder: tuple[Recorder, int]
) -> None:
    seen, port = recorder
    up = Up(tmp_path, port)
    up.declare(MANIFESTS % OLD)
    await up.start()
    try:
        shell = Shell(up.manifests, f"127.0.0.1:{up.kafka}")
        wanted, other = Poster(up.url), Poster(up.url, type="com.example.unwanted")
        await wanted.post(range(3))
        await other.post(range(3, 4))
        await seen.has("a", wanted.accepted)

        async def told(*words: str) -> list[dict[str, object]]:
            """What is explained, with an exit code that says whether a Trigger got it."""
            code, out, err = await shell.run("explain", *words, "-o", "json")
            found: list[dict[str, object]] = json.loads(out)
            assert (code, err) == (0 if any(one["fate"] == "settled" for one in found) else 4, "")
            return found

        async def fate(identity: str, expected: str) -> dict[str, object]:
            """The one explanation, once the cursors say what is expected."""
            async with asyncio.timeout(60):
                while True:
                    (one,) = await told("/load", identity, "--trigger", "a")
                    if one["fate"] == expected:
                        return one

        settled = await fate("1", "settled")
        assert (settled["matches"], settled["decidedByThisFilter"]) == (True, True)
        filtered = await fate("3", "filtered out")
        assert (filtered["matches"], filtered["decidedByThisFilter"]) == (False, True)
        place = f"{filtered['partition']}/{filtered['offset']}"
        assert await told(place, "--trigger", "a") == [filtered]
        code, text, _ = await shell.run("explain", place, "--trigger", "a")
        assert code == 4
        assert text.splitlines()[1:] == [
            "  filtered out",
            "  ✗ filters",
            "    ✗ any",
            "      ✗ exact type: com.example.load  is com.example.unwanted",
            "      ✗ cesql: type LIKE '%.other'",
            "        · type  = 'com.example.unwanted'",
        ]

        up.declare(MANIFESTS % NEW)
        before = await told(place)
        assert (before[0]["fate"], before[0]["decidedByThisFilter"]) == ("settled or filtered out", False)
        await up.said("Trigger default/a changed")
        await other.post(range(4, 5))
        await seen.has("a", ["4"])
        assert (await fate("4", "settled"))["decidedByThisFilter"] is True
        _, after, _ = await shell.run("explain", place)
        assert "the Trigger had another filter then: what follows is the one it has now, which is no reason" in after

        code, out, err = await shell.run("explain", f"{filtered['partition']}/999999")
        assert (code, out) == (1, "")
        assert err.startswith(f"error: found no record at {filtered['partition']}/999999, expected one from 0 to ")
        code, out, err = await shell.run("explain", "/load", "none", "--since", "10m")
        assert (code, out) == (1, "")
        assert err.startswith("error: found no event none of /load in the last 10m, expected one in knative-broker-")
        code, out, err = await shell.run("explain", "77/0")
        assert (code, out) == (2, "")
        assert err.startswith("error: EVENT: found partition 77, expected one below ")
        assert await up.stop() == 0
    finally:
        print("\n".join(up.lines[-60:]))  # pytest shows it where the test failed
        if up.process is not None and up.process.returncode is None:
            await up.kill()

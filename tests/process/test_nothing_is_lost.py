"""The promise: whatever is killed, every event answered with 202 is delivered at least once (DESIGN §1)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.process.whole import Poster, Recorder, Up, kill, manifests

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

EVENTS = 20_000


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, int]]:
    recorder = Recorder()
    async with recorder.served() as port:
        yield recorder, port


@pytest_asyncio.fixture
async def up(tmp_path: Path, recorder: tuple[Recorder, int]) -> AsyncIterator[Up]:
    whole = Up(tmp_path, recorder[1])
    whole.declare(manifests(all="com.example.load"))
    yield whole
    print("\n".join(whole.lines[-60:]))  # pytest shows it where the test failed
    if whole.process is not None and whole.process.returncode is None:
        await whole.kill()


async def some(accepted: list[str], count: int) -> None:
    """Wait until so many were accepted."""
    async with asyncio.timeout(60):
        while len(accepted) < count:
            await asyncio.sleep(0.005)


async def test_kill_9_of_everything_while_events_flow(up: Up, recorder: tuple[Recorder, int]) -> None:
    await up.start()
    poster = Poster(up.url)
    posting = asyncio.create_task(poster.post(range(EVENTS)))
    await some(poster.accepted, EVENTS // 3)
    await up.kill()
    await posting
    before = len(poster.accepted)
    assert EVENTS // 3 <= before < EVENTS
    await up.start()
    await poster.post(range(EVENTS, 2 * EVENTS - before))
    assert len(poster.accepted) == EVENTS
    await recorder[0].has("all", poster.accepted)
    assert await up.stop() == 0


async def test_kafka_killed_under_load_is_answered_with_503_and_recovered_from(
    up: Up, recorder: tuple[Recorder, int]
) -> None:
    await up.start(TRADEWIND_KAFKA_PATIENCE="1")  # Kafka is away for longer than that, and not for the usual 5 s
    ingress = await up.child("main ingress")
    poster = Poster(up.url)
    posting = asyncio.create_task(poster.post(range(EVENTS)))
    await some(poster.accepted, 1000)
    kill(await up.child("kafka.Kafka"))
    await up.said("kafka is ready again")
    await posting
    assert {status for status, _ in poster.refused} == {503}
    assert all(after is not None and after.isdigit() for _, after in poster.refused)
    await poster.post(range(EVENTS, EVENTS + 100))
    assert len({*poster.accepted} & {str(number) for number in range(EVENTS, EVENTS + 100)}) == 100
    assert await up.child("main ingress") == ingress
    await recorder[0].has("all", poster.accepted)
    assert await up.stop() == 0


@pytest.mark.parametrize("role", ["ingress", "dispatcher"])
async def test_a_killed_process_comes_back(up: Up, recorder: tuple[Recorder, int], role: str) -> None:
    await up.start()
    poster = Poster(up.url)
    posting = asyncio.create_task(poster.post(range(EVENTS // 2)))
    await some(poster.accepted, 1000)
    kill(await up.child(f"main {role}"))
    await up.said(f"{role} is ready again")
    await posting
    await poster.post(range(EVENTS // 2, EVENTS // 2 + 100))
    assert len(poster.accepted) > 1000
    await recorder[0].has("all", poster.accepted)
    assert await up.stop() == 0


async def test_a_saved_manifest_takes_effect_and_loses_and_repeats_nothing(
    up: Up, recorder: tuple[Recorder, int]
) -> None:
    """One Trigger stays as it is while the other's filter changes to and fro under load."""
    seen = recorder[0]
    up.declare(manifests(stays="com.example.load", changes="com.example.other"))
    await up.start()
    poster = Poster(up.url, width=8)
    posting = asyncio.create_task(poster.post(range(6000)))
    other = Poster(up.url, type="com.example.other", width=1)
    for turn in range(5):
        await some(poster.accepted, 1000 * (turn + 1))
        wanted = "com.example.load" if turn % 2 == 0 else "com.example.other"
        up.declare(manifests(stays="com.example.load", changes=wanted))
        await up.said("changed") if turn == 0 else None
    await posting
    up.declare("apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: default}\nspec: {delivry: {}}\n")
    fault = await up.said("spec.delivry")
    assert "all.yaml" in fault
    up.declare(manifests(stays="com.example.load", changes="com.example.other", fresh="com.example.other"))
    await up.said("manifests are right again")
    numbers = iter(range(100_000, 200_000))
    async with asyncio.timeout(30):
        while not seen.got.get("fresh"):
            await other.post([next(numbers)])
    await seen.has("stays", poster.accepted)
    await seen.has("changes", other.accepted)
    for name in ("stays", "changes", "fresh"):
        assert set(seen.got[name].values()) == {1}, name
    assert await up.stop() == 0


async def test_brokers_that_come_and_go_between_runs_and_during_them_are_served(
    up: Up, recorder: tuple[Recorder, int]
) -> None:
    """A slot that returns is given what it had before (KAFKA-13435); `up` is ready when it has what it asked for."""
    one, two, three = (manifests(name, **{name: "com.example.load"}) for name in ("one", "two", "three"))

    async def delivers(name: str, number: int) -> None:
        poster = Poster(up.broker(name))
        async with asyncio.timeout(10):
            while not poster.accepted:  # a Broker that has just been declared waits for its topic: 404, then 503
                await poster.post([number])
        await recorder[0].has(name, poster.accepted)

    up.declare(one)
    await up.start()
    await delivers("one", 1)
    assert await up.stop() == 0
    up.declare(one + two)
    await up.start()
    await delivers("two", 2)
    await delivers("one", 3)
    up.declare(one + two + three)
    await up.said("Broker default/three")
    await delivers("three", 4)
    assert await up.stop() == 0
    up.declare(three)
    await up.start()
    await delivers("three", 5)
    assert await up.stop() == 0

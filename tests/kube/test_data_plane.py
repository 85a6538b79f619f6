"""Ingress and dispatcher on a real API server and a real Kafka, as those who may do no more than they must."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from tests.kube.audit import Asked
from tests.kube.cluster import Cluster
from tests.kube.connected import started, until
from tests.kube.data_plane import USER, Controller, DataPlane, Subscriber, data_plane, filtered, subscribed, subscriber

pytestmark = [pytest.mark.process, pytest.mark.kafka]

OUTAGE = 10.0
"""Seconds without an API server: several times the longest wait between its clients' tries."""
AFTER = 5.0
"""Seconds after it in which requests are counted."""


@pytest.fixture
def controller(cluster: Cluster, namespace: str) -> Controller:
    return Controller(cluster, namespace)


@pytest_asyncio.fixture
async def plane(tmp_path: Path, cluster: Cluster, namespace: str, kafka: str) -> AsyncIterator[DataPlane]:
    async with data_plane(tmp_path, cluster, namespace, kafka) as deployed:
        yield deployed


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Subscriber]:
    async with subscriber() as taking:
        yield taking


async def running(plane: DataPlane, controller: Controller, kafka: str) -> None:
    """Broker `b`, an ingress and a dispatcher, ready."""
    controller.declare_broker("b")
    await controller.take("b", kafka)
    await asyncio.gather(plane.start("ingress"), plane.start("dispatcher"))
    await plane.until_ready("ingress", "dispatcher")


async def test_an_event_goes_its_way_and_what_is_applied_is_soon_in_force(
    plane: DataPlane, controller: Controller, kafka: str, served: Subscriber, capsys: pytest.CaptureFixture[str]
) -> None:
    controller.declare_broker("b")
    await asyncio.gather(plane.start("ingress"), plane.start("dispatcher"))
    await plane.until_ready("ingress", "dispatcher")
    status, headers, body = await plane.post("b", "early")
    assert (status, headers["Retry-After"] != "") == (503, True)
    assert f"no controller has made the topic of Broker {plane.namespace}/b yet" in body
    assert (await plane.post("nobody", "1"))[0] == 404
    await controller.take("b", kafka)
    await plane.until_taken("b", "before")

    began = time.monotonic()
    controller.declare_trigger("a", "b", "display", stamp=served.url("a"))
    numbers = iter(range(1000))

    async def delivered() -> None:
        while not served.got:
            assert (await plane.post("b", str(next(numbers))))[0] == 202
            await asyncio.sleep(0.02)

    await asyncio.wait_for(delivered(), 30.0)
    with capsys.disabled():
        print(f"\na Trigger applied is live after {time.monotonic() - began:.2f} s")
    sent = next(numbers)
    await until(lambda: len(served.ids("a")) >= 1, "a delivery")
    listed = json.loads(await plane.command("get", "triggers", "-o", "json"))
    assert [row["name"] for row in listed] == ["a"]
    members = await plane.command("explain", json.dumps(event_of(str(sent))))
    assert "a" in members


def event_of(number: str) -> dict[str, str]:
    return {"specversion": "1.0", "id": number, "source": "/tests", "type": "t"}


async def test_a_filter_and_a_subscriber_changed_in_one_edit(
    plane: DataPlane, controller: Controller, kafka: str, served: Subscriber
) -> None:
    """No event of the new filter goes to the old subscriber, though the new address comes later."""
    await running(plane, controller, kafka)
    controller.declare_trigger("a", "b", "old", wanted="old", stamp=served.url("old"))
    await until_live(plane, served, "old")
    # It is live a moment before that is said.  Another Trigger's line comes after every one of it.
    controller.declare_trigger("another", "b", "nobody", wanted="nothing")
    await until(lambda: '"triggers": 2' in plane.said("dispatcher"), "both Triggers in force")
    rebalances = plane.said("dispatcher").count("partitions taken over")
    spec = {"spec": {**subscribed("new"), **filtered("new")}}
    controller.cluster.api.patch(controller.path("triggers", "a"), spec)
    await controller.until_in_force("a", kafka)
    wanted = {f"n{number}" for number in range(50)}
    for number in sorted(wanted):
        await plane.until_taken("b", number, type="new")
    controller.stamp("a", served.url("new"))
    await until(lambda: set(served.ids("new")) == wanted, "what waited for the new address")
    assert not [one for one in served.got if one[0] == "old" and one[2] == "new"]
    assert plane.said("dispatcher").count("partitions taken over") == rebalances


async def until_live(plane: DataPlane, served: Subscriber, path: str) -> None:
    """Send events until one arrives: the Trigger begins where the topic ended when it was put in force."""
    end, number = time.monotonic() + 30.0, 0
    while not served.ids(path):
        await plane.until_taken("b", f"{path}{number}", type=path)
        number += 1
        assert time.monotonic() < end, plane.said("dispatcher")
        await asyncio.sleep(0.02)


async def test_what_runs_goes_on_while_the_api_server_is_away(
    plane: DataPlane,
    controller: Controller,
    cluster: Cluster,
    kafka: str,
    served: Subscriber,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await running(plane, controller, kafka)
    controller.declare_trigger("a", "b", "display", stamp=served.url("a"))
    await until_live(plane, served, "a")
    cluster.plane.api_server.kill()
    sent = await busy(plane, OUTAGE, "during")
    await until(lambda: set(sent) <= set(served.ids("a")), "what was sent meanwhile")
    assert (await plane.ask("GET", "/readyz"))[0] == 200
    said = [plane.said(role).count("API server gives no objects") for role in ("ingress", "dispatcher")]

    cluster.audit.mark()
    await started(cluster)
    controller.declare_trigger("later", "b", "display", wanted="later", stamp=served.url("later"))
    await until_live(plane, served, "later")
    user = USER.format(plane.namespace)
    await busy(plane, AFTER, "after")
    asked = cluster.audit.requests(user=user)
    with capsys.disabled():
        print(f"\nafter {OUTAGE:g} s without it, two processes asked {len(asked)} times in {AFTER:g} s: {told(asked)}")
        print(f"and had said {said} times that it was away")
    assert len(asked) < 30
    assert max(said) <= 4


async def busy(plane: DataPlane, seconds: float, name: str) -> list[str]:
    """Send events for so long, all of which are taken; their ids."""
    end, sent = time.monotonic() + seconds, list[str]()
    while time.monotonic() < end:
        sent.append(f"{name}{len(sent)}")
        status, _, body = await plane.post("b", sent[-1])
        assert status == 202, body
        await asyncio.sleep(0.05)
    return sent


def told(asked: Sequence[Asked]) -> dict[str, int]:
    words = [f"{one.verb} {one.resource}" for one in asked]
    return {word: words.count(word) for word in sorted(set(words))}


async def test_an_ingress_that_starts_without_an_api_server_says_so_until_it_is_there(
    plane: DataPlane, controller: Controller, cluster: Cluster, kafka: str
) -> None:
    controller.declare_broker("b")
    await controller.take("b", kafka)
    cluster.plane.api_server.kill()
    await plane.start("ingress")
    await until_answers(plane)
    status, headers, body = await plane.post("b", "1")
    assert (status, bool(headers["Retry-After"])) == (503, True)
    assert "The Brokers have not been read from the Kubernetes API server yet" in body
    assert [(await plane.ask("GET", path))[0] for path in ("/healthz", "/readyz")] == [200, 503]
    await until_answers(plane, "Cannot connect to host")
    await started(cluster)
    await plane.until_taken("b", "2")
    assert (await plane.ask("GET", "/readyz"))[0] == 200


async def test_a_dispatcher_that_starts_without_an_api_server_is_alive_and_waits_for_it(
    plane: DataPlane, controller: Controller, cluster: Cluster, kafka: str, served: Subscriber
) -> None:
    controller.declare_broker("b")
    await controller.take("b", kafka)
    controller.declare_trigger("a", "b", "display", stamp=served.url("a"))
    await plane.start("ingress")
    await plane.until_taken("b", "1")
    cluster.plane.api_server.kill()
    await plane.start("dispatcher")
    async with asyncio.timeout(30.0):
        while (await plane.ask("GET", "/healthz", port=plane.health_port))[0] != 200:
            await asyncio.sleep(0.05)
    assert (await plane.ask("GET", "/readyz", port=plane.health_port))[0] == 503
    await started(cluster)
    await until(lambda: served.ids("a") == ["1"], "what was taken meanwhile")


async def until_answers(plane: DataPlane, words: str = "") -> None:
    """Wait until the ingress answers, and says these words."""
    async with asyncio.timeout(30.0):
        while not (answer := await plane.post("b", "1"))[0] or words not in answer[2]:
            await asyncio.sleep(0.05)

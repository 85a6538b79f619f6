"""Events flow through processes as they are deployed, and their types are there to be looked at."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import until
from tests.kube.data_plane import EVENTING, DataPlane, data_plane
from tests.scraped import Scraped
from tradewind.control import catalogue
from tradewind.resources.model import EVENT_TYPES
from tradewind.trigger_dispatcher import flowing

pytestmark = [pytest.mark.process, pytest.mark.kafka]

QUIET = 3.0
"""Seconds in which nothing may be written: some rounds of a dispatcher, and the controller's looks at what it made."""
BATCH = "application/cloudevents-batch+json"


class Deployed:
    """Controller, ingress and dispatcher, and Broker `b`."""

    def __init__(self, cluster: Cluster, plane: DataPlane, controller: DataPlane, user: str) -> None:
        self.cluster = cluster
        self.plane = plane
        self.controller = controller
        self.user = user

    async def start(self) -> None:
        """All three, and the Broker Ready."""
        metadata = {
            "name": "b",
            "annotations": {"eventing.knative.dev/broker.class": "Tradewind", EVENT_TYPES: "enabled"},
        }
        broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata, "spec": {}}
        self.cluster.api.create(self.brokers(), broker)
        await asyncio.gather(
            self.controller.start("controller", "--health-port", str(self.controller.port)),
            self.plane.start("ingress"),
            self.plane.start("dispatcher"),
        )
        await self.plane.until_ready("ingress", "dispatcher")
        await self.plane.until_taken("b", "first", type="t0")

    async def restart(self) -> None:
        """Controller and dispatcher end, and start anew."""
        for of, role, flags in (
            (self.controller, "controller", ("--health-port", str(self.controller.port))),
            (self.plane, "dispatcher", ()),
        ):
            of.running[role].terminate()
            assert await of.running[role].wait() == 0
            await of.start(role, *flags)
        await self.plane.until_ready("dispatcher")

    def brokers(self, name: str = "") -> str:
        return EVENTING.format(self.plane.namespace, "brokers") + name

    def switch(self, text: str) -> None:
        self.cluster.api.patch(self.brokers("/b"), {"metadata": {"annotations": {EVENT_TYPES: text}}})

    async def post(self, *types: str) -> None:
        """Send an event of each type, in batches."""
        url = f"http://127.0.0.1:{self.plane.port}/{self.plane.namespace}/b"
        async with aiohttp.ClientSession(headers={"Content-Type": BATCH}) as client:
            for start in range(0, len(types), 500):
                batch = [
                    {"specversion": "1.0", "id": f"{type}", "source": "/tests", "type": type}
                    for type in types[start : start + 500]
                ]
                async with client.post(url, data=json.dumps(batch)) as answer:
                    assert answer.status == 202, await answer.text()

    def types(self) -> dict[str, Json]:
        """The EventTypes, by type."""
        path = EVENTING.format(self.plane.namespace, "eventtypes").replace("/v1/", "/v1beta2/")
        return {one["spec"]["type"]: one for one in self.cluster.api.get(path)["items"]}

    def delete(self, type: str) -> None:
        """A user deletes one."""
        path = EVENTING.format(self.plane.namespace, "eventtypes").replace("/v1/", "/v1beta2/")
        self.cluster.api.delete(f"{path}/{self.types()[type]['metadata']['name']}")

    def ready(self) -> set[str]:
        """Types whose EventType is Ready."""
        return {
            type
            for type, one in self.types().items()
            if any(each["type"] == "Ready" and each["status"] == "True" for each in _conditions(one))
        }

    def writes(self) -> int:
        """How often the controller wrote, its Lease aside."""
        return sum(one.resource != "leases" for one in self.cluster.audit.writes(user=self.user))

    async def settled(self) -> None:
        """Nothing is written for a while."""
        end = asyncio.get_running_loop().time() + 60.0
        count, loop = -1, asyncio.get_running_loop()
        since = loop.time()
        while loop.time() - since < QUIET:
            found = await asyncio.to_thread(self.writes)
            if found != count:
                count, since = found, loop.time()
            assert loop.time() < end, self.cluster.audit.writes(user=self.user)[-5:]
            await asyncio.sleep(0.05)

    async def scraped(self, of: DataPlane, port: int) -> Scraped:
        return Scraped((await of.ask("GET", "/metrics", port=port))[2])

    def told(self) -> str:
        """What the processes wrote, for who looks at a failure."""
        return self.controller.said("controller") + self.plane.said("dispatcher")


def _conditions(one: Json) -> list[Json]:
    found: list[Json] = one.get("status", {}).get("conditions", [])
    return found


@pytest_asyncio.fixture
async def deployed(tmp_path: Path, cluster: Cluster, namespace: str, kafka: str) -> AsyncIterator[Deployed]:
    user = f"controller-{namespace}"
    kubeconfig = cluster.kubeconfig_for(user, ["system:masters"])
    controller = DataPlane(tmp_path, kubeconfig, namespace, kafka)
    async with data_plane(tmp_path, cluster, namespace, kafka) as plane:
        try:
            yield Deployed(cluster, plane, controller, user)
        finally:
            await controller.end()


async def test_what_flows_is_there_to_be_looked_at(deployed: Deployed, controller_manager: None) -> None:
    await deployed.start()
    await deployed.post("t1", "t2", "t1")
    await until(lambda: deployed.ready() == {"t0", "t1", "t2"}, "three EventTypes")
    shown = deployed.cluster.kubectl("get", "eventtypes", "-n", deployed.plane.namespace)
    print(shown)
    lines = [line.split() for line in shown.splitlines()]
    assert lines[0][:3] == ["NAME", "TYPE", "SOURCE"]
    assert sorted(line[1] for line in lines[1:]) == ["t0", "t1", "t2"]
    assert all("Event Type auto-created by controller   True" in line for line in shown.splitlines()[1:])

    await deployed.settled()
    before = deployed.writes()
    await deployed.post("t0", "t1", "t2")
    await deployed.restart()
    await deployed.post("t0", "t1", "t2")
    await deployed.settled()
    assert deployed.writes() == before, deployed.told()

    deployed.delete("t1")
    await until_listed(deployed, {"t0", "t2"})
    await deployed.post("t1")
    await until_listed(deployed, {"t0", "t1", "t2"})
    await deployed.settled()
    assert deployed.ready() == {"t0", "t2"}  # it rests

    deployed.switch("disabled")
    await deployed.settled()
    await deployed.post("off")
    await deployed.settled()
    assert deployed.ready() == {"t0", "t2"}
    await until_listed(deployed, {"t0", "t1", "t2"})

    deployed.cluster.api.delete(deployed.brokers("/b"))
    await until(lambda: not deployed.types(), "EventTypes to go with their Broker")


async def until_listed(deployed: Deployed, types: set[str]) -> None:
    """Wait until these are what is known to flow."""
    async with asyncio.timeout(30.0):
        while {
            one["type"] for one in json.loads(await deployed.plane.command("get", "eventtypes", "-o", "json"))
        } != types:
            pass


async def test_ten_thousand_types_are_bounded(deployed: Deployed) -> None:
    await deployed.start()
    await deployed.post(*(f"n{number}" for number in range(10_000)))
    await until(lambda: len(deployed.ready()) == catalogue.MOST, "as many as are made", within=60.0)
    await deployed.settled()
    assert len(deployed.types()) == catalogue.MOST
    dispatcher = await deployed.scraped(deployed.plane, deployed.plane.health_port)
    left = dispatcher.value("tradewind_broker_types_left_out_total", broker_name="b")
    assert left == 10_001 - flowing.MOST
    listed = json.loads(await deployed.plane.command("get", "eventtypes", "-o", "json"))
    assert len(listed) == flowing.MOST
    controller = await deployed.scraped(deployed.controller, deployed.controller.port)
    left = controller.value("tradewind_controller_event_types_left_out", broker_name="b")
    assert left == flowing.MOST - catalogue.MOST
    assert controller.value("tradewind_controller_api_writes_total", resource="eventtypes") == catalogue.MOST
    assert deployed.told().count("Broker has as many EventTypes as are made") == 1
    assert deployed.told().count("types of events are left out") == 1

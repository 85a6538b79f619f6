"""Controller, ingress and dispatcher as processes, on a real API server and a real Kafka."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import pytest_asyncio

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import until
from tests.kube.data_plane import DataPlane, Subscriber, data_plane, subscriber

pytestmark = [pytest.mark.process, pytest.mark.kafka]

SERVING = Path(__file__).with_name("serving.yaml")
EVENTING, KNATIVE = "eventing.knative.dev/v1", "serving.knative.dev/v1"


class Live:
    """One that runs everything, and a user with kubectl."""

    def __init__(self, cluster: Cluster, plane: DataPlane, controller: DataPlane, served: Subscriber) -> None:
        self.cluster, self.plane, self.controller, self.served = cluster, plane, controller, served
        self.namespace = plane.namespace

    async def kubectl(self, *words: str, given: Sequence[Json] = ()) -> str:
        """What kubectl prints, which must succeed."""
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(given)}) if given else ""
        return await asyncio.to_thread(self.cluster.kubectl, "-n", self.namespace, *words, input=whole)

    async def apply(self, *objects: Json) -> None:
        await self.kubectl("apply", "-f", "-", given=objects)

    async def ready(self, *what: str) -> None:
        """As a user waits for it."""
        try:
            await self.kubectl("wait", "--for=condition=Ready", "--timeout=40s", *what)
        except Exception as failed:
            raise AssertionError(
                f"{await self.kubectl('get', *what, '-o', 'yaml')}\n{self.controller.said('controller')}"
            ) from failed

    def trigger(self, name: str = "t") -> Json:
        return self.cluster.api.get(f"/apis/{EVENTING}/namespaces/{self.namespace}/triggers/{name}")

    def condition(self, type: str = "Ready", name: str = "t") -> tuple[str, str]:
        """Status and reason of a condition, of the Trigger as it is now."""
        trigger = self.trigger(name)
        status = trigger.get("status", {})
        if status.get("observedGeneration") != trigger["metadata"]["generation"]:
            return "", ""
        found = (one for one in status["conditions"] if one["type"] == type)
        return next(((one["status"], one.get("reason", "")) for one in found), ("", ""))

    def address(self, path: str, name: str = "k") -> None:
        """Give the Service of Knative Serving this address."""
        where = f"/apis/{KNATIVE}/namespaces/{self.namespace}/services/{name}/status"
        self.cluster.api.patch(where, {"status": {"address": {"url": self.served.url(path)}}})

    async def sent(self, event_id: str, type: str = "t") -> None:
        """Send an event of Broker `b` until it is taken."""
        await self.plane.until_taken("b", event_id, type=type)


def named(kind: str, name: str, api_version: str = EVENTING, **more: object) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def broker(name: str = "b") -> Json:
    made = named("Broker", name, spec={})
    made["metadata"]["annotations"] = {"eventing.knative.dev/broker.class": "Tradewind"}
    return made


def trigger(name: str = "t", *, to: str = "k", **spec: object) -> Json:
    ref = {"apiVersion": KNATIVE, "kind": "Service", "name": to}
    return named("Trigger", name, spec={"broker": "b", "subscriber": {"ref": ref}, **spec})


def kservice(name: str = "k") -> Json:
    return named("Service", name, KNATIVE)


@pytest_asyncio.fixture
async def live(tmp_path: Path, cluster: Cluster, namespace: str, kafka: str) -> AsyncIterator[Live]:
    """All of it, started, and a kind that has addresses."""
    cluster.apply_crds(SERVING)
    controller = DataPlane(tmp_path, cluster.kubeconfig_for(f"c-{namespace}", ["system:masters"]), namespace, kafka)
    async with subscriber() as served, data_plane(tmp_path, cluster, namespace, kafka) as plane:
        try:
            await asyncio.gather(plane.start("ingress"), plane.start("dispatcher"), controller.start("controller"))
            await plane.until_ready("ingress", "dispatcher")
            yield Live(cluster, plane, controller, served)
        finally:
            await controller.end()


async def test_a_trigger_before_its_broker_and_its_subscriber(live: Live) -> None:
    await live.apply(trigger())
    await until(lambda: live.condition("BrokerReady") == ("False", "BrokerDoesNotExist"), "its Broker is missed")
    await live.apply(broker())
    await live.ready("broker/b")
    await until(lambda: live.condition("SubscriberResolved") == ("False", "NotFound"), "its subscriber is missed")
    await live.apply(kservice())
    await until(lambda: live.condition("SubscriberResolved") == ("False", "AddressNotSet"), "its address is missed")
    live.address("first")
    await live.ready("trigger/t")
    await live.sent("1")
    await until(lambda: live.served.ids("first") == ["1"], "the first event")
    shown = await live.kubectl("get", "trigger", "t", "--no-headers")
    assert shown.split()[:3] == ["t", "b", live.served.url("first")]
    live.address("second")
    await until(lambda: live.trigger()["status"]["subscriberUri"] == live.served.url("second"), "the new address")
    await live.ready("trigger/t")
    await live.sent("2")
    await until(lambda: live.served.ids("second") == ["2"], "the second event")
    assert live.served.ids("first") == ["1"]


async def test_a_trigger_that_is_applied_again_goes_on_where_it_was(live: Live) -> None:
    await live.apply(broker(), kservice(), trigger())
    live.address("s")
    await live.ready("broker/b", "trigger/t")
    await live.sent("1")
    await until(lambda: live.served.ids("s") == ["1"], "the first event")
    await live.kubectl("delete", "trigger", "t")
    await until(lambda: json.loads(said_of(live, "triggers in force"))["triggers"] == 0, "nothing in force")
    for number in ("2", "3", "4"):
        await live.sent(number)
    await live.apply(trigger())
    await live.ready("trigger/t")
    await until(lambda: sorted(live.served.ids("s")) == ["1", "2", "3", "4"], "what came meanwhile")


def said_of(live: Live, what: str) -> str:
    """The last line of the dispatcher's log that says this."""
    return [line for line in live.plane.said("dispatcher").splitlines() if what in line][-1]


async def test_a_filter_and_a_subscriber_changed_in_one_edit(live: Live) -> None:
    """Again and again, under a stream of events of both kinds."""
    await live.apply(broker(), kservice("a"), kservice("b"))
    for name in ("a", "b"):
        live.address(name, name)
    wanted = {name: trigger(to=name, filters=[{"exact": {"type": name}}]) for name in ("a", "b")}
    await live.apply(wanted["a"])
    await live.ready("trigger/t")

    async def stream() -> None:
        number = 0
        while True:
            for type in ("a", "b"):
                await live.sent(f"{type}{number}", type)
            number += 1

    sending = asyncio.ensure_future(stream())
    for turn in range(6):
        await live.apply(wanted["ba"[turn % 2]])
        await live.ready("trigger/t")
        await asyncio.sleep(0.2)
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sending
    assert live.served.ids("a") and live.served.ids("b")
    assert {(path, type) for path, _, type in live.served.got} == {("a", "a"), ("b", "b")}


async def test_what_a_frozen_dispatcher_lacks_is_not_ready(live: Live) -> None:
    await live.apply(broker(), kservice(), trigger())
    live.address("s")
    await live.ready("broker/b", "trigger/t")
    pid = live.plane.running["dispatcher"].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await live.kubectl(
            "patch", "trigger", "t", "--type=merge", "-p", '{"spec":{"filter":{"attributes":{"type":"b"}}}}'
        )
        await until(lambda: live.condition() == ("Unknown", "NotYetInForce"), "the dispatcher lacks it")
        await until(lambda: live.condition() == ("Unknown", "NoDispatcher"), "the dispatcher is gone", within=40)
    finally:
        os.kill(pid, signal.SIGCONT)
    await live.ready("trigger/t")


async def test_five_hundred_triggers(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    """By the CPU that it takes, since how busy the machine is decides nothing; the time is told."""
    await live.apply(broker(), kservice())
    live.address("s")
    await live.ready("broker/b")
    running = {"controller": live.controller.running, "dispatcher": live.plane.running}
    before = {role: cpu(held[role].pid) for role, held in running.items()}
    user = f"c-{live.namespace}"
    with ThreadPoolExecutor(8) as threads:  # kubectl would take its time: it asks 50 times a second at most
        path = f"/apis/{EVENTING}/namespaces/{live.namespace}/triggers"
        began = time.monotonic()
        made = [threads.submit(live.cluster.api.create, path, trigger(f"t{number}")) for number in range(500)]
        await asyncio.to_thread(wait, made)
    applied = time.monotonic() - began
    while await asyncio.to_thread(ready_triggers, live) < 500:
        assert time.monotonic() - began < 100, live.controller.said("controller")
        await asyncio.sleep(0.25)
    took = time.monotonic() - began
    used = {role: round(cpu(held[role].pid) - before[role], 1) for role, held in running.items()}
    writes = len(live.cluster.audit.writes(user=user, resource="triggers/status"))
    with capsys.disabled():
        told = f"{writes} writes, seconds of CPU {used}"
        print(f"\n500 Triggers applied after {applied:.1f} s, ready after {took:.1f} s: {told}")
    assert used["controller"] < 10
    assert writes <= 2 * 500 + 100
    await asyncio.sleep(5)
    assert len(live.cluster.audit.writes(user=user, resource="triggers/status")) == writes


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ready_triggers(live: Live) -> int:
    items = live.cluster.api.get(f"/apis/{EVENTING}/namespaces/{live.namespace}/triggers")["items"]
    conditions = [each.get("status", {}).get("conditions", []) for each in items]
    return sum(any((one["type"], one["status"]) == ("Ready", "True") for one in held) for held in conditions)

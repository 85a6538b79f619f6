"""A whole installation by deploy/ on a real API server and a real Kafka: made, used, and taken away in its order.

Its processes run as what the manifests give their Pods: service accounts, variables, commands.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.kube.cluster import Cluster, KubectlFailed
from tests.kube.data_plane import Subscriber, subscriber
from tests.kube.installation import DEPLOY, Installation, installed
from tests.kube.kn import CLASS, Kn
from tradewind.adapters.kafka_log import KafkaLog

PODS = (
    "tradewind-controller",
    "tradewind-webhook",
    "tradewind-ingress",
    "tradewind-dispatcher-0",
    "tradewind-sources",
)
TOPIC = "knative-broker-shop-default"
BROKER = "{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: default, namespace: shop}}"
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {{name: {name}, namespace: shop}}
spec: {{broker: default, filter: {{attributes: {{type: order}}}}, subscriber: {{uri: "{url}"}}}}
"""
WRONG = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: wrong, namespace: shop}
spec: {broker: default, filters: [{exact: {Type: order}}, {cesql: "type ="}], subscriber: {uri: relative}}
"""
SINK = "{ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}"
SOURCES = f"""
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {{name: tick, namespace: shop}}
spec: {{schedule: "* * * * * *", sink: {SINK}}}
---
apiVersion: sources.tradewind.dev/v1alpha1
kind: WebhookSource
metadata: {{name: orders, namespace: shop}}
spec: {{insecure: true, ce: {{type: "'order'", id: body.id}}, sink: {SINK}}}
"""
WRONG_PING = """
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: wrong, namespace: shop}
spec: {schedule: "61 * * * *", timezone: Mars/Base, sink: {uri: relative}}
"""
TICKS = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {{name: ticks, namespace: shop}}
spec: {{broker: default, filter: {{attributes: {{type: dev.knative.sources.ping}}}}, subscriber: {{uri: "{url}"}}}}
"""
EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/tests", "ce-type": "order"}


@pytest_asyncio.fixture
async def installation(bare_cluster: Cluster, kafka: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """All that deploy/ installs, its processes ready."""
    bare_cluster.plane.start_controller_manager()  # aggregates roles, deletes namespaces
    with installed(bare_cluster, kafka, tmp_path) as made:
        made.start("deployment", "controller")
        made.start("deployment", "webhook")
        made.start("deployment", "ingress")
        made.start("statefulset", "dispatcher", "tradewind-dispatcher-0")
        made.start("deployment", "sources")
        await asyncio.to_thread(made.until_ready, *PODS)
        await asyncio.to_thread(made.publish_webhook)
        yield made


def kn_works(installation: Installation) -> None:
    """What `kn` creates, reads, changes and deletes, and the columns and conditions that it shows."""
    kubectl, kn = installation.cluster.kubectl, Kn(installation.cluster.api, "shop")
    assert kn.broker_create("mine")["metadata"]["annotations"][CLASS] == "Tradewind", "as the webhook has it"
    kn.broker_create("theirs", "Kafka")
    kn.trigger_create("one", "mine", "http://127.0.0.1:9/", type="a")
    kn.eventtype_create("a", "a", "/a", "mine")
    for name in ("broker/mine", "trigger/one", "eventtype/a"):
        kubectl("wait", "-n", "shop", "--for=condition=Ready", name, "--timeout=60s")
    kn.broker_update_retry("mine", 3)
    assert kn.trigger_update("one", source="/a")["spec"]["filter"]["attributes"] == {"type": "a", "source": "/a"}
    kubectl("wait", "-n", "shop", "--for=jsonpath={.status.observedGeneration}=2", "trigger/one", "--timeout=60s")
    assert kn.watched("brokers", "mine") == {"mine"}
    listed = {one["metadata"]["name"]: one for one in kn.list("brokers")}
    assert listed["mine"]["status"]["address"]["url"].endswith("/shop/mine")
    assert "status" not in listed["theirs"], "another class is another's"
    kn.broker_delete("theirs")
    kn.broker_delete("mine")
    kubectl("wait", "-n", "shop", "--for=delete", "broker/mine", "--timeout=60s")


async def sources_work(installation: Installation, display: Subscriber) -> None:
    """A PingSource and a WebhookSource: refused with every fault, applied, Ready, shown, and their events delivered."""

    async def kubectl(*words: str, input: str = "") -> str:
        return await asyncio.to_thread(lambda: installation.cluster.kubectl(*words, input=input))

    with pytest.raises(KubectlFailed) as refused:
        await kubectl("apply", "-f", "-", input=WRONG_PING)
    for path in ("spec.schedule", "spec.timezone", "spec.sink"):
        assert path in str(refused.value), "every fault at once"
    await kubectl("apply", "-f", "-", input=SOURCES)
    await kubectl("apply", "-f", "-", input=TICKS.format(url=display.url("ticks")))
    for name in ("pingsource/tick", "webhooksource/orders", "trigger/ticks"):
        await kubectl("wait", "-n", "shop", "--for=condition=Ready", name, "--timeout=90s")
    shown = (await kubectl("get", "webhooksources", "-n", "shop", "--no-headers")).split()
    assert shown[1] == "http://tradewind-sources.tradewind-system.svc.cluster.local/webhooks/shop/orders"
    url = f"http://127.0.0.1:{installation.pods['tradewind-sources'].port}/webhooks/shop/orders"
    async with aiohttp.ClientSession() as client, client.post(url, json={"id": "hooked"}) as answer:
        assert answer.status == 202, await answer.text()
    for _ in range(3000):
        if display.ids("ticks") and "hooked" in display.ids("display"):
            break
        await asyncio.sleep(0.02)
    assert display.ids("display") == ["1", "hooked"]
    assert display.ids("ticks")


@pytest.mark.timeout(300)
async def test_a_stranger_installs_uses_and_takes_it_away(installation: Installation, kafka: str) -> None:
    async def kubectl(*words: str, input: str = "") -> str:
        return await asyncio.to_thread(lambda: installation.cluster.kubectl(*words, input=input))

    await kubectl("create", "namespace", "shop")
    await kubectl("apply", "-f", "-", input=BROKER)
    await kubectl("wait", "-n", "shop", "--for=condition=Ready", "broker/default", "--timeout=60s")
    with pytest.raises(KubectlFailed) as refused:
        await kubectl("apply", "-f", "-", input=WRONG)
    for path in ("spec.filters[0].exact.Type", "spec.filters[1].cesql", "spec.subscriber: "):
        assert path in str(refused.value), "every fault at once"
    async with subscriber() as display:
        await kubectl("apply", "-f", "-", input=TRIGGER.format(name="display", url=display.url("display")))
        await kubectl("wait", "-n", "shop", "--for=condition=Ready", "trigger/display", "--timeout=60s")
        broker = (await kubectl("get", "broker", "default", "-n", "shop", "--no-headers")).split()
        assert broker[1].endswith(".tradewind-system.svc.cluster.local/shop/default"), broker
        assert broker[3:] == ["True", "Tradewind"], broker
        trigger = (await kubectl("get", "trigger", "display", "-n", "shop", "--no-headers")).split()
        assert trigger[1:3] == ["default", display.url("display")], trigger
        ingress = installation.pods["tradewind-ingress"].port
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"http://127.0.0.1:{ingress}/shop/default", headers=EVENT, data=b"{}") as answer,
        ):
            assert answer.status == 202, await answer.text()
        for _ in range(1000):
            if display.got:
                break
            await asyncio.sleep(0.02)
        assert display.got == [("display", "1", "order")]
        await sources_work(installation, display)
    await asyncio.to_thread(kn_works, installation)
    # Taking it away, in the order of deploy/README.md.
    await kubectl("delete", "pingsources,webhooksources", "--all", "-A", "--timeout=60s")
    await kubectl("delete", "brokers,triggers", "--all", "-A", "--timeout=60s")
    log = KafkaLog(kafka, client_id="test", patience=5.0)
    try:
        left = await log.topics([TOPIC, f"{TOPIC}.dead-letters"])
    finally:
        await log.close()
    assert set(left) == {f"{TOPIC}.dead-letters"}, "the Broker's topic goes with it, dead letters stay"
    codes = {pod: await asyncio.to_thread(installation.pods[pod].stop) for pod in PODS}
    assert codes == dict.fromkeys(PODS, 0), {pod: installation.pods[pod].text()[-2000:] for pod in PODS}
    await kubectl("delete", "-f", str(DEPLOY / "tradewind.yaml"), "--timeout=60s")
    await kubectl("delete", "-f", str(DEPLOY / "tradewind-crds.yaml"), "--timeout=60s")
    assert "knative.dev" not in await kubectl("get", "crds", "-o", "name")
    # Installed again: what stayed in Kafka is still its own.
    await asyncio.to_thread(installation.apply)
    installation.start("deployment", "controller")
    installation.start("deployment", "webhook")
    await asyncio.to_thread(installation.until_ready, "tradewind-controller", "tradewind-webhook")
    await asyncio.to_thread(installation.publish_webhook)
    await kubectl("apply", "-f", "-", input=BROKER)
    await kubectl("wait", "-n", "shop", "--for=condition=Ready", "broker/default", "--timeout=60s")

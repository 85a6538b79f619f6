"""What the webhook knows when it answers: Brokers and Triggers of a real API server, or that it cannot know them."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest

from tests import reviewing
from tests.kube.cluster import Cluster
from tests.kube.connected import connected, until
from tradewind.adapters.kube.server import KubeApiServer
from tradewind.control.webhook.admission import UNREAD, Known, Rules, validate
from tradewind.control.webhook.answering import FAILED, SYNCED, Webhook
from tradewind.control.webhook.binding import bind
from tradewind.control.webhook.reviews import Request, Verdict
from tradewind.errors import Rejected
from tradewind.observe.health import Health
from tradewind.resources import stamps
from tradewind.resources.model import Destination, KReference, NamespacedName

pytestmark = pytest.mark.process

RULES = Rules(classes={"Mine"})


@pytest.fixture
async def server(cluster: Cluster) -> AsyncIterator[KubeApiServer]:
    async with connected(cluster.kubeconfig) as running:
        yield running


def review(namespace: str) -> bytes:
    """Of a Trigger that is wrong, of the Broker `default`."""
    trigger = reviewing.trigger(namespace=namespace, filters=[{}])
    return json.dumps(reviewing.review(reviewing.request(trigger))).encode()


def create(cluster: Cluster, namespace: str, broker_class: str = "Mine") -> None:
    path = f"/apis/eventing.knative.dev/v1/namespaces/{namespace}/brokers"
    cluster.api.create(path, reviewing.broker(namespace=namespace, served=broker_class))


async def said(webhook: Webhook, namespace: str) -> tuple[bool, list[str]]:
    """Whether the Trigger is allowed, and the warnings."""
    response = json.loads(await webhook.review(review(namespace), validate))["response"]
    return response["allowed"], response.get("warnings", [])


async def test_it_is_ready_when_all_is_read_and_judges_by_that(
    cluster: Cluster, server: KubeApiServer, namespace: str
) -> None:
    create(cluster, namespace)
    health = Health(SYNCED)
    webhook = Webhook(server, RULES, health)
    running = asyncio.ensure_future(webhook.run())
    await until(lambda: health.ready, "all to be read")
    cluster.audit.mark()
    assert await said(webhook, namespace) == (False, [])
    assert [one for one in cluster.audit.requests(resource="brokers") if one.verb == "get"] == []
    running.cancel()
    await asyncio.wait([running])


async def test_a_broker_that_the_reflector_lacks_is_asked_for(
    cluster: Cluster, server: KubeApiServer, namespace: str
) -> None:
    webhook = Webhook(server, RULES, Health())
    assert await said(webhook, namespace) == (True, [UNREAD])
    create(cluster, namespace)
    assert await said(webhook, namespace) == (False, [UNREAD])
    other = cluster.create_namespace()
    create(cluster, other, "Theirs")
    assert await said(webhook, other) == (True, [])
    cluster.empty(other)


async def test_an_api_server_that_does_not_answer_lets_a_trigger_pass_with_a_warning(cluster: Cluster) -> None:
    with cluster.proxy() as proxy:
        async with connected(cluster.kubeconfig_for("somebody", server=proxy.url)) as server:
            proxy.freeze()
            assert await said(Webhook(server, RULES, Health()), "default") == (True, [UNREAD])


async def test_one_that_may_not_ask_lets_it_pass_too(cluster: Cluster) -> None:
    async with connected(cluster.kubeconfig_for("nobody")) as server:
        assert await said(Webhook(server, RULES, Health()), "default") == (True, [UNREAD])


async def test_a_fault_of_its_own_stops_nobody(server: KubeApiServer, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_request: Request, _known: Known, _rules: Rules) -> Verdict:
        raise ZeroDivisionError

    webhook = Webhook(server, RULES, Health())
    response = json.loads(await webhook.review(review("default"), broken))["response"]
    assert response == {"uid": "u", "allowed": True, "warnings": [FAILED]}
    assert webhook.outcomes == {("Trigger", "failed"): 1}
    assert "ZeroDivisionError" in caplog.text


async def test_what_is_counted_is_bounded_whatever_is_posted(server: KubeApiServer) -> None:
    webhook = Webhook(server, RULES, Health())
    for kind in ("A", "B", "C"):
        await webhook.review(
            json.dumps(reviewing.review(reviewing.request(None, reviewing.broker(), kind=kind))).encode(), validate
        )
    with pytest.raises(Rejected):
        await webhook.review(b"", validate)
    assert webhook.outcomes == {("other", "allowed"): 3}


def job(namespace: str) -> bytes:
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}
    made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "w", "namespace": namespace}, "spec": spec}
    return json.dumps(reviewing.review(reviewing.request(made))).encode()


@pytest.mark.parametrize("spoken", [True, False])
async def test_a_job_waits_a_moment_for_a_sink_binding_that_nobody_has_spoken_of(
    cluster: Cluster, server: KubeApiServer, namespace: str, spoken: bool
) -> None:
    webhook = Webhook(server, RULES, Health(SYNCED))
    running = asyncio.ensure_future(webhook.run())
    path = f"/apis/sources.knative.dev/v1/namespaces/{namespace}/sinkbindings"
    ref = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    subject = {"apiVersion": "batch/v1", "kind": "Job", "name": "w"}
    whole = {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "SinkBinding",
        "metadata": {"name": "s"},
        "spec": {"subject": subject, "sink": {"ref": ref}},
    }
    made = cluster.api.create(path, whole)
    await until(lambda: webhook._bindings.objects.get(NamespacedName(namespace, "s")), "the SinkBinding")
    asked = asyncio.ensure_future(webhook.review(job(namespace), bind))
    if spoken:
        digest = stamps.digest(Destination(KReference("v1", "Service", "s", namespace)))
        stamp = stamps.encode(stamps.Stamp(made["metadata"]["uid"], 1, {digest: "http://s"}))
        annotations = {stamps.INSTALLATION: "here", stamps.RESOLVED: stamp}
        cluster.api.patch(f"{path}/s/status", {"status": {"annotations": annotations}})
    response = json.loads(await asked)["response"]
    assert response["allowed"]
    assert ("http://s" in base64.b64decode(response.get("patch", "")).decode()) is spoken
    running.cancel()
    await asyncio.wait([running])

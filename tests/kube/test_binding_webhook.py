"""`tradewind webhook` and a real API server: workloads are told of a sink as they are made."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.kube.api import Json
from tests.kube.cluster import Cluster, KubectlFailed
from tests.kube.conftest import CRDS, programs
from tests.kube.connected import until
from tests.kube.webhook_running import Running, running
from tests.kube.workload_side import SINK, WorkloadSide, workload

pytestmark = pytest.mark.process

BROKER = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}}


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """On a control plane of its own: what it changes would be in the way of other tests."""
    folder = tmp_path_factory.mktemp("webhook")
    with Cluster.running(programs(), folder) as cluster:
        cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
        with running(cluster, folder) as one:
            yield one


@pytest.fixture
def side(webhook: Running) -> WorkloadSide:
    return WorkloadSide(webhook.cluster, webhook.cluster.create_namespace())


def made(side: WorkloadSide, kind: str, **metadata: object) -> Json:
    """As the API server would make it now."""
    version = "batch/v1" if kind == "Job" else "apps/v1"
    whole = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"namespace": side.namespace, **({} if "generateName" in metadata else {"name": "w"}), **metadata},
        "spec": workload(kind, "w"),
    }
    answer = side.cluster.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps(whole))
    found: Json = json.loads(answer)
    return found


def bound(side: WorkloadSide, kind: str, **metadata: object) -> str:
    """K_SINK that it would be made with."""
    (container,) = made(side, kind, **metadata)["spec"]["template"]["spec"]["containers"]
    return next((str(one["value"]) for one in container.get("env", []) if one["name"] == "K_SINK"), "")


async def until_bound(side: WorkloadSide, kind: str, url: str = SINK, **metadata: object) -> None:
    await until(lambda: bound(side, kind, **metadata) == url, f"a {kind} that is made with {url}")


async def test_a_job_is_bound_as_it_is_made(side: WorkloadSide) -> None:
    side.create("Broker", "b", {}, annotations={"eventing.knative.dev/broker.class": "Tradewind"})
    side.address("b", "http://ingress/b")
    async with side.controller():
        side.bind("s", {"selector": {"matchLabels": {"a": "1"}}}, kind="Job", sink=BROKER)
        await side.said("s", "True")
        await until_bound(side, "Job", "http://ingress/b", generateName="w-", labels={"a": "1"})
        side.run("Job", "w", labels={"a": "1"})
        assert side.sink("Job", "w") == "http://ingress/b"
        side.address("b", "http://moved/b")
        await until_bound(side, "Job", "http://moved/b", generateName="w-", labels={"a": "1"})
        side.change("Job", "w", {"metadata": {"labels": {"more": "1"}}})  # what runs is not touched, and can be changed
        assert side.sink("Job", "w") == "http://ingress/b"
        await side.said("s", "True")
        assert bound(side, "Job", generateName="w-", labels={"a": "2"}) == ""
        excluded = {"a": "1", "bindings.knative.dev/exclude": "true"}
        assert bound(side, "Job", generateName="w-", labels=excluded) == ""


async def test_a_deployment_has_the_sink_from_the_first_pod_on_and_gives_it_back(side: WorkloadSide) -> None:
    side.bind("s", {"name": "w"})
    await until_bound(side, "Deployment")
    side.run("Deployment", "w")
    assert side.sink("Deployment", "w") == SINK
    assert side.get("Deployment", "w")["metadata"]["generation"] == 1
    async with side.controller():
        await side.said("s", "True")
        assert side.get("Deployment", "w")["metadata"]["generation"] == 1
        side.delete("SinkBinding", "s")
        await until(lambda: side.find("SinkBinding", "s") is None, "its end")
        assert side.env("Deployment", "w") == {}


async def test_a_namespace_that_is_excluded_is_not_asked_about(side: WorkloadSide) -> None:
    side.bind("s", {"name": "w"}, kind="Job")
    await until_bound(side, "Job")
    excluded = {"metadata": {"labels": {"bindings.knative.dev/exclude": "true"}}}
    side.cluster.api.patch(f"/api/v1/namespaces/{side.namespace}", excluded)
    await until_bound(side, "Job", "")


async def test_faults_are_lines_of_kubectls(side: WorkloadSide) -> None:
    wrong = {"subject": {"apiVersion": "apps/v1", "kind": "Deployment"}, "sink": {"uri": "relative"}}
    metadata = {"name": "s", "namespace": side.namespace}
    whole = {"apiVersion": "sources.knative.dev/v1", "kind": "SinkBinding", "metadata": metadata, "spec": wrong}
    with pytest.raises(KubectlFailed) as caught:
        side.cluster.kubectl("create", "-f", "-", input=json.dumps(whole))
    told = str(caught.value)
    assert "exactly one of name, selector" in told and "spec.sink" in told


async def test_a_webhook_that_is_down_stops_nobody_and_the_controller_puts_it_right(
    webhook: Running, side: WorkloadSide
) -> None:
    side.bind("s", {"name": "w"})
    await until_bound(side, "Deployment")
    await asyncio.to_thread(webhook.process.kill)
    try:
        side.run("Deployment", "w")
        assert side.sink("Deployment", "w") is None
        async with side.controller():
            await side.until_sink("Deployment", "w", SINK)
            await side.said("s", "True")
    finally:
        await asyncio.to_thread(webhook.start)

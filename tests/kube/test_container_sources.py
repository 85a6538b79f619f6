"""ContainerSources on a real API server: a Deployment that is told of the sink, and kept as it is declared."""

from typing import Any

import pytest

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import until
from tests.kube.workload_side import SINK, WorkloadSide

pytestmark = pytest.mark.process

AT = "c-deployment"
READY = "ReceiveAdapterReady"
BROKER = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}}


@pytest.fixture
def side(cluster: Cluster, namespace: str) -> WorkloadSide:
    return WorkloadSide(cluster, namespace)


def template(image: str = "i", **spec: Any) -> Json:
    return {"metadata": {"labels": {"mine": "1"}}, "spec": {"containers": [{"image": image, "name": "c"}], **spec}}


def declare(side: WorkloadSide, *, sink: Json | None = None, **spec: Any) -> Json:
    return side.create("ContainerSource", "c", {"template": template(), "sink": sink or {"uri": SINK}, **spec})


def images(side: WorkloadSide) -> list[str]:
    found = side.find("Deployment", AT)
    return [] if found is None else [one["image"] for one in found["spec"]["template"]["spec"]["containers"]]


def report(side: WorkloadSide, **conditions: str) -> None:
    """What Kubernetes' own controller says of the Deployment."""
    generation = side.get("Deployment", AT)["metadata"]["generation"]
    told = [{"type": type, "status": status, "reason": "R", "message": "m"} for type, status in conditions.items()]
    side.change("Deployment", AT, {"status": {"observedGeneration": generation, "conditions": told}}, status=True)


async def said(side: WorkloadSide, status: str, reason: str = "", type: str = READY) -> str:
    return await side.said("c", status, reason, type=type, kind="ContainerSource")


async def test_it_is_deployed_and_ready_once_its_deployment_is(side: WorkloadSide) -> None:
    made = declare(side, ceOverrides={"extensions": {"team": "a"}})
    async with side.controller():
        await said(side, "Unknown", "DeploymentUnavailable")
        told = {"K_SINK": SINK, "K_CE_OVERRIDES": '{"extensions":{"team":"a"}}'}
        assert side.env("Deployment", AT) == told
        held = side.get("Deployment", AT)
        (owner,) = held["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("ContainerSource", made["metadata"]["uid"], True)
        assert held["spec"]["template"]["metadata"]["labels"]["mine"] == "1"
        assert held["spec"]["selector"]["matchLabels"]["sources.knative.dev/containerSource"] == "c"
        report(side, Available="True", Progressing="True")
        await said(side, "True", type="Ready")
        assert side.get("ContainerSource", "c")["status"]["sinkUri"] == SINK
        report(side, Available="True", Progressing="False")
        await said(side, "False", "R", type="Ready")
        await side.settled()
        before = side.counts.api_writes["deployments", "update"]
        side.change("Deployment", AT, {"metadata": {"labels": {"more": "1"}}, "spec": {"replicas": 3}})
        report(side, Available="True", Progressing="False")
        await side.settled()  # in between it may have said, with truth, that nobody has taken note of the change yet
        assert side.counts.api_writes["deployments", "update"] == before
        written = side.counts.api_writes.total()
    async with side.controller():
        await side.settled()
    assert side.counts.api_writes.total() == written


async def test_it_is_kept_as_it_is_declared(side: WorkloadSide) -> None:
    declare(side)
    async with side.controller():
        await said(side, "Unknown", "DeploymentUnavailable")
        side.change("Deployment", AT, {"spec": {"replicas": 3, "template": template("other")}})
        await until(lambda: images(side) == ["i"], "the image put back")
        assert side.sink("Deployment", AT) == SINK
        assert side.get("Deployment", AT)["spec"]["replicas"] == 3
        more = {"spec": {"containers": [{"image": "i", "name": "c"}, {"image": "more", "name": "more"}]}}
        side.change("Deployment", AT, {"spec": {"template": more}})
        await until(lambda: images(side) == ["i"], "no more containers")
        restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
        side.change("Deployment", AT, {"spec": {"template": restarted}})
        side.change("ContainerSource", "c", {"spec": {"template": template("new")}})
        await until(lambda: images(side) == ["new"], "the new image")
        annotations = side.get("Deployment", AT)["spec"]["template"]["metadata"]["annotations"]
        assert annotations == {"kubectl.kubernetes.io/restartedAt": "now"}
        side.delete("Deployment", AT)
        await until(lambda: images(side) == ["new"], "the Deployment again")
        await side.settled()


async def test_a_sink_that_comes_later_and_moves(side: WorkloadSide) -> None:
    declare(side, sink=BROKER)
    async with side.controller():
        await said(side, "False", "NotFound", type="SinkProvided")
        await said(side, "Unknown", "SinkNotProvided")
        side.create("Broker", "b", {})
        side.address("b", "http://ingress/b")
        await until(lambda: images(side) == ["i"], "a Deployment")
        assert side.sink("Deployment", AT) == "http://ingress/b"
        side.address("b", "http://moved/b")
        await side.until_sink("Deployment", AT, "http://moved/b")
        side.delete("Broker", "b")
        await said(side, "False", "NotFound", type="Ready")
        await side.settled()
        assert side.sink("Deployment", AT) == "http://moved/b"


async def test_a_sink_binding_leaves_its_deployment_alone(side: WorkloadSide) -> None:
    declare(side)
    async with side.controller():
        side.bind("all", {"selector": {}}, sink={"uri": "http://another"})
        side.bind("named", {"name": AT}, sink={"uri": "http://another"})
        await until(lambda: images(side) == ["i"], "a Deployment")
        await side.said("all", "True", "BoundByName", type="SinkBindingAvailable")
        assert "ContainerSource c" in await side.said("named", "False", "SubjectBoundByAnother")
        await side.settled()
        assert side.sink("Deployment", AT) == SINK


async def test_a_deployment_of_others_is_not_taken(side: WorkloadSide) -> None:
    side.run("Deployment", AT)
    before = side.get("Deployment", AT)
    async with side.controller():
        declare(side)
        assert "delete that Deployment" in await said(side, "False", "DeploymentNotOwned")
        await side.settled()
        assert side.get("Deployment", AT) == before
        side.delete("Deployment", AT)
        await said(side, "Unknown", "DeploymentUnavailable")


async def test_what_the_api_server_refuses_is_told(side: WorkloadSide) -> None:
    async with side.controller():
        declare(side, template=template(restartPolicy="Never"))
        assert "restartPolicy" in await said(side, "False", "DeploymentFailed")
        side.change("ContainerSource", "c", {"spec": {"template": {"spec": {"containers": [{}]}}}})
        assert "image" in await said(side, "False", "InvalidContainerSource")


@pytest.mark.usefixtures("controller_manager")
async def test_it_goes_with_its_source(side: WorkloadSide) -> None:
    async with side.controller():
        declare(side)
        await until(lambda: images(side) == ["i"], "a Deployment")
        side.delete("ContainerSource", "c")
        await until(lambda: side.find("Deployment", AT) is None, "its end")


async def test_it_needs_no_sink_bindings(cluster: Cluster, namespace: str) -> None:
    side = WorkloadSide(cluster, namespace, bindings=False)
    async with side.controller():
        declare(side)
        side.bind("s", {"name": AT})
        await said(side, "Unknown", "DeploymentUnavailable")
        side.delete("Deployment", AT)
        await until(lambda: images(side) == ["i"], "the Deployment again")
        assert "status" not in side.get("SinkBinding", "s")


async def test_a_refusal_that_repeats_the_whole_template_is_told_all_the_same(side: WorkloadSide) -> None:
    async with side.controller():
        declare(side, template={**template(), "metadata": {"labels": {"long": "x" * 900_000}}})
        message = await said(side, "False", "DeploymentFailed")
        assert "characters more" in message
        assert "63 bytes" in message, "what was expected"


async def test_one_made_again_at_once_waits_for_the_end_of_what_the_first_has_made(side: WorkloadSide) -> None:
    """A garbage collector may run here or not; the finalizer keeps it from being through."""
    declare(side)
    async with side.controller():
        await said(side, "Unknown", "DeploymentUnavailable")
        side.change("Deployment", AT, {"metadata": {"finalizers": ["example.com/held"]}})
        side.delete("ContainerSource", "c")
        declare(side, template=template("two"))
        assert "that was deleted" in await said(side, "Unknown", "DeploymentNotOwned")
        await side.settled()
        assert images(side) == ["i"]
        side.delete("Deployment", AT)
        side.change("Deployment", AT, {"metadata": {"finalizers": None}})
        await until(lambda: images(side) == ["two"], "it made anew")

"""What deploy/ lets the controller do to workloads, on a real API server: enough, and what is said where it is not."""

from pathlib import Path

import pytest

from tests.kube import deployed
from tests.kube.cluster import Cluster
from tests.kube.connected import until
from tests.kube.workload_side import WorkloadSide

pytestmark = pytest.mark.process

SERVING = Path(__file__).with_name("serving.yaml")
BROKER = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}}


@pytest.fixture
def side(cluster: Cluster, namespace: str) -> WorkloadSide:
    return WorkloadSide(cluster, namespace)


async def test_the_rights_of_the_manifest_do_and_without_them_it_says_which_lack(side: WorkloadSide) -> None:
    cluster, user = side.cluster, side.user
    side.cluster.apply_crds(SERVING)
    kubeconfig = cluster.kubeconfig_for(user)
    for role in ("tradewind-controller", "tradewind-addressables"):
        rules = deployed.rules("ClusterRole", role)
        deployed.bind(cluster, f"{user}-{role}", rules, {"kind": "User", "name": user})
    for kind in ("Deployment", "CronJob", "Service", "Job"):
        side.run(kind, "w")
    side.create("Broker", "b", {})
    side.address("b", "http://ingress/b")
    template = {"spec": {"containers": [{"image": "i"}]}}
    async with side.controller(kubeconfig):
        for kind in ("Deployment", "CronJob", "Service", "Job"):
            side.bind(kind.lower(), {"name": "w"}, kind=kind, sink=BROKER)
        side.create("ContainerSource", "c", {"template": template, "sink": BROKER})
        for kind, resource in (("Deployment", "deployments.v1.apps"), ("Job", "jobs.v1.batch")):
            message = await side.said(kind.lower(), "False", "SubjectUnavailable")
            assert f"may not read {resource}" in message and "duck.knative.dev/podspecable" in message
        message = await side.said("c", "False", "Forbidden", kind="ContainerSource")
        assert "may not read deployments.v1.apps" in message
        rules = deployed.rules("ClusterRole", "tradewind-podspecables")
        deployed.bind(cluster, f"{user}-workloads", rules, {"kind": "User", "name": user})
        for kind in ("Deployment", "CronJob", "Service"):
            await side.said(kind.lower(), "True")
            assert side.sink(kind, "w") == "http://ingress/b"
        await side.said("job", "False", "BindingFailed")
        await until(lambda: side.find("Deployment", "c-deployment") is not None, "the ContainerSource's Deployment")
        side.change("ContainerSource", "c", {"spec": {"ceOverrides": {"extensions": {"a": "1"}}}})
        await until(lambda: side.env("Deployment", "c-deployment")["K_CE_OVERRIDES"] != "", "its extensions")
        for kind in ("Deployment", "CronJob", "Service"):
            side.delete("SinkBinding", kind.lower())
        for kind in ("Deployment", "CronJob", "Service"):
            await until(lambda kind=kind: side.find("SinkBinding", kind.lower()) is None, "its end")  # type: ignore
            assert side.env(kind, "w") == {}

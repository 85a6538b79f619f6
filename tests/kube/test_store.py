"""Brokers and Triggers of a real API server as the data plane is told of them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from tests.kube.cluster import CRDS as CRDS_PATH
from tests.kube.cluster import Cluster, KubectlFailed
from tests.kube.conftest import CRDS
from tests.kube.connected import connected, started, until
from tests.kube.data_plane import Controller, grant
from tradewind.adapters.kube.store import KubeStore
from tradewind.ports import Snapshot
from tradewind.resources.model import Broker, Trigger

pytestmark = pytest.mark.process

WITHIN = 30.0
DEFINITION = f"{CRDS_PATH}/triggers.eventing.knative.dev"


class Following:
    """A store, and what it has told so far."""

    def __init__(self, namespace: str) -> None:
        self.told: list[Snapshot] = []
        self._namespace = namespace

    @property
    def brokers(self) -> dict[str, str]:
        """Brokers of the test in force, and why each waits."""
        found = [one for one in self.told[-1].resources if isinstance(one, Broker)] if self.told else []
        return {one.metadata.name.name: one.waits for one in found if one.metadata.name.namespace == self._namespace}

    @property
    def triggers(self) -> dict[str, str | None]:
        """Triggers of the test in force, and the address of each."""
        found = [one for one in self.told[-1].resources if isinstance(one, Trigger)] if self.told else []
        mine = [one for one in found if one.metadata.name.namespace == self._namespace]
        return {one.metadata.name.name: one.subscriber.uri for one in mine}


@asynccontextmanager
async def following(cluster: Cluster, controller: Controller) -> AsyncIterator[Following]:
    """One that follows what is told, as one who may do no more than the data plane must."""
    told = Following(controller.namespace)

    async def follow() -> None:
        async with connected(grant(cluster, controller.namespace)) as api:
            store = KubeStore(api, classes=["Tradewind"], installation=controller.installation, again=0.2)
            async with aclosing(store.watch()) as snapshots:
                async for snapshot in snapshots:
                    told.told.append(snapshot)

    task = asyncio.ensure_future(follow())
    try:
        yield told
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
def controller(cluster: Cluster, namespace: str) -> Controller:
    return Controller(cluster, namespace)


async def test_it_tells_what_is_in_force_and_each_change_of_it(cluster: Cluster, controller: Controller) -> None:
    controller.declare_broker("b")
    controller.declare_trigger("a", "b", "display")
    async with following(cluster, controller) as told:
        await until(lambda: set(told.brokers) == {"b"}, "a first Snapshot")
        assert "no controller has made the topic" in told.brokers["b"]
        controller.mark("b")
        await until(lambda: told.brokers == {"b": ""}, "the Broker to be taken")
        assert told.triggers == {"a": None}
        controller.stamp("a", "http://display")
        await until(lambda: told.triggers == {"a": "http://display"}, "the address")
        count = len(told.told)
        ready = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-01T00:00:00Z"}]
        cluster.api.patch(f"{controller.path('triggers', 'a')}/status", {"status": {"conditions": ready}})
        controller.mark("b", installation="another")
        await until(lambda: "belongs to the installation another" in told.brokers["b"], "it to be another's")
        assert len(told.told) == count + 1
        cluster.api.delete(controller.path("triggers", "a"))
        await until(lambda: told.triggers == {}, "the Trigger to be gone")
        assert all(snapshot.faults == () for snapshot in told.told)


async def test_no_broker_is_a_state_like_any_other(bare_cluster: Cluster) -> None:
    bare_cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
    async with following(bare_cluster, Controller(bare_cluster, "default")) as told:
        await until(lambda: told.told, "a first Snapshot")
        assert told.told == [Snapshot(())]


async def test_an_outage_changes_nothing_and_what_it_hid_comes_at_once(
    cluster: Cluster, controller: Controller
) -> None:
    controller.declare_broker("b")
    controller.mark("b")
    async with following(cluster, controller) as told:
        await until(lambda: told.brokers == {"b": ""}, "a first Snapshot")
        count = len(told.told)
        cluster.plane.api_server.kill()
        await started(cluster)
        controller.declare_trigger("a", "b", "display")
        await until(lambda: told.triggers == {"a": None}, "what came since")
        assert len(told.told) == count + 1


async def test_what_goes_with_its_definition_is_not_gone(
    bare_cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Triggers are deleted with their definition."""
    paths = sorted(CRDS.glob("*.yaml"))
    bare_cluster.apply_crds(*paths)
    controller = Controller(bare_cluster, bare_cluster.create_namespace())
    controller.declare_broker("b")
    controller.mark("b")
    controller.declare_trigger("a", "b", "display", stamp="http://display")
    caplog.set_level(logging.INFO)
    async with following(bare_cluster, controller) as told:
        await until(lambda: told.triggers == {"a": "http://display"}, "a first Snapshot")
        count = len(told.told)
        bare_cluster.api.delete(DEFINITION)
        await until(lambda: bare_cluster.api.find(DEFINITION) is None, "the end of the definition")
        await until(lambda: "what ran goes on" in caplog.text, "an alarm")
        assert len(told.told) == count
        bare_cluster.apply_crds(*paths)
        await until(lambda: told.triggers == {}, "the definition to be there again, without its Triggers")
        assert told.brokers == {"b": ""}
        assert "by itself again" in caplog.text


async def test_nothing_is_told_where_a_kind_has_no_definition(bare_cluster: Cluster) -> None:
    brokers = CRDS / "brokers.eventing.knative.dev.yaml"
    bare_cluster.apply_crds(brokers)
    controller = Controller(bare_cluster, "default")
    controller.declare_broker("b")
    async with following(bare_cluster, controller) as told:
        await until(lambda: asked(bare_cluster, "triggers"), "a list of Triggers that there are not")
        assert told.told == []
        bare_cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
        await until(lambda: set(told.brokers) == {"b"}, "a first Snapshot")


def asked(cluster: Cluster, resource: str) -> bool:
    """Whether anybody was told that there are none of these."""
    return any(one.status == 404 for one in cluster.audit.requests(resource=resource))


async def test_the_data_plane_may_write_nothing(cluster: Cluster, controller: Controller) -> None:
    controller.declare_broker("b")
    kubeconfig = grant(cluster, controller.namespace)
    with pytest.raises(KubectlFailed, match="forbidden"):
        cluster.kubectl("annotate", "broker", "b", "-n", controller.namespace, "a=b", kubeconfig=kubeconfig)
    with pytest.raises(KubectlFailed, match="forbidden"):
        cluster.kubectl("get", "secrets", "-n", controller.namespace, kubeconfig=kubeconfig)

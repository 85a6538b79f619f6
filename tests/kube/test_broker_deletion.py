"""What becomes of topics where more goes than a Broker: its kind, its namespace, the Secret that opens Kafka."""

import base64

import pytest

from tests.kube.cluster import Cluster
from tests.kube.conftest import CRDS
from tests.kube.controlling import PATH, Controlled, broker, controller, until, until_gone, until_said
from tradewind.control.counts import Ended
from tradewind.control.owners import Owners
from tradewind.resources.model import NamespacedName

pytestmark = pytest.mark.kafka

DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/brokers.eventing.knative.dev"
CONFIG = {"bootstrap.servers": "", "auth.secret.ref.name": "auth"}
AUTH = {"protocol": base64.b64encode(b"PLAINTEXT").decode()}


def declare(cluster: Cluster, kafka: str, namespace: str) -> None:
    """A Broker whose topic is opened by a Secret."""
    core = f"/api/v1/namespaces/{namespace}"
    data = {**CONFIG, "bootstrap.servers": kafka}
    cluster.api.create(f"{core}/secrets", {"metadata": {"name": "auth"}, "data": AUTH})
    cluster.api.create(f"{core}/configmaps", {"metadata": {"name": "config"}, "data": data})
    cluster.api.create(PATH.format(namespace), broker(config={"name": "config", "namespace": namespace}))


async def held(cluster: Cluster, namespace: str) -> None:
    """The Broker is Ready, and its Secret stays with it."""
    await until_said(cluster, namespace, "b", "Ready", "True")
    secret = f"/api/v1/namespaces/{namespace}/secrets/auth"
    await until(lambda: cluster.api.get(secret)["metadata"].get("finalizers"), "the Secret held")


async def topics(running: Controlled, namespace: str) -> list[str]:
    return list(await running.log.topics([f"knative-broker-{namespace}-b"]))


async def test_a_topic_outlives_the_kind_of_brokers(bare_cluster: Cluster, kafka: str) -> None:
    """Nobody asked for any Broker's deletion: who takes a definition away may be about to put another in its place."""
    bare_cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
    namespace = bare_cluster.create_namespace()
    async with controller(bare_cluster, kafka) as running:
        bare_cluster.api.create(PATH.format(namespace), broker())
        await until_said(bare_cluster, namespace, "b", "Ready", "True")
        bare_cluster.api.delete(DEFINITION)
        await until(lambda: bare_cluster.api.find(DEFINITION) is None, "the end of the definition")
        (topic,) = await topics(running, namespace)
        assert (await Owners(running.log).look()).owner(topic) is not None
        assert not running.counts.orphans


async def test_a_namespace_that_is_deleted_takes_its_brokers_topics_along(bare_cluster: Cluster, kafka: str) -> None:
    """Whatever the order in which its objects are deleted, the Secret that opens Kafka is there for as long."""
    bare_cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
    bare_cluster.plane.start_controller_manager()
    namespace = bare_cluster.create_namespace()
    async with controller(bare_cluster, kafka) as running:
        declare(bare_cluster, kafka, namespace)
        await held(bare_cluster, namespace)
        bare_cluster.api.delete(f"/api/v1/namespaces/{namespace}")
        await until(lambda: bare_cluster.api.find(f"/api/v1/namespaces/{namespace}") is None, "the namespace's end")
        assert await topics(running, namespace) == []
        assert not running.counts.orphans


async def test_a_broker_whose_secret_was_torn_away_is_let_go_after_a_while_and_its_topic_named(
    cluster: Cluster, kafka: str, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = f"here-{namespace}"
    async with controller(cluster, kafka, installation=here) as running:
        declare(cluster, kafka, namespace)
        await held(cluster, namespace)
        secret = f"/api/v1/namespaces/{namespace}/secrets/auth"
        cluster.api.patch(secret, {"metadata": {"finalizers": None}})
        cluster.api.delete(secret)
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        tries = running.counts.reconciles
        await until(lambda: tries["brokers", Ended.UNAVAILABLE] >= 3, "several tries")
        assert cluster.api.get(f"{PATH.format(namespace)}/b")["metadata"]["finalizers"]
    async with controller(cluster, kafka, installation=here, deletion_patience=0.0) as running:
        await until_gone(cluster, namespace, "b")
        (topic,) = await topics(running, namespace)
        assert running.counts.orphans == {NamespacedName(namespace, "b"): 1}
        assert (await Owners(running.log).look()).owner(topic) is not None
        assert "is orphaned" in caplog.text

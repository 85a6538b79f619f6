"""Brokers that are deleted while something is amiss, on a real API server and a real Kafka."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import READY, KafkaServer
from tests.kube import deployed
from tests.kube.cluster import Cluster
from tests.kube.conftest import CRDS
from tests.kube.controlling import (
    PATH,
    Controlled,
    broker,
    condition,
    controller,
    until,
    until_gone,
    until_said,
    until_settled,
)
from tests.kube.test_broker_configs import config_map, of, secret
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.control.claims import Claims, orphans
from tradewind.control.owners import Owners
from tradewind.errors import LogUnavailable
from tradewind.resources.model import NamespacedName

pytestmark = pytest.mark.kafka

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def topic_of(namespace: str, name: str = "b") -> str:
    return f"knative-broker-{namespace}-{name}"


async def made(cluster: Cluster, namespace: str) -> str:
    """A Broker that is Ready; its uid."""
    cluster.api.create(PATH.format(namespace), broker())
    found = await until_said(cluster, namespace, "b", "Ready", "True")
    return str(found["metadata"]["uid"])


@pytest.mark.usefixtures("controller_manager")
async def test_a_namespace_may_be_deleted_with_what_its_brokers_need(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    """ConfigMap and Secret go first: what may be without them is done as the installation itself."""
    config_map(cluster, namespace, bootstrap_servers=kafka, auth_secret_ref_name="auth")
    secret(cluster, namespace, {"protocol": "PLAINTEXT"})
    async with controller(cluster, kafka) as running:
        cluster.api.create(PATH.format(namespace), of(namespace))
        await until_said(cluster, namespace, "b", "Ready", "True")
        cluster.api.delete(f"/api/v1/namespaces/{namespace}/configmaps/config")
        cluster.api.delete(f"/api/v1/namespaces/{namespace}/secrets/auth")
        cluster.api.delete(f"/api/v1/namespaces/{namespace}")
        await until(lambda: cluster.api.find(f"/api/v1/namespaces/{namespace}") is None, "the namespace's end")
        assert await running.log.topics([topic_of(namespace)]) == {}


async def test_a_topic_stays_where_the_kind_is_taken_away(bare_cluster: Cluster, kafka: str) -> None:
    """`kubectl delete -f` of the definitions deletes every Broker, and means none."""
    cluster = bare_cluster
    cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
    namespace = cluster.create_namespace()
    async with controller(cluster, kafka, installation=f"stays-{namespace}") as running:
        await made(cluster, namespace)
        before = await running.log.topics([topic_of(namespace)])
        cluster.api.delete(f"{DEFINITIONS}/brokers.eventing.knative.dev")
        await until(
            lambda: cluster.api.find(f"{DEFINITIONS}/brokers.eventing.knative.dev") is None, "the definition's end"
        )
        assert await running.log.topics([topic_of(namespace)]) == before != {}
    cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
    async with controller(cluster, kafka, installation=f"stays-{namespace}") as running:
        await made(cluster, namespace)  # goes on where it was
        assert await running.log.topics([topic_of(namespace)]) == before
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        assert await running.log.topics([topic_of(namespace)]) == {}


async def test_nothing_is_deleted_by_one_that_is_not_sure_to_lead(cluster: Cluster, kafka: str, namespace: str) -> None:
    async with controller(cluster, kafka) as running:
        await made(cluster, namespace)
        await until_settled(cluster, running.user)
        running.leadership.certain = False
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        done = running.counts.reconciles.total()
        await until(lambda: running.counts.reconciles.total() >= done + 2, "two tries")
        assert cluster.api.find(f"{PATH.format(namespace)}/b") is not None
        assert list(await running.log.topics([topic_of(namespace)])) == [topic_of(namespace)]
        running.leadership.certain = True
        await until_gone(cluster, namespace, "b")
        assert await running.log.topics([topic_of(namespace)]) == {}


async def test_what_another_removed_by_hand_leaves_its_topic(cluster: Cluster, kafka: str, namespace: str) -> None:
    """Without its finalizer a Broker is gone at once; the next of its name goes on with the topic."""
    async with controller(cluster, kafka, installation=f"hand-{namespace}") as running:
        uid = await made(cluster, namespace)
        await until_settled(cluster, running.user)
        before = await running.log.topics([topic_of(namespace)])
        cluster.api.patch(f"{PATH.format(namespace)}/b", {"metadata": {"finalizers": None}})
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        if cluster.api.find(f"{PATH.format(namespace)}/b"):  # it was given back meanwhile
            cluster.api.patch(f"{PATH.format(namespace)}/b", {"metadata": {"finalizers": None}})
        await until_gone(cluster, namespace, "b")
        claims = await Owners(running.log).found()
        left = orphans(claims, f"hand-{namespace}", [])
        if topic_of(namespace) in left:  # nobody was quicker than the test
            assert left[topic_of(namespace)].uid == uid
            await made(cluster, namespace)
            assert await running.log.topics([topic_of(namespace)]) == before


def orphans_command(cluster: Cluster, *told: str) -> str:
    """What `tradewind get orphans` prints."""
    argv = [sys.executable, "-m", "tradewind.cli.main", "get", "orphans", *told]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "KUBECONFIG": str(cluster.kubeconfig)}
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=60).stdout


async def away(running: Controlled, ended: str, count: int = 1) -> None:
    """Wait until so many more reconciles ended so."""
    wanted = running.counts.reconciles["brokers", ended] + count  # type: ignore[index]  # a StrEnum's text is its own
    await until(lambda: running.counts.reconciles["brokers", ended] >= wanted, f"{count} that ended as {ended}")  # type: ignore[index]


async def test_a_broker_outlives_an_outage_of_kafka(
    cluster: Cluster, kafka_server: KafkaServer, tmp_path: Path, namespace: str
) -> None:
    server = await kafka_server(tmp_path)
    async with controller(cluster, server.bootstrap, kafka_patience=1.0) as running:
        await made(cluster, namespace)
        await until_settled(cluster, running.user)
        written = len(cluster.audit.writes(user=running.user))
        assert server.pid is not None
        await server.stop(20.0)
        cluster.api.patch(f"{PATH.format(namespace)}/b", {"metadata": {"labels": {"look": "again"}}})
        await away(running, "unavailable", 2)
        cluster.api.create(PATH.format(namespace), broker("later"))
        found = await until_said(cluster, namespace, "later", "Ready", "Unknown", "KafkaUnavailable")
        assert "address" not in found["status"]
        await away(running, "unavailable", 4)
        said = [one for one in cluster.audit.writes(user=running.user) if one.name == "later"]
        assert len(said) == 2, said  # its finalizer and its status, once each, however often it was tried
        kept = cluster.api.get(f"{PATH.format(namespace)}/b")
        assert condition(kept, "Ready")["status"] == "True" and kept["status"]["address"]
        mine = [one for one in cluster.audit.writes(user=running.user) if one.name == "b"]
        assert len(mine) == written  # an outage is no news about what is served
        await server.start()
        await server.wait_ready(READY)
        await until_said(cluster, namespace, "later", "Ready", "True")


async def _found(owners: Owners) -> Claims:
    """What Kafka says, once it leads its partitions again."""
    async with asyncio.timeout(READY):
        while True:
            with contextlib.suppress(LogUnavailable):
                return await owners.found()
            await asyncio.sleep(0.2)


async def test_a_broker_is_let_go_when_kafka_does_not_come_back(
    cluster: Cluster, kafka_server: KafkaServer, tmp_path: Path, namespace: str
) -> None:
    server = await kafka_server(tmp_path)
    installation = f"away-{namespace}"
    async with controller(
        cluster, server.bootstrap, installation=installation, kafka_patience=1.0, deletion_patience=3.0
    ) as running:
        uid = await made(cluster, namespace)
        await server.stop(20.0)
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await away(running, "unavailable")
        assert cluster.api.find(f"{PATH.format(namespace)}/b") is not None
        await until_gone(cluster, namespace, "b")
        assert running.counts.orphans == {NamespacedName(namespace, "b"): 1}
        await server.start()
        await server.wait_ready(READY)
        log = KafkaLog(server.bootstrap, client_id="test", patience=10.0)
        left = orphans(await _found(Owners(log)), installation, [])
        assert {topic: owner.uid for topic, owner in left.items()} == {topic_of(namespace): uid}
        assert list(await log.topics(left)) == [topic_of(namespace)]
        await log.close()
        told = ["--kafka", server.bootstrap, "--installation", installation]
        assert topic_of(namespace) in await asyncio.to_thread(orphans_command, cluster, *told)
        found = json.loads(await asyncio.to_thread(orphans_command, cluster, *told, "-o", "json"))
        assert found == [{"topic": topic_of(namespace), "namespace": namespace, "broker": "b", "uid": uid}]
        assert json.loads(await asyncio.to_thread(orphans_command, cluster, *told, "-n", "other", "-o", "json")) == []
        await made(cluster, namespace)  # goes on with what lies there
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        assert orphans(await Owners(running.log).found(), installation, []) == {}


async def test_a_topic_stays_where_nobody_may_know_whether_the_kind_is_taken_away(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    user = f"unknowing-{namespace}"
    subject = {"kind": "User", "name": user}
    for role in ("tradewind-controller", "tradewind-data-plane"):
        rules = [
            rule for rule in deployed.rules("ClusterRole", role) if "apiextensions.k8s.io" not in rule["apiGroups"]
        ]
        deployed.bind(cluster, f"{user}-{role}", rules, subject)
    kubeconfig = cluster.kubeconfig_for(user, [])
    async with controller(cluster, kafka, kubeconfig=kubeconfig, user=user, deletion_patience=3.0) as running:
        await made(cluster, namespace)
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await away(running, "error")
        await until_gone(cluster, namespace, "b")
        assert running.counts.orphans == {NamespacedName(namespace, "b"): 1}
        assert list(await running.log.topics([topic_of(namespace)])) == [topic_of(namespace)]


async def test_a_broker_of_an_installation_that_is_gone_can_be_deleted(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    async with controller(cluster, kafka, installation=f"gone-{namespace}") as running:
        await made(cluster, namespace)
        await until_settled(cluster, running.user)
    async with controller(cluster, kafka, deletion_patience=1.0) as running:
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        assert list(await running.log.topics([topic_of(namespace)])) == [topic_of(namespace)]
        assert running.counts.orphans == {NamespacedName(namespace, "b"): 1}


async def test_a_restart_of_the_api_server_is_passed_over_quietly(
    cluster: Cluster, kafka: str, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with controller(cluster, kafka) as running:
        await made(cluster, namespace)
        await until_settled(cluster, running.user)
        caplog.clear()
        cluster.restart()
        cluster.api.create(PATH.format(namespace), broker("later"))
        await until_said(cluster, namespace, "later", "Ready", "True")
        lines = [one for one in caplog.records if one.levelname in ("WARNING", "ERROR")]
        assert len(lines) <= 4, [one.getMessage() for one in lines]

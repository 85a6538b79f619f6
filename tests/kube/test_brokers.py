"""Brokers on a real API server and a real Kafka: made, marked, deleted."""

import pytest

from tests.kube.cluster import Cluster
from tests.kube.controlling import (
    INGRESS,
    PATH,
    broker,
    condition,
    controller,
    until,
    until_gone,
    until_said,
    until_settled,
)
from tradewind.control.counts import Ended
from tradewind.control.owners import Owners
from tradewind.ports import TopicSpec
from tradewind.resources.model import EXTERNAL_TOPIC, NamespacedName

pytestmark = pytest.mark.kafka


async def test_a_broker_gets_its_topic_its_address_and_its_marks(cluster: Cluster, kafka: str, namespace: str) -> None:
    async with controller(cluster, kafka, installation="abcd1234") as running:
        cluster.api.create(PATH.format(namespace), broker())
        found = await until_said(cluster, namespace, "b", "Ready", "True")
        topic = f"knative-broker-{namespace}-b"
        assert found["status"]["address"] == {"name": "http", "url": f"{INGRESS}/{namespace}/b"}
        assert found["status"]["addresses"] == [found["status"]["address"]]
        assert found["status"]["annotations"] == {
            "tradewind.dev/installation": "abcd1234",
            "default.topic": topic,
            "default.topic.partitions": "2",
            "default.topic.replication.factor": "1",
            "bootstrap.servers": kafka,
        }
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
        assert found["metadata"]["finalizers"] == ["tradewind.dev/topic"]
        assert {one["type"]: one["status"] for one in found["status"]["conditions"]} == {
            "Addressable": "True",
            "ConfigParsed": "True",
            "DeadLetterSinkResolved": "True",
            "EventPoliciesReady": "True",
            "Ready": "True",
            "TopicReady": "True",
        }
        topics = await running.log.topics([topic, f"{topic}.dead-letters"])
        assert {name: info.partitions for name, info in topics.items()} == {topic: 2, f"{topic}.dead-letters": 1}


async def test_nothing_is_written_once_all_is_settled(cluster: Cluster, kafka: str, namespace: str) -> None:
    async with controller(cluster, kafka) as running:
        cluster.api.create(PATH.format(namespace), broker())
        await until_said(cluster, namespace, "b", "Ready", "True")
        await until_settled(cluster, running.user)
        writes = cluster.audit.writes(user=running.user)
        written = len(writes)
        assert [(one.resource, one.status) for one in writes] == [("brokers", 200), ("brokers/status", 200)]
        cluster.api.patch(f"{PATH.format(namespace)}/b", {"metadata": {"labels": {"a": "b"}}})
        await until_settled(cluster, running.user)
        assert len(cluster.audit.writes(user=running.user)) == written


async def test_a_deleted_broker_takes_its_topic_along_and_leaves_its_dead_letters(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    async with controller(cluster, kafka) as running:
        cluster.api.create(PATH.format(namespace), broker())
        await until_said(cluster, namespace, "b", "Ready", "True")
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        topic = f"knative-broker-{namespace}-b"
        assert list(await running.log.topics([topic, f"{topic}.dead-letters"])) == [f"{topic}.dead-letters"]
        claims = await Owners(running.log).look()
        assert claims.owner(topic) is None and claims.owner(f"{topic}.dead-letters") is not None


async def test_who_is_not_sure_to_lead_deletes_nothing(cluster: Cluster, kafka: str, namespace: str) -> None:
    """Another may lead by now, and have made the topic for the Broker's next life, or the Broker be its to let go."""
    async with controller(cluster, kafka) as running:
        theirs = f"theirs-{namespace}"
        await running.log.ensure_topics([TopicSpec(theirs, 1, 1, {})])
        cluster.api.create(PATH.format(namespace), broker())
        cluster.api.create(PATH.format(namespace), broker("e", annotations={EXTERNAL_TOPIC: theirs}))
        for name in ("b", "e"):
            await until_said(cluster, namespace, name, "Ready", "True")
        running.leadership.certain = False
        for name in ("b", "e"):
            cluster.api.delete(f"{PATH.format(namespace)}/{name}")
        tried = running.counts.reconciles["brokers", Ended.DONE]
        await until(lambda: running.counts.reconciles["brokers", Ended.DONE] >= tried + 6, "several tries of both")
        topic = f"knative-broker-{namespace}-b"
        assert list(await running.log.topics([topic])) == [topic]
        for name in ("b", "e"):
            assert cluster.api.get(f"{PATH.format(namespace)}/{name}")["metadata"]["finalizers"]
        running.leadership.certain = True
        for name in ("b", "e"):
            await until_gone(cluster, namespace, name)
        assert await running.log.topics([topic]) == {}


async def test_a_broker_made_again_has_a_fresh_topic(cluster: Cluster, kafka: str, namespace: str) -> None:
    async with controller(cluster, kafka) as running:
        topic = f"knative-broker-{namespace}-b"
        ids = []
        for _ in range(3):
            cluster.api.create(PATH.format(namespace), broker())
            await until_said(cluster, namespace, "b", "Ready", "True")
            ids.append((await running.log.topics([topic]))[topic].id)
            cluster.api.delete(f"{PATH.format(namespace)}/b")
            await until_gone(cluster, namespace, "b")
        assert len(set(ids)) == 3
        assert await running.log.topics([topic]) == {}


async def test_an_invalid_broker_gets_every_fault_and_no_topic(cluster: Cluster, kafka: str, namespace: str) -> None:
    async with controller(cluster, kafka) as running:
        made = broker(annotations={EXTERNAL_TOPIC: "not a topic"})
        made["spec"]["delivery"] = {"backoffDelay": "2 seconds"}
        cluster.api.create(PATH.format(namespace), made)
        found = await until_said(cluster, namespace, "b", "Ready", "False", "InvalidBroker")
        message = condition(found, "Ready")["message"]
        assert "not a topic" in message and "2 seconds" in message
        assert "annotations" not in found["status"] and "finalizers" not in found["metadata"]
        assert await running.log.topics([f"knative-broker-{namespace}-b.dead-letters"]) == {}
        cluster.api.patch(
            f"{PATH.format(namespace)}/b",
            {"metadata": {"annotations": {EXTERNAL_TOPIC: None}}, "spec": {"delivery": None}},
        )
        await until_said(cluster, namespace, "b", "Ready", "True")


async def test_an_external_topic_is_neither_made_nor_deleted(cluster: Cluster, kafka: str, namespace: str) -> None:
    async with controller(cluster, kafka) as running:
        theirs = f"theirs-{namespace}"
        cluster.api.create(PATH.format(namespace), broker(annotations={EXTERNAL_TOPIC: theirs}))
        found = await until_said(cluster, namespace, "b", "Ready", "False", "ExternalTopicNotFound")
        assert "address" not in found["status"]
        await running.log.ensure_topics([TopicSpec(theirs, 3, 1, {})])
        cluster.api.patch(f"{PATH.format(namespace)}/b", {"metadata": {"labels": {"look": "again"}}})
        found = await until_said(cluster, namespace, "b", "Ready", "True")
        assert found["status"]["annotations"]["default.topic"] == theirs
        assert found["status"]["annotations"]["default.topic.partitions"] == "3"
        cluster.api.patch(f"{PATH.format(namespace)}/b", {"metadata": {"annotations": {EXTERNAL_TOPIC: None}}})
        await until_settled(cluster, running.user)
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        assert list(await running.log.topics([theirs, f"knative-broker-{namespace}-b"])) == [theirs]


async def test_of_two_installations_in_one_cluster_the_one_that_took_a_broker_has_it(
    cluster: Cluster, kafka: str, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with controller(cluster, kafka, installation=f"one-{namespace}") as one:
        cluster.api.create(PATH.format(namespace), broker())
        await until_said(cluster, namespace, "b", "Ready", "True")
        async with controller(cluster, kafka, installation=f"two-{namespace}", beside=True) as two:
            await until(lambda: "belongs to another installation" in caplog.text, "the second to see it")
            cluster.api.patch(f"{PATH.format(namespace)}/b", {"spec": {"delivery": {"retry": 1}}})
            await until_settled(cluster, one.user)
            one.leadership.certain = False  # so that it is there for a while
            cluster.api.delete(f"{PATH.format(namespace)}/b")
            tried = two.counts.reconciles["brokers", Ended.DONE]
            await until(lambda: two.counts.reconciles["brokers", Ended.DONE] > tried, "the second to see its end")
            one.leadership.certain = True
            await until_gone(cluster, namespace, "b")
            assert cluster.audit.writes(user=two.user) == []


async def test_an_external_topic_that_another_installation_made_is_not_served(
    cluster: Cluster, bare_cluster: Cluster, kafka: str, namespace: str
) -> None:
    from tests.kube.conftest import CRDS

    bare_cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
    bare_cluster.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    async with (
        controller(cluster, kafka, installation=f"one-{namespace}"),
        controller(bare_cluster, kafka, installation=f"two-{namespace}"),
    ):
        cluster.api.create(PATH.format(namespace), broker())
        await until_said(cluster, namespace, "b", "Ready", "True")
        annotated = broker("e", annotations={EXTERNAL_TOPIC: f"knative-broker-{namespace}-b"})
        bare_cluster.api.create(PATH.format(namespace), annotated)
        found = await until_said(bare_cluster, namespace, "e", "TopicReady", "False", "TopicOwnedByAnother")
        assert "address" not in found["status"]


async def test_of_two_installations_on_one_kafka_the_first_has_the_topic(
    cluster: Cluster, bare_cluster: Cluster, kafka: str, namespace: str
) -> None:
    """Each has a cluster of its own, and a Broker of the same name."""
    from tests.kube.conftest import CRDS

    bare_cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
    bare_cluster.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    async with (
        controller(cluster, kafka, installation=f"one-{namespace}") as one,
        controller(bare_cluster, kafka, installation=f"two-{namespace}"),
    ):
        cluster.api.create(PATH.format(namespace), broker())
        await until_said(cluster, namespace, "b", "Ready", "True")
        bare_cluster.api.create(PATH.format(namespace), broker())
        found = await until_said(bare_cluster, namespace, "b", "TopicReady", "False", "TopicOwnedByAnother")
        assert f"one-{namespace}" in condition(found, "Ready")["message"]
        assert "address" not in found["status"]
        assert "tradewind.dev/installation" not in found["status"].get("annotations", {})
        topic = f"knative-broker-{namespace}-b"
        before = (await one.log.topics([topic]))[topic]
        bare_cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(bare_cluster, namespace, "b")
        assert (await one.log.topics([topic]))[topic] == before


async def test_one_that_was_deleted_meanwhile_gets_no_topic(cluster: Cluster, kafka: str, namespace: str) -> None:
    """A controller whose watch lags behind takes over from one that has deleted the Broker, topic and all."""
    topic, installation = f"knative-broker-{namespace}-b", f"behind-{namespace}"
    async with controller(cluster, kafka, installation=installation) as ahead:
        cluster.api.create(PATH.format(namespace), broker())
        old = await until_said(cluster, namespace, "b", "Ready", "True")
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
    stale = {NamespacedName(namespace, "b"): old}
    async with controller(cluster, kafka, installation=installation, stale=stale) as behind:
        behind.look(namespace, "b")
        await until(lambda: behind.counts.reconciles.total(), "a look by what is old")
        assert await behind.log.topics([topic]) == {}
        assert (await Owners(behind.log).found()).owner(topic) is None
        cluster.api.create(PATH.format(namespace), broker())  # another of its name
        behind.look(namespace, "b")
        done = behind.counts.reconciles.total()
        await until(lambda: behind.counts.reconciles.total() > done, "another look")
        assert await behind.log.topics([topic]) == {}
    assert ahead.counts.orphans == {}

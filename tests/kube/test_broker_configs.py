"""What Brokers' configs name, on a real API server: ConfigMaps, Secrets, and who may read them."""

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.contracts.guarded_kafka import GuardedKafka
from tests.kube import deployed
from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.controlling import PATH, broker, condition, controller, until, until_gone, until_said, until_settled
from tradewind.control.counts import Ended
from tradewind.resources import stamps
from tradewind.resources.kafka_auth import Mechanism, Protocol

pytestmark = pytest.mark.kafka

MAPS, SECRETS = "/api/v1/namespaces/{}/configmaps", "/api/v1/namespaces/{}/secrets"
PLAINTEXT = {"protocol": "PLAINTEXT"}


def config_map(cluster: Cluster, namespace: str, name: str = "config", **data: str) -> None:
    whole = {key.replace("_", "."): text for key, text in data.items()}
    cluster.api.create(MAPS.format(namespace), {"metadata": {"name": name}, "data": whole})


def secret(cluster: Cluster, namespace: str, data: dict[str, str], name: str = "auth") -> None:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    cluster.api.create(SECRETS.format(namespace), {"metadata": {"name": name}, "data": encoded})


def touch(cluster: Cluster, namespace: str, value: str) -> None:
    """Have the Broker looked at now, rather than within half a minute."""
    cluster.api.patch(f"{PATH.format(namespace)}/b", {"metadata": {"labels": {"touched": value}}})


def finalizers(cluster: Cluster, namespace: str, name: str = "auth") -> list[Any]:
    found = cluster.api.find(f"{SECRETS.format(namespace)}/{name}")
    return list((found or {}).get("metadata", {}).get("finalizers", []))


def of(namespace: str) -> Json:
    return broker(config={"name": "config", "namespace": namespace})


async def test_a_topic_is_made_as_its_config_map_says(cluster: Cluster, kafka: str, namespace: str) -> None:
    config_map(
        cluster,
        namespace,
        bootstrap_servers=kafka,
        default_topic_partitions="3",
        default_topic_replication_factor="1",
        default_topic_config_retention_ms="60000",
    )
    async with controller(cluster, kafka) as running:
        cluster.api.create(PATH.format(namespace), of(namespace))
        found = await until_said(cluster, namespace, "b", "Ready", "True")
        topic = found["status"]["annotations"]["default.topic"]
        assert (await running.log.topics([topic]))[topic].partitions == 3
        assert (await running.log.retention([topic]))[topic].seconds == 60
        cluster.api.patch(f"{MAPS.format(namespace)}/config", {"data": {"default.topic.partitions": "5"}})
        touch(cluster, namespace, "once")

        def says_so() -> bool:
            said = condition(cluster.api.get(f"{PATH.format(namespace)}/b"), "TopicReady")
            return said["status"] == "True" and "asks for 5 partitions" in said["message"]

        await until(says_so, "that the topic stays as it is")
        assert (await running.log.topics([topic]))[topic].partitions == 3


async def test_a_config_of_another_owner_does_not_decide(cluster: Cluster, kafka: str, namespace: str) -> None:
    other = cluster.create_namespace()
    config_map(cluster, other, bootstrap_servers=kafka)
    async with controller(cluster, kafka) as running:
        cluster.api.create(PATH.format(namespace), of(other))
        await until_said(cluster, namespace, "b", "Ready", "False", "ConfigInOtherNamespace")
        await until_settled(cluster, running.user)
        assert await running.log.topics([f"knative-broker-{namespace}-b"]) == {}


async def test_knatives_default_in_its_own_namespace_counts_as_none(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    """What Knative's webhook puts into a Broker of a class that it does not know, where its cluster's default is MT."""
    knative = cluster.create_namespace()
    config_map(cluster, knative, channel_template_spec="kind: InMemoryChannel")
    async with controller(cluster, kafka):
        cluster.api.create(PATH.format(namespace), of(knative))
        found = await until_said(cluster, namespace, "b", "Ready", "True")
        assert f"{knative}/config of spec.config counts as none" in condition(found, "ConfigParsed")["message"]


async def test_the_installations_config_may_lie_in_its_own_namespace(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    system = cluster.create_namespace()
    config_map(cluster, system, bootstrap_servers=kafka, default_topic_partitions="4")
    config_map(cluster, system, name="kafka-broker-config", default_topic_partitions="5")
    config_map(cluster, namespace, name="none", default_topic_partitions="6")
    async with controller(cluster, kafka, system=system) as running:
        named = broker("named", config={"name": "config", "namespace": system})
        filled = broker("filled", config={"name": "none", "namespace": namespace})  # by Knative's webhook
        for made in (named, filled, broker("bare")):
            cluster.api.create(PATH.format(namespace), made)
        for name, partitions in (("named", 4), ("filled", 5), ("bare", 5)):
            found = await until_said(cluster, namespace, name, "Ready", "True")
            topic = found["status"]["annotations"]["default.topic"]
            assert (await running.log.topics([topic]))[topic].partitions == partitions


async def test_another_kafka_and_a_config_that_is_not_there_are_told(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    async with controller(cluster, kafka) as running:
        cluster.api.create(PATH.format(namespace), of(namespace))
        await until_said(cluster, namespace, "b", "Ready", "False", "ConfigNotFound")
        config_map(cluster, namespace, bootstrap_servers="elsewhere:9092")
        touch(cluster, namespace, "once")
        found = await until_said(cluster, namespace, "b", "Ready", "False", "InvalidConfig")
        assert "elsewhere:9092" in condition(found, "ConfigParsed")["message"]
        cluster.api.patch(f"{MAPS.format(namespace)}/config", {"data": {"bootstrap.servers": kafka}})
        touch(cluster, namespace, "twice")
        await until_said(cluster, namespace, "b", "Ready", "True")
        await until_settled(cluster, running.user)


async def test_a_secret_that_openssl_cannot_use_is_told_and_holds_no_broker(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    """Its certificate and its key are right each by itself; that they are of one another OpenSSL alone can tell."""
    config_map(cluster, namespace, bootstrap_servers=kafka, auth_secret_ref_name="auth")
    authority = Authority("authority")
    one, other = authority.issue("one"), authority.issue("other")
    wrong = {"protocol": "SSL", "ca.crt": authority.pem, "user.crt": one.certificate, "user.key": other.key}
    here = f"here-{namespace}"
    async with controller(cluster, kafka, installation=here) as running:
        cluster.api.create(PATH.format(namespace), of(namespace))
        secret(cluster, namespace, PLAINTEXT)
        touch(cluster, namespace, "once")
        await until_said(cluster, namespace, "b", "Ready", "True")
        data = {key: base64.b64encode(text.encode()).decode() for key, text in wrong.items()}
        cluster.api.patch(f"{SECRETS.format(namespace)}/auth", {"data": data})
        touch(cluster, namespace, "twice")
        found = await until_said(cluster, namespace, "b", "Ready", "False", "InvalidSecret")
        assert "user.key: found key values mismatch" in condition(found, "ConfigParsed")["message"]
        assert running.counts.reconciles["brokers", Ended.ERROR] == 0
    async with controller(cluster, kafka, installation=here, deletion_patience=0.0) as running:
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")


async def test_a_secret_stays_while_its_broker_lives(cluster: Cluster, kafka: str, namespace: str) -> None:
    config_map(cluster, namespace, bootstrap_servers=kafka, auth_secret_ref_name="auth")
    async with controller(cluster, kafka, system=namespace) as running:
        cluster.api.create(PATH.format(namespace), of(namespace))
        await until_said(cluster, namespace, "b", "Ready", "False", "SecretNotFound")
        secret(cluster, namespace, {"protocol": "SSH"})
        touch(cluster, namespace, "once")
        found = await until_said(cluster, namespace, "b", "Ready", "False", "InvalidSecret")
        assert "SSH" in condition(found, "Ready")["message"]
        cluster.api.delete(f"{SECRETS.format(namespace)}/auth")
        secret(cluster, namespace, PLAINTEXT)
        touch(cluster, namespace, "twice")
        found = await until_said(cluster, namespace, "b", "Ready", "True")
        assert found["status"]["annotations"]["auth.secret.ref.name"] == "auth"
        ours = f"tradewind.dev/{found['metadata']['uid']}"
        await until(lambda: finalizers(cluster, namespace) == [ours], "the Secret held")
        secret(cluster, namespace, PLAINTEXT, name="next")
        cluster.api.patch(f"{MAPS.format(namespace)}/config", {"data": {"auth.secret.ref.name": "next"}})
        touch(cluster, namespace, "thrice")
        await until(lambda: finalizers(cluster, namespace, "next") == [ours], "the next Secret held")
        assert finalizers(cluster, namespace) == []
        await until_settled(cluster, running.user)
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        assert finalizers(cluster, namespace, "next") == []


def restricted(cluster: Cluster, user: str) -> Path:
    """One who may do what the controller's ClusterRole lets it, and nothing of Secrets."""
    group = f"{user}s"
    for role in ("tradewind-controller", "tradewind-data-plane"):
        deployed.bind(cluster, f"{user}-{role}", deployed.rules("ClusterRole", role), {"kind": "Group", "name": group})
    return cluster.kubeconfig_for(user, [group])


async def test_a_secret_of_another_namespace_is_read_by_a_role_and_may_go_with_it(
    cluster: Cluster, kafka: str, namespace: str
) -> None:
    config_map(cluster, namespace, bootstrap_servers=kafka, auth_secret_ref_name="auth")
    secret(cluster, namespace, PLAINTEXT)
    user = f"restricted-{namespace}"
    async with controller(cluster, kafka, kubeconfig=restricted(cluster, user), user=user) as running:
        cluster.api.create(PATH.format(namespace), of(namespace))
        found = await until_said(cluster, namespace, "b", "Ready", "False", "SecretForbidden")
        assert "Role tradewind-kafka-secrets" in condition(found, "Ready")["message"]
        assert await running.log.topics([f"knative-broker-{namespace}-b"]) == {}
        cluster.kubectl("create", "role", "reads", "-n", namespace, "--verb=get", "--resource=secrets")
        cluster.kubectl("create", "rolebinding", "reads", "-n", namespace, "--role=reads", f"--group={user}s")
        touches = iter(range(100))

        def taken() -> bool:
            touch(cluster, namespace, str(next(touches)))
            return "default.topic" in cluster.api.get(f"{PATH.format(namespace)}/b")["status"].get("annotations", {})

        await until(taken, "that the Secret may be read")
        await until_said(cluster, namespace, "b", "Ready", "True")
        await until_settled(cluster, user)
        assert not finalizers(cluster, namespace), "nobody could take it off once the Role is gone"
        # As a namespace is deleted: in no order that anybody may rely on.
        for kind, name in (("rolebinding", "reads"), ("role", "reads"), ("secret", "auth"), ("configmap", "config")):
            cluster.kubectl("delete", kind, name, "-n", namespace, "--timeout=10s")
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        assert await running.log.topics([f"knative-broker-{namespace}-b"]) == {}


async def test_a_topic_is_made_as_whom_the_secret_names(
    cluster: Cluster, guarded_kafka: GuardedKafka, namespace: str
) -> None:
    """The installation itself is let in; the Broker's Secret decides all the same."""
    kafka, scram = guarded_kafka.at("SASL_PLAINTEXT"), (Protocol.SASL_PLAINTEXT, Mechanism.SCRAM_SHA_256)
    wrong = {key: text.decode() for key, text in guarded_kafka.secret(*scram, password="wrong").items()}
    config_map(cluster, namespace, bootstrap_servers=kafka, auth_secret_ref_name="auth")
    secret(cluster, namespace, wrong)
    async with controller(cluster, kafka, auth=guarded_kafka.auth(*scram)) as running:
        cluster.api.create(PATH.format(namespace), of(namespace))
        await until_said(cluster, namespace, "b", "Ready", "Unknown", "KafkaUnavailable")
        path = f"{PATH.format(namespace)}/b"  # of the installation's own topics it may say something else before
        await until(lambda: "uthentication" in condition(cluster.api.get(path), "Ready")["message"], "what Kafka says")
        assert await running.log.topics([f"knative-broker-{namespace}-b"]) == {}
        right = {key: base64.b64encode(text).decode() for key, text in guarded_kafka.secret(*scram).items()}
        cluster.api.patch(f"{SECRETS.format(namespace)}/auth", {"data": right})
        touch(cluster, namespace, "once")
        await until_said(cluster, namespace, "b", "Ready", "True")
        cluster.api.delete(f"{PATH.format(namespace)}/b")
        await until_gone(cluster, namespace, "b")
        assert await running.log.topics([f"knative-broker-{namespace}-b"]) == {}


async def test_a_dead_letter_sink_is_resolved_and_stamped(cluster: Cluster, kafka: str, namespace: str) -> None:
    async with controller(cluster, kafka) as running:
        made = broker()
        ref = {"apiVersion": "v1", "kind": "Service", "name": "sink"}
        made["spec"]["delivery"] = {"deadLetterSink": {"ref": ref, "uri": "/dead"}}
        cluster.api.create(PATH.format(namespace), made)
        found = await until_said(cluster, namespace, "b", "Ready", "False", "NotFound")
        assert found["status"]["annotations"]["default.topic"]  # its topic is there all the same
        service = {"metadata": {"name": "sink"}, "spec": {"ports": [{"port": 80}]}}
        cluster.api.create(f"/api/v1/namespaces/{namespace}/services", service)
        found = await until_said(cluster, namespace, "b", "Ready", "True")
        url = f"http://sink.{namespace}.svc.cluster.local/dead"
        assert found["status"]["deadLetterSinkUri"] == url
        stamp = stamps.decode(found["status"]["annotations"]["tradewind.dev/resolved"])
        assert stamp is not None and stamp.uid == found["metadata"]["uid"]
        assert list(stamp.addresses.values()) == [url]
        await until_settled(cluster, running.user)

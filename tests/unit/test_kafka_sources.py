"""KafkaSource as it is declared: what is taken, what is refused, what it comes to, and how its Kafka lets one in."""

import json
from typing import Any

import pytest

from tests.certificates import Authority
from tests.unit.reading_manifests import faults as faults_of
from tests.unit.reading_manifests import read
from tradewind.delivery.schedule import Delivery
from tradewind.plan import SourcePlan, Target, compute
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth, Mechanism, Protocol
from tradewind.resources.kafka_sources import default_group, secret_refs
from tradewind.resources.model import (
    InitialOffset,
    KafkaNet,
    KafkaSource,
    KeyType,
    Metadata,
    NamespacedName,
    Order,
    Secret,
)
from tradewind.resources.webhooks import SecretRef

NAME = NamespacedName("default", "orders")
SINK: dict[str, Any] = {"uri": "http://127.0.0.1:1/"}
KEY_TYPE = "kafkasources.sources.knative.dev/key-type"
PEM = Authority("authority").pem


def manifest(labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    given = {"bootstrapServers": ["kafka:9092"], "topics": ["orders"], "sink": SINK, **spec}
    return {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "KafkaSource",
        "metadata": {"name": "orders", "labels": labels or {}},
        "spec": {name: held for name, held in given.items() if held is not ...},
    }


def source(labels: dict[str, str] | None = None, **spec: Any) -> KafkaSource:
    (found,) = read(json.dumps(manifest(labels, **spec)))
    assert isinstance(found, KafkaSource)
    return found


def test_what_is_left_out() -> None:
    found = source()
    assert found.consumer_group == default_group(NAME) == source(consumerGroup="").consumer_group
    assert found.consumer_group.startswith("knative-kafka-source-")
    assert found.consumer_group != default_group(NamespacedName("other", "orders"))
    assert (found.consumers, found.initial_offset, found.ordering) == (1, InitialOffset.LATEST, Order.ORDERED)
    assert (found.key_type, found.net, found.auth) == (KeyType.STRING, KafkaNet(), PLAINTEXT)


def test_what_is_said() -> None:
    found = source(
        {KEY_TYPE: "byte-array"},
        bootstrapServers=["a:1,b", "[::1]:65535", "a:1"],
        topics=["x", "y", "x"],
        consumerGroup="g",
        consumers=3,
        initialOffset="earliest",
        ordering="unordered",
        ceOverrides={"extensions": {"a": "b"}},
    )
    assert found.bootstrap_servers == ("a:1", "b", "[::1]:65535")
    assert found.topics == ("x", "y")
    assert (found.consumer_group, found.consumers, found.key_type) == ("g", 3, KeyType.BYTE_ARRAY)
    assert (found.initial_offset, found.ordering) == (InitialOffset.EARLIEST, Order.UNORDERED)
    assert found.ce_overrides == {"a": "b"}
    assert source(consumers=0).consumers == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (manifest(bootstrapServers=...), "spec.bootstrapServers: found nothing"),
        (manifest(bootstrapServers=[]), "spec.bootstrapServers: found an empty list, expected at least one"),
        (manifest(bootstrapServers=["http://kafka"]), "spec.bootstrapServers[0]"),
        (manifest(bootstrapServers=["kafka:65536"]), "expected the address of a Kafka broker: host:port"),
        (manifest(bootstrapServers=["kafka:0"]), "expected the address of a Kafka broker: host:port"),
        (manifest(topics=[]), "spec.topics: found an empty list"),
        (manifest(topics=["a b"]), "spec.topics[0]"),
        (manifest(sink=...), "spec.sink: found nothing"),
        (manifest(consumers=-1), "spec.consumers: found -1"),
        (manifest(initialOffset="first"), "expected one of , earliest, latest"),
        (manifest(ordering="sorted"), "spec.ordering"),
        (manifest({KEY_TYPE: "long"}), f'metadata.labels.{KEY_TYPE}: found "long", expected one of string, int'),
        (manifest(net={"sasl": {"roleARN": {"secretKeyRef": {"name": "a", "key": "b"}}}}), "MSK are not served"),
        (manifest(net={"tls": {"cert": {"secretKeyRef": {"name": "a"}}}}), "secretKeyRef.key: found nothing"),
    ],
)
def test_what_is_refused(wrong: dict[str, Any], said: str) -> None:
    faults = faults_of(json.dumps(wrong))
    assert any(said in fault for fault in faults), faults


def planned(found: KafkaSource, *secrets: Secret) -> tuple[SourcePlan, list[str]]:
    plan = compute([found, *secrets], resolve=lambda _: Target("http://127.0.0.1:1/"))
    return plan.sources["KafkaSource", NAME], [str(problem) for problem in plan.problems]


def secret(**data: str) -> Secret:
    held = {name.replace("_", "."): text.encode() for name, text in data.items()}
    return Secret(Metadata(NamespacedName("default", "s")), held)


def ref(key: str) -> dict[str, Any]:
    return {"secretKeyRef": {"name": "s", "key": key}}


SASL = {"enable": True, "user": ref("u"), "password": ref("p")}
TLS = {"enable": True, "caCert": ref("ca")}


@pytest.mark.parametrize(
    ("net", "auth"),
    [
        ({}, PLAINTEXT),
        ({"sasl": {**SASL, "enable": False}, "tls": {"enable": False}}, PLAINTEXT),
        ({"sasl": SASL}, KafkaAuth(protocol=Protocol.SASL_PLAINTEXT, user="ada", password="x")),
        ({"tls": TLS}, KafkaAuth(protocol=Protocol.SSL, ca=PEM)),
        (
            {"sasl": {**SASL, "type": ref("t")}, "tls": TLS},
            KafkaAuth(protocol=Protocol.SASL_SSL, mechanism=Mechanism.SCRAM_SHA_512, ca=PEM, user="ada", password="x"),
        ),
        (
            {"sasl": SASL, "tls": {**TLS, "cert": ref("ca"), "enable": False}},
            KafkaAuth(protocol=Protocol.SASL_PLAINTEXT, user="ada", password="x"),
        ),
    ],
)
def test_how_its_kafka_lets_one_in(net: dict[str, Any], auth: KafkaAuth) -> None:
    plan, problems = planned(source(net=net), secret(u="ada", p="x", t="SCRAM-SHA-512", ca=PEM))
    assert problems == []
    assert isinstance(plan.source, KafkaSource)
    assert (plan.source.auth, plan.source.waits) == (auth, "")


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ([], "spec.net.sasl.user.secretKeyRef: found no Secret default/s, expected one that is there"),
        ([secret(u="ada")], "spec.net.sasl.password.secretKeyRef: found no key p in Secret s"),
        ([secret(u="ada", p="two\nlines")], "spec.net.sasl.password: found a control character"),
    ],
)
def test_it_waits_until_its_secrets_are_right(secrets: list[Secret], said: str) -> None:
    plan, problems = planned(source(net={"sasl": SASL}), *secrets)
    assert any(said in problem for problem in problems), problems
    assert isinstance(plan.source, KafkaSource)
    assert said in plan.source.waits


@pytest.mark.parametrize("place", ["type", "user"])
def test_no_fault_shows_what_stands_in_a_secret(place: str) -> None:
    """Else who may write a KafkaSource could read any Secret of its namespace in a status."""
    hidden = "hunter2\nline"
    plan, problems = planned(source(net={"sasl": {**SASL, place: ref("h")}}), secret(u="ada", p="x", h=hidden))
    assert any(f"spec.net.sasl.{place}: found {len(hidden)} characters, expected" in problem for problem in problems)
    assert isinstance(plan.source, KafkaSource)
    assert plan.source.waits
    assert "hunter2" not in f"{plan.source.waits} {problems}"


def test_a_certificate_of_ours_needs_its_key() -> None:
    net = {"tls": {**TLS, "cert": ref("ca")}}
    plan, problems = planned(source(net=net), secret(ca=PEM))
    assert any("spec.net.tls.key: found nothing" in problem for problem in problems), problems
    assert isinstance(plan.source, KafkaSource)
    assert plan.source.net.refs["tls.cert"] == SecretRef("s", "ca")


def test_a_key_of_ours_needs_its_certificate() -> None:
    _, problems = planned(source(net={"tls": {**TLS, "key": ref("ca")}}), secret(ca=PEM))
    assert any("spec.net.tls.cert: found nothing" in problem for problem in problems), problems


def test_delivery() -> None:
    plan, _ = planned(source())
    assert plan.delivery == Delivery(delay=0.3, timeout=600.0)
    plan, problems = planned(source(delivery={"retry": 3, "deadLetterSink": SINK}))
    assert plan.delivery == Delivery(retry=3)
    assert any("spec.delivery.deadLetterSink" in problem for problem in problems)


def test_the_group_of_an_object_is_that_very_objects() -> None:
    name = NamespacedName("default", "orders")
    assert default_group(name, "1c9e") == "knative-kafka-source-1c9e"
    assert default_group(name, "2d00") != default_group(name, "1c9e")
    assert default_group(name) == default_group(name)


def test_which_entries_of_secrets_are_looked_at() -> None:
    user, authority = SecretRef("s", "user"), SecretRef("s", "ca")
    refs = {"sasl.user": user, "tls.caCert": authority}
    assert secret_refs(KafkaNet(sasl=True, refs=refs)) == (user,)
    assert secret_refs(KafkaNet(tls=True, refs=refs)) == (authority,)
    assert secret_refs(KafkaNet(refs=refs)) == ()

"""Which ConfigMap decides about a Broker's topic, and what it comes to."""

import pytest

from tradewind.control import broker_config
from tradewind.control.broker_config import BrokerConfig, Lack, asked, config_map, counts, elsewhere, parsed
from tradewind.control.conditions import Condition, Status
from tradewind.errors import Fault
from tradewind.resources.model import Broker, ConfigMap, KReference, Metadata, NamespacedName

SYSTEM, KAFKA = "tradewind-system", "one:9092,two:9092"
DEFAULT = NamespacedName(SYSTEM, "kafka-broker-config")
NAME = NamespacedName("default", "mine")


def broker(namespace: str = "default", kind: str = "ConfigMap", api_version: str = "v1") -> Broker:
    config = KReference(api_version, kind, "mine", namespace)
    return Broker(Metadata(NamespacedName("default", "b")), config=config)


def told(name: NamespacedName = NAME, **data: str) -> ConfigMap:
    return ConfigMap(Metadata(name), {key.replace("_", "."): text for key, text in data.items()})


def read(found: ConfigMap | Lack, name: NamespacedName = NAME) -> BrokerConfig:
    return parsed(name, found, system=SYSTEM, kafka=KAFKA)


def test_a_broker_without_config_has_the_installations() -> None:
    assert asked(Broker(Metadata(NamespacedName("default", "b"))), SYSTEM) == DEFAULT


@pytest.mark.parametrize("namespace", ["default", SYSTEM])
def test_a_config_lies_with_the_broker_or_with_the_installation(namespace: str) -> None:
    assert asked(broker(namespace), SYSTEM) == NamespacedName(namespace, "mine")


@pytest.mark.parametrize("namespace", ["default", SYSTEM])
def test_a_config_that_may_decide(namespace: str) -> None:
    assert elsewhere(NamespacedName(namespace, "mine"), "default", SYSTEM) is None


def test_a_config_elsewhere_does_not_decide() -> None:
    name = asked(broker("other"), SYSTEM)
    assert name == NamespacedName("other", "mine"), "which is looked at: it may count as none"
    found = elsewhere(name, "default", SYSTEM)
    assert found is not None and found.reason == "ConfigInOtherNamespace"
    assert all(word in found.message for word in ("other/mine", "default", SYSTEM))


def test_one_that_counts_as_none_is_told() -> None:
    expected = "ConfigMap tradewind-system/kafka-broker-config; default/mine of spec.config counts as none: it says no "
    told_of = parsed(DEFAULT, told(DEFAULT), system=SYSTEM, kafka=KAFKA, instead=NAME)
    assert told_of.condition.message == f"{expected}bootstrap.servers"
    bare = parsed(DEFAULT, Lack.ABSENT, system=SYSTEM, kafka=KAFKA, instead=NAME)
    assert "default/mine of spec.config counts as none" in bare.condition.message


@pytest.mark.parametrize(("kind", "version"), [("Secret", "v1"), ("ConfigMap", "v2")])
def test_a_config_of_another_kind_is_a_fault(kind: str, version: str) -> None:
    found = asked(broker(kind=kind, api_version=version), SYSTEM)
    assert isinstance(found, Condition) and found.reason == "ConfigKindUnknown" and kind in found.message


def test_a_config_without_bootstrap_servers_counts_as_none() -> None:
    assert counts(NAME, told(bootstrap_servers="one:9092"), SYSTEM)
    assert not counts(NAME, told(default_topic_partitions="3", bootstrap_servers=" "), SYSTEM)
    assert counts(DEFAULT, told(DEFAULT), SYSTEM)
    assert counts(NAME, Lack.ABSENT, SYSTEM)  # which is said, and not passed over


def test_what_it_says_is_taken() -> None:
    found = read(told(bootstrap_servers=" two:9092, ONE:9092 ", default_topic_partitions="3"))
    assert found.usable and found.secret is None
    assert found.config_map is not None and found.config_map.metadata.name == NAME
    assert found.condition.message == "ConfigMap default/mine"


def test_a_secret_is_looked_for_beside_its_config_map() -> None:
    found = read(told(bootstrap_servers=KAFKA, auth_secret_ref_name="auth"))
    assert found.secret == NamespacedName("default", "auth")


def test_another_kafka_needs_another_installation() -> None:
    found = read(told(bootstrap_servers="three:9092"))
    assert not found.usable and found.condition.reason == "InvalidConfig"
    assert all(word in found.condition.message for word in ("three:9092", KAFKA, "--kafka", "another installation"))


def test_every_fault_is_told() -> None:
    found = read(told(bootstrap_servers="three:9092", default_topic_partitions="many"))
    assert "many" in found.condition.message and "three:9092" in found.condition.message


def test_without_any_the_settings_decide() -> None:
    found = read(Lack.ABSENT, DEFAULT)
    assert found.usable and found.config_map is None and found.condition.reason == "Defaults"


@pytest.mark.parametrize(
    ("name", "lack", "reason", "word"),
    [
        (NAME, Lack.ABSENT, "ConfigNotFound", "create it"),
        (NAME, Lack.DENIED, "ConfigForbidden", "namespace default"),
        (DEFAULT, Lack.DENIED, "ConfigForbidden", SYSTEM),
    ],
)
def test_one_that_cannot_be_had_says_what_to_do(name: NamespacedName, lack: Lack, reason: str, word: str) -> None:
    found = read(lack, name)
    assert (found.condition.status, found.condition.reason) == (Status.FALSE, reason)
    assert word in found.condition.message and str(name) in found.condition.message


def test_a_secret_that_cannot_be_had_says_what_to_do() -> None:
    secret = NamespacedName("default", "auth")
    absent = broker_config.secret_lacking(secret, Lack.ABSENT)
    assert absent.reason == "SecretNotFound" and "default/auth" in absent.message
    denied = broker_config.secret_lacking(secret, Lack.DENIED)
    assert denied.reason == "SecretForbidden" and broker_config.ROLE in denied.message
    faulty = broker_config.secret_faulty(secret, [Fault("data.protocol", "'x'", "one of PLAINTEXT")])
    assert faulty.reason == "InvalidSecret" and "data.protocol" in faulty.message


@pytest.mark.parametrize("data", [None, {"a": "b"}, {"a": "b", "c": 1}, []])
def test_an_object_is_read_as_a_config_map(data: object) -> None:
    found = config_map({"metadata": {"namespace": "default", "name": "mine"}, "data": data})
    assert found.metadata.name == NAME
    assert found.data == ({"a": "b"} if isinstance(data, dict) else {})
    assert broker_config.reference(NAME) == KReference("v1", "ConfigMap", "mine", "default")

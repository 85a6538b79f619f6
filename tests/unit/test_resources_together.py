"""What manifests say together: names that are declared twice, configs that Brokers name."""

import pytest

from tests.unit.reading_manifests import BROKER, TRIGGER, A, faults, read
from tradewind.resources import documents, manifests


def test_a_second_declaration_is_refused_and_names_the_first() -> None:
    (fault,) = faults(f"{BROKER}---{TRIGGER}---{BROKER}")
    assert fault == (
        "hello.yaml: Broker default/default: metadata.name: found a second declaration (hello.yaml, document 3), "
        "expected only that of hello.yaml, document 1"
    )


def test_a_second_declaration_is_told_whatever_else_is_wrong_with_both() -> None:
    wrong = TRIGGER.replace("name: a", "name: a, namespace: default, labels: {n: 1}") + "  delivery: {retry: -1}\n"
    found = faults(f"{wrong}---{wrong}---{TRIGGER}  zzz: 1")
    twice = [fault for fault in found if "second declaration" in fault]
    assert twice == [
        f"{A}metadata.name: found a second declaration (hello.yaml, document {n}), "
        "expected only that of hello.yaml, document 1"
        for n in (2, 3)
    ]
    assert len(found) == 7


@pytest.mark.parametrize(
    "text",
    [
        BROKER.replace("default", "A_b"),
        BROKER.replace("name: default", "name: a, namespace: b.c"),
        BROKER.replace("name: default", "name: a, namespace: 3"),
        BROKER.replace("{name: default}", "{}"),
        BROKER.replace("eventing.knative.dev/v1", "eventing.knative.dev/v9"),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    ],
)
def test_what_has_no_name_of_its_own_is_no_second_declaration(text: str) -> None:
    examined = manifests.examine(documents.parse("a.yaml", f"{text}---\n{text}").documents)
    assert not [fault for fault in examined.faults if "second declaration" in fault.found]


def test_a_name_in_kafka_is_told_whatever_else_is_wrong_with_its_owners() -> None:
    broker = BROKER.replace("name: default", "name: b-c, namespace: a") + "spec: {zzz: 1}\n"
    other = BROKER.replace("name: default", "name: c, namespace: a-b") + "spec: {zzz: 1}\n"
    assert len([fault for fault in faults(f"{broker}---{other}") if "which belongs to Broker a/b-c" in fault]) == 1


def test_a_config_that_a_broker_names_must_be_right() -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {default.topic.partitions: many}\n"
    assert len(read(config)) == 1
    named = f"{BROKER}spec: {{config: {{apiVersion: v1, kind: ConfigMap, name: c}}}}\n---\n{config}"
    (fault,) = faults(named)
    assert fault == (
        'hello.yaml: ConfigMap default/c: data.default.topic.partitions: found "many", '
        "expected a whole number from 1 to 10000"
    )


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
WRONG = 'data: {default.topic.partitions: "x", default.topic.replication.factor: "0"}\n'


@pytest.mark.parametrize(
    ("spec", "own"),
    [
        ("{config: {apiVersion: v1, kind: ConfigMap, name: c}, delivery: {retry: x}}", ["spec.delivery.retry"]),
        ("{config: {apiVersion: v1, kind: ConfigMap, name: c, namespace: default}, zzz: 1}", ["spec.zzz"]),
        ("{config: {kind: ConfigMap, name: c, namespace: ''}}", ["spec.config.apiVersion"]),
        ("{config: {apiVersion: v1, name: c}}", ["spec.config.kind"]),
    ],
)
def test_a_config_is_judged_whatever_is_wrong_with_the_broker_that_names_it(spec: str, own: list[str]) -> None:
    found = faults(f"{BROKER}spec: {spec}\n---\n{CONFIG}{WRONG}")
    paths = [fault.split(": found")[0].split(": ", 2)[2] for fault in found]
    assert paths == [*own, "data.default.topic.partitions", "data.default.topic.replication.factor"]


@pytest.mark.parametrize(
    "config",
    [
        "[]",
        "{}",
        "{name: 5}",
        "{name: c, kind: Secret}",
        "{name: c, namespace: other}",
        "{name: c, namespace: 5}",
        "c",
        "{name: ''}",
    ],
)
def test_a_config_that_no_broker_names_is_nobodys_business(config: str) -> None:
    found = faults(f"{BROKER}spec: {{config: {config}, zzz: 1}}\n---\n{CONFIG}{WRONG}")
    assert not [fault for fault in found if "default.topic" in fault]


def test_a_broker_without_a_right_name_names_its_config_all_the_same() -> None:
    broker = BROKER.replace("name: default", "name: A, namespace: shop")
    config = CONFIG.replace("name: c", "name: c, namespace: shop")
    found = faults(f"{broker}spec: {{config: {{apiVersion: v1, kind: ConfigMap, name: c}}}}\n---\n{config}{WRONG}")
    assert len(found) == 3


def test_what_is_right_of_a_config_is_judged_beside_what_is_wrong() -> None:
    named = f"{BROKER}spec: {{config: {{apiVersion: v1, kind: ConfigMap, name: c}}}}\n---\n{CONFIG}"
    data = """
zzz: 1
data:
  default.topic.partitions: 3
  default.topic.replication.factor: 0
  default.topic.config.retention.ms: "abc"
  default.topic.config.segment.ms: [1]
  default.topic.config.preallocate: yes
  default.topic.config.cleanup.policy:
"""
    c = "hello.yaml: ConfigMap default/c: data.default.topic"
    quotes = "expected a string: put it in quotes"
    assert "zzz: found an unknown field" in faults(named + data)[0]
    assert faults(named + data)[1:] == [
        f"{c}.partitions: found 3 (a number), {quotes}",
        f"{c}.replication.factor: found 0 (a number), {quotes}",
        f"{c}.config.segment.ms: found a list, expected a string",
        f"{c}.config.preallocate: found true (true or false, not text), {quotes}",
        f'{c}.replication.factor: found "0", expected a whole number from 1 to 32767',
        f'{c}.config.retention.ms: found "abc", expected a whole number from -1 to 9223372036854775807',
    ]
    assert len(faults(f"{named}data: [1]")) == 1

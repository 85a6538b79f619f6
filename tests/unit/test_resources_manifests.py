"""Manifests → resources; what is wrong is named whole, with its path."""

from typing import Any

import pytest

from tradewind.errors import InvalidManifest
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.tree import AllOf, Compared, How, Not
from tradewind.resources import documents, manifests
from tradewind.resources.model import (
    BROKER_CLASS,
    BackoffPolicy,
    Broker,
    ConfigMap,
    DeliverySpec,
    Destination,
    EventType,
    KReference,
    NamespacedName,
    PingSource,
    Resource,
    Secret,
    Service,
    Trigger,
)


def read(text: str) -> tuple[Resource, ...]:
    parsed = documents.parse("hello.yaml", text)
    assert not parsed.faults
    return manifests.read(parsed.documents)


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidManifest) as raised:
        read(text)
    return [str(fault) for fault in raised.value.faults]


BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
"""
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: a}
spec:
  broker: default
  subscriber: {uri: 'http://a'}
"""
PING = """
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: p}
spec:
  sink: {uri: 'http://a'}
"""


class TestWhatKnativeTakes:
    """A manifest that Knative takes is taken unchanged."""

    def test_a_broker(self) -> None:
        (broker,) = read("""
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: default
  namespace: shop
  uid: 1d2c
  resourceVersion: "12"
  generation: 3
  creationTimestamp: 2026-01-01T00:00:00Z
  finalizers: [brokers.eventing.knative.dev]
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: x, uid: y}]
  managedFields: [{manager: kubectl, fieldsV1: {"f:spec": {}}}]
  labels: {team: a}
  annotations:
    eventing.knative.dev/broker.class: Kafka
    eventing.knative.dev/creator: me
spec:
  config: {apiVersion: v1, kind: ConfigMap, name: kafka-broker-config, namespace: knative-eventing}
  delivery:
    deadLetterSink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: dead}}
    retry: 5
    timeout: PT10S
    backoffPolicy: linear
    backoffDelay: PT0.5S
    retryAfterMax: PT0S
    format: json
status:
  address: {url: 'http://a'}
  conditions: [{type: Ready, status: "True"}]
""")
        assert isinstance(broker, Broker)
        assert broker.metadata.name == NamespacedName("shop", "default")
        assert (broker.metadata.uid, broker.metadata.origin) == ("1d2c", "hello.yaml")
        assert broker.metadata.labels == {"team": "a"}
        assert broker.metadata.annotations[BROKER_CLASS] == "Kafka"
        assert broker.config == KReference("v1", "ConfigMap", "kafka-broker-config", "knative-eventing")
        sink = Destination(KReference("serving.knative.dev/v1", "Service", "dead", "shop"))
        assert broker.delivery == DeliverySpec(sink, 5, 10.0, BackoffPolicy.LINEAR, 0.5, 0.0, "json")

    def test_a_broker_with_nothing_written(self) -> None:
        (broker,) = read(BROKER)
        assert isinstance(broker, Broker)
        assert broker.metadata.annotations == {BROKER_CLASS: "Tradewind"}
        assert (broker.config, broker.delivery) == (None, DeliverySpec())

    def test_a_trigger(self) -> None:
        (trigger,) = read("""
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: a
  annotations: {kafka.eventing.knative.dev/delivery.order: Ordered}
spec:
  broker: default
  filters: []
  filter:
    attributes: {type: com.example.a, myextension: '', n: "5"}
  subscriber:
    ref: {apiVersion: v1, kind: Service, name: s, namespace: ''}
    uri: /path
""")
        assert isinstance(trigger, Trigger)
        assert trigger.metadata.name == NamespacedName("default", "a")
        assert trigger.metadata.labels == {"eventing.knative.dev/broker": "default"}
        assert trigger.filter_attributes == {"type": "com.example.a", "myextension": "", "n": "5"}
        assert trigger.subscriber == Destination(KReference("v1", "Service", "s", "default"), "/path")

    def test_nulls_and_empty_mappings_count_as_not_written(self) -> None:
        (trigger,) = read(TRIGGER + "  delivery: {retry: null}\n  filter: {attributes: }\n  brokerRef: {}\n")
        assert isinstance(trigger, Trigger)
        assert (trigger.delivery, trigger.filter_attributes) == (DeliverySpec(), {})

    def test_a_ping_source(self) -> None:
        (source,) = read("""
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: p}
spec:
  schedule: "*/1 * * * *"
  timezone: Europe/Berlin
  contentType: "application/json"
  data: '{"message": "Hello wörld!"}'
  ceOverrides: {extensions: {sink: bound}}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
""")
        assert isinstance(source, PingSource)
        assert (source.schedule, source.timezone) == ("*/1 * * * *", "Europe/Berlin")
        assert source.data == '{"message": "Hello wörld!"}'.encode()
        assert (source.content_type, source.ce_overrides) == ("application/json", {"sink": "bound"})

    def test_a_ping_source_with_bytes_and_defaults(self) -> None:
        (source,) = read(PING + "  dataBase64: /wA=\n  schedule: ''\n")
        assert isinstance(source, PingSource)
        assert (source.data, source.schedule, source.timezone) == (b"\xff\x00", "* * * * *", None)

    def test_an_event_type(self) -> None:
        (declared,) = read("""
apiVersion: eventing.knative.dev/v1beta2
kind: EventType
metadata: {name: t}
spec:
  type: a.b
  source: /a
  schema: ""
  schemaData: "{}"
  broker: default
  description: What happens.
  reference: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}
""")
        assert isinstance(declared, EventType)
        reference = KReference("eventing.knative.dev/v1", "Broker", "default", "default")
        assert (declared.type, declared.source, declared.schema) == ("a.b", "/a", None)
        assert (declared.description, declared.reference) == ("What happens.", reference)

    def test_core_kinds_and_a_list_of_them(self) -> None:
        config, secret, service, plain = read("""
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: c}
  data: {default.topic.partitions: "3", empty: }
  binaryData: {b: AA==}
- apiVersion: v1
  kind: Secret
  metadata: {name: s}
  type: Opaque
  data: {user: YWRt, both: YQ==}
  stringData: {password: "p", both: b}
- apiVersion: v1
  kind: Service
  metadata: {name: sub}
  spec: {type: ExternalName, externalName: host.docker.internal, ports: [{port: 8081, name: http, protocol: TCP}]}
- apiVersion: v1
  kind: Service
  metadata: {name: plain}
  spec: {selector: {app: x}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
""")
        assert isinstance(config, ConfigMap)
        assert config.data == {"default.topic.partitions": "3", "empty": ""}
        assert isinstance(secret, Secret)
        assert secret.data == {"user": b"adm", "both": b"b", "password": b"p"}
        assert "adm" not in repr(secret)
        assert isinstance(service, Service)
        assert (service.external_name, service.port) == ("host.docker.internal", 8081)
        assert isinstance(plain, Service)
        assert (plain.external_name, plain.port) == (None, None)


A = "hello.yaml: Trigger default/a: "
P = "hello.yaml: PingSource default/p: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[1]", "hello.yaml: found a list, expected a mapping with apiVersion, kind", id="no object"),
        pytest.param(
            "kind: Broker", "hello.yaml: apiVersion: found nothing, expected a non-empty string", id="no version"
        ),
        pytest.param(
            "apiVersion: v1\nkind: 3", "hello.yaml: kind: found 3 (a number), expected a non-em", id="bad kind"
        ),
        pytest.param(
            "apiVersion: eventing.knative.dev/v1beta3\nkind: EventType\nmetadata: {name: t}",
            "hello.yaml: EventType default/t: found eventing.knative.dev/v1beta3 EventType, "
            "expected eventing.knative.dev/v1beta2 EventType",
            id="a version that is not served",
        ),
        pytest.param(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}",
            "hello.yaml: Deployment default/d: found apps/v1 Deployment, expected eventing.knative.dev/v1 Broker or ",
            id="an unknown kind",
        ),
        pytest.param(
            BROKER.replace("{name: default}", "{}"),
            "hello.yaml: metadata.name: found nothing, expected a name",
            id="no name",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: yes"),
            "metadata.name: found true (true or false, not text), expected a name: put it in quotes",
            id="a name that is true",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: 7"),
            "metadata.name: found 7 (a number), expected a name: put it in quotes",
            id="a name that is a number",
        ),
        pytest.param(
            BROKER.replace("kind: Broker", "kind: !!binary QnJva2Vy"),
            "kind: found binary data (!!binary), expected a non-empty string",
            id="a kind in Base64",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: !!timestamp 2026-01-01"),
            "metadata.name: found a date, expected a name",
            id="a date by its tag",
        ),
        pytest.param(
            TRIGGER + "  filter: !!set {a}", "spec.filter: found a set (!!set), expected a mapping", id="a set"
        ),
        pytest.param(
            BROKER.replace("name: default", "name: A_b"),
            'Broker default/A_b: metadata.name: found "A_b", expected a DNS-1123',
            id="bad name",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: a, namespace: b.c"),
            'metadata.namespace: found "b.c", expected a DNS-1123 label',
            id="bad namespace",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: a, labels: {a: 1}"),
            "metadata.labels.a: found 1 (a number), expected a string: put it in quotes",
            id="a label that is a number",
        ),
        pytest.param(
            BROKER.replace("metadata: {name: default}", "metadata: x"),
            'hello.yaml: metadata: found "x", expected a mapping',
            id="metadata that is text",
        ),
        pytest.param(
            BROKER + "specs: {}",
            "specs: found an unknown field, expected one of spec, status; is spec meant?",
            id="unknown at the top",
        ),
        pytest.param(
            BROKER + "spec: []",
            "Broker default/default: spec: found an empty list, expected a mapping",
            id="spec of the wrong type",
        ),
        pytest.param(
            BROKER + "spec: {config: {kind: ConfigMap, name: c}}",
            "spec.config.apiVersion: found nothing, expected a string: it is required",
            id="a reference without version",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: a, annotations: {kafka.eventing.knative.dev/external.topic: 'a b'}"),
            'external.topic: found "a b", expected a Kafka topic name',
            id="external topic",
        ),
        pytest.param(
            BROKER.replace("eventing.knative.dev/v1\nkind: Broker", "v1\nkind: Service") + "spec: {type: ExternalName}",
            "spec.externalName: found nothing, expected a DNS name",
            id="external name",
        ),
        pytest.param(
            TRIGGER.replace("  broker: default\n", ""),
            f"{A}spec: found none of them, expected exactly one of broker, brokerRef",
            id="no broker",
        ),
        pytest.param(
            TRIGGER.replace("subscriber", "subscribers"),
            f"{A}spec.subscribers: found an unknown field, expected one of broker, brokerRef, delivery, filter, "
            "filters, subscriber; is subscriber meant?",
            id="a field misspelt",
        ),
        pytest.param(
            TRIGGER.replace("subscriber", "subscribers"),
            f"{A}spec.subscriber: found nothing, expected a mapping: it is required",
            id="required",
        ),
        pytest.param(
            TRIGGER + "  BROKER: b",
            f"{A}spec.BROKER: found an unknown field, expected one of broker, brokerRef, delivery, filter, filters, "
            "subscriber; is broker meant?",
            id="a field in capitals",
        ),
        pytest.param(
            TRIGGER + "  zzz: 1",
            f"{A}spec.zzz: found an unknown field, expected one of broker, brokerRef,",
            id="nothing near",
        ),
        pytest.param(
            TRIGGER.replace("{uri: 'http://a'}", "{}"),
            f"{A}spec.subscriber: found neither ref nor uri, expected ref or uri",
            id="an empty destination",
        ),
        pytest.param(
            TRIGGER.replace("http://a", "/a"),
            "spec.subscriber: found a mapping of uri, expected an absolute `uri`, or a `ref`",
            id="relative to nothing",
        ),
        pytest.param(
            TRIGGER.replace("{uri:", "{ref: {apiVersion: v1, kind: Service, name: s}, uri:"),
            "expected a `uri` relative to `ref`, or no `ref`",
            id="ref and absolute uri",
        ),
        pytest.param(
            TRIGGER.replace("http://a", "ftp://a"),
            f'{A}spec.subscriber.uri: found "ftp://a", expected an http:// or https:// URL',
            id="a bad URI",
        ),
        pytest.param(
            TRIGGER.replace("'http://a'", "'http://a', audience: x"),
            'spec.subscriber.audience: found "x", expected nothing: this version does not serve it',
            id="audience",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: -1}",
            f"{A}spec.delivery.retry: found -1 (a number), expected a whole number from 0 to 2147483647",
            id="retry below zero",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: '3'}",
            'spec.delivery.retry: found "3", expected a whole number',
            id="retry as text",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: true}",
            "spec.delivery.retry: found true (true or false, not text), expected a whole number",
            id="retry as a word",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: 1.0}",
            "spec.delivery.retry: found 1.0 (a number), expected a whole number",
            id="retry as a fraction",
        ),
        pytest.param(
            TRIGGER + "  delivery: {timeout: PT0S}",
            'spec.delivery.timeout: found "PT0S", expected a duration longer than zero',
            id="no time",
        ),
        pytest.param(
            TRIGGER + "  delivery: {backoffDelay: 2 seconds}",
            'spec.delivery.backoffDelay: found "2 seconds", expected an ISO 8601 duration',
            id="no duration",
        ),
        pytest.param(
            TRIGGER + "  delivery: {backoffPolicy: expo}",
            'spec.delivery.backoffPolicy: found "expo", expected one of linear, exponential',
            id="no policy",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retries: 1}",
            "format, retry, retryAfterMax, timeout; is retry meant?",
            id="unknown in delivery",
        ),
        pytest.param(
            TRIGGER + "  filter: {attributes: {Type: a}}",
            'spec.filter.attributes.Type: found the key "Type", expected an attribute name',
            id="attribute name",
        ),
        pytest.param(
            TRIGGER + "  filter: {attributes: {n: 5}}",
            "spec.filter.attributes.n: found 5 (a number), expected a string: put it in quotes",
            id="attribute value",
        ),
        pytest.param(
            TRIGGER + "  filter: {attributes: {5: a}}",
            "found the key 5 (a number), expected a key that is text",
            id="a key that is a number",
        ),
        pytest.param(
            TRIGGER + '  filters: [{exact: {type: a}}, {any: [{cesql: "type = \'a"}]}]',
            f"{A}spec.filters[1].any[0].cesql, character 8: found ",
            id="dialects",
        ),
        pytest.param(
            TRIGGER.replace("broker: default", "brokerRef: {apiVersion: v1, kind: Broker, name: b}"),
            "spec.brokerRef: found a mapping of apiVersion, kind, name, expected `broker`",
            id="brokerRef",
        ),
        pytest.param(
            TRIGGER.replace("name: a", "name: a, annotations: {kafka.eventing.knative.dev/delivery.order: any}"),
            'delivery.order: found "any", expected ordered or unordered',
            id="order",
        ),
        *(
            pytest.param(
                TRIGGER.replace("name: a", f"name: a, annotations: {{tradewind.dev/maxInFlight: '{text}'}}"),
                f'{A}metadata.annotations.tradewind.dev/maxInFlight: found "{text}", '
                "expected a whole number from 1 to 1000",
                id=f"maxInFlight {text}",
            )
            for text in ("0", "1001", "-1", "1.5", "", "ten", "١")
        ),
        *(
            pytest.param(
                TRIGGER.replace("name: a", f"name: a, annotations: {{tradewind.dev/rate: '{text}'}}"),
                f'{A}metadata.annotations.tradewind.dev/rate: found "{text}", expected deliveries a second, a decimal',
                id=f"rate {text}",
            )
            for text in ("0", "0.0000001", "1000001", "-1", ".5", "1e3", "", "50/m", "50 /s", "inf")
        ),
        pytest.param(
            TRIGGER.replace("name: a", "name: a, annotations: {tradewind.dev/start: yesterday}"),
            'tradewind.dev/start: found "yesterday", expected latest, earliest or an RFC 3339 timestamp such as',
            id="start",
        ),
        pytest.param(
            PING + "  data: a\n  dataBase64: YQ==",
            f"{P}spec: found both, expected `data` or `dataBase64`, not both",
            id="data twice",
        ),
        pytest.param(PING + "  dataBase64: Y", f'{P}spec.dataBase64: found "Y", expected Base64', id="bad Base64"),
        pytest.param(
            PING + "  schedule: '@every 1s'",
            f'{P}spec.schedule: found "@every 1s", expected a cron schedule: five fields',
            id="every",
        ),
        pytest.param(
            PING + "  timezone: Mars/Base",
            f'{P}spec.timezone: found "Mars/Base", expected a name of the IANA',
            id="timezone",
        ),
        pytest.param(
            PING + "  contentType: application/json\n  data: '{'",
            f"{P}spec: found a mapping of sink, contentType, data, expected data that is JSON",
            id="no JSON",
        ),
        pytest.param(
            PING + "  ceOverrides: {extensions: {A: b}}",
            f'{P}spec.ceOverrides.extensions.A: found the key "A", expected an extension\'s name',
            id="extension name",
        ),
        pytest.param(
            "apiVersion: v1\nkind: List\nitems: [3]",
            "hello.yaml, document items[0]: found 3 (a number), expected a mapping",
            id="an item",
        ),
        pytest.param("apiVersion: v1\nkind: List\nitems: 3", "found v1 List, expected ", id="a list without items"),
    ],
)
def test_what_is_wrong(text: str, expected: str) -> None:
    found = faults(text)
    assert any(expected in fault for fault in found), found


def test_every_fault_of_every_document_is_named() -> None:
    found = faults(
        f"{BROKER}spec: {{delivery: {{retry: -1, timeout: x, zzz: 1}}}}\n---{TRIGGER}  filters: [1]\n---\n[]"
    )
    assert len(found) == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PING + "  schedule: x\n  data: a\n  dataBase64: YQ==", ["schedule", "spec: found both"]),
        (PING + "  contentType: application/json\n  data: '{'\n  dataBase64: x", ["dataBase64", "spec: found both"]),
        (PING.replace("sink", "sinc") + "  contentType: application/json\n  data: '{'", ["sinc", "sink", "is JSON"]),
        (PING + "  contentType: application/json\n  data: 5", ["data: found 5"]),
        (PING + "  contentType: application/json\n  dataBase64: x", ["dataBase64"]),
        (
            TRIGGER.replace("{uri:", "{ref: {kind: S, name: s}, CACerts: x, uri:"),
            ["ref.apiVersion", "CACerts", "relative to `ref`, or"],
        ),
        (TRIGGER.replace("http://a'", "/a', audience: x"), ["audience", "an absolute `uri`"]),
        (TRIGGER.replace("{uri: 'http://a'}", "{uri: 5, zzz: 1}"), ["uri: found 5", "zzz"]),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
            "spec: {type: ExternalName, ports: [{port: 99999}]}\nzzz: 1",
            ["expected a whole number from 1 to 65535", "spec.externalName: found nothing", "zzz"],
        ),
    ],
)
def test_what_two_fields_say_together_is_judged_whatever_else_is_wrong(text: str, expected: list[str]) -> None:
    found = faults(text)
    assert len(found) == len(expected), found
    for word in expected:
        assert any(word in fault for fault in found), found


def test_filters_are_read_as_a_tree_and_go_before_filter() -> None:
    (found,) = read(TRIGGER + "  filter: {attributes: {type: z}}\n  filters: [{not: {exact: {type: a, source: b}}}]")
    assert isinstance(found, Trigger)
    assert found.filter == AllOf((Not(Compared(How.EXACT, (("source", "b"), ("type", "a")))),))
    (found,) = read(TRIGGER + "  filter: {attributes: {type: z}}\n  filters: []")
    assert isinstance(found, Trigger)
    assert found.filter == AttributesFilter({"type": "z"})


def test_a_secret_is_never_shown() -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    for rest in ("data: {a: hunter2!}", "data: hunter2", "stringData: {a: 90210}", "stringData: hunter2"):
        found = " ".join(faults(secret + rest))
        assert "a value that is not shown" in found
        assert "hunter2" not in found
        assert "90210" not in found


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


def test_what_is_right_of_metadata_is_judged_beside_what_is_wrong() -> None:
    annotations = "annotations: {kafka.eventing.knative.dev/delivery.order: any, n: 1}"
    found = faults(TRIGGER.replace("name: a", f"name: A, {annotations}"))
    assert [fault.split(": ")[2] for fault in found] == [
        "metadata.annotations.n",
        "metadata.name",
        "metadata.annotations.kafka.eventing.knative.dev/delivery.order",
    ]


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


@pytest.mark.parametrize(
    "junk", [None, 1, "x", [], {}, [[]], {"a": None}, {"": {}}, {1: 2}, float("nan"), b"x", {None: 1}]
)
@pytest.mark.parametrize(
    "at", ["metadata", "spec", "spec.subscriber", "spec.filter", "spec.delivery", "kind", "apiVersion"]
)
def test_junk_anywhere_is_a_fault_and_no_crash(at: str, junk: Any) -> None:
    manifest: dict[str, Any] = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "a"},
        "spec": {"broker": "b", "subscriber": {"uri": "http://a"}, "filter": {}, "delivery": {}},
    }
    *parents, last = at.split(".")
    inner = manifest
    for parent in parents:
        inner = inner[parent]
    inner[last] = junk
    nothing = junk is None or junk == {}
    examined = manifests.examine([("x.json", manifest)])
    assert bool(examined.faults) != (nothing and at in ("spec.filter", "spec.delivery"))


def test_what_is_to_be_portable_holds_nothing_that_knative_does_not_take() -> None:
    text = TRIGGER + "  filters: [{not: {cel: 'data.a > 1'}}]\n"
    parsed = documents.parse("a.yaml", text)
    assert manifests.examine(parsed.documents).faults == ()
    (fault,) = manifests.examine(parsed.documents, portable=True).faults
    assert str(fault) == (
        "a.yaml: Trigger default/a: spec.filters[0].not.cel: found the dialect cel, expected a dialect that Knative "
        "takes, too, as --portable asks: cel is Tradewind's own"
    )

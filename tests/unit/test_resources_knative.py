"""A manifest that Knative takes is taken unchanged."""

from tests.unit.reading_manifests import BROKER, PING, TRIGGER, read
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
    Secret,
    Service,
    Trigger,
)


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

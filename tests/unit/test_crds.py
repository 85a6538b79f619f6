"""crds/ holds what the kinds say; each is structural, and takes what Knative's users write."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from tradewind.resources import documents, manifests
from tradewind.resources.crds import HEADER, definition, installed, lacking, openapi, render
from tradewind.resources.kinds import BROKER, EVENT_TYPE, KAFKA_SOURCE, OURS, PING_SOURCE, TRIGGER, Kind

CRDS = Path(__file__).parents[2] / "crds"
ALLOWED = {
    "type",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "format",
    "minimum",
    "maximum",
    "minProperties",
    "maxProperties",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}
"""Keywords of a structural schema that we use: `$ref`, `oneOf`, `default` and the like are not among them."""

Node = dict[str, Any]


def test_the_folder_holds_what_is_generated() -> None:
    assert {file.name: file.read_text() for file in CRDS.iterdir()} == render(), "run `tradewind crds`"


def test_what_is_installed_on_clusters_is_generated() -> None:
    file = CRDS.parent / "deploy" / "tradewind-crds.yaml"
    assert file.read_text() == installed(), "run `make deploy`"
    assert [one["spec"]["names"]["kind"] for one in yaml.safe_load_all(installed())] == [kind.kind for kind in OURS]


def test_what_a_definition_that_is_there_lacks() -> None:
    assert lacking(definition(BROKER), BROKER) == []
    assert lacking({}, BROKER) == ["it does not serve eventing.knative.dev/v1"]
    unserved = definition(BROKER)
    unserved["spec"]["versions"][0]["served"] = False
    assert lacking(unserved, BROKER) == ["it does not serve eventing.knative.dev/v1"]
    without = definition(BROKER)
    del without["spec"]["versions"][0]["subresources"]
    assert lacking(without, BROKER) == ["eventing.knative.dev/v1 has no status subresource"]
    leaving = definition(BROKER)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert lacking(leaving, BROKER) == ["it is being deleted"]


@pytest.mark.parametrize("name", render())
def test_a_file_is_one_definition_under_its_header(name: str) -> None:
    text = render()[name]
    assert text.startswith(HEADER)
    (loaded,) = yaml.safe_load_all(text)
    assert f"{loaded['metadata']['name']}.yaml" == name
    assert documents.parse(name, text).faults == []
    assert loaded in [definition(kind) for kind in OURS]


def schema_of(kind: Kind) -> Node:
    (version,) = definition(kind)["spec"]["versions"]
    schema: Node = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    yield path or ".", schema
    for name, held in schema.get("properties", {}).items():
        yield from nodes(held, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from nodes(schema[keyword], f"{path}.{keyword}")


def unstructural(schema: Node) -> list[str]:
    """What Kubernetes would refuse (apiextensions.k8s.io/v1, structural schemas)."""
    wrong = []
    for path, node in nodes(schema):
        kind = node.get("type")
        rules = {
            "type": kind in ("object", "array", "string", "integer", "number", "boolean"),
            "known keywords": set(node) <= ALLOWED,
            "items, and of arrays only": ("items" in node) == (kind == "array"),
            "properties or additionalProperties": not {"properties", "additionalProperties"} <= set(node),
            "additionalProperties is a schema": isinstance(node.get("additionalProperties", {}), dict),
            "fields of objects only": kind == "object" or not {"properties", "additionalProperties"} & set(node),
            "required is known": set(node.get("required", [])) <= set(node.get("properties", {})),
            "required is not empty": node.get("required") != [],
            "preserving is true or absent": node.get("x-kubernetes-preserve-unknown-fields", True) is True,
            "an object says what it holds": kind != "object"
            or bool({"properties", "additionalProperties", "x-kubernetes-preserve-unknown-fields"} & set(node)),
        }
        wrong += [f"{path}: {rule}" for rule, held in rules.items() if not held]
    return wrong


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.kind)
def test_schemas_are_structural(kind: Kind) -> None:
    assert unstructural(schema_of(kind)) == []
    Draft4Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({}, "type"),
        ({"type": "object", "$ref": "#/x"}, "known keywords"),
        ({"type": "object", "properties": {"a": {"type": "array"}}}, "items"),
        ({"type": "object", "properties": {"a": {"type": "object", "oneOf": []}}}, "known keywords"),
        ({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}, "properties or"),
        ({"type": "object", "additionalProperties": False}, "additionalProperties is a schema"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}, "required is known"),
        ({"type": "array", "items": {"type": "object"}}, "says what it holds"),
    ],
)
def test_the_check_itself_sees_what_is_not_structural(schema: Node, rule: str) -> None:
    assert any(rule in one for one in unstructural(schema))


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.kind)
def test_definitions_are_knatives(kind: Kind) -> None:
    made = definition(kind)
    names = made["spec"]["names"]
    assert made["metadata"]["name"] == f"{names['plural']}.{made['spec']['group']}"
    assert names["plural"] == names["singular"] + "s" == kind.kind.lower() + "s"
    assert made["spec"]["scope"] == "Namespaced"
    assert made["metadata"]["labels"]["knative.dev/crd-install"] == "true"
    (version,) = made["spec"]["versions"]
    assert (version["served"], version["storage"]) == (True, True)
    scale = {
        "specReplicasPath": ".spec.consumers",
        "statusReplicasPath": ".status.consumers",
        "labelSelectorPath": ".status.selector",
    }
    assert version["subresources"] == ({"status": {}, "scale": scale} if kind is KAFKA_SOURCE else {"status": {}})
    assert {"conditions", "observedGeneration", "annotations"} <= set(
        schema_of(kind)["properties"]["status"]["properties"]
    )
    assert names["categories"][:2] == ["all", "knative"]


@pytest.mark.parametrize(
    ("kind", "version", "columns", "labels"),
    [
        (BROKER, "v1", "URL Age Ready Reason Class", {"duck.knative.dev/addressable"}),
        (TRIGGER, "v1", "Broker Subscriber_URI Age Ready Reason", set()),
        (
            EVENT_TYPE,
            "v1beta2",
            "Type Source Schema Reference_Name Reference_Kind Description Ready Reason",
            set(),
        ),
        (
            PING_SOURCE,
            "v1",
            "Sink Schedule Age Ready Reason",
            {"duck.knative.dev/source", "eventing.knative.dev/source"},
        ),
        (
            KAFKA_SOURCE,
            "v1",
            "Topics BootstrapServers Ready Reason Age",
            {"duck.knative.dev/source", "eventing.knative.dev/source"},
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Kind) else "",
)
def test_columns_and_duck_labels(kind: Kind, version: str, columns: str, labels: set[str]) -> None:
    made = definition(kind)
    (only,) = made["spec"]["versions"]
    assert only["name"] == version
    assert [column["name"].replace(" ", "_") for column in only["additionalPrinterColumns"]] == columns.split()
    assert set(made["metadata"]["labels"]) == labels | {"knative.dev/crd-install"}


def rules_of(kind: Kind) -> dict[str, set[str]]:
    """The messages of the CEL rules, by the path of their node."""
    found = (
        (path, {rule["message"] for rule in node.get("x-kubernetes-validations", [])})
        for path, node in nodes(schema_of(kind))
    )
    return {path: messages for path, messages in found if messages}


def test_what_a_schema_can_say_in_cel() -> None:
    some = {"at least one of ref, uri must be given"}
    dead_letters = {".spec.delivery.deadLetterSink": some}
    assert rules_of(BROKER) == {".spec": {"Immutable fields changed: config"}, **dead_letters}
    immutable = {f"Immutable fields changed: {name}" for name in ("broker", "brokerRef")}
    spec = {"exactly one of broker, brokerRef must be given", *immutable}
    assert rules_of(TRIGGER) == {".spec": spec, ".spec.subscriber": some, **dead_letters}
    assert rules_of(EVENT_TYPE) == {}
    spec = {"at most one of data, dataBase64 may be given"}
    assert rules_of(PING_SOURCE) == {".spec": spec, ".spec.sink": some}


EXAMPLES = {
    "broker": """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, annotations: {eventing.knative.dev/broker.class: Kafka}}
spec:
  config: {apiVersion: v1, kind: ConfigMap, name: kafka-broker-config, namespace: knative-eventing}
  delivery:
    retry: 12
    backoffPolicy: exponential
    backoffDelay: "PT0.5S"
    timeout: PT10S
    retryAfterMax: PT30S
    deadLetterSink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: dlq}}
status:
  observedGeneration: 1
  annotations: {bootstrap.servers: "kafka:9092"}
  address: {url: "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/default/default"}
  conditions:
  - {type: Ready, status: "True", lastTransitionTime: "2026-01-01T00:00:00Z"}
""",
    "trigger": """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: my-service-trigger}
spec:
  broker: default
  filter: {attributes: {type: dev.knative.foo.bar, myextension: my-extension-value}}
  subscriber:
    ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: my-service}
    uri: /my-custom-path
  delivery: {format: json}
status: {subscriberUri: "http://a", auth: {serviceAccountName: x}}
""",
    "ping": """
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: test-ping-source}
spec:
  schedule: "*/1 * * * *"
  contentType: "application/json"
  data: '{"message": "Hello world!"}'
  sink: {ref: {apiVersion: v1, kind: Service, name: event-display}}
status:
  sinkUri: http://a
  ceAttributes: [{type: dev.knative.sources.ping, source: /apis/v1/namespaces/default/pingsources/p}]
""",
    "event type": """
apiVersion: eventing.knative.dev/v1beta2
kind: EventType
metadata: {name: dev.knative.source.github.push-34cnb}
spec:
  type: dev.knative.source.github.push
  source: https://github.com/knative/eventing
  reference: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}
""",
}
DIALECTS = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t}
spec:
  broker: default
  subscriber: {uri: "http://a"}
  filters:
  - {exact: {type: a}}
  - {any: [{prefix: {type: a}}, {suffix: {type: b}}]}
  - {all: [{not: {exact: {type: c}}}, {cesql: "source LIKE '%x'"}]}
  - {not: {any: [{exact: {type: d}}]}}
  - {cesql: "type = 'x'"}
"""


def kind_of(manifest: Node) -> Kind:
    return next(kind for kind in OURS if kind.kind == manifest["kind"])


def pruned(schema: Node, value: Any) -> Any:
    """The value as the API server would keep it."""
    if isinstance(value, list):
        return [pruned(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    properties, more = schema.get("properties", {}), schema.get("additionalProperties")
    keeps = schema.get("x-kubernetes-preserve-unknown-fields", False)
    return {
        name: pruned(properties.get(name, more or {}), held) if name in properties or more is not None else held
        for name, held in value.items()
        if name in properties or more is not None or keeps
    }


@pytest.mark.parametrize("text", [*EXAMPLES.values(), DIALECTS], ids=[*EXAMPLES, "dialects"])
def test_what_knatives_users_write_is_valid_and_kept_whole(text: str) -> None:
    manifest = yaml.safe_load(text)
    schema = schema_of(kind_of(manifest))
    body = {name: manifest[name] for name in ("spec", "status") if name in manifest}
    assert [error.message for error in Draft4Validator(schema).iter_errors(body)] == []
    assert pruned(schema, body) == body


@pytest.mark.parametrize("text", [*EXAMPLES.values(), DIALECTS], ids=[*EXAMPLES, "dialects"])
def test_the_file_store_takes_the_same(text: str) -> None:
    assert len(manifests.read(documents.parse("x.yaml", text).documents)) == 1


SUBSCRIBER = {"subscriber": {"uri": "http://a"}}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (TRIGGER, {}),
        (TRIGGER, {"spec": {"broker": "b"}}),
        (TRIGGER, {"spec": {**SUBSCRIBER, "filters": [{}]}}),
        (TRIGGER, {"spec": {**SUBSCRIBER, "filters": [{"exact": {"type": "a"}, "suffix": {"type": "b"}}]}}),
        (TRIGGER, {"spec": {**SUBSCRIBER, "filter": {"attributes": {"n": 1}}}}),
        (TRIGGER, {"spec": {**SUBSCRIBER, "delivery": {"retry": -1}}}),
        (TRIGGER, {"spec": {**SUBSCRIBER, "delivery": {"backoffPolicy": "x"}}}),
        (TRIGGER, {"spec": {"subscriber": {"ref": {"kind": "Service"}}}}),
        (BROKER, {"spec": {"config": {"name": "c"}}}),
        (PING_SOURCE, {"spec": {}}),
        (EVENT_TYPE, {"spec": {"source": "x"}}),
    ],
)
def test_what_the_schema_refuses(kind: Kind, body: Node) -> None:
    assert not Draft4Validator(schema_of(kind)).is_valid(body)


def test_no_default_lies_in_a_schema() -> None:
    for kind in OURS:
        assert all("default" not in node for _, node in nodes(schema_of(kind)))
        assert openapi(kind.schema)["type"] == "object"


def shipped() -> list[tuple[str, Node]]:
    """Every manifest of ours in examples/."""
    files = sorted((CRDS.parent / "examples").rglob("*.yaml"))
    found = [one for file in files for one in documents.parse(file.name, file.read_text()).documents]
    return [(origin, value) for origin, value in found if value.get("kind") in {kind.kind for kind in OURS}]


def test_the_examples_are_valid_on_a_cluster_too() -> None:
    assert shipped()
    for origin, manifest in shipped():
        schema = schema_of(kind_of(manifest))
        body = {"spec": manifest.get("spec", {})}
        assert [error.message for error in Draft4Validator(schema).iter_errors(body)] == [], origin
        assert pruned(schema, body) == body, origin

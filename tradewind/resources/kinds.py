"""The kinds that are understood: names, versions, schema, and what their CRDs say besides (knative-eventing §1.1)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tradewind.resources import (
    binding_shapes,
    container_shapes,
    dialects,
    formats,
    kafka_sources,
    schedules,
    shapes,
    webhook_shapes,
)
from tradewind.resources.schema import Rule, Schema, Type, anything, listing, mapping, obj, text
from tradewind.resources.shapes import Fields

EVENTING = "eventing.knative.dev"
SOURCES = "sources.knative.dev"
OWN_SOURCES = "sources.tradewind.dev"
"""Of sources that Knative has no kind for: its own group is Knative's to add kinds to."""
CORE = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind in the one version that is served."""

    group: str
    version: str
    kind: str
    schema: Schema
    """Everything of a manifest but `apiVersion`, `kind` and `metadata`."""
    name_rule: Rule = formats.dns_name
    plural: str = ""
    status: Schema | None = None
    columns: tuple[Column, ...] = ()
    categories: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    scale: str = ""
    """The field that `kubectl scale` sets, in `spec` and told in `status`; empty where there is none."""

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone for core kinds."""
        return f"{self.group}/{self.version}" if self.group else self.version


_URL = Column("URL", ".status.address.url")
_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
_REASON = Column("Reason", '.status.conditions[?(@.type=="Ready")].reason')
_CLASS = Column("Class", r".metadata.annotations.eventing\.knative\.dev/broker\.class")


def _top(spec: Schema, *, required: bool = False) -> Schema:
    """A manifest with a `spec`; its `status` is neither read nor refused."""
    return obj("", {"spec": spec, "status": anything("")}, required=("spec",) if required else ())


def _broker() -> Schema:
    fields = {
        "config": shapes.reference("Where the class finds its configuration: a ConfigMap."),
        "delivery": shapes.delivery("How events are delivered where a Trigger does not say."),
    }
    return replace(obj("What is asked for.", fields), immutable=("config",))


def _trigger() -> Schema:
    attributes = mapping("Attributes an event must have with these values; '' asks only that it is there.")
    fields = {
        "broker": text("Name of a Broker in this namespace.", rule=formats.dns_name),
        "brokerRef": replace(
            shapes.reference("A Broker in another namespace."),
            unserved="`broker`: `brokerRef` is not served by this version",
        ),
        "filter": obj(
            "Which events are wanted; all, when it is empty.",
            {"attributes": replace(attributes, keys=formats.attribute_name)},
        ),
        "filters": dialects.schema(),
        "subscriber": shapes.destination("Where the events go."),
        "delivery": shapes.delivery("How events are delivered; merged field by field over the Broker's."),
    }
    spec = obj("What is asked for.", fields, required=("subscriber",))
    return replace(spec, one_of=("broker", "brokerRef"), immutable=("broker", "brokerRef"))


def _event_type() -> Schema:
    fields = {
        "type": text("The events' `type`.", rule=formats.not_empty),
        "source": text("The events' `source`.", rule=formats.optional(formats.uri_reference)),
        "schema": text("URI of the schema of their data.", rule=formats.optional(formats.uri_reference)),
        "schemaData": text("The schema itself."),
        "broker": text("Name of a Broker; deprecated in favour of `reference`."),
        "reference": shapes.reference("Where these events can be had."),
        "description": text("What they mean."),
    }
    return obj("What is asked for.", fields, required=("type",))


def _ping_rule(value: Fields) -> str | None:
    data, encoded = value.get("data"), value.get("dataBase64")
    media_type = (value.get("contentType") or "").partition(";")[0].strip().lower()
    json_fault = formats.json_data(data, encoded) if media_type == "application/json" else None
    two_zones = schedules.has_zone(value.get("schedule") or "") and value.get("timezone")
    zone_fault = "one time zone: `timezone`, or the one that `schedule` begins with" if two_zones else None
    return "; and ".join(filter(None, (json_fault, zone_fault))) or None


def _ping_source() -> Schema:
    fields = {
        "schedule": replace(text("Cron schedule; each minute when empty."), inside=schedules.faults),
        "timezone": text(
            "IANA time zone of the schedule; UTC when empty.", rule=formats.optional(schedules.timezone_fault)
        ),
        "contentType": text("Media type of the data.", rule=formats.optional(formats.media_type)),
        "data": text("Data of each event."),
        "dataBase64": text("Data of each event, in Base64.", rule=formats.strict_base64),
        "ceOverrides": shapes.ce_overrides(),
        "sink": shapes.destination("Where the events go."),
    }
    spec = obj("What is asked for.", fields, required=("sink",))
    one = ("data", "dataBase64")
    return replace(spec, at_most_one_of=one, rule=_ping_rule, rule_on=("schedule", "timezone", "contentType", *one))


def _core(fields: Mapping[str, Schema]) -> Schema:
    return obj("", {**fields, "immutable": Schema(Type.BOOLEAN)})


def _service() -> Schema:
    port = Schema(
        Type.OBJECT,
        properties={"port": Schema(Type.INTEGER, minimum=1, maximum=65535)},
        required=("port",),
        open=True,
    )
    fields = {
        "type": text("", enum=("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")),
        "externalName": text("", rule=formats.optional(formats.host_name)),
        "ports": listing("", port),
    }
    return _top(Schema(Type.OBJECT, properties=fields, open=True))


_SOURCE_LABELS = {"duck.knative.dev/source": "true", "eventing.knative.dev/source": "true"}
_PING_TYPES = json.dumps([{"type": "dev.knative.sources.ping"}])

BROKER = Kind(
    EVENTING,
    "v1",
    "Broker",
    _top(_broker()),
    plural="brokers",
    status=shapes.BROKER_STATUS,
    columns=(_URL, _AGE, _READY, _REASON, _CLASS),
    categories=("all", "knative", "eventing"),
    labels={"duck.knative.dev/addressable": "true"},
)
TRIGGER = Kind(
    EVENTING,
    "v1",
    "Trigger",
    _top(_trigger(), required=True),
    plural="triggers",
    status=shapes.TRIGGER_STATUS,
    columns=(
        Column("Broker", ".spec.broker"),
        Column("Subscriber_URI", ".status.subscriberUri"),
        _AGE,
        _READY,
        _REASON,
    ),
    categories=("all", "knative", "eventing"),
)
EVENT_TYPE = Kind(
    EVENTING,
    "v1beta2",
    "EventType",
    _top(_event_type(), required=True),
    plural="eventtypes",
    status=shapes.PLAIN_STATUS,
    columns=(
        Column("Type", ".spec.type"),
        Column("Source", ".spec.source"),
        Column("Schema", ".spec.schema"),
        Column("Reference Name", ".spec.reference.name"),
        Column("Reference Kind", ".spec.reference.kind"),
        Column("Description", ".spec.description"),
        _READY,
        _REASON,
    ),
    categories=("all", "knative", "eventing"),
)
PING_SOURCE = Kind(
    SOURCES,
    "v1",
    "PingSource",
    _top(_ping_source(), required=True),
    plural="pingsources",
    status=shapes.SOURCE_STATUS,
    columns=(Column("Sink", ".status.sinkUri"), Column("Schedule", ".spec.schedule"), _AGE, _READY, _REASON),
    categories=("all", "knative", "sources"),
    labels=_SOURCE_LABELS,
    annotations={"registry.knative.dev/eventTypes": _PING_TYPES},
)
KAFKA_SOURCE = Kind(
    SOURCES,
    "v1",
    "KafkaSource",
    _top(kafka_sources.schema(), required=True),
    plural="kafkasources",
    status=kafka_sources.STATUS,
    columns=(
        Column("Topics", ".spec.topics"),
        Column("BootstrapServers", ".spec.bootstrapServers"),
        _READY,
        _REASON,
        _AGE,
    ),
    categories=("all", "knative", "sources"),
    labels=_SOURCE_LABELS,
    annotations={"registry.knative.dev/eventTypes": json.dumps([{"type": "dev.knative.kafka.event"}])},
    scale="consumers",
)
WEBHOOK_SOURCE = Kind(
    OWN_SOURCES,
    "v1alpha1",
    "WebhookSource",
    _top(webhook_shapes.webhook_source(), required=True),
    plural="webhooksources",
    status=shapes.WEBHOOK_STATUS,
    columns=(_URL, Column("Sink", ".status.sinkUri"), Column("Preset", ".spec.preset"), _AGE, _READY, _REASON),
    categories=("all", "knative", "sources"),
    labels=_SOURCE_LABELS,
)
GITHUB_SOURCE = Kind(
    SOURCES,
    "v1alpha1",
    "GitHubSource",
    _top(webhook_shapes.github_source(), required=True),
    plural="githubsources",
    status=shapes.WEBHOOK_STATUS,
    columns=(_READY, _REASON, Column("Sink", ".status.sinkUri"), _AGE),
    categories=("all", "knative", "sources"),
    labels=_SOURCE_LABELS,
)
GITLAB_SOURCE = replace(
    GITHUB_SOURCE,
    kind="GitLabSource",
    schema=_top(webhook_shapes.gitlab_source(), required=True),
    plural="gitlabsources",
)
CONTAINER_SOURCE = Kind(
    SOURCES,
    "v1",
    "ContainerSource",
    _top(container_shapes.container_source(), required=True),
    plural="containersources",
    status=shapes.SOURCE_STATUS,
    columns=(Column("Sink", ".status.sinkUri"), _AGE, _READY, _REASON),
    categories=("all", "knative", "sources"),
    labels=_SOURCE_LABELS,
)
SINK_BINDING = Kind(
    SOURCES,
    "v1",
    "SinkBinding",
    _top(binding_shapes.sink_binding(), required=True),
    plural="sinkbindings",
    status=shapes.BINDING_STATUS,
    columns=(Column("Sink", ".status.sinkUri"), _AGE, _READY, _REASON),
    categories=("all", "knative", "sources", "bindings"),
    labels={**_SOURCE_LABELS, "duck.knative.dev/binding": "true"},
)
CONFIG_MAP = Kind(CORE, "v1", "ConfigMap", _core({"data": mapping(""), "binaryData": mapping("")}))
_HIDDEN = Schema(Type.STRING, hidden=True)
SECRET = Kind(
    CORE,
    "v1",
    "Secret",
    _core(
        {
            "data": replace(mapping("", replace(_HIDDEN, rule=formats.secret_base64)), hidden=True),
            "stringData": replace(mapping("", _HIDDEN), hidden=True),
            "type": text(""),
        }
    ),
)
SERVICE = Kind(CORE, "v1", "Service", _service(), name_rule=formats.service_name)

OURS = (
    BROKER,
    TRIGGER,
    EVENT_TYPE,
    PING_SOURCE,
    KAFKA_SOURCE,
    WEBHOOK_SOURCE,
    GITHUB_SOURCE,
    GITLAB_SOURCE,
    CONTAINER_SOURCE,
    SINK_BINDING,
)
"""Kinds whose CRDs are in `crds/`."""

HOSTED = (PING_SOURCE, KAFKA_SOURCE, WEBHOOK_SOURCE, GITHUB_SOURCE, GITLAB_SOURCE)
"""Kinds of sources that a sources process runs, on Kubernetes as elsewhere."""

HOSTED_NAMES = frozenset(kind.kind for kind in HOSTED)

KINDS: Mapping[tuple[str, str], Kind] = {
    (kind.api_version, kind.kind): kind for kind in (*OURS, CONFIG_MAP, SECRET, SERVICE)
}
"""Every kind that is read, by apiVersion and kind."""

IGNORED = frozenset({("v1", "Namespace")})
"""Kinds that may stand in a folder and mean nothing here."""

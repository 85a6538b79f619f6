"""Builds the typed resources from manifests that were checked; nothing here can fail on a checked one."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace

from tradewind.filters import tree
from tradewind.resources import (
    binding_shapes,
    container_shapes,
    defaults,
    durations,
    kafka_sources,
    plugins,
    webhook_shapes,
)
from tradewind.resources.model import (
    BROKER_CLASS,
    BackoffPolicy,
    Broker,
    ConfigMap,
    ContainerSource,
    DeliverySpec,
    Destination,
    EventType,
    GitHubSource,
    GitLabSource,
    KafkaSource,
    KReference,
    Metadata,
    PingSource,
    PluginSource,
    Resource,
    Secret,
    Service,
    SinkBinding,
    Trigger,
    WebhookSource,
)
from tradewind.resources.shapes import Fields
from tradewind.resources.webhooks import Preset


def build(kind: str, manifest: Fields, metadata: Metadata) -> Resource:
    """The resource that a checked manifest of this kind declares."""
    builder = _BUILDERS.get(kind)
    return builder(manifest, metadata) if builder is not None else _plugin_source(kind, manifest, metadata)


def _reference(fields: Fields | None, namespace: str) -> KReference | None:
    if not fields:
        return None
    return KReference(fields["apiVersion"], fields["kind"], fields["name"], fields.get("namespace") or namespace)


def _destination(fields: Fields, namespace: str) -> Destination:
    return Destination(_reference(fields.get("ref"), namespace), fields.get("uri"))


def _seconds(fields: Fields, name: str) -> float | None:
    written = fields.get(name)
    return None if written is None else durations.seconds(written)


def _delivery(fields: Fields | None, namespace: str) -> DeliverySpec:
    fields = fields or {}
    sink, policy = fields.get("deadLetterSink"), fields.get("backoffPolicy")
    return DeliverySpec(
        dead_letter_sink=_destination(sink, namespace) if sink else None,
        retry=fields.get("retry"),
        timeout=_seconds(fields, "timeout"),
        backoff_policy=BackoffPolicy(policy) if policy else None,
        backoff_delay=_seconds(fields, "backoffDelay"),
        retry_after_max=_seconds(fields, "retryAfterMax"),
        format=fields.get("format"),
    )


def _broker(manifest: Fields, metadata: Metadata) -> Broker:
    spec = manifest.get("spec") or {}
    namespace = metadata.name.namespace
    annotations = defaults.broker_annotations(metadata.annotations, BROKER_CLASS)
    return Broker(
        replace(metadata, annotations=annotations),
        _reference(spec.get("config"), namespace),
        _delivery(spec.get("delivery"), namespace),
    )


def _trigger(manifest: Fields, metadata: Metadata) -> Trigger:
    spec = manifest["spec"]
    namespace = metadata.name.namespace
    labels = defaults.trigger_labels(metadata.labels, spec["broker"])
    return Trigger(
        replace(metadata, labels=labels),
        spec["broker"],
        _destination(spec["subscriber"], namespace),
        _texts((spec.get("filter") or {}).get("attributes")),
        _delivery(spec.get("delivery"), namespace),
        tree.read(spec["filters"]) if spec.get("filters") else None,
    )


def _event_type(manifest: Fields, metadata: Metadata) -> EventType:
    spec = manifest["spec"]
    return EventType(
        metadata,
        spec["type"],
        spec.get("source") or None,
        spec.get("schema") or None,
        spec.get("description") or None,
        _reference(spec.get("reference"), metadata.name.namespace),
    )


def _ping_source(manifest: Fields, metadata: Metadata) -> PingSource:
    spec = manifest["spec"]
    text, encoded = spec.get("data"), spec.get("dataBase64")
    data = base64.b64decode(encoded) if encoded else text.encode() if text else None
    return PingSource(
        metadata,
        _destination(spec["sink"], metadata.name.namespace),
        spec.get("schedule") or defaults.SCHEDULE,
        spec.get("timezone") or None,
        spec.get("contentType") or None,
        data,
        _texts((spec.get("ceOverrides") or {}).get("extensions")),
    )


def _kafka_source(manifest: Fields, metadata: Metadata) -> KafkaSource:
    spec, namespace = manifest["spec"], metadata.name.namespace
    return kafka_sources.build(
        spec,
        metadata,
        sink=_destination(spec["sink"], namespace),
        delivery=_delivery(spec.get("delivery"), namespace),
        overrides=_overrides(spec),
    )


def _webhook_source(manifest: Fields, metadata: Metadata) -> WebhookSource:
    spec = manifest["spec"]
    sink, webhook = _destination(spec["sink"], metadata.name.namespace), webhook_shapes.webhook(spec)
    return WebhookSource(metadata, sink, webhook, _overrides(spec))


def _git_hub_source(manifest: Fields, metadata: Metadata) -> GitHubSource:
    spec = manifest["spec"]
    sink = _destination(spec["sink"], metadata.name.namespace)
    return GitHubSource(metadata, sink, webhook_shapes.knative_webhook(Preset.GITHUB, spec), _overrides(spec))


def _git_lab_source(manifest: Fields, metadata: Metadata) -> GitLabSource:
    spec = manifest["spec"]
    sink = _destination(spec["sink"], metadata.name.namespace)
    return GitLabSource(metadata, sink, webhook_shapes.knative_webhook(Preset.GITLAB, spec), _overrides(spec))


def _container_source(manifest: Fields, metadata: Metadata) -> ContainerSource:
    spec, name = manifest["spec"], metadata.name
    return ContainerSource(
        metadata,
        _destination(spec["sink"], name.namespace),
        container_shapes.named(name.name, spec["template"]),
        container_shapes.containers(name.name, spec["template"]),
        _overrides(spec),
    )


def _sink_binding(manifest: Fields, metadata: Metadata) -> SinkBinding:
    spec, namespace = manifest["spec"], metadata.name.namespace
    subject = binding_shapes.subject(spec["subject"], namespace)
    return SinkBinding(metadata, _destination(spec["sink"], namespace), subject, _overrides(spec))


def _plugin_source(kind: str, manifest: Fields, metadata: Metadata) -> PluginSource:
    spec = manifest["spec"]
    own = {name: held for name, held in spec.items() if name not in plugins.OWN}
    return PluginSource(metadata, _destination(spec["sink"], metadata.name.namespace), kind, own, _overrides(spec))


def _overrides(spec: Fields) -> Mapping[str, str]:
    return _texts((spec.get("ceOverrides") or {}).get("extensions"))


def _config_map(manifest: Fields, metadata: Metadata) -> ConfigMap:
    return ConfigMap(metadata, _texts(manifest.get("data")))


def _secret(manifest: Fields, metadata: Metadata) -> Secret:
    decoded = {name: base64.b64decode(value) for name, value in _texts(manifest.get("data")).items()}
    plain = {name: value.encode() for name, value in _texts(manifest.get("stringData")).items()}
    return Secret(metadata, {**decoded, **plain})


def _service(manifest: Fields, metadata: Metadata) -> Service:
    spec = manifest.get("spec") or {}
    if spec.get("type") != "ExternalName":
        return Service(metadata)
    ports = spec.get("ports") or []
    return Service(metadata, spec["externalName"], ports[0]["port"] if ports else None)


def _texts(fields: Fields | None) -> Mapping[str, str]:
    """A map of strings; a null among them is the empty string, as for the API server."""
    return {name: value or "" for name, value in (fields or {}).items()}


_BUILDERS: Mapping[str, Callable[[Fields, Metadata], Resource]] = {
    "Broker": _broker,
    "Trigger": _trigger,
    "EventType": _event_type,
    "PingSource": _ping_source,
    "KafkaSource": _kafka_source,
    "WebhookSource": _webhook_source,
    "GitHubSource": _git_hub_source,
    "GitLabSource": _git_lab_source,
    "ContainerSource": _container_source,
    "SinkBinding": _sink_binding,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "Service": _service,
}

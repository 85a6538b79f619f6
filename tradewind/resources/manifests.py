"""Manifests → resources, or every fault of all of them (DESIGN §6).

    (origin, object) ─expand─► objects ─identify─► kind ─check─► building ─► resources ─cross-check─► accepted

A manifest that Knative takes is taken unchanged: labels, annotations and metadata that mean nothing here are left
alone, and so is `status`.  Of a Broker's class nothing is asked: whoever reads a folder is the only one to serve it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tradewind.errors import Fault, InvalidManifest
from tradewind.events.attributes import shown
from tradewind.resources import (
    binding_shapes,
    building,
    dialects,
    event_types,
    formats,
    kafka_sources,
    names,
    plugins,
    starts,
    topic_config,
    widths,
)
from tradewind.resources.checking import check, describe, quoted
from tradewind.resources.defaults import NAMESPACE
from tradewind.resources.kinds import IGNORED, Kind
from tradewind.resources.model import (
    DELIVERY_ORDER,
    EVENT_TYPES,
    EXTERNAL_TOPIC,
    KEY_TYPE,
    MAX_IN_FLIGHT,
    MISSED,
    RATE,
    START,
    Metadata,
    Missed,
    NamespacedName,
    Order,
    Resource,
)
from tradewind.resources.schema import Schema, Type, mapping

Document = tuple[str, Any]  # an object is whatever YAML holds
"""Where it was read (`hello.yaml, document 2`), and what was read there."""

ENVELOPE = ("apiVersion", "kind", "metadata")
_NAMELESS = Metadata(NamespacedName(NAMESPACE, ""))


@dataclass(frozen=True, slots=True)
class Read:
    """The resources of those documents that are right, and the faults of the others."""

    resources: tuple[Resource, ...]
    faults: tuple[Fault, ...]


def read(documents: Iterable[Document]) -> tuple[Resource, ...]:
    """The resources that these documents declare.  Raises InvalidManifest with every fault."""
    found = examine(documents)
    if found.faults:
        raise InvalidManifest(found.faults)
    return found.resources


def examine(documents: Iterable[Document], *, portable: bool = False) -> Read:
    """As `read`, without raising: what is right may be looked at beside what is wrong.

    `portable` refuses what Knative on Kubernetes does not take.
    """
    judged = [_judged(origin, value, portable) for origin, value in _expanded(documents)]
    resources = tuple(one.resource for one in judged if one.resource is not None)
    unique, duplicates = _unique(one for one in judged if one.metadata.name.name)
    faults = [fault for one in judged for fault in one.faults] + duplicates
    faults += names.collisions((one.kind, one.metadata) for one in unique if one.owns) + _configs(judged)
    return Read(resources, tuple(faults))


def judge(value: Any, *, portable: bool = False) -> Read:  # as above
    """As `examine`, of one object by itself: what it has in common with others is not looked at."""
    one = _judged("", value, portable)
    return Read((one.resource,) if one.resource is not None else (), tuple(one.faults))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one object came to."""

    faults: list[Fault]
    kind: str = ""
    metadata: Metadata = _NAMELESS
    owns: bool = False
    """Whether its metadata are right: the names in Kafka that follow from them are its own, whatever else is wrong."""
    resource: Resource | None = None
    config: NamespacedName | None = None
    """The ConfigMap that a Broker names, whatever else is wrong with it."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """What can be read of a ConfigMap's data, whatever else is wrong with it."""


def _expanded(documents: Iterable[Document]) -> Iterator[Document]:
    """Each object; a `List` is its items.  Empty documents are nothing."""
    for origin, value in documents:
        if value is None:
            continue
        if isinstance(value, dict) and value.get("apiVersion") == "v1" and value.get("kind") == "List":
            items = value.get("items")
            if isinstance(items, list):
                yield from _expanded((f"{origin}, document items[{i}]", item) for i, item in enumerate(items))
                continue
        yield origin, value


def _judged(origin: str, value: Any, portable: bool) -> _Judged:  # as above
    if not isinstance(value, dict):
        return _Judged([Fault(origin, describe(value), "a mapping with apiVersion, kind and metadata")])
    kind, faults = _kind(origin, value)
    if kind is None:
        return _Judged(faults)
    path = _object(origin, value)
    metadata, faults = _metadata(origin, value.get("metadata"), kind, path)
    faults += _text_faults(_ANNOTATIONS, "annotations", metadata.annotations, kind, path)
    faults += _text_faults(_LABELS, "labels", metadata.labels, kind, path)
    owns = not faults
    rest = {name: held for name, held in value.items() if name not in ENVELOPE}
    faults += check(kind.schema, rest, path)
    faults += _service_faults(rest.get("spec"), path) if kind.kind == "Service" else []
    if kind.kind == "SinkBinding":
        faults += binding_shapes.namespace_faults(metadata.name.namespace, rest.get("spec"), path)
    if portable and kind.kind == "Trigger" and isinstance(spec := rest.get("spec"), dict):
        faults += dialects.unportable(spec.get("filters"), f"{path}spec.filters")
    resource = None if faults else building.build(kind.kind, rest, metadata)
    config = _config(value) if kind.kind == "Broker" else None
    texts = _legible(rest.get("data")) if kind.kind == "ConfigMap" else {}
    return _Judged(faults, kind.kind, metadata, owns, resource, config, texts)


def _kind(origin: str, value: dict[Any, Any]) -> tuple[Kind | None, list[Fault]]:  # as above
    """The kind; None for one that is ignored, or for a fault."""
    version, word = value.get("apiVersion"), value.get("kind")
    missing = [
        Fault(f"{_object(origin, value)}{name}", describe(value.get(name)), "a non-empty string")
        for name in ("apiVersion", "kind")
        if not isinstance(value.get(name), str) or not value.get(name)
    ]
    if missing or (version, word) in IGNORED:
        return None, missing
    known = plugins.known()
    kind = known.get((str(version), str(word)))
    if kind is not None:
        return kind, []
    served = [f"{at} {one}" for at, one in known if one == word] or [f"{at} {one}" for at, one in known]
    found = f"{version} {word}" + (f" ({why})" if (why := plugins.unusable(str(word))) else "")
    return None, [Fault(_object(origin, value).removesuffix(": "), found, f"{' or '.join(served)}")]


def _object(origin: str, value: dict[Any, Any]) -> str:  # as above
    """The beginning of the path of an object that may be anything."""
    metadata = value.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    word, name, namespace = value.get("kind"), fields.get("name"), fields.get("namespace") or NAMESPACE
    if not (isinstance(word, str) and isinstance(name, str) and word and name):
        return f"{origin}: "
    return f"{names.place(origin)}{word} {namespace}/{name}: "


_TEXTS = mapping("")
_METADATA = Schema(
    Type.OBJECT,
    properties={
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "namespace": Schema(Type.STRING, rule=formats.optional(formats.dns_label)),
    },
    open=True,
)


def _metadata(origin: str, fields: Any, kind: Kind, path: str) -> tuple[Metadata, list[Fault]]:  # as above
    """What is right of the metadata; the name is empty where name or namespace is wrong."""
    faults = check(_METADATA, {} if fields is None else fields, f"{path}metadata")
    if not isinstance(fields, dict):
        fields = {}
    name, namespace, uid = fields.get("name"), fields.get("namespace") or NAMESPACE, fields.get("uid")
    expected = kind.name_rule(name) if isinstance(name, str) and name else quoted("a name", name)
    if expected is not None:
        faults.append(Fault(f"{path}metadata.name", describe(name), expected))
    placed = isinstance(namespace, str) and formats.dns_label(namespace) is None
    identity = NamespacedName(namespace, str(name)) if placed and expected is None else _NAMELESS.name
    labels, annotations = (_right_texts(fields.get(part)) for part in ("labels", "annotations"))
    generation = fields.get("generation")
    return (
        Metadata(
            identity,
            labels,
            annotations,
            uid if isinstance(uid, str) else "",
            origin,
            generation if type(generation) is int else 0,
        ),
        faults,
    )


def _right_texts(fields: Any) -> dict[str, str]:  # as above
    """Those of a map of strings that are strings; a null is the empty one, as for the API server."""
    entries = fields.items() if isinstance(fields, dict) else ()
    texts = {key: "" if held is None else held for key, held in entries}
    return {key: held for key, held in texts.items() if isinstance(key, str) and isinstance(held, str)}


_Rules = Mapping[str, Mapping[str, Callable[[str], str | None]]]


def _text_faults(known: _Rules, part: str, texts: Mapping[str, str], kind: Kind, path: str) -> list[Fault]:
    """Of those annotations or labels that decide something."""
    found = ((name, texts[name], rule) for name, rule in known.get(kind.kind, {}).items() if name in texts)
    return [
        Fault(f"{path}metadata.{part}.{name}", shown(text), expected)
        for name, text, rule in found
        if (expected := rule(text)) is not None
    ]


_ANNOTATIONS: _Rules = {
    "Trigger": {
        DELIVERY_ORDER: lambda text: None if text.lower() in tuple(Order) else f"{Order.ORDERED} or {Order.UNORDERED}",
        MAX_IN_FLIGHT: lambda text: None if widths.max_in_flight(text) else widths.MAX_IN_FLIGHT_EXPECTED,
        START: starts.fault,
        RATE: lambda text: None if widths.rate(text) else widths.RATE_EXPECTED,
    },
    "Broker": {EXTERNAL_TOPIC: formats.topic_name, EVENT_TYPES: event_types.fault},
    "PingSource": {MISSED: lambda text: None if text.lower() in tuple(Missed) else "skip, once or all"},
}
"""By kind and annotation, what was expected where a text is not right."""

_LABELS: _Rules = {"KafkaSource": {KEY_TYPE: kafka_sources.key_type_fault}}
"""The same of labels."""


def _service_faults(spec: Any, path: str) -> list[Fault]:  # as above
    external = isinstance(spec, dict) and spec.get("type") == "ExternalName"
    if external and spec.get("externalName") in (None, ""):
        return [Fault(f"{path}spec.externalName", "nothing", "a DNS name: type ExternalName asks for it")]
    return []


def _unique(judged: Iterable[_Judged]) -> tuple[list[_Judged], list[Fault]]:
    """The first of each kind and name, whose names in Kafka count; and a fault for each other."""
    first: dict[tuple[str, NamespacedName], _Judged] = {}
    faults: list[Fault] = []
    for one in judged:
        known = first.setdefault((one.kind, one.metadata.name), one)
        if known is not one:
            path = names.object_path(one.kind, one.metadata, "metadata.name")
            expected = f"only that of {known.metadata.origin}"
            faults.append(Fault(path, f"a second declaration ({one.metadata.origin})", expected))
    return list(first.values()), faults


def _config(broker: dict[Any, Any]) -> NamespacedName | None:  # as above
    """The ConfigMap that a Broker with any fault names: what is missing of the reference is taken for right."""
    spec, fields = broker.get("spec"), broker.get("metadata")
    config = spec.get("config") if isinstance(spec, dict) else None
    if not isinstance(config, dict) or config.get("kind") not in (None, "ConfigMap"):
        return None
    own = fields.get("namespace") if isinstance(fields, dict) else None
    name, namespace = config.get("name"), config.get("namespace") or own or NAMESPACE
    texts = isinstance(name, str) and isinstance(namespace, str)
    return NamespacedName(namespace, name) if texts and name else None


def _legible(data: Any) -> Mapping[str, str]:  # as above
    """Texts, and numbers that only lack their quotes."""
    entries = data.items() if isinstance(data, dict) else ()
    quoted = {key: str(held) if type(held) in (int, float) else held for key, held in entries}
    return _right_texts(quoted)


def _configs(judged: Sequence[_Judged]) -> list[Fault]:
    """Faults of the ConfigMaps that Brokers name."""
    named = {one.config for one in judged if one.config}
    faults: list[Fault] = []
    for one in judged:
        if one.kind == "ConfigMap" and one.metadata.name in named:
            faults += topic_config.read(one.texts, names.object_path(one.kind, one.metadata, ""))[1]
    return faults

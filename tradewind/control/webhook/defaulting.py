"""What an object leaves out, as a JSON patch (knative-eventing §1.3, "Defaulting").

    Broker    its class; the namespaces of `config` and of the dead-letter sink's `ref`
    Trigger   the label with its Broker; `filter: {}`; the namespaces of its `ref`s
    sources   the namespaces of the sink's `ref`, and of a SinkBinding's subject; PingSource its schedule, KafkaSource
              its consumers and where it begins

Nothing inside `delivery` is filled in besides: a default there would hide the Broker's from a Trigger's merge.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tradewind.resources.defaults import BROKER_LABEL, SCHEDULE
from tradewind.resources.model import BROKER_CLASS
from tradewind.resources.untyped import Object, fields

Path = tuple[str, ...]
Default = tuple[Path, Any]  # where, and any JSON


class Defaulted(NamedTuple):
    """An object with its defaults, and what was done to it."""

    whole: Object
    patch: tuple[Object, ...]


def defaulted(kind: str, one: Object, *, namespace: str, broker_class: str = "") -> Defaulted:
    """An object in this namespace with its defaults; a Broker without a class gets this one, if any."""
    match kind:
        case "Broker":
            found = _broker(one, namespace, broker_class)
        case "Trigger":
            found = _trigger(one, namespace)
        case _:
            found = _source(kind, one, namespace)
    whole = copy.deepcopy(one)
    return Defaulted(whole, tuple(_set(whole, path, value) for path, value in found))


def _broker(one: Object, namespace: str, broker_class: str) -> Iterator[Default]:
    if broker_class and not fields(one, "metadata", "annotations").get(BROKER_CLASS):
        yield ("metadata", "annotations", BROKER_CLASS), broker_class
    yield from _namespaced(one, ("spec", "config"), namespace)
    yield from _namespaced(one, ("spec", "delivery", "deadLetterSink", "ref"), namespace)


def _trigger(one: Object, namespace: str) -> Iterator[Default]:
    spec = fields(one, "spec")
    broker = spec.get("broker")
    if isinstance(broker, str) and fields(one, "metadata", "labels").get(BROKER_LABEL) != broker:
        yield ("metadata", "labels", BROKER_LABEL), broker
    if spec and spec.get("filter") is None:
        yield ("spec", "filter"), {}
    yield from _namespaced(one, ("spec", "subscriber", "ref"), namespace)
    yield from _namespaced(one, ("spec", "delivery", "deadLetterSink", "ref"), namespace)


def _source(kind: str, one: Object, namespace: str) -> Iterator[Default]:
    spec = fields(one, "spec")
    for name, value in _SOURCES.get(kind, {}).items():
        if spec and spec.get(name) in (None, ""):
            yield ("spec", name), value
    yield from _namespaced(one, ("spec", "sink", "ref"), namespace)
    yield from _namespaced(one, ("spec", "subject"), namespace)


_SOURCES: Mapping[str, Mapping[str, Any]] = {  # any JSON
    "PingSource": {"schedule": SCHEDULE},
    "KafkaSource": {"consumers": 1, "initialOffset": "latest"},
}
"""What each kind of source says where nothing is said."""


def _namespaced(one: Object, path: Path, namespace: str) -> Iterator[Default]:
    """The namespace of a reference that is there, and names none."""
    reference = fields(one, *path)
    if reference and not reference.get("namespace"):
        yield (*path, "namespace"), namespace


def _set(whole: Object, path: Path, value: Any) -> Object:  # as above
    """Put the value there, and answer with the operation that does the same: on the first thing that is missing."""
    holder, depth = whole, 1
    while depth < len(path) and isinstance(holder.get(path[depth - 1]), dict):
        holder, depth = holder[path[depth - 1]], depth + 1
    for rest in reversed(path[depth:]):
        value = {rest: value}
    holder[path[depth - 1]] = copy.deepcopy(value)
    return {"op": "add", "path": _pointer(path[:depth]), "value": value}


def _pointer(path: Path) -> str:
    """RFC 6901."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)

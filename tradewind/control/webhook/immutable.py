"""What may not change once it is there (knative-eventing §1.3), in Knative's words.

A Broker keeps its class, its topic and its `spec` except `delivery`; a Trigger its Broker, a KafkaSource its
`consumerGroup`.  Another way of writing the
same is no change: null or empty for left out, and the namespace that a `config` is in anyway.
"""

import json
from collections.abc import Iterator
from typing import Any

from tradewind.control.webhook.reviews import Objection
from tradewind.resources.model import BROKER_CLASS, EXTERNAL_TOPIC
from tradewind.resources.untyped import Object, fields

FIELDS = "Immutable fields changed (-old +new)"
ANNOTATIONS = "Immutable annotations changed (-old +new)"

LONGEST = 100
"""Characters of a value that a message shows."""


def changes(kind: str, old: Object, new: Object, *, namespace: str) -> list[Objection]:
    """An objection for each thing that differs and may not, of an object in this namespace."""
    if kind == "Broker":
        return [*_annotations(old, new), *_differences("spec", _kept(old, namespace), _kept(new, namespace))]
    if (name := _FIELDS.get(kind)) is None:
        return []
    before, after = (fields(one, "spec").get(name) for one in (old, new))
    return list(_differences(f"spec.{name}", before or None, after or None))


_FIELDS = {"Trigger": "broker", "KafkaSource": "consumerGroup"}
"""The one field of `spec` that these kinds keep."""


def _annotations(old: Object, new: Object) -> Iterator[Objection]:
    before, after = (fields(one, "metadata", "annotations") for one in (old, new))
    for name in (BROKER_CLASS, EXTERNAL_TOPIC):
        first, second = before.get(name) or None, after.get(name) or None
        if first != second and (first is not None or name == EXTERNAL_TOPIC):  # a class may be given where was none
            yield Objection(f"metadata.annotations.{name}", f"{ANNOTATIONS}: {_difference(first, second)}")


def _kept(one: Object, namespace: str) -> Any:  # as above
    """What of a Broker's `spec` may not change."""
    spec = {name: held for name, held in fields(one, "spec").items() if name != "delivery"}
    if config := fields(spec, "config"):
        spec["config"] = {**config, "namespace": config.get("namespace") or namespace}
    return _written(spec)


def _written(value: Any) -> Any:  # as above
    """The value without what is null or empty; None where nothing is left."""
    match value:
        case dict():
            kept = {name: held for name, each in value.items() if (held := _written(each)) is not None}
            return kept or None
        case list():
            return [_written(each) for each in value] or None
        case _:
            return None if value == "" else value


def _differences(path: str, old: Any, new: Any) -> Iterator[Objection]:  # as above
    """Each leaf that differs."""
    if old == new:
        return
    if isinstance(old, dict | None) and isinstance(new, dict | None):
        before, after = old or {}, new or {}
        for name in sorted({*before, *after}):
            yield from _differences(f"{path}.{name}", before.get(name), after.get(name))
    else:
        yield Objection(path, f"{FIELDS}: {_difference(old, new)}")


def _difference(old: Any, new: Any) -> str:  # as above
    """`-"a" +"b"`; a side where nothing was is left out."""
    sides = ((sign, value) for sign, value in (("-", old), ("+", new)) if value is not None)
    return " ".join(f"{sign}{_shown(value)}" for sign, value in sides)


def _shown(value: Any) -> str:  # as above
    whole = json.dumps(value, ensure_ascii=False)
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}…"

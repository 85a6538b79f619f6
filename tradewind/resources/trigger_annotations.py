"""Annotations of Triggers that mean something to Knative on Kubernetes, and its rules for them (knative-eventing §1.3).

A folder of manifests may hold them, and nothing is asked of them there.
"""

import json
from collections.abc import Iterator, Mapping

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources.model import KReference

DEPENDENCY = "knative.dev/dependency"
"""An ObjectReference in JSON: what must be ready before the Trigger is."""

INJECTION = "eventing.knative.dev/injection"
"""Whether a Broker is to be made for the Trigger."""

_REQUIRED = ("apiVersion", "kind", "name")
_REFERENCE = "an ObjectReference in JSON: apiVersion, kind and name"


def faults(annotations: Mapping[str, str], *, namespace: str, broker: str, path: str) -> list[Fault]:
    """Every fault of these two; `path` is that of the annotations."""
    depends = dependency(annotations, namespace=namespace, path=path)
    found = depends if isinstance(depends, list) else []
    if INJECTION in annotations:
        found += [Fault(f"{path}.{INJECTION}", *each) for each in _injection(annotations[INJECTION], broker)]
    return found


def dependency(annotations: Mapping[str, str], *, namespace: str, path: str) -> KReference | list[Fault] | None:
    """What a Trigger in this namespace depends on, or every fault of the annotation; None where it has none."""
    if DEPENDENCY not in annotations:
        return None
    text = annotations[DEPENDENCY]
    try:
        reference = json.loads(text)
    except (ValueError, RecursionError):
        reference = None
    if not isinstance(reference, dict):
        return [Fault(f"{path}.{DEPENDENCY}", shown(text), _REFERENCE)]
    found = [Fault(f"{path}.{DEPENDENCY}", *each) for each in _unlike(reference, text, namespace)]
    return found or KReference(reference["apiVersion"], reference["kind"], reference["name"], namespace)


def _unlike(reference: Mapping[str, object], text: str, namespace: str) -> Iterator[tuple[str, str]]:
    """What was found, and what was expected, where it is no ObjectReference."""
    for name in _REQUIRED:
        held = reference.get(name)
        if not isinstance(held, str) or not held:
            yield f"no {name} in {shown(text)}", _REFERENCE
    if reference.get("namespace") not in (None, "", namespace):
        yield f"the namespace {shown(str(reference['namespace']))}", f"none, or the Trigger's: {namespace}"


def _injection(text: str, broker: str) -> Iterator[tuple[str, str]]:
    if text not in ("enabled", "disabled"):
        yield shown(text), "enabled or disabled"
    if broker != "default":
        yield f"it on a Trigger of the Broker {shown(broker)}", "it only where the Broker is `default`"

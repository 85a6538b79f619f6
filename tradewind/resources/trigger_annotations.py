"""Annotations of Triggers that mean something to Knative on Kubernetes, and its rules for them (knative-eventing §1.3).

A folder of manifests may hold them, and nothing is asked of them there.
"""

import json
from collections.abc import Iterator, Mapping

from tradewind.errors import Fault
from tradewind.events.attributes import shown

DEPENDENCY = "knative.dev/dependency"
"""An ObjectReference in JSON: what must be ready before the Trigger is."""

INJECTION = "eventing.knative.dev/injection"
"""Whether a Broker is to be made for the Trigger."""

_REQUIRED = ("kind", "name", "apiVersion")
_REFERENCE = "an ObjectReference in JSON: kind, name and apiVersion"


def faults(annotations: Mapping[str, str], *, namespace: str, broker: str, path: str) -> list[Fault]:
    """Every fault of these two; `path` is that of the annotations."""
    found = [*_dependency(annotations[DEPENDENCY], namespace)] if DEPENDENCY in annotations else []
    places = [Fault(f"{path}.{DEPENDENCY}", what, expected) for what, expected in found]
    if INJECTION in annotations:
        places += [Fault(f"{path}.{INJECTION}", *each) for each in _injection(annotations[INJECTION], broker)]
    return places


def _dependency(text: str, namespace: str) -> Iterator[tuple[str, str]]:
    """What was found, and what was expected."""
    try:
        reference = json.loads(text)
    except (ValueError, RecursionError):
        reference = None
    if not isinstance(reference, dict):
        yield shown(text), _REFERENCE
        return
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

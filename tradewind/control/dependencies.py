"""The object that a Trigger depends on (annotation `knative.dev/dependency`), and what that says of the Trigger.

The Trigger is not Ready before the object is, by its condition Ready; events are delivered all the same.
"""

from dataclasses import dataclass

from tradewind.api_server import Object
from tradewind.control import conditions
from tradewind.control.addresses import Lack, Why
from tradewind.control.conditions import Condition, Status
from tradewind.resources import trigger_annotations
from tradewind.resources.model import KReference
from tradewind.resources.untyped import fields

READY = "DependencyReady"
"""Condition of a Trigger."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """An annotation that names no object, and why not."""

    message: str


def reference(trigger: Object) -> KReference | Unclear | None:
    """What a Trigger depends on; None where it depends on nothing."""
    metadata = trigger["metadata"]
    annotations = metadata.get("annotations") or {}
    found = trigger_annotations.dependency(annotations, namespace=metadata["namespace"], path="metadata.annotations")
    return Unclear("; ".join(map(str, found))) if isinstance(found, list) else found


def condition(named: KReference | Unclear | None, found: Object | Lack | None) -> Condition:
    """DependencyReady of a Trigger that depends on this, by what was found of it."""
    match named, found:
        case None, _:
            return conditions.true(READY)
        case Unclear(message), _:
            return conditions.false(READY, "ReferenceError", message)
        case KReference() as ref, Lack(why=Why.NOT_FOUND):
            return conditions.false(READY, "DependencyDoesNotExist", f"{_name(ref)} does not exist: create it")
        case KReference() as ref, Lack(why=why, detail=detail):
            return conditions.unknown(READY, why, f"{_name(ref)} cannot be looked up{_told(why, detail)}")
        case KReference() as ref, dict():
            return _by_status(ref, found)
    raise ValueError(f"nothing was looked up of {named}")


def _by_status(ref: KReference, found: Object) -> Condition:
    ready = conditions.held(found, conditions.READY)
    if ready is None:
        return conditions.unknown(READY, "DependencyNotConfigured", f"{_name(ref)} has no condition Ready yet")
    if found["metadata"].get("generation", 0) != fields(found, "status").get("observedGeneration", 0):
        message = f"{_name(ref)} was changed, and its status does not speak of that yet"
        return conditions.unknown(READY, "DependencyGenerationNotEqual", message)
    if ready.status is Status.TRUE:
        return conditions.true(READY)
    message = f"{_name(ref)} is not ready: {ready.message or ready.reason or 'it does not say why'}"
    return Condition(READY, ready.status, ready.reason or "DependencyNotReady", message)


def _told(why: Why, detail: str) -> str:
    match why:
        case Why.NO_KIND:
            return ": the API server serves no such kind; install what defines it, or correct the annotation"
        case Why.DENIED:
            return f": grant the controller get, list and watch on {detail}"
        case _:
            return f": {detail}" if detail else " yet"


def _name(ref: KReference) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}"

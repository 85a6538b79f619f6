"""What a Trigger depends on, and what that makes of it."""

import json
from typing import Any

import pytest

from tests import api_objects
from tests.api_objects import Object
from tradewind.control.addresses import Lack, Why
from tradewind.control.conditions import Status
from tradewind.control.dependencies import Unclear, condition, reference
from tradewind.resources.model import KReference
from tradewind.resources.trigger_annotations import DEPENDENCY

SOURCE = KReference("sources.knative.dev/v1", "PingSource", "ping", "default")
PARTS = {"apiVersion": SOURCE.api_version, "kind": "PingSource", "name": "ping"}


def depending(annotation: str | None) -> Object:
    made = api_objects.trigger()
    if annotation is not None:
        made["metadata"]["annotations"] = {DEPENDENCY: annotation}
    return made


@pytest.mark.parametrize("more", [{}, {"namespace": ""}, {"namespace": None}, {"namespace": "default", "uid": "x"}])
def test_an_object_reference(more: dict[str, Any]) -> None:
    assert reference(depending(json.dumps({**PARTS, **more}))) == SOURCE


def test_a_trigger_without_one_depends_on_nothing() -> None:
    assert reference(depending(None)) is None


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ("{", "expected an ObjectReference in JSON: apiVersion, kind and name"),
        (json.dumps({**PARTS, "name": "", "kind": 1}), "found no kind in"),
        (json.dumps({**PARTS, "name": "", "kind": 1}), "found no name in"),
        (json.dumps({**PARTS, "namespace": "other"}), 'found the namespace "other", expected none, or the Trigger\'s'),
    ],
)
def test_what_names_no_object(annotation: str, said: str) -> None:
    found = reference(depending(annotation))
    assert isinstance(found, Unclear)
    assert said in found.message
    told = condition(found, None)
    assert (told.status, told.reason, told.message) == (Status.FALSE, "ReferenceError", found.message)


def source(ready: Object | None, *, generation: int = 2, observed: int = 2) -> Object:
    return {
        "metadata": {"generation": generation},
        "status": {"observedGeneration": observed, "conditions": [{"type": "Ready", **ready}] if ready else []},
    }


@pytest.mark.parametrize(
    ("found", "status", "reason", "said"),
    [
        (Lack(Why.NOT_FOUND), Status.FALSE, "DependencyDoesNotExist", "PingSource default/ping does not exist"),
        (Lack(Why.NO_KIND), Status.UNKNOWN, "KindUnknown", "serves no such kind"),
        (Lack(Why.DENIED, "pingsources.v1"), Status.UNKNOWN, "Forbidden", "get, list and watch on pingsources.v1"),
        (Lack(Why.UNREACHABLE, "refused"), Status.UNKNOWN, "ApiServerUnavailable", "cannot be looked up: refused"),
        (Lack(Why.PENDING), Status.UNKNOWN, "NotLookedUp", "cannot be looked up yet"),
        (source(None), Status.UNKNOWN, "DependencyNotConfigured", "has no condition Ready yet"),
        ({"metadata": {}}, Status.UNKNOWN, "DependencyNotConfigured", "has no condition Ready yet"),
        ({"metadata": {}, "status": "Bound"}, Status.UNKNOWN, "DependencyNotConfigured", "has no condition Ready yet"),
        (source({"status": "False", "reason": None, "message": None}), Status.FALSE, "DependencyNotReady", "say why"),
        (source({"status": "True"}, observed=1), Status.UNKNOWN, "DependencyGenerationNotEqual", "was changed"),
        (source({"status": "True"}), Status.TRUE, "", ""),
        (source({"status": "False", "reason": "R", "message": "m"}), Status.FALSE, "R", "is not ready: m"),
        (source({"status": "Unknown", "reason": "R"}), Status.UNKNOWN, "R", "is not ready: R"),
        (source({"status": "False"}), Status.FALSE, "DependencyNotReady", "it does not say why"),
    ],
)
def test_what_was_found_of_it(found: Object | Lack, status: Status, reason: str, said: str) -> None:
    told = condition(SOURCE, found)
    assert (told.type, told.status, told.reason) == ("DependencyReady", status, reason)
    assert said in told.message


def test_without_a_dependency_it_is_ready() -> None:
    assert condition(None, None).status is Status.TRUE


def test_what_was_not_looked_up_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nothing was looked up"):
        condition(SOURCE, None)

"""What is said to sources and SinkBindings that somebody wants stored."""

from typing import Any

import pytest

from tests.reviewing import defaulted, validated
from tradewind.resources import stamps

REF = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}
TEMPLATE = {"spec": {"containers": [{"image": "i"}]}}
SUBJECT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}
THEIRS = {"conditions": [{"type": "Ready", "status": "True"}]}


def source(kind: str = "ContainerSource", **spec: Any) -> dict[str, Any]:
    given: dict[str, dict[str, Any]] = {"ContainerSource": {"template": TEMPLATE}, "SinkBinding": {"subject": SUBJECT}}
    return {
        "apiVersion": "sources.knative.dev/v1",
        "kind": kind,
        "metadata": {"name": "c", "namespace": "ns"},
        "spec": {**given.get(kind, {}), "sink": {"ref": REF}, **spec},
    }


def test_the_namespaces_of_references_are_filled_in() -> None:
    namespace = {"op": "add", "path": "/spec/sink/ref/namespace", "value": "ns"}
    assert defaulted(source()).patch == (namespace,)
    assert defaulted(source("PingSource", schedule="@daily")).patch == (namespace,)
    subject = {"op": "add", "path": "/spec/subject/namespace", "value": "ns"}
    assert defaulted(source("SinkBinding")).patch == (namespace, subject)
    assert defaulted(source(sink={"uri": "http://sink"})).patch == ()


@pytest.mark.parametrize(
    ("one", "field"),
    [
        (source(sink={}), "spec.sink"),
        (source(template={"spec": {"containers": []}}), "spec.template.spec.containers"),
        (source("SinkBinding", subject={**SUBJECT, "namespace": "other"}), "spec.subject.namespace"),
        (source("SinkBinding", subject={**SUBJECT, "selector": {}}), "spec.subject"),
        (source("PingSource", schedule="never"), "spec.schedule"),
    ],
)
def test_every_fault_is_told_by_both(one: Any, field: str) -> None:
    for said in (defaulted(one), validated(one)):
        assert any(each.field.startswith(field) for each in said.objections), said
        assert said.objections and not said.patch


def test_what_is_right_passes_without_a_word() -> None:
    for kind in ("ContainerSource", "SinkBinding", "PingSource"):
        said = validated(source(kind))
        assert not said.objections and not said.warnings


def test_what_others_look_after_is_theirs() -> None:
    wrong = source(sink={})
    theirs = {**wrong, "status": THEIRS}
    assert not validated(wrong, theirs).objections and not defaulted(wrong, theirs).objections
    ours = {**source(), "status": {**THEIRS, "annotations": {stamps.INSTALLATION: "here"}}}
    assert validated(wrong, ours).objections


def test_what_was_wrong_already_is_a_warning_and_nothing_is_immutable() -> None:
    wrong, old = source(sink={}, template={}), source(template={})
    said = validated(wrong, old)
    assert {one.field for one in said.objections} == {"spec.sink"}
    assert any("spec.template" in warning for warning in said.warnings)
    assert not validated(source(sink={"uri": "http://other"}), source()).objections


def test_what_is_being_deleted_passes() -> None:
    wrong = source(sink={})
    wrong["metadata"]["deletionTimestamp"] = "2026"
    assert not validated(wrong).objections

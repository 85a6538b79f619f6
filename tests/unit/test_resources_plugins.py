"""Kinds that other packages bring: known, read with every fault, planned under their own names."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tradewind.errors import Fault
from tradewind.plan import Target, compute
from tradewind.resources import manifests, plugins
from tradewind.resources.kinds import KINDS
from tradewind.resources.model import NamespacedName, PluginSource, kind_of
from tradewind.resources.names import path
from tradewind.resources.schema import Schema, listing, mapping, obj, text
from tradewind.sources.counts import resource_group

SPEC = obj("Which file.", {"path": text("Its path."), "mode": text("How.", enum=("a", "b"))}, required=("path",))
SINK = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}}
NAME = NamespacedName("default", "words")


@pytest.fixture(autouse=True)
def brought() -> Iterator[None]:
    """LineSource is known, in this test alone."""
    plugins.bring("example.com/v1", "LineSource", SPEC)
    yield
    plugins.forget()


def manifest(spec: Any, version: str = "example.com/v1", kind: str = "LineSource") -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "words"}, "spec": spec}


def faults(value: dict[str, Any]) -> list[str]:
    return [str(fault) for fault in manifests.examine([("a.yaml", value)]).faults]


def test_it_is_read_as_its_schema_says() -> None:
    spec = {"path": "/tmp/a", "sink": SINK, "ceOverrides": {"extensions": {"team": "a"}}}
    (source,) = manifests.read([("a.yaml", manifest(spec))])
    assert isinstance(source, PluginSource)
    assert source.spec == {"path": "/tmp/a"}
    assert source.ce_overrides == {"team": "a"}
    assert source.sink.ref is not None
    assert source.sink.ref.namespace == "default"
    assert kind_of(source) == "LineSource"
    assert path(source, "spec.sink") == "a.yaml: LineSource default/words: spec.sink"


def test_every_fault_is_named() -> None:
    assert faults(manifest({"mode": "c", "oops": 1})) == [
        f"a.yaml: LineSource default/words: spec.{said}"
        for said in (
            'mode: found "c", expected one of a, b',
            "oops: found an unknown field, expected one of ceOverrides, mode, path, sink",
            "path: found nothing, expected a string: it is required",
            "sink: found nothing, expected a mapping: it is required",
        )
    ]


def test_a_plan_has_it_by_its_kind_and_metrics_by_its_group() -> None:
    broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": "default"}}
    declared = manifests.read([("a.yaml", manifest({"path": "/tmp/a", "sink": SINK})), ("b.yaml", broker)])
    plan = compute(declared, resolve=lambda _: Target("http://127.0.0.1/"))
    assert list(plan.sources) == [("LineSource", NAME)]
    assert plan.sources["LineSource", NAME].broker == NamespacedName("default", "default")
    assert resource_group("LineSource") == "linesources.example.com"


def test_another_version_is_told_which_there_is() -> None:
    (fault,) = faults(manifest({}, version="example.com/v2"))
    assert (
        fault == "a.yaml: LineSource default/words: found example.com/v2 LineSource, expected example.com/v1 LineSource"
    )


def test_a_package_that_cannot_be_used_is_told_where_its_kind_is_asked_for() -> None:
    plugins.refuse("TreeSource", "the package tree-source cannot be used: ModuleNotFoundError: No module named 'tree'")
    (fault,) = faults(manifest({}, kind="TreeSource"))
    assert "example.com/v1 TreeSource (the package tree-source cannot be used: ModuleNotFoundError" in fault
    assert "example.com/v1 LineSource" in fault


@pytest.mark.parametrize(
    ("version", "kind", "spec", "expected"),
    [
        ("v1", "TreeSource", SPEC, "expected group/version"),
        ("/v1", "TreeSource", SPEC, "expected group/version"),
        ("Example/v1", "TreeSource", SPEC, "expected group/version"),
        ("example.com/v1/a", "TreeSource", SPEC, "expected group/version"),
        ("example.com/v2", "LineSource", SPEC, "there is a kind LineSource already"),
        ("example.com/v1", "PingSource", SPEC, "there is a kind PingSource already"),
        ("example.com/v1", "TreeSource", obj("", {"sink": text("")}), "spec declares sink"),
        ("example.com/v1", "Tree Source", SPEC, "kind 'Tree Source': expected"),
        ("example.com/v1", "T" + "r" * 63, SPEC, "expected a word as Kubernetes has it"),
        ("example.com/v1", "TreeSource", text(""), "spec: expected an object"),
    ],
)
def test_what_cannot_be_a_kind_is_refused_in_words(version: str, kind: str, spec: Schema, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        plugins.bring(version, kind, spec)


def test_a_rule_that_fails_is_a_fault_and_no_end() -> None:
    def whole(value: str) -> str | None:
        return None if int(value) > 0 else "a number above 0"

    numbers = mapping("", text("", rule=whole), keys=whole)
    fields = {"size": text("", rule=whole), "sizes": listing("", text("", rule=whole)), "by": numbers}
    plugins.bring("example.com/v1", "TreeSource", replace(obj("", fields), rule=lambda value: value["no"]))
    right = {"sink": SINK, "size": "1", "sizes": ["2"], "by": {"3": "4"}}
    wrong = {"sink": SINK, "size": "0", "sizes": ["x"], "by": {"y": "z"}}
    ruled = "expected what its kind's rule takes (KeyError: 'no')"
    (fault,) = faults(manifest(right, kind="TreeSource"))
    assert fault.endswith(ruled)
    said = "\n".join(faults(manifest(wrong, kind="TreeSource")))
    assert 'spec.size: found "0", expected a number above 0' in said
    assert 'spec.sizes[0]: found "x", expected what its kind\'s rule takes (ValueError: ' in said
    assert said.count("(ValueError: ") == 3


def test_a_check_of_a_whole_value_that_fails_is_a_fault_and_no_end() -> None:
    def inside(value: str, path: str) -> list[Fault]:
        return [Fault(path, value, "a number above 0")] if int(value) < 1 else []

    plugins.bring("example.com/v1", "TreeSource", obj("", {"size": replace(text(""), inside=inside)}))
    assert faults(manifest({"sink": SINK, "size": "1"}, kind="TreeSource")) == []
    assert "found 0, expected a number above 0" in faults(manifest({"sink": SINK, "size": "0"}, kind="TreeSource"))[0]
    (fault,) = faults(manifest({"sink": SINK, "size": "x"}, kind="TreeSource"))
    assert 'spec.size: found "x", expected what its kind\'s rule takes (ValueError: ' in fault


def test_a_rule_that_fails_shows_no_secret() -> None:
    def whole(value: str, *_: object) -> Any:
        raise ValueError(value)

    hidden = {
        "rule": replace(text("", rule=whole), hidden=True),
        "inside": replace(text(""), inside=whole, hidden=True),
    }
    plugins.bring("example.com/v1", "TreeSource", obj("", hidden))
    said = faults(manifest({"sink": SINK, "rule": "s3cret", "inside": "s3cret"}, kind="TreeSource"))
    assert len(said) == 2
    for fault in said:
        assert fault.endswith("found a value that is not shown, expected what its kind's rule takes (ValueError)")


def test_forgotten_our_own_are_left() -> None:
    plugins.forget()
    assert plugins.known() == KINDS
    assert plugins.unusable("TreeSource") == ""

"""Knative's rules for two annotations of Triggers."""

import json

import pytest

from tradewind.resources.trigger_annotations import DEPENDENCY, INJECTION, faults

RIGHT = {"kind": "PingSource", "name": "p", "apiVersion": "sources.knative.dev/v1"}


def said(annotations: dict[str, str], broker: str = "default") -> list[str]:
    return [str(one) for one in faults(annotations, namespace="ns", broker=broker, path="metadata.annotations")]


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {"other": "x"},
        {DEPENDENCY: json.dumps(RIGHT)},
        {DEPENDENCY: json.dumps({**RIGHT, "namespace": ""})},
        {DEPENDENCY: json.dumps({**RIGHT, "namespace": "ns"})},
        {INJECTION: "enabled"},
        {INJECTION: "disabled"},
    ],
)
def test_what_is_right(annotations: dict[str, str]) -> None:
    assert said(annotations) == []


@pytest.mark.parametrize("text", ["", "x", "[]", "1", "null", "[" * 100_000])
def test_a_dependency_that_is_no_reference(text: str) -> None:
    (one,) = said({DEPENDENCY: text})
    assert one.startswith(f"metadata.annotations.{DEPENDENCY}: found ")
    assert one.endswith("expected an ObjectReference in JSON: apiVersion, kind and name")


def test_every_fault_of_a_dependency() -> None:
    told = said({DEPENDENCY: json.dumps({"kind": 1, "name": "", "namespace": "other"})})
    assert [one.split("expected")[0].split("found ")[1].split(" in ")[0] for one in told] == [
        "no apiVersion",
        "no kind",
        "no name",
        'the namespace "other", ',
    ]


def test_every_fault_of_an_injection() -> None:
    assert said({INJECTION: "yes"}, broker="mine") == [
        f'metadata.annotations.{INJECTION}: found "yes", expected enabled or disabled',
        f'metadata.annotations.{INJECTION}: found it on a Trigger of the Broker "mine", expected it only where the '
        "Broker is `default`",
    ]

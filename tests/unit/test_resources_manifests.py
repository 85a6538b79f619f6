"""Manifests → resources: every fault at once, whatever else is wrong."""

from typing import Any

import pytest

from tests.unit.reading_manifests import BROKER, PING, TRIGGER, faults, read
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.tree import AllOf, Compared, How, Not
from tradewind.resources import documents, manifests
from tradewind.resources.model import Trigger


def test_every_fault_of_every_document_is_named() -> None:
    found = faults(
        f"{BROKER}spec: {{delivery: {{retry: -1, timeout: x, zzz: 1}}}}\n---{TRIGGER}  filters: [1]\n---\n[]"
    )
    assert len(found) == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PING + "  schedule: x\n  data: a\n  dataBase64: YQ==", ["schedule", "spec: found both"]),
        (PING + "  contentType: application/json\n  data: '{'\n  dataBase64: x", ["dataBase64", "spec: found both"]),
        (PING.replace("sink", "sinc") + "  contentType: application/json\n  data: '{'", ["sinc", "sink", "is JSON"]),
        (PING + "  contentType: application/json\n  data: 5", ["data: found 5"]),
        (PING + "  contentType: application/json\n  dataBase64: x", ["dataBase64"]),
        (
            TRIGGER.replace("{uri:", "{ref: {kind: S, name: s}, CACerts: x, uri:"),
            ["ref.apiVersion", "CACerts", "relative to `ref`, or"],
        ),
        (TRIGGER.replace("http://a'", "/a', audience: x"), ["audience", "an absolute `uri`"]),
        (TRIGGER.replace("{uri: 'http://a'}", "{uri: 5, zzz: 1}"), ["uri: found 5", "zzz"]),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
            "spec: {type: ExternalName, ports: [{port: 99999}]}\nzzz: 1",
            ["expected a whole number from 1 to 65535", "spec.externalName: found nothing", "zzz"],
        ),
    ],
)
def test_what_two_fields_say_together_is_judged_whatever_else_is_wrong(text: str, expected: list[str]) -> None:
    found = faults(text)
    assert len(found) == len(expected), found
    for word in expected:
        assert any(word in fault for fault in found), found


def test_filters_are_read_as_a_tree_and_go_before_filter() -> None:
    (found,) = read(TRIGGER + "  filter: {attributes: {type: z}}\n  filters: [{not: {exact: {type: a, source: b}}}]")
    assert isinstance(found, Trigger)
    assert found.filter == AllOf((Not(Compared(How.EXACT, (("source", "b"), ("type", "a")))),))
    (found,) = read(TRIGGER + "  filter: {attributes: {type: z}}\n  filters: []")
    assert isinstance(found, Trigger)
    assert found.filter == AttributesFilter({"type": "z"})


def test_a_secret_is_never_shown() -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    for rest in ("data: {a: hunter2!}", "data: hunter2", "stringData: {a: 90210}", "stringData: hunter2"):
        found = " ".join(faults(secret + rest))
        assert "a value that is not shown" in found
        assert "hunter2" not in found
        assert "90210" not in found


def test_what_is_right_of_metadata_is_judged_beside_what_is_wrong() -> None:
    annotations = "annotations: {kafka.eventing.knative.dev/delivery.order: any, n: 1}"
    found = faults(TRIGGER.replace("name: a", f"name: A, {annotations}"))
    assert [fault.split(": ")[2] for fault in found] == [
        "metadata.annotations.n",
        "metadata.name",
        "metadata.annotations.kafka.eventing.knative.dev/delivery.order",
    ]


@pytest.mark.parametrize(
    "junk", [None, 1, "x", [], {}, [[]], {"a": None}, {"": {}}, {1: 2}, float("nan"), b"x", {None: 1}]
)
@pytest.mark.parametrize(
    "at", ["metadata", "spec", "spec.subscriber", "spec.filter", "spec.delivery", "kind", "apiVersion"]
)
def test_junk_anywhere_is_a_fault_and_no_crash(at: str, junk: Any) -> None:
    manifest: dict[str, Any] = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "a"},
        "spec": {"broker": "b", "subscriber": {"uri": "http://a"}, "filter": {}, "delivery": {}},
    }
    *parents, last = at.split(".")
    inner = manifest
    for parent in parents:
        inner = inner[parent]
    inner[last] = junk
    nothing = junk is None or junk == {}
    examined = manifests.examine([("x.json", manifest)])
    assert bool(examined.faults) != (nothing and at in ("spec.filter", "spec.delivery"))


def test_what_is_to_be_portable_holds_nothing_that_knative_does_not_take() -> None:
    text = TRIGGER + "  filters: [{not: {cel: 'data.a > 1'}}]\n"
    parsed = documents.parse("a.yaml", text)
    assert manifests.examine(parsed.documents).faults == ()
    (fault,) = manifests.examine(parsed.documents, portable=True).faults
    assert str(fault) == (
        "a.yaml: Trigger default/a: spec.filters[0].not.cel: found the dialect cel, expected a dialect that Knative "
        "takes, too, as --portable asks: cel is Tradewind's own"
    )

"""Which workloads a SinkBinding binds."""

from collections.abc import Mapping
from typing import Any

import pytest

from tradewind.control.subjects import Claim, Kind, binder, claimed, container_source, kind, matches, selects, shared
from tradewind.resources.containers import LabelSelector, Operator, Requirement, Subject
from tradewind.resources.model import NamespacedName

DEPLOYMENT = Kind("apps", "Deployment")


def claim(binding: str = "s", *, name: str = "", created: str = "1", version: str = "v1", **labels: str) -> Claim:
    """By name, or by labels."""
    selector = None if name else LabelSelector(labels)
    subject = Subject(f"apps/{version}", "Deployment", "n", name, selector)
    return Claim(NamespacedName("n", binding), created, subject)


def workload(name: str = "w", namespace: str = "n", owners: Any = None, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"metadata": {**metadata, **({} if owners is None else {"ownerReferences": owners})}}


def owner(kind: str = "ContainerSource", version: str = "sources.knative.dev/v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "name": "c", "controller": True, **more}


@pytest.mark.parametrize(
    ("api_version", "name", "expected"),
    [
        ("apps/v1", "Deployment", DEPLOYMENT),
        ("apps/v1beta1", "Deployment", DEPLOYMENT),
        ("v1", "Pod", Kind("", "Pod")),
    ],
)
def test_the_version_does_not_make_a_kind(api_version: str, name: str, expected: Kind) -> None:
    assert kind(api_version, name) == expected


@pytest.mark.parametrize(
    ("operator", "values", "there", "other", "missing"),
    [
        (Operator.IN, ("a", "b"), True, False, False),
        (Operator.NOT_IN, ("a", "b"), False, True, True),
        (Operator.EXISTS, (), True, True, False),
        (Operator.DOES_NOT_EXIST, (), False, False, True),
    ],
)
def test_expressions(operator: Operator, values: tuple[str, ...], there: bool, other: bool, missing: bool) -> None:
    selector = LabelSelector({}, (Requirement("k", operator, values),))
    assert [matches(selector, labels) for labels in ({"k": "a"}, {"k": "z"}, {})] == [there, other, missing]


def test_all_of_a_selector_must_hold_and_an_empty_one_holds_of_everything() -> None:
    both = LabelSelector({"a": "1"}, (Requirement("b", Operator.EXISTS), Requirement("c", Operator.DOES_NOT_EXIST)))
    assert matches(both, {"a": "1", "b": ""})
    for labels in ({"a": "1"}, {"a": "2", "b": ""}, {"b": ""}, {"a": "1", "b": "", "c": ""}):
        assert not matches(both, labels)
    assert matches(LabelSelector(), {}) and matches(LabelSelector(), {"a": "1"})


@pytest.mark.parametrize(
    ("one", "of", "right"),
    [
        (claim(name="w"), workload(), True),
        (claim(name="w"), workload("other"), False),
        (claim(name="w"), workload(namespace="other"), False),
        (claim(name="w"), workload(**{"bindings.knative.dev/exclude": "true"}), False),
        (claim(name="w"), workload(**{"bindings.knative.dev/exclude": "false"}), True),
        (claim(a="1"), workload(a="1", b="2"), True),
        (claim(a="1"), workload(a="2"), False),
        (claim(a="1"), workload(namespace="other", a="1"), False),
        (claim(), workload(), True),
        (claim(), workload(**{"bindings.knative.dev/exclude": "true"}), False),
        (Claim(NamespacedName("n", "s"), "", Subject("apps/v1", "Deployment", "n")), workload(), False),
    ],
)
def test_what_is_selected(one: Claim, of: dict[str, Any], right: bool) -> None:
    assert selects(one, of) is right


@pytest.mark.parametrize(
    ("claims", "first"),
    [
        ((), None),
        ((claim("other", name="other"),), None),
        ((claim("a", created="2"), claim("b", created="1")), "b"),
        ((claim("b"), claim("a")), "a"),
        ((claim("a", created="1"), claim("b", name="w", created="9")), "b"),
        ((claim("a", name="w", created="2"), claim("b", name="w", created="1", version="v1beta1")), "b"),
    ],
)
def test_who_binds(claims: tuple[Claim, ...], first: str | None) -> None:
    found = binder(claims, DEPLOYMENT, workload())
    assert (None if found is None else found.binding.name) == first
    assert binder(claims, Kind("apps", "StatefulSet"), workload()) is None
    assert binder(claims, DEPLOYMENT, workload(owners=[owner()])) is None


@pytest.mark.parametrize(
    ("owners", "name"),
    [
        (None, ""),
        ("odd", ""),
        (["odd", owner()], "c"),
        ([owner("Deployment", "apps/v1")], ""),
        ([owner(controller=False)], ""),
        ([owner(version="example.com/v1")], ""),
        ([owner("ReplicaSet", "apps/v1"), owner(version="sources.knative.dev/v1beta1")], "c"),
    ],
)
def test_what_a_container_source_has_made(owners: Any, name: str) -> None:
    assert container_source(workload(owners=owners)) == name


def test_those_that_are_its_own_and_those_of_others() -> None:
    named, first, second = claim("named", name="w1"), claim("first", a="1", created="1"), claim("second", created="2")
    again = claim("again", name="w1", created="2")
    whole = (named, first, second, again)
    there = [workload("w1", a="1"), workload("w2", a="1"), workload("w3"), workload("w4", owners=[owner()], a="1")]

    def of(one: Claim) -> tuple[Any, ...]:
        found = shared(one, whole, there)
        short: list[Mapping[NamespacedName, object]] = [found.own, found.others, found.named]
        return tuple(sorted(name.name for name in each) for each in short)

    assert of(named) == (["w1"], [], [])
    assert of(again) == ([], ["w1"], [])
    assert of(first) == (["w2"], [], ["w1", "w4"])
    assert of(second) == (["w3"], ["w2"], ["w1", "w4"])
    assert shared(second, whole, there).others == {NamespacedName("n", "w2"): "SinkBinding first"}
    assert shared(again, whole, there).others == {NamespacedName("n", "w1"): "SinkBinding named"}
    direct = claim("direct", name="w4")
    assert shared(direct, (direct,), there).others == {NamespacedName("n", "w4"): "ContainerSource c"}
    assert shared(direct, (), [workload("w4")]).own.keys() == {NamespacedName("n", "w4")}


def binding(**metadata: Any) -> dict[str, Any]:
    subject = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}
    return {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "SinkBinding",
        "metadata": {"name": "s", "namespace": "n", **metadata},
        "spec": {"subject": subject, "sink": {"uri": "http://sink"}},
    }


def test_what_an_object_claims() -> None:
    assert claimed(binding(creationTimestamp="2026")) == claim(name="w", created="2026")
    assert claimed(binding(deletionTimestamp="2026")) is None
    assert claimed({**binding(), "spec": {}}) is None
    assert claimed({**binding(), "kind": "PingSource", "spec": {"sink": {"uri": "http://sink"}}}) is None

"""The environment of a workload's containers: every shape that a list of variables may have."""

import copy
from typing import Any

import pytest

from tradewind.control import podspecs
from tradewind.resources.untyped import fields

URL = "http://sink"
ENV: dict[str, str | None] = {"K_SINK": URL, "K_CE_OVERRIDES": ""}
NONE: dict[str, str | None] = {"K_SINK": None, "K_CE_OVERRIDES": None}
SINK, OVERRIDES = {"name": "K_SINK", "value": URL}, {"name": "K_CE_OVERRIDES"}
OLD = {"name": "K_SINK", "value": "http://old"}
A, B = {"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
PLAIN = podspecs.pod_path("apps/v1", "Deployment")


def workload(*containers: Any, **more: Any) -> dict[str, Any]:
    spec = {"containers": list(containers), "serviceAccountName": "s", **more}
    metadata = {"name": "w", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}}
    return {"metadata": metadata, "spec": {"replicas": 2, "template": {"metadata": {"labels": {}}, "spec": spec}}}


def container(*env: Any, **more: Any) -> dict[str, Any]:
    return {"name": "c", "image": "i", **({"env": list(env)} if env else {}), **more}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), (SINK, OVERRIDES)),
        ((A,), (A, SINK, OVERRIDES)),
        ((OLD, A), (SINK, A, OVERRIDES)),
        ((A, OVERRIDES, OLD, B), (A, OVERRIDES, SINK, B)),
        ((SINK, OVERRIDES), None),
        ((B, OVERRIDES, SINK, A), None),
        ((SINK, {"name": "K_CE_OVERRIDES", "value": ""}), None),
        ((SINK, {"name": "K_CE_OVERRIDES", "value": "{}"}), (SINK, OVERRIDES)),
        ((OLD, A, OLD, OVERRIDES), (SINK, A, OVERRIDES)),
        ((SINK, A, OLD, OVERRIDES), (SINK, A, OVERRIDES)),
        (({"name": "K_SINK", "valueFrom": {"secretKeyRef": {}}}, OVERRIDES), (SINK, OVERRIDES)),
        ((SINK, {"name": "K_CE_OVERRIDES", "valueFrom": {"fieldRef": {}}}), (SINK, OVERRIDES)),
        ((None, "odd", SINK, OVERRIDES), None),
        (({"name": "K_SINK", "value": 7}, OVERRIDES), (SINK, OVERRIDES)),
    ],
)
def test_both_variables_are_put_where_they_were_or_at_the_end(before: Any, after: Any) -> None:
    held = workload(container(*before))
    was = copy.deepcopy(held)
    lists = podspecs.changed(held, PLAIN, ENV)
    assert lists == ({} if after is None else {"containers": [container(*after)]})
    assert held == was
    if after is not None:
        assert not podspecs.changed(workload(*lists["containers"]), PLAIN, ENV)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((SINK, OVERRIDES), ()),
        ((A, SINK, B, OVERRIDES), (A, B)),
        ((SINK, SINK, A), (A,)),
        ((A, B), None),
        ((), None),
    ],
)
def test_both_variables_are_removed_and_nothing_else(before: Any, after: Any) -> None:
    lists = podspecs.changed(workload(container(*before)), PLAIN, NONE)
    assert lists == ({} if after is None else {"containers": [container(*after)]})


def test_every_container_has_them_and_those_that_begin_first() -> None:
    held = workload(container(SINK, OVERRIDES), container(A), initContainers=[container()])
    lists = podspecs.changed(held, PLAIN, ENV)
    assert lists == {
        "containers": [container(SINK, OVERRIDES), container(A, SINK, OVERRIDES)],
        "initContainers": [container(SINK, OVERRIDES)],
    }
    done = {**fields(held, *PLAIN), **lists}
    bound = {**held, "spec": {"template": {"spec": done}}}
    assert not podspecs.changed(bound, PLAIN, ENV)
    assert podspecs.changed(bound, PLAIN, NONE)["initContainers"] == [container()]


def test_the_patch_holds_the_lists_alone_and_the_version_that_was_seen() -> None:
    held = workload(container(A))
    lists = podspecs.changed(held, PLAIN, ENV)
    assert podspecs.patch(held, PLAIN, lists) == {
        "metadata": {"uid": "u", "resourceVersion": "7"},
        "spec": {"template": {"spec": {"containers": [container(A, SINK, OVERRIDES)]}}},
    }
    assert podspecs.operations(PLAIN, lists) == (
        {"op": "replace", "path": "/spec/template/spec/containers", "value": [container(A, SINK, OVERRIDES)]},
    )


@pytest.mark.parametrize(
    ("api_version", "kind", "path", "fixed"),
    [
        ("apps/v1", "Deployment", "spec.template.spec", False),
        ("batch/v1", "Job", "spec.template.spec", True),
        ("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec", False),
        ("batch/v1beta1", "CronJob", "spec.jobTemplate.spec.template.spec", False),
        ("example.com/v1", "CronJob", "spec.template.spec", False),
        ("example.com/v1", "Job", "spec.template.spec", False),
        ("serving.knative.dev/v1", "Service", "spec.template.spec", False),
    ],
)
def test_where_the_pod_is_and_whether_it_may_change(api_version: str, kind: str, path: str, fixed: bool) -> None:
    assert ".".join(podspecs.pod_path(api_version, kind)) == path
    assert podspecs.is_fixed(api_version, kind) is fixed


@pytest.mark.parametrize(
    ("held", "right"),
    [
        (workload(container()), True),
        (workload(), False),
        (workload("odd"), False),
        ({"metadata": {}, "spec": {"template": {"spec": {"containers": {}}}}}, False),
        ({"metadata": {}, "spec": "odd"}, False),
        ({"metadata": {}}, False),
    ],
)
def test_what_has_a_pod_template(held: Any, right: bool) -> None:
    assert podspecs.is_pod_specable(held, PLAIN) is right
    if not right:
        assert podspecs.changed(held, PLAIN, ENV) == {}


def test_the_values_that_containers_have() -> None:
    held = workload(container(SINK), container(A), container(OVERRIDES), "odd", initContainers=[container(OLD)])
    assert podspecs.variables(held, PLAIN, "K_SINK") == {URL, None, "http://old"}
    assert podspecs.variables(held, PLAIN, "K_CE_OVERRIDES") == {None, ""}
    assert podspecs.variables({"metadata": {}}, PLAIN, "K_SINK") == frozenset()

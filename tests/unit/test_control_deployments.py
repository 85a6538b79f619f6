"""The Deployment of a ContainerSource."""

import copy
from typing import Any

import pytest

from tradewind.control import deployments
from tradewind.resources import manifests
from tradewind.resources.model import ContainerSource, NamespacedName
from tradewind.resources.sink_environment import environment

ENV = environment("http://sink", {})
HAVE = [{"name": "K_SINK", "value": "http://sink"}, {"name": "K_CE_OVERRIDES"}]
LABELS = {
    "sources.knative.dev/source": "container-source-controller",
    "sources.knative.dev/containerSource": "c",
}


def source(template: dict[str, Any] | None = None, uid: str = "u") -> ContainerSource:
    given = template or {"spec": {"containers": [{"image": "i"}], "initContainers": [{"name": "first", "image": "i"}]}}
    whole = {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "ContainerSource",
        "metadata": {"name": "c", "namespace": "n", "uid": uid},
        "spec": {"template": given, "sink": {"uri": "http://sink"}},
    }
    (found,) = manifests.judge(whole).resources
    assert isinstance(found, ContainerSource)
    return found


def stored(made: dict[str, Any]) -> dict[str, Any]:
    """As an API server has it: filled in."""
    held = copy.deepcopy(made)
    held["metadata"] |= {"uid": "d", "resourceVersion": "7"}
    held["spec"] |= {"replicas": 1}
    held["spec"]["template"]["spec"] |= {"dnsPolicy": "ClusterFirst"}
    held["status"] = {"replicas": 1}
    return held


OWNER = {
    "apiVersion": "sources.knative.dev/v1",
    "kind": "ContainerSource",
    "name": "c",
    "uid": "u",
    "controller": True,
}
DECLARED = deployments.template(source(), ENV)
HELD = stored(deployments.made(source(), DECLARED))
BEFORE = str(deployments.deployed(HELD, DECLARED))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("c", "c-deployment"),
        ("a" * 52, "a" * 52 + "-deployment"),
        ("a" * 53, "a" * 20 + "e9e7e260dce84ffa6e0e7eb5fd9d37fc" + "-deployment"),
    ],
)
def test_its_name(name: str, expected: str) -> None:
    """A long one is cut, and its MD5 put behind, as Knative's `kmeta.ChildName` does."""
    assert deployments.name_for(NamespacedName("n", name)) == ("n", expected)
    assert len(expected) <= 63


def test_it_is_as_declared_with_the_sink_in_every_container() -> None:
    made = deployments.made(source(), DECLARED)
    assert made["metadata"] == {
        "name": "c-deployment",
        "namespace": "n",
        "labels": LABELS,
        "ownerReferences": [
            {
                "apiVersion": "sources.knative.dev/v1",
                "kind": "ContainerSource",
                "name": "c",
                "uid": "u",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    assert made["spec"] == {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "containers": [{"name": "c-0", "image": "i", "env": HAVE}],
                "initContainers": [{"name": "first", "image": "i", "env": HAVE}],
            },
        },
    }


def test_what_else_is_declared_stays() -> None:
    given = {
        "metadata": {"labels": {"a": "1", "sources.knative.dev/source": "mine"}, "annotations": {"b": "2"}},
        "spec": {"containers": [{"name": "x", "image": "i", "env": [{"name": "A", "value": "1"}]}], "nodeName": "n"},
    }
    before = copy.deepcopy(given)
    declared = deployments.template(source(given), ENV)
    assert given == before
    assert declared["metadata"] == {"labels": {"a": "1", **LABELS}, "annotations": {"b": "2"}}
    assert declared["spec"]["nodeName"] == "n"
    assert declared["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}, *HAVE]


def test_what_is_there_as_it_came_of_what_is_declared_is_left_alone() -> None:
    assert deployments.mended(source(), HELD, DECLARED, BEFORE) is None


def changed(**spec: Any) -> dict[str, Any]:
    held = copy.deepcopy(HELD)
    held["spec"] |= spec
    return held


def test_how_many_there_are_and_restarts_are_others_business() -> None:
    assert deployments.mended(source(), changed(replicas=5, paused=True), DECLARED, BEFORE) is None
    restarted = copy.deepcopy(HELD)
    restarted["spec"]["template"]["metadata"]["annotations"] = {deployments.RESTARTED: "now"}
    assert deployments.mended(source(), restarted, DECLARED, BEFORE) is None
    other = deployments.template(source(), environment("http://other", {}))
    mended = deployments.mended(source(), restarted, other, BEFORE)
    assert mended is not None
    assert mended["spec"]["template"]["metadata"] == {"labels": LABELS, "annotations": {deployments.RESTARTED: "now"}}


def test_a_restart_that_is_declared_is_as_it_is_declared() -> None:
    given = {"metadata": {"annotations": {deployments.RESTARTED: "then"}}, "spec": {"containers": [{"image": "i"}]}}
    restarted = copy.deepcopy(HELD)
    restarted["spec"]["template"]["metadata"]["annotations"] = {deployments.RESTARTED: "now"}
    mended = deployments.mended(source(given), restarted, deployments.template(source(given), ENV), BEFORE)
    assert mended is not None
    assert mended["spec"]["template"]["metadata"]["annotations"] == {deployments.RESTARTED: "then"}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("spec", {"containers": [{"name": "c-0", "image": "other", "env": HAVE}]}),
        ("spec", {"containers": [{"name": "c-0", "image": "i", "env": HAVE}, {"name": "more", "image": "i"}]}),
        ("metadata", {"labels": {**LABELS, "more": "1"}}),
        ("metadata", {"labels": LABELS, "annotations": {"more": "1"}}),
    ],
)
def test_an_edit_of_the_template_is_put_back_and_nothing_else(part: str, value: dict[str, Any]) -> None:
    held = changed(replicas=5)
    held["spec"]["template"][part] = value
    mended = deployments.mended(source(), held, DECLARED, BEFORE)
    assert mended is not None
    assert mended["metadata"] == HELD["metadata"]
    assert mended["spec"] == {**HELD["spec"], "replicas": 5, "template": DECLARED}
    assert "status" not in mended


@pytest.mark.parametrize("before", [None, "", "odd", BEFORE.replace("d ", "other ", 1)])
def test_what_is_not_known_to_be_as_declared_is_written(before: str | None) -> None:
    assert deployments.mended(source(), HELD, DECLARED, before) is not None


def test_labels_are_put_back_and_others_kept() -> None:
    held = copy.deepcopy(HELD)
    held["metadata"]["labels"] = {"mine": "1"}
    mended = deployments.mended(source(), held, DECLARED, BEFORE)
    assert mended is not None
    assert mended["metadata"]["labels"] == {"mine": "1", **LABELS}


@pytest.mark.parametrize(
    ("owners", "owned"),
    [
        (HELD["metadata"]["ownerReferences"], True),
        ([{"uid": "u"}], False),
        ([{"uid": "before", "controller": True}], False),
        (["odd", {"uid": "u", "controller": True}], True),
        ("odd", False),
        (None, False),
    ],
)
def test_whose_it_is(owners: Any, owned: bool) -> None:
    held = {"metadata": {"ownerReferences": owners}}
    assert deployments.is_owned(source(), held) is owned


@pytest.mark.parametrize(
    ("owners", "former"),
    [
        ([{**OWNER, "uid": "before"}], True),
        ([{"uid": "x"}, {**OWNER, "uid": "before"}], True),
        ([OWNER], False),
        ([{**OWNER, "uid": "before", "name": "other"}], False),
        ([{**OWNER, "uid": "before", "kind": "Other"}], False),
        (["odd"], False),
        ("odd", False),
    ],
)
def test_whether_it_is_that_of_one_that_was_deleted(owners: Any, former: bool) -> None:
    assert deployments.is_former(source(), {"metadata": {"ownerReferences": owners}}) is former

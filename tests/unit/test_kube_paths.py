"""What the API server calls resources, objects and kinds."""

from typing import Any

import pytest

from tradewind.adapters.kube import paths
from tradewind.api_server import BROKERS, CONFIG_MAPS, NAMESPACES, GroupVersionResource
from tradewind.resources.model import NamespacedName


@pytest.mark.parametrize(
    ("resource", "namespace", "path"),
    [
        (CONFIG_MAPS, "", "/api/v1/configmaps"),
        (CONFIG_MAPS, "default", "/api/v1/namespaces/default/configmaps"),
        (BROKERS, "", "/apis/eventing.knative.dev/v1/brokers"),
        (BROKERS, "a?b", "/apis/eventing.knative.dev/v1/namespaces/a%3Fb/brokers"),
        (BROKERS, "..", None),
        (BROKERS, "a/b", None),
        (NAMESPACES, "", "/api/v1/namespaces"),
        (NAMESPACES, "default", "/api/v1/namespaces"),
    ],
)
def test_collections(resource: GroupVersionResource, namespace: str, path: str | None) -> None:
    assert paths.collection(resource, namespace) == path


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "subresource", "path"),
    [
        (BROKERS, "a", "b", "", "/apis/eventing.knative.dev/v1/namespaces/a/brokers/b"),
        (BROKERS, "a", "b", "status", "/apis/eventing.knative.dev/v1/namespaces/a/brokers/b/status"),
        (BROKERS, "a", "b c", "", "/apis/eventing.knative.dev/v1/namespaces/a/brokers/b%20c"),
        (NAMESPACES, "", "a", "", "/api/v1/namespaces/a"),
        (BROKERS, "", "b", "", None),
        (BROKERS, "..", "b", "", None),
        (BROKERS, "a", "", "", None),
        (BROKERS, "a", ".", "", None),
        (BROKERS, "a", "..", "", None),
        (BROKERS, "a", "b/status", "", None),
        (BROKERS, "a", "%2e%2e", "", None),
    ],
)
def test_items(resource: GroupVersionResource, namespace: str, name: str, subresource: str, path: str | None) -> None:
    assert paths.item(resource, NamespacedName(namespace, name), subresource) == path


def test_a_query_holds_what_is_asked_for() -> None:
    assert paths.query({"limit": 0, "continue": "", "watch": False}) == ""
    assert paths.query({"watch": True, "limit": 5, "fieldSelector": "a=b"}) == "?watch=true&limit=5&fieldSelector=a%3Db"


@pytest.mark.parametrize(
    ("api_version", "split"),
    [
        ("v1", ("", "v1")),
        ("apps/v1", ("apps", "v1")),
        ("serving.knative.dev/v1", ("serving.knative.dev", "v1")),
        ("", None),
        ("/v1", None),
        ("a/b/c", None),
        ("../v1", None),
        ("a..b/v1", None),
        ("apps/..", None),
        ("apps/v1/", None),
        ("apps/v1?x", None),
        ("apps/v1\n", None),
    ],
)
def test_api_versions(api_version: str, split: tuple[str, str] | None) -> None:
    assert paths.split(api_version) == split


def test_kinds_are_those_of_whole_resources() -> None:
    rows: list[Any] = [
        {"name": "brokers", "kind": "Broker", "namespaced": True},
        {"name": "brokers/status", "kind": "Broker", "namespaced": True},
        {"name": "nodes", "kind": "Node", "namespaced": False},
        {"name": "othernodes", "kind": "Node", "namespaced": False},
        {"name": "odd"},
        None,
    ]
    assert paths.kinds("g", "v1", {"resources": rows}) == {
        "Broker": GroupVersionResource("g", "v1", "brokers"),
        "Node": GroupVersionResource("g", "v1", "nodes", namespaced=False),
    }
    assert paths.kinds("g", "v1", {"resources": None}) == {}
    assert paths.kinds("g", "v1", {}) == {}

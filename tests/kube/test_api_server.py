"""The door ApiServer over a real API server: what calls do, and what their failures mean."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kube.cluster import Cluster
from tests.kube.connected import connected
from tests.kube.proxy import Proxy
from tradewind.adapters.kube import connect, pages
from tradewind.adapters.kube.server import KubeApiServer
from tradewind.api_server import BROKERS, CONFIG_MAPS, NAMESPACES, SECRETS, GroupVersionResource, Object
from tradewind.errors import ApiConflict, ApiDenied, ApiRefused, ApiUnavailable
from tradewind.resources.model import NamespacedName

pytestmark = pytest.mark.process

UNKNOWN = GroupVersionResource("example.com", "v1", "unknowns")


@pytest.fixture
async def api_server(cluster: Cluster) -> AsyncIterator[KubeApiServer]:
    async with connected(cluster.kubeconfig) as running:
        yield running


def config_map(namespace: str, name: str, **data: str) -> Object:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def broker(namespace: str, name: str) -> Object:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata, "spec": {}}


async def test_an_object_lives_and_is_gone(api_server: KubeApiServer, namespace: str) -> None:
    name = NamespacedName(namespace, "one")
    assert await api_server.get(CONFIG_MAPS, name) is None
    made = await api_server.create(CONFIG_MAPS, config_map(namespace, "one", a="1", b="1"))
    assert await api_server.get(CONFIG_MAPS, name) == made
    patched = await api_server.patch(CONFIG_MAPS, name, {"data": {"a": "2", "b": None}})
    assert patched is not None and patched["data"] == {"a": "2"}
    patched["data"] = {"c": "3"}
    replaced = await api_server.replace(CONFIG_MAPS, name, patched)
    assert replaced is not None and replaced["data"] == {"c": "3"}
    assert await api_server.delete(CONFIG_MAPS, name)
    assert await api_server.get(CONFIG_MAPS, name) is None


async def test_what_is_not_there_cannot_be_changed(api_server: KubeApiServer, namespace: str) -> None:
    name = NamespacedName(namespace, "absent")
    assert await api_server.patch(CONFIG_MAPS, name, {"data": {}}) is None
    assert await api_server.replace(CONFIG_MAPS, name, config_map(namespace, "absent")) is None
    assert not await api_server.delete(CONFIG_MAPS, name)
    assert await api_server.get(UNKNOWN, name) is None


@pytest.mark.parametrize("name", ["", ".", "..", "../..", "a/status", "%2e%2e", "a?b", "a b", "ü"])
async def test_a_name_is_no_way_elsewhere(api_server: KubeApiServer, namespace: str, name: str) -> None:
    assert await api_server.get(CONFIG_MAPS, NamespacedName(namespace, name)) is None
    assert await api_server.get(CONFIG_MAPS, NamespacedName(name, "kube-root-ca.crt")) is None


async def test_a_dry_run_makes_nothing(api_server: KubeApiServer, namespace: str) -> None:
    made = await api_server.create(BROKERS, broker(namespace, "tried"), dry_run=True)
    assert made["metadata"]["uid"]
    assert await api_server.get(BROKERS, NamespacedName(namespace, "tried")) is None


async def test_a_status_is_its_own_resource(api_server: KubeApiServer, namespace: str) -> None:
    name = NamespacedName(namespace, "stated")
    await api_server.create(BROKERS, broker(namespace, "stated"))
    status: Object = {"annotations": {"default.topic": "t"}}
    patched = await api_server.patch(BROKERS, name, {"status": status}, subresource="status")
    assert patched is not None and patched["status"]["annotations"] == status["annotations"]
    assert patched["metadata"]["generation"] == 1
    again = await api_server.patch(BROKERS, name, {"status": status}, subresource="status")
    assert again is not None and again["metadata"]["resourceVersion"] == patched["metadata"]["resourceVersion"]


async def test_what_is_there_already_is_a_conflict(api_server: KubeApiServer, namespace: str) -> None:
    await api_server.create(CONFIG_MAPS, config_map(namespace, "twice"))
    with pytest.raises(ApiConflict, match='configmaps "twice" already exists'):
        await api_server.create(CONFIG_MAPS, config_map(namespace, "twice"))


async def test_an_older_version_is_a_conflict(api_server: KubeApiServer, namespace: str) -> None:
    name = NamespacedName(namespace, "old")
    made = await api_server.create(CONFIG_MAPS, config_map(namespace, "old"))
    await api_server.patch(CONFIG_MAPS, name, {"data": {"a": "1"}})
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    with pytest.raises(ApiConflict, match="the object has been modified"):
        await api_server.patch(CONFIG_MAPS, name, {"metadata": version, "data": {"a": "2"}})
    with pytest.raises(ApiConflict, match="the object has been modified"):
        await api_server.replace(CONFIG_MAPS, name, made)


async def test_an_older_version_is_a_conflict_for_a_status(api_server: KubeApiServer, namespace: str) -> None:
    name = NamespacedName(namespace, "old")
    made = await api_server.create(BROKERS, broker(namespace, "old"))
    await api_server.patch(BROKERS, name, {"metadata": {"labels": {"a": "1"}}})
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    with pytest.raises(ApiConflict, match="the object has been modified"):
        await api_server.patch(BROKERS, name, {"metadata": version, "status": {}}, subresource="status")


@pytest.mark.parametrize("resource", [CONFIG_MAPS, BROKERS], ids=str)
async def test_another_uid_is_a_conflict(
    api_server: KubeApiServer, namespace: str, resource: GroupVersionResource
) -> None:
    made = (config_map if resource is CONFIG_MAPS else broker)(namespace, "again")
    name = NamespacedName(namespace, "again")
    first = (await api_server.create(resource, made))["metadata"]["uid"]
    await api_server.delete(resource, name)
    second = (await api_server.create(resource, made))["metadata"]["uid"]
    with pytest.raises(ApiConflict, match=r"uid|UID"):
        await api_server.patch(resource, name, {"metadata": {"uid": first, "labels": {"a": "1"}}})
    if resource is BROKERS:
        status = {"metadata": {"uid": first}, "status": {"annotations": {"a": "1"}}}
        with pytest.raises(ApiConflict, match=r"uid|UID"):
            await api_server.patch(resource, name, status, subresource="status")
        patched = await api_server.patch(resource, name, status | {"metadata": {"uid": second}}, subresource="status")
        assert patched is not None and patched["status"] == status["status"]
    with pytest.raises(ApiConflict, match="UID"):
        await api_server.delete(resource, name, uid=first)
    assert await api_server.delete(resource, name, uid=second)


async def test_what_is_invalid_is_refused_in_the_servers_words(api_server: KubeApiServer, namespace: str) -> None:
    with pytest.raises(ApiRefused, match=r"metadata\.name: Invalid value: \"No_Name\""):
        await api_server.create(CONFIG_MAPS, config_map(namespace, "No_Name"))
    with pytest.raises(ApiRefused, match="404 page not found"):
        await api_server.create(UNKNOWN, broker(namespace, "unknown"))
    with pytest.raises(ApiRefused, match="404 page not found"):
        await api_server.list(UNKNOWN)
    with pytest.raises(ApiRefused, match="cannot be a namespace"):
        await api_server.list(CONFIG_MAPS, namespace="..")


async def test_who_may_not_is_denied_and_told_what(cluster: Cluster, namespace: str) -> None:
    async with connected(cluster.kubeconfig_for("nobody")) as api_server:
        with pytest.raises(ApiDenied, match='User "nobody" cannot get resource "secrets"'):
            await api_server.get(SECRETS, NamespacedName(namespace, "secret"))


async def test_lists_are_of_one_namespace_or_of_all(api_server: KubeApiServer, namespace: str) -> None:
    assert await api_server.list(CONFIG_MAPS, namespace=namespace) == []
    for name in ("a", "b"):
        await api_server.create(CONFIG_MAPS, config_map(namespace, name))
    found = await api_server.list(CONFIG_MAPS, namespace=namespace)
    assert [one["metadata"]["name"] for one in found] == ["a", "b"]
    everywhere = await api_server.list(CONFIG_MAPS)
    assert {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in everywhere} >= {
        (namespace, "a"),
        (namespace, "b"),
    }
    assert namespace in [one["metadata"]["name"] for one in await api_server.list(NAMESPACES)]


async def test_a_list_has_as_many_pages_as_it_takes(
    api_server: KubeApiServer, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LIMIT", 2)
    for number in range(5):
        await api_server.create(CONFIG_MAPS, config_map(namespace, f"n{number}"))
    cluster.audit.mark()
    found = await api_server.list(CONFIG_MAPS, namespace=namespace)
    assert [one["metadata"]["name"] for one in found] == [f"n{number}" for number in range(5)]
    assert len(cluster.audit.requests(resource="configmaps")) == 3


async def test_a_list_whose_pages_are_gone_begins_anew(bare_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, namespace = bare_cluster, bare_cluster.create_namespace()
    monkeypatch.setattr(pages, "LIMIT", 2)
    async with connected(cluster.kubeconfig) as api_server:
        for number in range(5):
            await api_server.create(CONFIG_MAPS, config_map(namespace, f"n{number}"))
    seen: list[str] = []

    def look(one: Object) -> None:
        seen.append(one["metadata"]["name"])
        if len(seen) == 2:  # a page is read
            cluster.api.create(f"/api/v1/namespaces/{namespace}/configmaps", config_map(namespace, "n5"))
            cluster.plane.compact()
            cluster.restart()  # it keeps what was, for a while, in memory

    async with connected(cluster.kubeconfig) as api_server:
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        found, _ = await pages.listed(api_server._link, path, slim=look)  # which lets the test in between two pages
    assert [one["metadata"]["name"] for one in found] == [f"n{number}" for number in range(6)]
    assert len(seen) == 8


async def test_kinds_are_found_and_asked_for_once(api_server: KubeApiServer) -> None:
    assert await api_server.resource_of("eventing.knative.dev/v1", "Broker") == BROKERS
    assert await api_server.resource_of("v1", "Namespace") == NAMESPACES
    assert await api_server.resource_of("v1", "Nothing") is None
    assert await api_server.resource_of("serving.knative.dev/v1", "Service") is None
    assert await api_server.resource_of("../v1", "ConfigMap") is None


async def test_where_nobody_answers_it_is_unavailable(cluster: Cluster, proxy: Proxy) -> None:
    async with connected(cluster.kubeconfig_for("admin", ["system:masters"], server=proxy.url), deadline=1.0) as api:
        name = NamespacedName("default", "absent")
        assert await api.get(CONFIG_MAPS, name) is None
        proxy.freeze()
        with pytest.raises(ApiUnavailable, match="no answer in time"):
            await api.get(CONFIG_MAPS, name)
        proxy.refuse()
        with pytest.raises(ApiUnavailable, match="Cannot connect"):
            await api.get(CONFIG_MAPS, name)
        with pytest.raises(ApiUnavailable, match="Cannot connect"):
            await api.resource_of("v1", "ConfigMap")
        proxy.forward()
        assert await api.get(CONFIG_MAPS, name) is None


async def test_calls_at_once_do_not_wait_for_one_another(api_server: KubeApiServer, namespace: str) -> None:
    made = [config_map(namespace, f"n{number}") for number in range(50)]
    await asyncio.gather(*(api_server.create(CONFIG_MAPS, one) for one in made))
    assert len(await api_server.list(CONFIG_MAPS, namespace=namespace)) == 50


def token(cluster: Cluster, namespace: str) -> str:
    """A token of this namespace's service account `pod`, as the kubelet gets it for a Pod."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    made = cluster.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/pod/token", asked)
    return str(made["status"]["token"])


async def test_a_pod_is_its_service_account_and_goes_with_its_token(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "pod"}})
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(cluster.plane.port)}
    (tmp_path / "ca.crt").write_bytes(cluster.plane.authority.certificate)
    (tmp_path / "token").write_text("outlived")
    api_server = await connect(environment=environment, account=tmp_path)
    try:
        name = NamespacedName(namespace, "absent")
        with pytest.raises(ApiDenied, match="401"):
            await api_server.get(CONFIG_MAPS, name)
    finally:
        await api_server.close()
    api_server = await connect(environment=environment, account=tmp_path)
    try:
        (tmp_path / "token").write_text(token(cluster, namespace))
        with pytest.raises(ApiDenied, match=f'User "system:serviceaccount:{namespace}:pod" cannot get'):
            await api_server.get(CONFIG_MAPS, name)
    finally:
        await api_server.close()


async def test_a_kubeconfigs_token_is_read_again_when_it_does_not_count_any_more(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "pod"}})
    content = json.loads(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}
    (tmp_path / "config").write_text(json.dumps(content))
    (tmp_path / "token").write_text("outlived")
    async with connected(tmp_path / "config") as api_server:
        (tmp_path / "token").write_text(token(cluster, namespace))
        with pytest.raises(ApiDenied, match=f'User "system:serviceaccount:{namespace}:pod" cannot get'):
            await api_server.get(CONFIG_MAPS, NamespacedName(namespace, "absent"))

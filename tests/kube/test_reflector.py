"""A Reflector over a real API server: what it holds and tells while all is well, and through everything that is not."""

import asyncio
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import QUICK, connected, reflecting, started, until
from tests.kube.proxy import Proxy
from tradewind.api_server import BROKERS, CONFIG_MAPS, Change

pytestmark = pytest.mark.process

BRIEFLY = 3.0
"""Seconds of an outage: several times the longest wait between tries."""
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def config_map(name: str, **data: str) -> Json:
    return {"metadata": {"name": name}, "data": data}


def maps(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def words(changes: Sequence[Change]) -> list[str]:
    """Changes as `+name`, `~name` and `-name`."""
    return [
        ("~" if old and new else "+" if new else "-") + (new or old or {})["metadata"]["name"] for old, new in changes
    ]


async def test_it_tells_what_is_there_and_what_becomes_of_it(cluster: Cluster, namespace: str) -> None:
    cluster.api.create(maps(namespace), config_map("before", a="1"))
    async with connected(cluster.kubeconfig) as api_server, reflecting(api_server, CONFIG_MAPS, namespace) as told:
        assert words(told.changes) == ["+before"]
        cluster.api.create(maps(namespace), config_map("after"))
        cluster.api.patch(maps(namespace, "before"), {"data": {"a": "2"}})
        cluster.api.delete(maps(namespace, "after"))
        await until(lambda: len(told.changes) == 4, "three more changes")
        assert words(told.changes) == ["+before", "+after", "~before", "-after"]
        assert told.changes[2].new is not None and told.changes[2].new["data"] == {"a": "2"}
        assert "managedFields" not in told.changes[2].new["metadata"]
        assert told.replayed() == told.reflector.objects


async def test_an_object_made_again_is_two_changes(cluster: Cluster, namespace: str) -> None:
    cluster.api.create(maps(namespace), config_map("again"))
    async with connected(cluster.kubeconfig) as api_server, reflecting(api_server, CONFIG_MAPS, namespace) as told:
        cluster.api.delete(maps(namespace, "again"))
        cluster.api.create(maps(namespace), config_map("again"))
        await until(lambda: len(told.changes) == 3, "two more changes")
        assert words(told.changes) == ["+again", "-again", "+again"]


async def test_the_end_of_a_watch_is_nothing(
    cluster: Cluster, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    user = cluster.kubeconfig_for("patient", ["system:masters"])
    async with connected(user) as api_server, reflecting(api_server, CONFIG_MAPS, namespace) as told:
        await until(lambda: told.reflector.tries == 4, "three watches")
        asked = [one.verb for one in cluster.audit.requests(user="patient", resource="configmaps")]
        assert asked.count("list") == 1
        cluster.api.create(maps(namespace), config_map("late"))
        await until(lambda: told.names == {"late"}, "the object")
    assert not caplog.records


async def test_a_killed_api_server_costs_a_few_tries_and_two_lines(
    cluster: Cluster, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cluster.api.create(maps(namespace), config_map("kept"))
    cluster.api.create(maps(namespace), config_map("changed"))
    async with connected(cluster.kubeconfig) as api_server, reflecting(api_server, CONFIG_MAPS, namespace) as told:
        await until(lambda: told.reflector.tries == 2, "a watch")
        cluster.plane.api_server.kill()
        before = told.reflector.tries
        await asyncio.sleep(BRIEFLY)
        # 0.1, 0.2, 0.4, 0.8 and then 1.0 s, each up to a quarter less
        assert told.reflector.tries - before <= 8
        assert told.names == {"kept", "changed"} and told.reflector.synced
        await started(cluster)
        cluster.api.patch(maps(namespace, "changed"), {"data": {"a": "1"}})
        await until(lambda: len(told.changes) == 3, "the change")
        assert words(told.changes[2:]) == ["~changed"]
        await until(lambda: len(caplog.records) == 2, "a line of the end")
        assert told.replayed() == told.reflector.objects
    assert [record.getMessage() for record in caplog.records] == [
        "API server gives no objects",
        "API server gives objects again",
    ]


async def test_a_frozen_connection_is_noticed(
    cluster: Cluster, namespace: str, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    user = cluster.kubeconfig_for("frozen", ["system:masters"], server=proxy.url)
    async with (
        connected(user, deadline=2.0) as api_server,
        reflecting(api_server, CONFIG_MAPS, namespace) as told,
    ):
        await until(lambda: proxy.accepted and told.reflector.tries == 2, "a watch")
        proxy.freeze()
        cluster.api.create(maps(namespace), config_map("unseen"))
        tries = told.reflector.tries
        # each try may take the 2 s in which it is to be answered: it has begun, and is not well for that
        await until(lambda: told.reflector.tries >= tries + 3, "more tries")
        assert [record.getMessage() for record in caplog.records] == ["API server gives no objects"]
        proxy.cut()
        proxy.forward()
        await until(lambda: told.names == {"unseen"}, "the object")


async def test_a_version_that_is_gone_tells_only_what_changed(bare_cluster: Cluster) -> None:
    cluster = bare_cluster
    namespace = cluster.create_namespace()
    for name in ("kept", "changed", "gone", "again"):
        cluster.api.create(maps(namespace), config_map(name))
    with cluster.proxy() as proxy:
        user = cluster.kubeconfig_for("late", ["system:masters"], server=proxy.url)
        async with connected(user) as api_server, reflecting(api_server, CONFIG_MAPS, namespace) as told:
            proxy.refuse()
            cluster.api.patch(maps(namespace, "changed"), {"data": {"a": "1"}})
            cluster.api.delete(maps(namespace, "gone"))
            cluster.api.delete(maps(namespace, "again"))
            cluster.api.create(maps(namespace), config_map("again"))
            cluster.api.create(maps(namespace), config_map("new"))
            cluster.plane.api_server.kill()
            await started(cluster)  # its watch cache begins now: older versions are gone
            cluster.audit.mark()
            proxy.forward()
            await until(lambda: len(told.changes) >= 9, "the changes")
            assert sorted(words(told.changes[4:])) == ["+again", "+new", "-again", "-gone", "~changed"]
            assert told.replayed() == told.reflector.objects

            def asked() -> list[str]:
                return [one.verb for one in cluster.audit.requests(user="late", resource="configmaps")]

            await until(lambda: len(asked()) >= 4, "the watch, which is written down behind it")
            assert asked()[:4] == ["list", "watch", "list", "watch"]  # first one object, at last all


async def test_who_may_not_list_goes_on_trying_and_says_so_once(
    cluster: Cluster, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    user = cluster.kubeconfig_for("hopeful")
    async with (
        connected(user) as api_server,
        reflecting(api_server, CONFIG_MAPS, namespace, synced=False) as told,
    ):
        await until(lambda: told.reflector.tries == 4, "three tries in vain")
        assert not told.reflector.synced
        assert [record.getMessage() for record in caplog.records] == ["API server gives no objects"]
        fields = getattr(caplog.records[0], "fields", {})
        assert 'User "hopeful" cannot list resource "configmaps"' in str(fields["why"])
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
        base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        cluster.api.create(f"{base}/roles", {"metadata": {"name": "reader"}, "rules": rules})
        cluster.api.create(
            f"{base}/rolebindings",
            {
                "metadata": {"name": "reader"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "hopeful"}],
            },
        )
        await until(lambda: told.reflector.synced, "a list")
        await until(lambda: len(caplog.records) == 2, "a line of the end")


async def test_a_resource_that_comes_later_is_found(bare_cluster: Cluster) -> None:
    crd = Path(__file__).parents[2] / "crds" / "brokers.eventing.knative.dev.yaml"
    async with (
        connected(bare_cluster.kubeconfig) as api_server,
        reflecting(api_server, BROKERS, synced=False) as told,
    ):
        await until(lambda: told.reflector.tries == 3, "two tries in vain")
        assert not told.reflector.synced
        await asyncio.to_thread(bare_cluster.apply_crds, crd)
        await until(lambda: told.reflector.synced, "a list")
        path = "/apis/eventing.knative.dev/v1/namespaces/default/brokers"
        bare_cluster.api.create(
            path, {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": "default"}}
        )
        await until(lambda: told.names == {"default"}, "the Broker")


async def test_an_object_may_be_as_large_as_any(cluster: Cluster, namespace: str) -> None:
    # `<` is six bytes in the API server's JSON: a line of 6 MB in the watch
    text = "<" * 1_000_000
    assert len(json.dumps(text)) < 1_048_576
    async with connected(cluster.kubeconfig) as api_server, reflecting(api_server, CONFIG_MAPS, namespace) as told:
        await until(lambda: told.reflector.tries == 2, "a watch")
        cluster.api.create(maps(namespace), config_map("large", text=text))
        await until(lambda: told.names == {"large"}, "the object")
        assert told.reflector.tries <= 3
        assert told.changes[0].new is not None and told.changes[0].new["data"]["text"] == text


async def test_two_thousand_objects_come_page_by_page(cluster: Cluster, namespace: str) -> None:
    async with connected(cluster.kubeconfig) as api_server:
        made = [
            {**config_map(f"n{number}"), "metadata": {"name": f"n{number}", "namespace": namespace}}
            for number in range(2000)
        ]
        several = asyncio.Semaphore(50)

        async def make(one: Json) -> None:
            async with several:
                await api_server.create(CONFIG_MAPS, one)

        async with asyncio.TaskGroup() as group:
            for one in made:
                group.create_task(make(one))
    user = cluster.kubeconfig_for("reader", ["system:masters"])
    async with connected(user, pace=QUICK) as api_server, reflecting(api_server, CONFIG_MAPS, namespace) as told:
        assert len(told.reflector.objects) == 2000 == len(told.changes)
        lists = [one for one in cluster.audit.requests(user="reader", resource="configmaps") if one.verb == "list"]
        assert len(lists) == 4


async def test_a_cluster_made_anew_at_its_address_is_read_anew(bare_cluster: Cluster) -> None:
    plane, path = bare_cluster.plane, maps("default")
    for number in range(300):  # versions that the new one has not come to yet
        bare_cluster.api.create("/api/v1/namespaces", {"metadata": {"name": f"n{number}"}})
    bare_cluster.api.create(path, config_map("old"))
    async with connected(bare_cluster.kubeconfig) as api_server, reflecting(api_server, CONFIG_MAPS, "default") as told:
        assert "old" in told.names
        plane.api_server.kill()
        plane.etcd.kill()
        shutil.rmtree(plane.folder / "etcd")
        plane.start()
        bare_cluster.api.create(path, config_map("new"))
        await until(lambda: "new" in told.names and "old" not in told.names, "the new objects")
        assert told.replayed() == told.reflector.objects

"""What others refer to is watched as long as somebody refers to it, and told of, over a real API server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.kube.cluster import Cluster
from tests.kube.connected import connected, until
from tests.kube.proxy import Proxy
from tradewind.api_server import BROKERS, TRIGGERS, ApiServer
from tradewind.control.addresses import Lack, Why
from tradewind.control.queue import Key
from tradewind.control.referents import Referents
from tradewind.resources.model import KReference, NamespacedName

pytestmark = pytest.mark.process


@contextlib.asynccontextmanager
async def referring(api: ApiServer) -> AsyncIterator[tuple[Referents, list[NamespacedName]]]:
    """Referents at work, and the Triggers that they told of, in order."""
    referents, told = Referents(api), list[NamespacedName]()
    referents.listen(TRIGGERS, told.append)
    running = asyncio.ensure_future(referents.run())
    try:
        yield referents, told
        assert not running.done(), running
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def service(namespace: str, name: str = "s", api_version: str = "v1", kind: str = "Service") -> KReference:
    return KReference(api_version, kind, name, namespace)


def owner(name: str) -> Key:
    return Key(TRIGGERS, NamespacedName("n", name))


def create_service(cluster: Cluster, namespace: str, name: str = "s") -> None:
    made = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
    cluster.api.create(f"/api/v1/namespaces/{namespace}/services", made)


def found(referents: Referents, ref: KReference) -> bool:
    return not isinstance(referents.find(ref), Lack)


async def test_owners_are_told_of_what_they_refer_to_and_of_nothing_else(cluster: Cluster, namespace: str) -> None:
    async with connected(cluster.kubeconfig) as api, referring(api) as (referents, told):
        mine, other = service(namespace), service(namespace, "other")
        assert referents.find(mine) == Lack(Why.PENDING)
        referents.refer(owner("a"), [mine])
        referents.refer(owner("b"), [other])
        referents.refer(Key(BROKERS, NamespacedName("n", "nobody-listens")), [mine])
        await until(lambda: referents.find(mine) == Lack(Why.NOT_FOUND), "that it is not there")
        await until(lambda: set(told) == {owner("a").name, owner("b").name}, "that both are told of that")
        told.clear()
        create_service(cluster, namespace)
        create_service(cluster, namespace, "third")
        await until(lambda: found(referents, mine), "the Service")
        assert told == [owner("a").name]
        referents.refer(owner("a"), [mine, other])
        told.clear()
        create_service(cluster, namespace, "other")
        await until(lambda: found(referents, other), "the other Service")
        assert set(told) == {owner("a").name, owner("b").name}


async def test_an_object_without_a_namespace(cluster: Cluster, namespace: str) -> None:
    async with connected(cluster.kubeconfig) as api, referring(api) as (referents, told):
        ref = KReference("v1", "Namespace", namespace, "n")
        referents.refer(owner("a"), [ref])
        await until(lambda: len(told) == 2, "that it is there, and that all were read")
        assert found(referents, ref)
        told.clear()
        cluster.api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {"a": "b"}}})
        await until(lambda: told == [owner("a").name], "that it changed")


async def test_what_nobody_refers_to_is_watched_no_longer(cluster: Cluster, namespace: str) -> None:
    async with connected(cluster.kubeconfig) as api, referring(api) as (referents, _):
        kept = service(namespace, "b", "eventing.knative.dev/v1", "Broker")
        referents.refer(owner("kept"), [kept])
        await until(lambda: referents.find(kept) == Lack(Why.NOT_FOUND), "Brokers")
        before = len(asyncio.all_tasks())
        for ref in (service(namespace), service(namespace, kind="Nothing")):
            referents.refer(owner("a"), [ref])
            await until(lambda ref=ref: referents.find(ref).why is not Why.PENDING, "what becomes of it")  # type: ignore
        referents.refer(owner("a"), [service(namespace)])
        referents.refer(owner("b"), [service(namespace)])
        referents.refer(owner("a"), ())
        await until(lambda: referents.find(service(namespace)) == Lack(Why.NOT_FOUND), "Services once more")
        referents.refer(owner("b"), ())
        await until(lambda: len(asyncio.all_tasks()) == before, "an end of what watched them")
        assert referents.find(service(namespace)) == Lack(Why.PENDING)
        assert referents.find(kept) == Lack(Why.NOT_FOUND)


async def test_an_api_server_that_does_not_answer(cluster: Cluster, namespace: str, proxy: Proxy) -> None:
    create_service(cluster, namespace)
    behind = cluster.kubeconfig_for("cut-off", ["system:masters"], server=proxy.url)
    async with connected(behind, deadline=0.5) as api, referring(api) as (referents, told):
        proxy.freeze()
        referents.refer(owner("a"), [service(namespace)])
        await until(lambda: told == [owner("a").name], "that it is told of the trouble once")
        lack = referents.find(service(namespace))
        assert isinstance(lack, Lack) and lack.why is Why.UNREACHABLE
        proxy.forward()
        await until(lambda: found(referents, service(namespace)), "the Service")

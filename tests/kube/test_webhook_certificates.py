"""The webhook's certificates at a real API server, with the times of day that a test gives."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.kube.api import Refused
from tests.kube.cluster import ADMISSION, Cluster
from tests.kube.conftest import CRDS, programs
from tests.kube.connected import WITHIN, connected, until
from tests.kube.webhook_running import SECRET, SYSTEM, USER, WRONG_BROKER, bare, configure, install
from tradewind.adapters.kube.server import KubeApiServer
from tradewind.control.webhook import certificates, configurations, keeper
from tradewind.control.webhook.admission import Rules
from tradewind.control.webhook.answering import Webhook
from tradewind.control.webhook.app import bind, serve
from tradewind.control.webhook.keeper import NEEDS, TRUSTED, Keeper
from tradewind.control.webhook.rotation import LIFE, OVERLAP, RENEW, Kept
from tradewind.errors import ApiDenied
from tradewind.observe.health import Health

pytestmark = pytest.mark.process

PATH = f"/api/v1/namespaces/{SYSTEM}/secrets/{SECRET}"
HOST = "127.0.0.1"
BROKERS = "/apis/eventing.knative.dev/v1/namespaces/default/brokers?dryRun=All"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane where the webhook is installed, and nothing answers yet."""
    with Cluster.running(programs(), tmp_path_factory.mktemp("certificates")) as cluster:
        cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
        install(cluster, f"https://{HOST}:1")
        yield cluster


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """As it was installed: the Secret empty, nobody trusted."""
    shared.api.replace(PATH, {"metadata": {"name": SECRET}})
    configure_anew(shared, f"https://{HOST}:1")
    shared.audit.mark()
    return shared


def configure_anew(cluster: Cluster, url: str) -> None:
    for kind in ("mutating", "validating"):
        path = f"{ADMISSION}/{kind}webhookconfigurations/{configurations.NAME}"
        if cluster.api.find(path):
            cluster.api.delete(path)
    configure(cluster, url)


class Replica:
    """One process's keeper, and what it serves."""

    def __init__(self, server: KubeApiServer, *, names: frozenset[str] = frozenset({HOST})) -> None:
        self.tls, self.health = keeper.context(), Health(*NEEDS)
        self.keeper = Keeper(server, self.tls, self.health, namespace=SYSTEM, names=names)

    async def look(self, now: float) -> bool:
        return await self.keeper.look(now)


@pytest.fixture
async def server(cluster: Cluster) -> AsyncIterator[KubeApiServer]:
    async with connected(cluster.kubeconfig_for(USER, namespace=SYSTEM)) as running:
        yield running


def held(cluster: Cluster) -> Kept:
    return certificates.kept(cluster.api.get(PATH).get("data") or {})


def bundles(cluster: Cluster) -> set[str]:
    """What API servers are told to trust, by each webhook."""
    both = [
        cluster.api.get(f"{ADMISSION}/{kind}webhookconfigurations/{configurations.NAME}")
        for kind in ("mutating", "validating")
    ]
    return {webhook["clientConfig"].get("caBundle", "") for one in both for webhook in one["webhooks"]}


def trusted(cluster: Cluster) -> bool:
    return bundles(cluster) == {certificates.encoded(held(cluster).bundle)}


async def test_from_nothing_a_certificate_is_made_published_and_served(cluster: Cluster, server: KubeApiServer) -> None:
    one, now = Replica(server), round(time.time())
    assert await one.look(now)
    assert one.keeper.served == held(cluster).current is not None
    assert trusted(cluster)
    assert one.health.ready


async def test_once_settled_nothing_is_written(cluster: Cluster, server: KubeApiServer) -> None:
    one, now = Replica(server), round(time.time())
    await one.look(now)
    cluster.audit.mark()
    for later in range(3):
        assert await one.look(now + later * 86400.0)
    assert cluster.audit.requests(user=USER) and cluster.audit.writes(user=USER) == []


async def test_of_two_replicas_that_race_one_wins_and_both_serve_the_same(
    cluster: Cluster, server: KubeApiServer
) -> None:
    for _ in range(5):
        replicas, now = [Replica(server) for _ in range(3)], round(time.time())
        assert await asyncio.gather(*(one.look(now) for one in replicas)) == [True] * 3
        assert {one.keeper.served for one in replicas} == {held(cluster).current}
        for stage, later in enumerate((LIFE - RENEW + 1, LIFE - RENEW + 1 + OVERLAP, LIFE - RENEW + 1 + 2 * OVERLAP)):
            await asyncio.gather(*(one.look(now + later) for one in replicas))
            kept = held(cluster)
            assert (kept.next is not None, kept.previous != "") == [(True, False), (False, True), (False, False)][stage]
            assert trusted(cluster)
        await asyncio.gather(*(one.look(now + later) for one in replicas))
        assert {one.keeper.served for one in replicas} == {kept.current}
        cluster.api.replace(PATH, {"metadata": {"name": SECRET}})


async def test_a_secret_that_is_gone_is_made_by_one_of_them_who_may(cluster: Cluster) -> None:
    cluster.api.delete(PATH)
    async with connected(cluster.kubeconfig) as admin:
        replicas, now = [Replica(admin) for _ in range(3)], round(time.time())
        await asyncio.gather(*(one.look(now) for one in replicas))
        assert {one.keeper.served for one in replicas} == {held(cluster).current}


@pytest.mark.parametrize("key", [certificates.KEY, certificates.CERTIFICATE, certificates.AUTHORITY])
async def test_a_damaged_secret_is_made_anew_and_what_is_served_stays_trusted(
    cluster: Cluster, server: KubeApiServer, key: str
) -> None:
    one, other, now = Replica(server), Replica(server), round(time.time())
    for replica in (one, other):
        await replica.look(now)
    before = other.keeper.served
    cluster.api.patch(PATH, {"data": {key: "AAAA", "mine": "AAAA"}})
    await one.look(now + 1)
    kept = held(cluster)
    assert before is not None and kept.current != before == other.keeper.served
    assert kept.previous == before.authority
    assert trusted(cluster) and before.authority in kept.bundle
    await other.look(now + 2)
    assert other.keeper.served == one.keeper.served == kept.current
    await one.look(now + 2 + OVERLAP)
    assert held(cluster).previous == ""


async def test_an_expired_certificate_is_made_anew(cluster: Cluster, server: KubeApiServer) -> None:
    one, now = Replica(server), round(time.time())
    await one.look(now)
    first = one.keeper.served
    await one.look(now + LIFE)
    assert one.keeper.served != first and one.keeper.served == held(cluster).current


async def test_another_name_asks_for_another_certificate(cluster: Cluster, server: KubeApiServer) -> None:
    one, now = Replica(server), round(time.time())
    await one.look(now)
    named = Replica(server, names=frozenset({HOST, "webhook.example"}))
    for later in (1.0, 1 + OVERLAP, 2 + OVERLAP):
        await named.look(now + later)
    assert named.keeper.served is not None and named.keeper.served.names == {HOST, "webhook.example"}


async def test_a_bundle_that_was_wiped_or_is_not_whole_comes_back(cluster: Cluster, server: KubeApiServer) -> None:
    one, now = Replica(server), round(time.time())
    await one.look(now)
    configure_anew(cluster, f"https://{HOST}:1")
    assert bundles(cluster) == {""}
    await one.look(now + 1)
    assert trusted(cluster)


@pytest.mark.parametrize("flags", [(), ("--server-side", "--force-conflicts")])
async def test_configurations_that_are_applied_again_keep_the_bundle(
    cluster: Cluster, server: KubeApiServer, flags: tuple[str, ...]
) -> None:
    text = "\n---\n".join(json.dumps(one) for one in bare(f"https://{HOST}:1"))
    for one in bare(f"https://{HOST}:1"):
        cluster.api.delete(f"{ADMISSION}/{one['kind'].lower()}s/{configurations.NAME}")
    cluster.kubectl("apply", *flags, "-f", "-", input=text)
    await Replica(server).look(round(time.time()))
    assert trusted(cluster)
    changed = text.replace('"timeoutSeconds": 5', '"timeoutSeconds": 6')
    cluster.kubectl("apply", *flags, "-f", "-", input=changed)
    assert trusted(cluster)
    path = f"{ADMISSION}/mutatingwebhookconfigurations/{configurations.NAME}"
    kept = configurations.BINDING_DEADLINE
    assert {one["timeoutSeconds"] for one in cluster.api.get(path)["webhooks"]} == {6, kept}


async def test_without_configurations_it_serves_and_waits_for_them(cluster: Cluster, server: KubeApiServer) -> None:
    path = f"{ADMISSION}/validatingwebhookconfigurations/{configurations.NAME}"
    cluster.api.delete(path)
    one, now = Replica(server), round(time.time())
    assert not await one.look(now)
    assert one.keeper.served and one.health.missing == {TRUSTED}
    configure(cluster, f"https://{HOST}:1")
    assert await one.look(now + 1)
    assert one.health.ready


async def test_a_new_certificate_is_not_served_before_it_is_trusted(cluster: Cluster, server: KubeApiServer) -> None:
    one, other, now = Replica(server), Replica(server), round(time.time())
    for replica in (one, other):
        await replica.look(now)
    first = one.keeper.served
    cluster.api.delete(f"{ADMISSION}/validatingwebhookconfigurations/{configurations.NAME}")
    cluster.api.patch(PATH, {"data": {certificates.KEY: "AAAA"}})
    assert not await one.look(now + 1)
    assert one.keeper.served == first != held(cluster).current
    configure(cluster, f"https://{HOST}:1")
    assert await one.look(now + 2)
    assert one.keeper.served == held(cluster).current


async def test_who_may_not_do_it_is_told_once_and_goes_on_when_he_may(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "tradewind.webhook")
    async with connected(cluster.kubeconfig_for("nobody")) as nobody:
        one = Replica(nobody)
        with pytest.raises(ApiDenied):
            await one.look(time.time())
        running = asyncio.ensure_future(one.keeper.run(time.time))
        await until(lambda: caplog.records, "a line in the log")
        cluster.kubectl("create", "clusterrolebinding", "nobody", "--clusterrole=cluster-admin", "--user=nobody")
        await until(lambda: one.health.ready, "the certificate")
        assert [record.getMessage() for record in caplog.records] == ["certificates cannot be looked after"]
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    cluster.kubectl("delete", "clusterrolebinding", "nobody")


@contextlib.asynccontextmanager
async def serving(cluster: Cluster, server: KubeApiServer) -> AsyncIterator[tuple[Webhook, Replica]]:
    """The webhook at the API server, its certificates looked after by the test."""
    replica, stop, listener = Replica(server), asyncio.Event(), bind(HOST, 0)
    webhook = Webhook(server, Rules(classes={"Tradewind"}), Health())
    configure_anew(cluster, f"https://{HOST}:{listener.getsockname()[1]}")
    async with asyncio.TaskGroup() as tasks:
        known = tasks.create_task(webhook.run())
        tasks.create_task(serve(webhook, listener, replica.tls, stop))
        try:
            yield webhook, replica
        finally:
            known.cancel()
            stop.set()
    listener.close()


def asked(cluster: Cluster) -> str:
    """What the API server says of a Broker that is wrong."""
    try:
        cluster.api.create(BROKERS, WRONG_BROKER)
    except Refused as refused:
        return str(refused)
    return "accepted"


async def test_no_call_fails_while_certificates_rotate(cluster: Cluster, server: KubeApiServer) -> None:
    now = round(time.time())
    async with serving(cluster, server) as (_webhook, replica):
        await replica.look(now - LIFE + RENEW - 1)  # so that the next one is of today, and its clients take it
        async with asyncio.timeout(WITHIN):
            while "backoffDelay" not in await asyncio.to_thread(asked, cluster):
                continue  # the API server does not call it yet
        answers: list[str] = []
        over = asyncio.Event()

        def ask() -> None:
            while not over.is_set():
                answers.append(asked(cluster))

        async def more(count: int) -> None:
            wanted = len(answers) + count
            await until(lambda: len(answers) >= wanted, "answers")

        asking = [asyncio.ensure_future(asyncio.to_thread(ask)) for _ in range(2)]
        stages = []
        for later in (0.0, 1.0, 1 + OVERLAP, 2 + OVERLAP, 2 + 2 * OVERLAP):
            await replica.look(now + later)
            kept = held(cluster)
            stages.append((kept.next is not None, kept.previous != ""))
            await more(20)
        over.set()
        await asyncio.gather(*asking)
    assert stages == [(True, False), (True, False), (False, True), (False, True), (False, False)]
    assert {"backoffDelay: found" in answer for answer in answers} == {True}, answers

"""A controller in the test's own process, on a real API server and a real Kafka."""

import asyncio
import contextlib
import os
import random
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.adapters.kube import connect
from tradewind.api_server import BROKERS
from tradewind.config import Settings
from tradewind.control.brokers import BrokerReconciler, Place
from tradewind.control.controller import Controller
from tradewind.control.counting import Counted
from tradewind.control.counts import Counts
from tradewind.control.doors import Doors, Leadership
from tradewind.control.kafkas import Kafkas
from tradewind.control.referents import Referents
from tradewind.control.sinks import Sinks
from tradewind.observe.health import Health
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth
from tradewind.resources.model import BROKER_CLASS, NamespacedName

DEADLINE = 40.0
"""Seconds that anything may take; most takes a fraction of one."""
LOOK = 0.02
QUIET = 1.0
"""Seconds in which nothing may be written for all to be settled: far above what a step of the controller takes."""
SYSTEM = "tradewind-system"
INGRESS = "http://tradewind-ingress.tradewind-system.svc.cluster.local"
PATH = "/apis/eventing.knative.dev/v1/namespaces/{}/brokers"


@dataclass(slots=True)
class Alone:
    """Leads at once; a test may take the certainty from it."""

    certain: bool = True

    def sure(self, seconds: float) -> bool:
        return self.certain

    async def lead(self, work: Callable[[Leadership], Awaitable[None]], stop: asyncio.Event) -> None:
        working = asyncio.ensure_future(work(self))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
        else:
            working.result()


@dataclass(slots=True)
class Controlled:
    """A controller that runs, and what a test asks it."""

    log: KafkaLog
    counts: Counts
    leadership: Alone
    user: str
    health: Health
    controller: Controller
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self, namespace: str, name: str) -> None:
        """Have a Broker reconciled now."""
        self.controller.enqueue(BROKERS, NamespacedName(namespace, name))


@contextlib.asynccontextmanager
async def controller(
    cluster: Cluster,
    kafka: str,
    *,
    installation: str = "",
    system: str = SYSTEM,
    kubeconfig: Path | None = None,
    user: str = "",
    auth: KafkaAuth = PLAINTEXT,
    stale: Mapping[NamespacedName, Json] | None = None,
    beside: bool = False,
    **settings: Any,  # of Settings
) -> AsyncIterator[Controlled]:
    """A controller of an installation of its own, unless it is named, as one who may do anything.

    `stale` are the Brokers that it sees, as if nothing came through since; `beside` another one in the same cluster,
    whose connections are open when this one's must not be.
    """
    loop = asyncio.get_running_loop()
    user = user or f"controller-{uuid.uuid4().hex[:6]}"
    path = kubeconfig or cluster.kubeconfig_for(user, ["system:masters"])
    told = Settings(kafka=kafka, kubernetes=True, **{"partitions": 2, **settings})
    counts, health, leadership = Counts(), Health("objects"), Alone()
    api = Counted(await connect(environment={"KUBECONFIG": str(path)}), counts)
    log = KafkaLog(told.kafka, client_id=user, auth=auth, patience=min(5.0, told.kafka_patience))
    controlling = Controller(api, health=health, counts=counts, chance=random.random)
    doors = Doors(
        api=api,
        log=log,
        objects=controlling.watched.objects if stale is None else lambda _resource: stale,
        sure=controlling.sure,
        settings=told,
        clock=time.time,
        counts=counts,
    )
    referents = Referents(api)
    kafkas = Kafkas(log, lambda shown: KafkaLog(told.kafka, client_id=user, auth=shown, patience=5.0))
    place = Place(installation=installation or uuid.uuid4().hex[:8], system=system, ingress=INGRESS)
    brokers = BrokerReconciler(doors, kafkas, Sinks(referents, cluster_domain=told.cluster_domain), place)
    running = Controlled(log, counts, leadership, user, health, controlling)
    working = asyncio.ensure_future(controlling.run([brokers], leadership.lead, running.stop))
    referring = asyncio.ensure_future(referents.run())
    try:
        yield running
    finally:
        running.stop.set()
        referring.cancel()
        await asyncio.wait({working, referring})
        await log.close()
        await api.close()
        end = time.monotonic() + DEADLINE
        while not beside and connections(loop, cluster.plane.port):
            assert time.monotonic() < end, "a connection to the API server stays open"
            await asyncio.sleep(LOOK)
    working.result()


def connections(loop: asyncio.AbstractEventLoop, port: int) -> list[int]:
    """Connections to the API server that a loop still has.

    One that was cancelled in the middle of a request says goodbye by TLS in its own time; a loop that ends before
    leaves it open, which is told of in some later test.
    """
    found = []
    for fd in tuple(loop._selector.get_map()):  # type: ignore[attr-defined]  # nothing public knows them all
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as one:
            if one.family == socket.AF_INET and one.getpeername()[1] == port:
                found.append(fd)
    return found


def broker(
    name: str = "b", *, config: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> Json:
    """A Broker's manifest."""
    spec: Json = {} if config is None else {"config": {"apiVersion": "v1", "kind": "ConfigMap", **config}}
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {"name": name, "annotations": {BROKER_CLASS: "Tradewind", **(annotations or {})}},
        "spec": spec,
    }


def condition(found: Json | None, type: str) -> Json:
    """A condition of an object; empty where it has none."""
    status = (found or {}).get("status", {})
    return next((one for one in status.get("conditions", []) if one["type"] == type), {})


async def until(ask: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:  # whatever is asked for
    """Ask in a thread until the answer is true; the answer."""
    end = time.monotonic() + seconds
    while True:
        found = await asyncio.to_thread(ask)
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(LOOK)


async def until_said(cluster: Cluster, namespace: str, name: str, type: str, status: str, reason: str = "") -> Json:
    """Wait until a Broker's condition is so; the Broker."""
    seen: list[Json] = [{}]

    def said() -> Json | None:
        seen[0] = cluster.api.find(f"{PATH.format(namespace)}/{name}") or {}
        found = condition(seen[0], type)
        return seen[0] if found.get("status") == status and reason in ("", found.get("reason")) else None

    try:
        found: Json = await until(said, f"{type} {status} {reason}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {seen[0].get('metadata')} {seen[0].get('status')}") from None
    return found


async def until_gone(cluster: Cluster, namespace: str, name: str) -> None:
    """Wait until a Broker is gone."""
    await until(lambda: cluster.api.find(f"{PATH.format(namespace)}/{name}") is None, f"the end of Broker {name}")


async def until_settled(cluster: Cluster, user: str) -> None:
    """Wait until this user writes nothing any more, besides the Lease that it may hold."""
    count, since = -1, time.monotonic()
    end = since + DEADLINE
    while time.monotonic() - since < QUIET:
        written = await asyncio.to_thread(lambda: cluster.audit.writes(user=user))
        found = len([one for one in written if one.resource != "leases"])
        if found != count:
            count, since = found, time.monotonic()
        assert time.monotonic() < end, f"{user} goes on writing: {cluster.audit.writes(user=user)[-5:]}"
        await asyncio.sleep(LOOK)

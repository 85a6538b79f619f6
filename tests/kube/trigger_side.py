"""The reconcile of Triggers over a real API server, with dispatchers over a log in memory that run what it stamps.

Brokers are marked by the test, as the reconcile of Brokers does; what the dispatchers run is computed from the same
API server's objects, by the functions that their own process uses.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import connected, until
from tests.shell.dispatching import Subscribers
from tradewind.adapters.kube.store import KubeStore
from tradewind.adapters.memory_log import MemoryStore
from tradewind.api_server import ApiServer
from tradewind.config import Settings
from tradewind.control.controller import Controller
from tradewind.control.counting import Counted
from tradewind.control.counts import Counts
from tradewind.control.doors import Doors, Leadership
from tradewind.control.referents import Referents
from tradewind.control.trigger_reconciler import TriggerReconciler
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.filters.attributes import AttributesFilter
from tradewind.observe.health import Health
from tradewind.plan import Plan, compute, stamped
from tradewind.ports import NewRecord
from tradewind.resources import stamps
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.in_force import Dispatchers
from tradewind.trigger_dispatcher.roster import place
from tradewind.trigger_dispatcher.supervisor import Dispatcher

HERE = "here"
"""The installation."""
EVENTING = "/apis/eventing.knative.dev/v1/namespaces"
CLASSES = ("Tradewind",)
SETTINGS = Settings(partitions=2)


class Always:
    """A leadership that nobody else wants."""

    def sure(self, seconds: float) -> bool:
        return True


async def alone(work: Callable[[Leadership], Awaitable[None]], stop: asyncio.Event) -> None:
    """Leads until the event is set: see doors.Lead."""
    working = asyncio.ensure_future(work(Always()))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    for one in (working, stopping):
        one.cancel()
    await asyncio.wait((working, stopping))


class Side:
    """A controller, the log that its dispatchers share, and dispatchers that come and go."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.store = MemoryStore(clock=time.time)
        self.subscribers = Subscribers()
        self.counts = Counts()
        self.dispatchers: list[Dispatcher] = []
        self._looked = -1

    @contextlib.asynccontextmanager
    async def controller(self, kubeconfig: Path | None = None) -> AsyncIterator[None]:
        """A controller that leads, until the end of `with`."""
        async with connected(kubeconfig or self.cluster.kubeconfig) as api:
            log, counts = self.store.client(), self.counts
            controller = Controller(api, health=Health("objects"), counts=counts, chance=lambda: 0.5)
            doors = Doors(
                api=Counted(api, counts),
                log=log,
                objects=controller.watched.objects,
                sure=controller.sure,
                settings=SETTINGS,
                clock=time.time,
                counts=counts,
            )
            triggers = TriggerReconciler(doors, Dispatchers(log, SETTINGS), Referents(api), installation=HERE)
            stop = asyncio.Event()
            running = asyncio.ensure_future(controller.run([triggers], alone, stop))
            try:
                yield
                assert not running.done(), running
            finally:
                stop.set()
                await running

    @contextlib.asynccontextmanager
    async def dispatcher(self, slot: str = "dispatcher-0", *, sees: asyncio.Event | None = None) -> AsyncIterator[None]:
        """A dispatcher that runs what the API server holds, until the end of `with`; `sees` says from when on it sees
        what changes."""
        settings = Settings(partitions=2, slot=slot)
        edges = Edges(self.store.client(), self.subscribers, settings, time.time, lambda: 0.5, time.monotonic)
        health = Health("kafka", "manifests", "partitions")
        stop = asyncio.Event()
        async with connected(self.cluster.kubeconfig) as api:
            made = Dispatcher(edges, health)
            running = asyncio.ensure_future(made.run(plans(api, sees), stop))
            self.dispatchers.append(made)
            try:
                await until(lambda: health.ready or running.done(), "a dispatcher that is ready")
                yield
            finally:
                self.dispatchers.remove(made)
                stop.set()
                await running

    # --- objects

    def path(self, resource: str, name: str = "") -> str:
        return f"{EVENTING}/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def create_broker(self, name: str = "b", broker_class: str = "Tradewind", **spec: object) -> None:
        """A Broker that nobody has taken."""
        annotations = {"eventing.knative.dev/broker.class": broker_class}
        self._create("brokers", "Broker", {"name": name, "annotations": annotations}, spec)

    def take_broker(self, name: str = "b", *, installation: str = HERE, ready: str = "True") -> None:
        """Mark it as the reconcile of Brokers does."""
        topic = f"knative-broker-{self.namespace}-{name}"
        condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-01T00:00:00Z"}
        marks = {stamps.INSTALLATION: installation, stamps.TOPIC: topic}
        self._status("brokers", name, {"observedGeneration": 1, "annotations": marks, "conditions": [condition]})

    def create_trigger(self, name: str = "t", *, annotations: Mapping[str, str] | None = None, **spec: Any) -> None:
        """A Trigger of Broker `b`, for a plain URI where nothing else is said."""
        declared = {"broker": "b", "subscriber": {"uri": "http://subscriber"}, **spec}
        self._create("triggers", "Trigger", {"name": name, "annotations": dict(annotations or {})}, declared)

    def change_trigger(self, name: str = "t", **spec: Any) -> None:
        self.cluster.api.patch(self.path("triggers", name), {"spec": spec})

    def create_service(self, name: str) -> None:
        made = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
        self.cluster.api.create(f"/api/v1/namespaces/{self.namespace}/services", made)

    def create_kservice(self, name: str) -> None:
        """A Service of Knative Serving that has no address yet (serving.yaml)."""
        made = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": name}}
        self.cluster.api.create(self._kservices(), made)

    def address_kservice(self, name: str, url: str) -> None:
        self.cluster.api.patch(f"{self._kservices()}/{name}/status", {"status": {"address": {"url": url}}})

    def _kservices(self) -> str:
        return f"/apis/serving.knative.dev/v1/namespaces/{self.namespace}/services"

    async def post(self, event_id: str, type: str = "a") -> None:
        """Store an event of Broker `b`."""
        headers, value = kafka.write(
            Event({"id": event_id, "source": "/test", "type": type, "specversion": "1.0"}, b"data")
        )
        await self.store.client().append(NewRecord(f"knative-broker-{self.namespace}-b", value, headers))

    def delete(self, resource: str, name: str) -> None:
        self.cluster.api.delete(self.path(resource, name))

    def _create(self, resource: str, kind: str, metadata: Json, spec: Mapping[str, object]) -> None:
        made = {"apiVersion": "eventing.knative.dev/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}
        self.cluster.api.create(self.path(resource), made)

    def _status(self, resource: str, name: str, status: Json) -> None:
        self.cluster.api.patch(f"{self.path(resource, name)}/status", {"status": status})

    def grant(self, user: str, groups: list[str], resources: list[str], verbs: list[str]) -> str:
        """Let a user do this by a new ClusterRole of his name; that name."""
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        rule = {"apiGroups": groups, "resources": resources, "verbs": verbs}
        self.cluster.api.create(f"{rbac}/clusterroles", {"metadata": {"name": user}, "rules": [rule]})
        binding = {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
        self.cluster.api.create(f"{rbac}/clusterrolebindings", binding)
        return f"{rbac}/clusterroles/{user}"

    def extend(self, role: str, groups: list[str], resources: list[str], verbs: list[str]) -> None:
        """Let those who have the role do this as well."""
        rules = self.cluster.api.get(role)["rules"]
        rules.append({"apiGroups": groups, "resources": resources, "verbs": verbs})
        self.cluster.api.patch(role, {"rules": rules})

    # --- dispatchers

    def _name(self, name: str = "t") -> NamespacedName:
        return NamespacedName(self.namespace, name)

    def wants(self, type: str) -> bool:
        """Whether every dispatcher matches this type of event for the Trigger."""
        plans = [one._teller.adopted.triggers.get(self._name()) for one in self.dispatchers]
        return all(one is not None and one.filter == AttributesFilter({"type": type}) for one in plans)

    def worker_is_gone(self) -> bool:
        """Whether no dispatcher delivers for the Trigger."""
        return all(one._roster.find(self._name()) is None for one in self.dispatchers)

    def is_idle(self) -> bool:
        """Whether nothing was reconciled since the last look, which comes every few milliseconds."""
        before, self._looked = self._looked, sum(self.counts.reconciles.values())
        return before == self._looked

    async def read_by_all(self) -> None:
        """Wait until the dispatchers have read all that is stored."""
        owned = [each for one in self.dispatchers for each in one._roster.partitions()]
        ends = await self.store.client().bounds([place(one) for one in owned])
        await until(lambda: all(one.position >= ends[place(one)].end for one in owned), "all to be read")

    # --- what is said of them

    def trigger(self, name: str = "t") -> Json:
        return self.cluster.api.get(self.path("triggers", name))

    def condition(self, type: str = "Ready", name: str = "t") -> tuple[str, str, str]:
        """Status, reason and message of a condition; empty where there is none."""
        for one in self.trigger(name).get("status", {}).get("conditions", []):
            if one["type"] == type:
                return one["status"], one.get("reason", ""), one.get("message", "")
        return "", "", ""

    async def said(self, status: str, reason: str = "", *, type: str = "Ready", name: str = "t") -> str:
        """Wait until a condition is so, of the Trigger as it is now; its message."""

        def so() -> bool:
            trigger = self.trigger(name)
            current = trigger.get("status", {}).get("observedGeneration") == trigger["metadata"]["generation"]
            return current and self.condition(type, name)[:2] == (status, reason)

        await until(so, f"{type}={status} {reason}")
        return self.condition(type, name)[2]


async def plans(api: ApiServer, sees: asyncio.Event | None) -> AsyncIterator[Plan]:
    """What runs by the objects of this API server, then again after each change."""
    async for snapshot in KubeStore(api, classes=CLASSES, installation=HERE).watch():
        yield compute(snapshot.resources, resolve=stamped)
        if sees is not None:
            await sees.wait()

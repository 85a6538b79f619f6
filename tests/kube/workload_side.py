"""SinkBindings and ContainerSources over a real API server, by a controller in the test's own process.

There is no kubelet and nobody who runs Deployments: what the API server holds is what is looked at.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import connected, until
from tests.kube.trigger_side import alone
from tradewind.adapters.memory_log import MemoryStore
from tradewind.config import Settings
from tradewind.control.container_source_reconciler import ContainerSourceReconciler
from tradewind.control.controller import Controller
from tradewind.control.counting import Counted
from tradewind.control.counts import Counts, Ended
from tradewind.control.destinations import Destinations
from tradewind.control.doors import Doors, Reconciler
from tradewind.control.referents import Referents
from tradewind.control.sink_binding_reconciler import SinkBindingReconciler
from tradewind.control.workloads import Workloads
from tradewind.observe.health import Health

HERE = "here"
"""The installation."""
SETTINGS = Settings()
SINK = "http://sink.example.com/in"
APPS = "/apis/apps/v1/namespaces"
PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Service": "/apis/serving.knative.dev/v1/namespaces/{}/services",
    "SinkBinding": "/apis/sources.knative.dev/v1/namespaces/{}/sinkbindings",
    "ContainerSource": "/apis/sources.knative.dev/v1/namespaces/{}/containersources",
    "Broker": "/apis/eventing.knative.dev/v1/namespaces/{}/brokers",
}
VERSIONS = {"Job": "batch/v1", "CronJob": "batch/v1", "Service": "serving.knative.dev/v1"}
QUIET = 0.7
"""Seconds in which nothing may be written for all to be settled: far above what a step takes."""


class WorkloadSide:
    """A namespace, and a controller of what binds workloads in it."""

    def __init__(self, cluster: Cluster, namespace: str, *, bindings: bool = True) -> None:
        """`bindings`: whether SinkBindings are served, too."""
        self.cluster, self.namespace, self._bindings = cluster, namespace, bindings
        self.counts = Counts()
        self.user = f"binder-{uuid.uuid4().hex[:6]}"

    @contextlib.asynccontextmanager
    async def controller(self, kubeconfig: Path | None = None, *, deadline: float = 10.0) -> AsyncIterator[Controller]:
        """A controller that leads, until the end of `with`; as one who may do anything, unless told otherwise."""
        config = kubeconfig or self.cluster.kubeconfig_for(self.user, ["system:masters"])
        async with connected(config, deadline=deadline) as connection:
            api = Counted(connection, self.counts)
            controller = Controller(api, health=Health("objects"), counts=self.counts, chance=lambda: 0.5)
            doors = Doors(
                api=api,
                log=MemoryStore(clock=time.time).client(),
                objects=controller.watched.objects,
                sure=controller.sure,
                settings=SETTINGS,
                clock=time.time,
                counts=self.counts,
            )
            stop, sinks = asyncio.Event(), Referents(api)
            reconcilers = self.reconcilers(doors, sinks, Referents(api))
            referring = asyncio.ensure_future(sinks.run())
            running = asyncio.ensure_future(controller.run(reconcilers, alone, stop))
            try:
                yield controller
                assert not running.done(), running
            finally:
                stop.set()
                referring.cancel()
                await asyncio.wait((running, referring))
            running.result()

    def reconcilers(self, doors: Doors, sinks: Referents, watched: Referents) -> list[Reconciler]:
        """What the controller runs."""
        destinations = Destinations(sinks, cluster_domain=SETTINGS.cluster_domain)
        workloads = Workloads(doors.api, watched)
        alone = not self._bindings
        sources = ContainerSourceReconciler(doors, destinations, watched, installation=HERE, alone=alone)
        if alone:
            return [sources]
        return [SinkBindingReconciler(doors, destinations, workloads, watched, installation=HERE), sources]

    # --- objects

    def create(self, kind: str, name: str, spec: Json, **metadata: Any) -> Json:
        """An object of a kind that PATHS knows."""
        version = PATHS[kind].split("/namespaces/", maxsplit=1)[0].removeprefix("/apis/")
        made = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
        return self.cluster.api.create(PATHS[kind].format(self.namespace), made)

    def bind(
        self, name: str, subject: Json, *, kind: str = "Deployment", sink: Json | None = None, **spec: Any
    ) -> Json:
        """A SinkBinding; `subject` is what stands there besides version and kind."""
        whole = {"apiVersion": VERSIONS.get(kind, "apps/v1"), "kind": kind, **subject}
        return self.create("SinkBinding", name, {"subject": whole, "sink": sink or {"uri": SINK}, **spec})

    def run(self, kind: str, name: str, *env: Json, labels: Mapping[str, str] | None = None, **pod: Any) -> Json:
        """A workload of one container."""
        return self.create(kind, name, workload(kind, name, *env, **pod), labels=dict(labels or {}))

    def get(self, kind: str, name: str) -> Json:
        return self.cluster.api.get(self.path(kind, name))

    def find(self, kind: str, name: str) -> Json | None:
        return self.cluster.api.find(self.path(kind, name))

    def change(self, kind: str, name: str, patch: Json, *, status: bool = False) -> Json:
        """A merge patch."""
        return self.cluster.api.patch(self.path(kind, name) + ("/status" if status else ""), patch)

    def delete(self, kind: str, name: str) -> None:
        self.cluster.api.delete(self.path(kind, name))

    def path(self, kind: str, name: str) -> str:
        return f"{PATHS[kind].format(self.namespace)}/{name}"

    def address(self, broker: str, url: str | None) -> None:
        """Let a Broker have this address, as whoever serves it does."""
        self.change("Broker", broker, {"status": {"address": {"url": url} if url else None}}, status=True)

    # --- what is there

    def env(self, kind: str, name: str, *, container: int = 0, lists: str = "containers") -> dict[str, str | None]:
        """The variables of a container; those without a plain value are None."""
        spec = self.get(kind, name)["spec"]
        pod = (spec["jobTemplate"]["spec"] if kind == "CronJob" else spec)["template"]["spec"]
        found = pod[lists][container].get("env", [])
        return {one["name"]: None if "valueFrom" in one else one.get("value", "") for one in found}

    def sink(self, kind: str, name: str) -> str | None:
        """Its K_SINK."""
        return self.env(kind, name).get("K_SINK")

    def condition(self, name: str, type: str = "Ready", *, kind: str = "SinkBinding") -> tuple[str, str, str]:
        """Status, reason and message of a condition; empty where there is none."""
        for one in (self.find(kind, name) or {}).get("status", {}).get("conditions", []):
            if one["type"] == type:
                return one["status"], one.get("reason", ""), one.get("message", "")
        return "", "", ""

    async def said(
        self, name: str, status: str, reason: str = "", *, type: str = "Ready", kind: str = "SinkBinding"
    ) -> str:
        """Wait until a condition is so, of the object as it is now; its message."""

        def so() -> bool:
            one = self.get(kind, name)
            current = one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"]
            return current and self.condition(name, type, kind=kind)[:2] == (status, reason)

        try:
            await until(so, f"{type}={status} {reason}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.get(kind, name).get('status')}") from None
        return self.condition(name, type, kind=kind)[2]

    async def until_sink(self, kind: str, name: str, url: str | None) -> None:
        """Wait until a workload's K_SINK is this."""
        await until(lambda: self.sink(kind, name) == url, f"K_SINK={url} of {kind} {name}")

    async def settled(self) -> None:
        """Wait until nothing is written any more."""
        await self.stays(lambda: self.counts.api_writes.total())

    async def stays(self, what: Callable[[], object]) -> None:
        """Wait until this stays the same for a while."""
        loop = asyncio.get_running_loop()
        end, seen, since = loop.time() + 30, what(), loop.time()
        while loop.time() - since < QUIET:
            assert loop.time() < end, f"it goes on: {self.counts.api_writes}"
            await asyncio.sleep(0.02)
            if (now := what()) != seen:
                seen, since = now, loop.time()

    def conflicts(self) -> int:
        """Reconciles that met a newer version of what they would write."""
        return sum(number for (_, ended), number in self.counts.reconciles.items() if ended is Ended.CONFLICT)


def workload(kind: str, name: str, *env: Json, **pod: Any) -> Json:
    """The spec of a workload of one container with these variables."""
    template: Json = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i", "env": list(env)}], **pod},
    }
    match kind:
        case "Job":
            return {"template": _once(template)}
        case "CronJob":
            return {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": _once(template)}}}
        case "Service":
            return {"template": template}
        case "StatefulSet":
            return {"selector": {"matchLabels": {"app": name}}, "serviceName": name, "template": template}
        case _:
            return {"selector": {"matchLabels": {"app": name}}, "template": template}


def _once(template: Json) -> Json:
    return {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}

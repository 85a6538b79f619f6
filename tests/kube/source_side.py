"""Controller, sources and dispatcher as processes on a real API server and a real Kafka, for tests of sources."""

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp

from tests.kube import deployed
from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import until
from tests.kube.data_plane import DataPlane, grant
from tradewind.adapters.embedded_kafka.ports import free_ports

USER = "system:serviceaccount:{}:tradewind-sources"
PATHS = {
    "pingsources": "/apis/sources.knative.dev/v1",
    "webhooksources": "/apis/sources.tradewind.dev/v1alpha1",
    "githubsources": "/apis/sources.knative.dev/v1alpha1",
    "kafkasources": "/apis/sources.knative.dev/v1",
    "brokers": "/apis/eventing.knative.dev/v1",
    "triggers": "/apis/eventing.knative.dev/v1",
    "services": "/api/v1",
    "secrets": "/api/v1",
}
EACH_SECOND = "* * * * * *"
QUIET = 4.0
"""Seconds in which nothing may be written: several rounds of a sources process and looks of the controller's."""
SOON = 90.0


class Side:
    """What a test asks and does."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path, kafka: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.user = f"controller-{namespace}"
        self.controller = DataPlane(folder, cluster.kubeconfig_for(self.user, ["system:masters"]), namespace, kafka)
        self.plane = DataPlane(folder, grant(cluster, namespace), namespace, kafka)
        self.sources = [DataPlane(folder / slot, self._granted(), namespace, kafka) for slot in ("s0", "s1")]
        for one in self.sources:
            one.folder.mkdir()
        self.ports = free_ports(2)

    def _granted(self) -> Path:
        user = USER.format(self.namespace)
        return self.cluster.kubeconfig_for(user, ["system:authenticated"])

    def grant(self) -> None:
        """What the manifests let the sources do."""
        for name in ("tradewind-sources", "tradewind-sources-secrets"):
            held = deployed.rules("ClusterRole", name, namespace=self.namespace)
            subject = {"kind": "User", "name": USER.format(self.namespace)}
            deployed.bind(self.cluster, f"{name}-{self.namespace}", held, subject)

    async def start(self, *, dispatcher: bool = False) -> None:
        """The controller and one sources process, with a dispatcher if asked for."""
        await self.controller.start("controller", "--health-port", str(self.controller.port))
        await self.start_sources(0)
        if dispatcher:
            await self.plane.start("dispatcher")
            await self.plane.until_ready("dispatcher")
        await self.sources[0].until_ready("sources")

    async def restart_controller(self) -> None:
        """As its Deployment does once it has ended, which who lost leadership does."""
        process = self.controller.running["controller"]
        if process.returncode is None:
            process.kill()
        await process.wait()
        await self.controller.start("controller", "--health-port", str(self.controller.port))

    async def start_sources(self, number: int) -> None:
        flags = ("--sources-slot", f"s{number}", "--sources-port", str(self.ports[number]))
        await self.sources[number].start("sources", *flags)

    async def kill_sources(self, number: int) -> None:
        """kill -9."""
        process = self.sources[number].running["sources"]
        process.kill()
        await process.wait()

    async def end(self) -> None:
        for one in (*self.sources, self.plane, self.controller):
            await one.end()

    # --- objects

    def path(self, resource: str, name: str = "") -> str:
        return f"{PATHS[resource]}/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def create(self, resource: str, kind: str, name: str, **fields: object) -> Json:
        version = PATHS[resource].removeprefix("/apis/").removeprefix("/api/")
        annotations = {"eventing.knative.dev/broker.class": "Tradewind"} if kind == "Broker" else {}
        metadata = {"name": name, "annotations": annotations}
        return self.cluster.api.create(
            self.path(resource), {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}
        )

    def create_ping(self, name: str, sink: Mapping[str, object], **spec: object) -> None:
        declared = {"schedule": EACH_SECOND, "data": "tick", "sink": sink, **spec}
        self.create("pingsources", "PingSource", name, spec=declared)

    def create_broker(self, name: str = "b") -> None:
        self.create("brokers", "Broker", name, spec={})

    def create_trigger(self, url: str, name: str = "t") -> None:
        self.create("triggers", "Trigger", name, spec={"broker": "b", "subscriber": {"uri": url}})

    def apply_secret(self, name: str, **texts: str) -> None:
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": texts}
        self.cluster.api.apply(self.path("secrets", name), made)

    def get(self, resource: str, name: str) -> Json:
        return self.cluster.api.get(self.path(resource, name))

    def condition(self, resource: str, name: str, type: str = "Ready") -> tuple[str, str]:
        """Status and reason of a condition of the object as it is now."""
        found = self.get(resource, name)
        status = found.get("status", {})
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return "", ""
        for one in status.get("conditions", []):
            if one["type"] == type:
                return one["status"], one.get("reason", "")
        return "", ""

    async def said(self, resource: str, name: str, status: str, reason: str = "", *, type: str = "Ready") -> str:
        """Wait until a condition is so; its message."""
        try:
            await until(
                lambda: self.condition(resource, name, type) == (status, reason),
                f"{type}={status} {reason} of {name}",
                within=SOON,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.get(resource, name).get('status')}\n{self.logs()}") from None
        conditions = self.get(resource, name)["status"]["conditions"]
        return next(str(one.get("message", "")) for one in conditions if one["type"] == type)

    def writes(self) -> list[str]:
        """What the controller wrote, its Lease aside."""
        return [
            f"{one.verb} {one.resource} {one.name}"
            for one in self.cluster.audit.writes(user=self.user)
            if one.resource != "leases"
        ]

    async def settled(self) -> int:
        """Wait until nothing is written for a while; how much was."""
        count, since, end = -1, time.monotonic(), time.monotonic() + SOON
        while time.monotonic() - since < QUIET:
            found = len(await asyncio.to_thread(self.writes))
            if found != count:
                count, since = found, time.monotonic()
            assert time.monotonic() < end, self.writes()[-8:]
            await asyncio.sleep(0.05)
        return count

    def logs(self) -> str:
        """The ends of the processes' logs."""
        parts = [self.controller.said("controller")[-3000:]]
        parts += [one.said("sources")[-3000:] for one in self.sources if "sources" in one.running]
        return "\n".join(parts)

    # --- webhooks

    async def hook(self, number: int, name: str, secret: str, body: bytes = b"{}") -> int:
        """POST a signed request to a WebhookSource; the status, 0 where nothing listens."""
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-signature": signature, "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.ports[number]}/webhooks/{self.namespace}/{name}"
        async with aiohttp.ClientSession() as client:
            try:
                async with client.post(url, data=body, headers=headers) as answer:
                    return answer.status
            except aiohttp.ClientConnectionError:
                return 0


@contextlib.asynccontextmanager
async def source_side(cluster: Cluster, namespace: str, folder: Path, kafka: str) -> AsyncIterator[Side]:
    """With rights as deployed; its processes are ended after `with`."""
    side = Side(cluster, namespace, folder, kafka)
    side.grant()
    try:
        yield side
    finally:
        await side.end()


def broker(name: str = "b") -> Mapping[str, object]:
    """A sink."""
    return {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": name}}


def service(name: str, **more: str) -> Mapping[str, object]:
    """A sink."""
    return {"ref": {"apiVersion": "v1", "kind": "Service", "name": name}, **more}

"""Ingress and dispatcher as processes on a real API server, and a test in the controller's place.

It makes topics, takes Brokers, and stamps the addresses of Triggers.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.kube import deployed
from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tradewind.adapters.embedded_kafka.ports import free_ports
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.config import Settings, installation_of, of_installation
from tradewind.plan import BrokerPlan, TopicPlan, compute
from tradewind.plan import stamped as plan_stamped
from tradewind.resources import names, stamps
from tradewind.resources.examined import examine
from tradewind.resources.model import Destination, NamespacedName, Trigger
from tradewind.resources.objects import in_force
from tradewind.topics import topic_specs
from tradewind.trigger_dispatcher.in_force import Dispatchers

Said = tuple[int, Mapping[str, str], str]
"""Status, headers and body of an answer."""

USER = "system:serviceaccount:{}:tradewind-data-plane"
EVENTING = "/apis/eventing.knative.dev/v1/namespaces/{}/{}"
CORE = ["brokers", "triggers"]


def grant(cluster: Cluster, namespace: str) -> Path:
    """A kubeconfig for the data plane of an installation in this namespace, as it is deployed."""
    user = USER.format(namespace)
    held = deployed.rules("ClusterRole", "tradewind-data-plane", namespace=namespace)
    deployed.bind(cluster, f"data-plane-{namespace}", held, {"kind": "User", "name": user})
    return cluster.kubeconfig_for(user, ["system:authenticated"])


class Controller:
    """What the controller would do, when the test says so."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        uid = cluster.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        self.installation = installation_of(uid, namespace)

    def path(self, kind: str, name: str = "") -> str:
        """Of `brokers` or `triggers`, or of one."""
        return EVENTING.format(self.namespace, kind) + (f"/{name}" if name else "")

    def declare_broker(self, name: str) -> None:
        """A user applies a Broker."""
        self.cluster.api.create(self.path("brokers"), self._object("Broker", name, {}))

    def declare_trigger(self, name: str, broker: str, service: str, *, wanted: str = "", stamp: str = "") -> None:
        """A user applies a Trigger for a Service, and it is resolved to `stamp`."""
        spec = {"broker": broker, **subscribed(service), **(filtered(wanted) if wanted else {})}
        self.cluster.api.create(self.path("triggers"), self._object("Trigger", name, spec))
        if stamp:
            self.stamp(name, stamp)

    async def take(self, name: str, bootstrap: str) -> None:
        """Make a Broker's topics, and mark it as this installation's."""
        broker = NamespacedName(self.namespace, name)
        plan = BrokerPlan(broker, TopicPlan(names.broker_topic(broker)), names.dead_letter_topic(broker))
        log = KafkaLog(bootstrap, client_id="controller", patience=5.0)
        try:
            await log.ensure_topics(topic_specs(plan, Settings(partitions=2)))
        finally:
            await log.close()
        self.mark(name)

    def mark(self, name: str, *, installation: str = "") -> None:
        """Mark a Broker as an installation's."""
        topic = names.broker_topic(NamespacedName(self.namespace, name))
        taken = {stamps.INSTALLATION: installation or self.installation, stamps.TOPIC: topic}
        self.annotate("brokers", name, taken)

    def stamp(self, name: str, url: str) -> None:
        """Resolve a Trigger's subscriber, as it is now."""
        path = self.path("triggers", name)
        one = self.cluster.api.get(path)
        trigger = examine(one).resource
        assert isinstance(trigger, Trigger)
        self.annotate("triggers", name, stamped(one, {trigger.subscriber: url}))

    async def until_in_force(self, name: str, bootstrap: str) -> None:
        """Wait until every dispatcher says that it has this Trigger in force as it is now."""
        objects = [one for kind in CORE for one in self.cluster.api.get(self.path(kind))["items"]]
        trigger = NamespacedName(self.namespace, name)
        wanted = (
            compute(in_force(objects, classes=["Tradewind"], installation=self.installation), resolve=plan_stamped)
            .triggers[trigger]
            .generation
        )
        log = KafkaLog(bootstrap, client_id="controller", patience=5.0)
        try:
            async with asyncio.timeout(30.0):
                async for members in Dispatchers(log, of_installation(Settings(), self.installation)).watch():
                    if members and all(said.get(str(trigger)) == wanted for said in members.values()):
                        return
        finally:
            await log.close()

    def annotate(self, kind: str, name: str, annotations: Mapping[str, str]) -> None:
        """Write into an object's `status.annotations`."""
        self.cluster.api.patch(f"{self.path(kind, name)}/status", {"status": {"annotations": dict(annotations)}})

    def _object(self, kind: str, name: str, spec: Json) -> Json:
        metadata = {"name": name, "annotations": {"eventing.knative.dev/broker.class": "Tradewind"}}
        return {"apiVersion": "eventing.knative.dev/v1", "kind": kind, "metadata": metadata, "spec": spec}


def stamped(one: Json, addresses: Mapping[Destination, str]) -> Mapping[str, str]:
    """The annotation that says so."""
    held = {stamps.digest(destination): url for destination, url in addresses.items()}
    stamp = stamps.Stamp(one["metadata"]["uid"], one["metadata"]["generation"], held)
    return {stamps.RESOLVED: stamps.encode(stamp)}


def subscribed(service: str) -> Json:
    """The part of a Trigger's `spec` that names a Service."""
    return {"subscriber": {"ref": {"apiVersion": "v1", "kind": "Service", "name": service}}}


def filtered(wanted: str) -> Json:
    """The part of a Trigger's `spec` that wants a type."""
    return {"filters": [{"exact": {"type": wanted}}]}


class Subscriber:
    """Takes every event, at any path."""

    def __init__(self) -> None:
        self.port = 0
        self.got: list[tuple[str, str, str]] = []
        """Path, id and type of each."""

    def url(self, path: str) -> str:
        """Where it takes events of this name."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def ids(self, path: str) -> list[str]:
        """What came there, in order."""
        return [one for at, one, _ in self.got if at == path]

    async def take(self, request: web.Request) -> web.Response:
        """One delivery."""
        await request.read()
        self.got.append((request.path.strip("/"), request.headers["ce-id"], request.headers["ce-type"]))
        return web.Response(status=204)


@contextlib.asynccontextmanager
async def subscriber() -> AsyncIterator[Subscriber]:
    """One that listens until the end of `with`."""
    taking, app = Subscriber(), web.Application()
    app.router.add_post("/{name}", taking.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        taking.port = runner.addresses[0][1]
        yield taking
    finally:
        await runner.cleanup()


class DataPlane:
    """An ingress and a dispatcher as one may deploy them, as far as they were started."""

    def __init__(self, folder: Path, kubeconfig: Path, namespace: str, kafka: str) -> None:
        self.folder = folder
        self.namespace = namespace
        self.port, self.health_port = free_ports(2)
        self._kubeconfig = kubeconfig
        self._kafka = kafka
        self.running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, role: str, *flags: str) -> None:
        """Start `ingress` or `dispatcher`."""
        port = ("--port", str(self.port)) if role == "ingress" else ("--health-port", str(self.health_port))
        with (self.folder / f"{role}.log").open("ab") as log:
            self.running[role] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tradewind.cli.main", role, *self.flags, *port, *flags),
                stdout=log,
                stderr=log,
                env=self.environment,
            )

    @property
    def flags(self) -> Sequence[str]:
        """What every command is told."""
        return ("--kubernetes", "true", "--kafka", self._kafka, "--system-namespace", self.namespace)

    @property
    def environment(self) -> Mapping[str, str]:
        """What every process finds: who it is."""
        kept = {name: held for name, held in os.environ.items() if not name.startswith("TRADEWIND_")}
        return {**kept, "KUBECONFIG": str(self._kubeconfig)}

    def said(self, role: str) -> str:
        """Its log."""
        return (self.folder / f"{role}.log").read_text(errors="replace")

    async def command(self, *words: str) -> str:
        """What a command prints, which must succeed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tradewind.cli.main", *words, *self.flags),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, f"{words}: {out.decode()}{err.decode()}"
        return out.decode()

    async def post(self, broker: str, number: str, *, type: str = "t") -> Said:
        """Send one event; status, headers and body of the answer."""
        headers = {"ce-specversion": "1.0", "ce-id": number, "ce-source": "/tests", "ce-type": type}
        return await self.ask("POST", f"/{self.namespace}/{broker}", headers)

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, *, port: int = 0) -> Said:
        """One request to the ingress, or to this port; status 0 where nothing listens."""
        async with aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as client:
            try:
                url = f"http://127.0.0.1:{port or self.port}{path}"
                async with client.request(method, url, headers=headers) as answer:
                    return answer.status, answer.headers, await answer.text()
            except aiohttp.ClientConnectionError:
                return 0, {}, ""

    async def until_taken(self, broker: str, number: str, *, type: str = "t") -> None:
        """Send an event until it is taken."""
        end = time.monotonic() + 60
        while (await self.post(broker, number, type=type))[0] != 202:
            assert time.monotonic() < end, f"not taken: {await self.post(broker, number)}\n{self.said('ingress')}"
            await asyncio.sleep(0.02)

    async def until_ready(self, *roles: str) -> None:
        """Wait until these say that they are ready."""
        for role in roles:
            port = self.port if role == "ingress" else self.health_port
            end = time.monotonic() + 60
            while (await self.ask("GET", "/readyz", port=port))[0] != 200:
                assert time.monotonic() < end, self.said(role)
                await asyncio.sleep(0.05)

    async def end(self) -> None:
        """End what runs."""
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self.running.values():
            await process.wait()


@contextlib.asynccontextmanager
async def data_plane(folder: Path, cluster: Cluster, namespace: str, kafka: str) -> AsyncIterator[DataPlane]:
    """One whose processes are ended after `with`; it may do no more than the data plane must."""
    deployed = DataPlane(folder, grant(cluster, namespace), namespace, kafka)
    try:
        yield deployed
    finally:
        await deployed.end()

"""An installation by deploy/, whose Pods run as processes of this machine: what their manifests say is what they get.

There is no kubelet: `Installation.start` reads a workload from the API server, as it was applied, and runs its
container's command with its variables, as its service account, on free ports of loopback.
"""

import base64
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.kube.api import Json
from tests.kube.cluster import CRDS, Cluster
from tests.kube.webhooks import called_at
from tests.process.running import until
from tradewind.adapters.embedded_kafka.ports import free_ports

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEM = "tradewind-system"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
CONFIGURATIONS = [
    f"{ADMISSION}/{kind}webhookconfigurations/webhook.tradewind.dev" for kind in ("mutating", "validating")
]
STOP = 30.0


@dataclass(slots=True)
class Pod:
    """A process in a Pod's place."""

    process: subprocess.Popen[bytes]
    port: int
    """Where it listens: of the webhook, the ingress and the sources."""
    health: int
    log: Path

    def text(self) -> str:
        """What it has said."""
        return self.log.read_text()

    def stop(self) -> int:
        """SIGTERM, as Kubernetes does; the exit code."""
        self.process.terminate()
        return self.process.wait(STOP)


@dataclass(slots=True)
class Installation:
    """What was applied from deploy/, and the processes that run in the place of its Pods."""

    cluster: Cluster
    kafka: str
    folder: Path
    pods: dict[str, Pod] = field(default_factory=dict)

    def apply(self) -> None:
        """As deploy/README.md says, with this Kafka."""
        kubectl = self.cluster.kubectl
        kubectl("apply", "-f", str(DEPLOY / "tradewind-crds.yaml"))
        for definition in self.cluster.api.get(CRDS)["items"]:
            self.cluster.until_established(definition["metadata"]["name"])
        kubectl("apply", "-f", str(DEPLOY / "tradewind.yaml"))
        for name, key in (("tradewind-config", "TRADEWIND_KAFKA"), ("kafka-broker-config", "bootstrap.servers")):
            data: Json = {key: self.kafka}
            if name == "kafka-broker-config":
                data["default.topic.replication.factor"] = "1"
            self.cluster.api.patch(f"/api/v1/namespaces/{SYSTEM}/configmaps/{name}", {"data": data})

    def start(self, kind: str, component: str, pod: str = "", **overrides: str) -> Pod:
        """Run a workload's container in the place of a Pod of this name."""
        name = f"tradewind-{component}"
        workload = self.cluster.api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/{kind}s/{name}")
        spec = workload["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        port, health = free_ports(2)
        auth = self.folder / "kafka-auth"
        auth.mkdir(exist_ok=True)
        account = f"system:serviceaccount:{SYSTEM}:{spec['serviceAccountName']}"
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{SYSTEM}", "system:authenticated"]
        environment = {
            **{key: text for key, text in os.environ.items() if not key.startswith(("TRADEWIND_", "KUBE"))},
            **self._variables(container, pod or f"{name}-0"),
            "KUBECONFIG": str(self.cluster.kubeconfig_for(account, groups)),
            "TRADEWIND_KAFKA_AUTH": str(auth),
            "TRADEWIND_HOST": "127.0.0.1",
            **overrides,
        }
        by_port = {"https": port, "http": port, "webhooks": port, "health": health}
        ports = {one["name"]: by_port[one["name"]] for one in container["ports"]}
        for variable, named in (
            ("TRADEWIND_PORT", "http"),
            ("TRADEWIND_WEBHOOK_PORT", "https"),
            ("TRADEWIND_SOURCES_PORT", "webhooks"),
            ("TRADEWIND_HEALTH_PORT", "health"),
        ):
            if named in ports:
                environment[variable] = str(ports[named])
        log = self.folder / f"{pod or name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradewind.cli.main", *container["args"]],
                env=environment,
                stdout=out,
                stderr=out,
            )
        self.pods[pod or name] = started = Pod(process, port, ports.get("health", port), log)
        return started

    def _variables(self, container: Json, pod: str) -> Mapping[str, str]:
        """Those of the container, with what the ConfigMaps hold now."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            name = source["configMapRef"]["name"]
            found |= self.cluster.api.get(f"/api/v1/namespaces/{SYSTEM}/configmaps/{name}")["data"]
        fields = {"metadata.namespace": SYSTEM, "metadata.name": pod}
        for one in container.get("env", []):
            found[one["name"]] = one["value"] if "value" in one else fields[one["valueFrom"]["fieldRef"]["fieldPath"]]
        return found

    def ready(self, pod: str) -> bool:
        """Whether its readiness probe succeeds.  Fails where the process has ended."""
        import urllib.request

        running = self.pods[pod]
        assert running.process.poll() is None, running.text()[-3000:]
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{running.health}/readyz", timeout=2).status == 200)
        return False

    def until_ready(self, *pods: str) -> None:
        """Wait until all of these are."""
        for pod in pods:
            until(lambda pod=pod: self.ready(pod), f"{pod} is ready: {self.pods[pod].text()[-2000:]}", 60.0)  # type: ignore[misc]

    def publish_webhook(self) -> None:
        """Lead the API server to the webhook's process, as a Service would, once its certificates are published."""
        url = f"https://127.0.0.1:{self.pods['tradewind-webhook'].port}"
        for path in CONFIGURATIONS:
            until(lambda path=path: self._published(path) != b"", f"certificates in {path}", 60.0)  # type: ignore[misc]
            applied = self.cluster.api.get(path)
            self.cluster.api.replace(path, called_at(applied, url, self._published(path)))

    def _published(self, path: str) -> bytes:
        bundles = {one["clientConfig"].get("caBundle", "") for one in self.cluster.api.get(path)["webhooks"]}
        return base64.b64decode(bundles.pop()) if len(bundles) == 1 else b""

    def stop(self) -> None:
        """End what still runs."""
        for pod in self.pods.values():
            if pod.process.poll() is None:
                pod.process.kill()
                pod.process.wait()


@contextlib.contextmanager
def installed(cluster: Cluster, kafka: str, folder: Path) -> Iterator[Installation]:
    """An installation that was applied, with nothing running yet."""
    found = Installation(cluster, kafka, folder)
    found.apply()
    try:
        yield found
    finally:
        found.stop()

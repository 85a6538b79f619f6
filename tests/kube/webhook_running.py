"""`tradewind webhook` as a process of its own, called by a real API server, as somebody who may do what it needs and no
more."""

import base64
import contextlib
import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.kube import deployed
from tests.kube.api import Json
from tests.kube.cluster import ADMISSION, Cluster, KubectlFailed
from tests.kube.server import Server
from tests.kube.webhooks import called_at
from tests.process.running import until
from tradewind.adapters.embedded_kafka.ports import free_ports
from tradewind.control.webhook import configurations

SYSTEM = "tradewind-system"
SECRET = "tradewind-webhook-certs"
USER = f"system:serviceaccount:{SYSTEM}:tradewind-webhook"
WRONG_BROKER = {
    "apiVersion": "eventing.knative.dev/v1",
    "kind": "Broker",
    "metadata": {
        "name": "asked",
        "namespace": "default",
        "annotations": {"eventing.knative.dev/broker.class": "Tradewind"},
    },
    "spec": {"delivery": {"backoffDelay": "soon"}},
}


def granted(cluster: Cluster) -> None:
    """Let its service account do what it needs."""
    subject = {"kind": "User", "name": USER}
    for kind, namespace in (("ClusterRole", ""), ("Role", SYSTEM)):
        name = "tradewind-webhook"
        deployed.bind(cluster, name, deployed.rules(kind, name), subject, namespace=namespace)


class Running:
    """The process, and its webhooks at a cluster."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.port, self._health_port = free_ports(2)
        kubeconfig = cluster.kubeconfig_for(USER, namespace=SYSTEM)
        flags = [f"--webhook-port={self.port}", f"--health-port={self._health_port}", f"--system-namespace={SYSTEM}"]
        command = ["env", f"KUBECONFIG={kubeconfig}", sys.executable, "-m", "tradewind.cli.main", "webhook", *flags]
        self.process = Server(command, folder / "webhook.log")

    @property
    def url(self) -> str:
        """Where the API server reaches it."""
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.process.start()
        self.process.wait(self.ready, 60.0)

    def ready(self) -> bool:
        """Whether `/readyz` says so."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._health_port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def reviews(self) -> float:
        """How many it has answered."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._health_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.startswith("tradewind_webhook_reviews_total{")
        )

    def authority(self) -> str:
        """PEM of whom the API server is told to trust."""
        found = self.cluster.api.get(f"{ADMISSION}/mutatingwebhookconfigurations/{configurations.NAME}")
        return base64.b64decode(found["webhooks"][0]["clientConfig"]["caBundle"]).decode()

    def post(self, path: str, body: bytes) -> tuple[int, str]:
        """Status and text of an answer to somebody who is no API server."""
        context = ssl.create_default_context(cadata=self.authority())
        request = urllib.request.Request(f"{self.url}{path}", data=body)
        try:
            with urllib.request.urlopen(request, context=context, timeout=15) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def asked(self) -> bool:
        """Whether the API server calls it by now."""
        try:
            self.cluster.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(WRONG_BROKER))
        except KubectlFailed as failed:
            return "backoffDelay: found" in str(failed)
        return False


def install(cluster: Cluster, url: str) -> None:
    """What its manifests would: namespace, empty Secret, roles, and configurations that do not say whom to trust."""
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": SYSTEM}})
    cluster.api.create(f"/api/v1/namespaces/{SYSTEM}/secrets", {"metadata": {"name": SECRET}})
    granted(cluster)
    configure(cluster, url)


def bare(url: str) -> list[Json]:
    """Both configurations, their webhooks at this URL; they do not say whom to trust."""
    both = [
        called_at(made(SYSTEM, {"Tradewind"}), url, b"")
        for made in (configurations.mutating, configurations.validating)
    ]
    for webhook in (each for one in both for each in one["webhooks"]):
        del webhook["clientConfig"]["caBundle"]
    return both


def configure(cluster: Cluster, url: str) -> None:
    """Apply both configurations, their webhooks at this URL."""
    for configuration in bare(url):
        cluster.api.apply(f"{ADMISSION}/{configuration['kind'].lower()}s/{configurations.NAME}", configuration)


@contextlib.contextmanager
def running(cluster: Cluster, folder: Path) -> Iterator[Running]:
    """Installed and started."""
    one = Running(cluster, folder)
    try:
        install(cluster, one.url)
        one.start()
        until(one.asked, "calls of the webhook")
        yield one
    finally:
        one.process.stop(10.0)

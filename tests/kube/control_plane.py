"""etcd, kube-apiserver and, where asked for, kube-controller-manager on loopback, started the way envtest does.

The API server asks for client certificates and judges by RBAC.  Every request is written into its audit log before
it is carried out.  Ports and data stay the same over kills and restarts.
"""

import contextlib
import json
import socket
import urllib.request
from pathlib import Path

from tests.kube import kubeconfig
from tests.kube.api import Api, Json
from tests.kube.assets import Assets
from tests.kube.certificates import Authority, public
from tests.kube.server import Server
from tradewind.adapters.embedded_kafka.ports import free_ports

READY = 60.0
"""Seconds; three are usual, more on a machine that runs other tests besides."""
STOPPED = 10.0
HOST = "127.0.0.1"
ADMIN = "admin"
CONTROLLER_MANAGER = "system:kube-controller-manager"
MASTERS = "system:masters"
"""The group that may do anything; no role needs to say so."""
CONTROLLERS = ("namespace-controller", "garbage-collector-controller", "clusterrole-aggregation-controller")
"""What a deployed Tradewind relies on: namespaces are emptied, owned objects go with their owners, ClusterRoles gather
the rules of others."""
AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: [system:apiserver]
- level: None
  nonResourceURLs: ["*"]
- level: Metadata
"""


class ControlPlane:
    """The servers of one cluster, and what it takes to speak to them."""

    def __init__(self, assets: Assets, folder: Path) -> None:
        self.assets = assets
        self.folder = folder
        self.authority = Authority()
        self.audit_log = folder / "audit.log"
        self.port, self._etcd_port, peer_port = free_ports(3)
        self.etcd = Server(self._etcd(peer_port), folder / "etcd.log")
        self.api_server = Server(self._api_server(), folder / "kube-apiserver.log")
        self.kubeconfig = self._master(ADMIN)
        """Path of a kubeconfig for one who may do anything."""
        self.api = Api(self.kubeconfig)
        self.controller_manager = Server(self._controller_manager(), folder / "kube-controller-manager.log")

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return f"https://{HOST}:{self.port}"

    def start(self) -> None:
        """Start etcd and the API server, and wait until they serve.  Raises ServerFailed."""
        self.etcd.start()
        self.etcd.wait(lambda: listened_on(self._etcd_port), READY)
        self.start_api_server()

    def start_api_server(self) -> None:
        """Start the API server, again on the same port and data, and wait until it serves.  Raises ServerFailed."""
        self.api_server.start()
        self.wait_ready()

    def start_controller_manager(self) -> None:
        """Start it; what it does shows in what becomes of objects."""
        self.controller_manager.start()

    def wait_ready(self) -> None:
        """Return when the API server says that it is ready.  Raises ServerFailed."""
        self.api_server.wait(self.api.ready, READY)

    def restore(self) -> None:
        """Undo what a test did to the API server: it runs again, and serves."""
        if not self.api_server.running:
            return self.start_api_server()
        self.api_server.go_on()
        self.wait_ready()

    def compact(self) -> None:
        """Have etcd forget all that is not so any more, as the API server has it do after five minutes."""
        revision = self._asked_etcd("range", {"key": "AA=="})["header"]["revision"]
        self._asked_etcd("compaction", {"revision": revision, "physical": True})

    def stop(self) -> None:
        """End everything, the API server before its etcd."""
        self.controller_manager.stop(STOPPED)
        self.api_server.kill()  # its orderly end waits for watches, and nothing of it is wanted any more
        self.etcd.stop(STOPPED)

    def _asked_etcd(self, what: str, body: Json) -> Json:
        request = urllib.request.Request(f"http://{HOST}:{self._etcd_port}/v3/kv/{what}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=READY) as answer:
            found: Json = json.load(answer)
        return found

    def _etcd(self, peer_port: int) -> list[str]:
        url, peers = f"http://{HOST}:{self._etcd_port}", f"http://{HOST}:{peer_port}"
        return [
            self.assets.etcd,
            f"--data-dir={self.folder / 'etcd'}",
            *(f"--listen-client-urls={url}", f"--advertise-client-urls={url}"),
            *(
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
            ),
            "--unsafe-no-fsync",  # its data outlives processes here, not machines
        ]

    def _api_server(self) -> list[str]:
        server, signer = self.authority.server(), self.authority.client("service-accounts")
        policy = self._file("audit-policy.yaml", AUDIT.encode())
        return [
            self.assets.api_server,
            f"--etcd-servers=http://{HOST}:{self._etcd_port}",
            *(f"--bind-address={HOST}", f"--advertise-address={HOST}", f"--secure-port={self.port}"),
            f"--tls-cert-file={self._file('server.crt', server.certificate)}",
            f"--tls-private-key-file={self._file('server.key', server.key)}",
            f"--client-ca-file={self._file('authority.crt', self.authority.certificate)}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={self._file('service-accounts.key', signer.key)}",
            f"--service-account-key-file={self._file('service-accounts.pub', public(signer))}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",  # nobody makes the accounts' `default` here
            "--endpoint-reconciler-type=none",  # loopback is no address for endpoints
            *(f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}", "--audit-log-mode=blocking"),
        ]

    def _controller_manager(self) -> list[str]:
        return [
            self.assets.controller_manager,
            f"--kubeconfig={self._master(CONTROLLER_MANAGER)}",
            f"--controllers={','.join(CONTROLLERS)}",
            "--leader-elect=false",
            "--secure-port=0",
        ]

    def _master(self, user: str) -> Path:
        client = self.authority.client(user, [MASTERS])
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        return kubeconfig.write(path, server=self.url, authority=self.authority.certificate, client=client)

    def _file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


def listened_on(port: int) -> bool:
    """Whether somebody takes connections on this port, now."""
    with contextlib.closing(socket.socket()) as client:
        client.settimeout(STOPPED)
        return client.connect_ex((HOST, port)) == 0

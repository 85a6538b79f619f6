"""What an API test has in its hands: a cluster, its users, its requests, and means to disturb it."""

import contextlib
import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from tests.kube import kubeconfig
from tests.kube.api import Api, Json, NotFound
from tests.kube.assets import Assets
from tests.kube.audit import AuditLog
from tests.kube.control_plane import ControlPlane
from tests.kube.proxy import Proxy
from tests.kube.webhooks import called_at

ESTABLISHED = 15.0
"""Seconds for a CustomResourceDefinition to be served."""
LOOK = 0.02
LONG_AGO = "2020-01-01T00:00:00Z"
KUBECTL_DEADLINE = 60.0
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


class KubectlFailed(Exception):
    """kubectl ended with a failure; the message is what it wrote to stderr."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(stderr.strip())
        self.status = status


class Cluster:
    """A running control plane."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.audit = AuditLog(plane.audit_log)
        self._users = 0

    @classmethod
    @contextlib.contextmanager
    def running(cls, assets: Assets, folder: Path) -> Iterator["Cluster"]:
        """One of its own, until the end of `with`.  Raises ServerFailed."""
        plane = ControlPlane(assets, folder)
        try:
            plane.start()
            yield cls(plane)
        finally:
            plane.stop()

    @property
    def api(self) -> Api:
        """The API server, asked as one who may do anything."""
        return self.plane.api

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig for one who may do anything."""
        return self.plane.kubeconfig

    def kubeconfig_for(
        self, user: str, groups: Sequence[str] = (), *, server: str = "", namespace: str = "default"
    ) -> Path:
        """A new kubeconfig for a user of any name, who may do what RoleBindings say; `server` may be a proxy's url.

        A service account is the user `system:serviceaccount:NAMESPACE:NAME`: what is bound to it holds for the user.
        """
        self._users += 1
        return kubeconfig.write(
            self.plane.folder / f"user-{self._users}.kubeconfig",
            server=server or self.plane.url,
            authority=self.plane.authority.certificate,
            client=self.plane.authority.client(user, groups),
            namespace=namespace,
        )

    def proxy(self) -> Proxy:
        """A way to the API server to be frozen and shut, for `with`; see `kubeconfig_for(…, server=proxy.url)`."""
        return Proxy(self.plane.port)

    def kubectl(self, *arguments: str, input: str = "", kubeconfig: Path | None = None) -> str:
        """Run kubectl and answer with its output; as one who may do anything, unless told otherwise.

        Raises KubectlFailed.
        """
        cache = self.plane.folder / "kubectl-cache"
        done = subprocess.run(
            [self.plane.assets.kubectl, f"--cache-dir={cache}", *arguments],
            env={
                "KUBECONFIG": str(kubeconfig or self.kubeconfig),
                "HOME": str(self.plane.folder),
                "PATH": os.environ["PATH"],
            },
            input=input,
            capture_output=True,
            text=True,
            timeout=KUBECTL_DEADLINE,
            check=False,
        )
        if done.returncode:
            raise KubectlFailed(done.returncode, done.stderr)
        return done.stdout

    def apply_crds(self, *paths: Path) -> list[str]:
        """Apply CustomResourceDefinitions and wait until objects of them can be made without delay; their names.

        A create in the first two seconds of a definition waits two seconds inside the API server, so that its peers
        have seen the definition, too.  It has none here: the definition is told that it has been served for long.
        """
        definitions = [one for path in paths for one in yaml.safe_load_all(path.read_text()) if one]
        names = [str(one["metadata"]["name"]) for one in definitions]
        for name, definition in zip(names, definitions, strict=True):
            self.api.apply(f"{CRDS}/{name}", definition)
        for name in names:
            self._serve(name)
        for definition in definitions:
            self.api.get(_path(definition["spec"]))  # its storage is there
        return names

    @contextlib.contextmanager
    def webhooks(
        self, configurations: Sequence[Mapping[str, object]], url: str, authority: bytes
    ) -> Iterator[list[Json]]:
        """Apply webhook configurations, their webhooks at this URL instead of a Service, until the end of `with`.

        The API server calls them a moment later, and leaves off a moment after the end.
        """
        paths: list[str] = []
        try:
            applied = []
            for configuration in configurations:
                changed = called_at(configuration, url, authority)
                path = f"{ADMISSION}/{str(changed['kind']).lower()}s/{changed['metadata']['name']}"
                paths.append(path)
                applied.append(self.api.apply(path, changed))
            yield applied
        finally:
            for path in paths:
                if self.api.find(path):
                    self.api.delete(path)

    def create_namespace(self) -> str:
        """A new namespace of a name that nothing else has."""
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def empty(self, namespace: str) -> None:
        """Delete the custom objects of a namespace, whatever finalizers they have, for whoever looks at all of them."""
        for definition in self.api.get(CRDS)["items"]:
            if definition["spec"]["scope"] == "Namespaced":
                self._empty(_path(definition["spec"], namespace))

    def restart(self) -> None:
        """kill -9 of the API server, and its new start on the same port and data."""
        self.plane.api_server.kill()
        self.plane.start_api_server()

    def _empty(self, collection: str) -> None:
        if not self.api.find(collection):
            return  # its definition is going itself
        self.api.delete(collection)
        for item in self.api.get(collection)["items"]:
            with contextlib.suppress(NotFound):  # whoever owns a finalizer may be quicker
                self.api.patch(f"{collection}/{item['metadata']['name']}", {"metadata": {"finalizers": None}})

    def until_established(self, name: str) -> Json:
        """Wait for a definition, and give it.  `kubectl wait` fails where it has no conditions yet."""
        end = time.monotonic() + ESTABLISHED
        while not _established(definition := self.api.get(f"{CRDS}/{name}")):
            assert time.monotonic() < end, f"{name} is not Established: {definition.get('status')}"
            time.sleep(LOOK)
        return definition

    def _serve(self, name: str) -> None:
        definition = self.until_established(name)
        for condition in definition["status"]["conditions"]:
            condition["lastTransitionTime"] = LONG_AGO
        del definition["metadata"]["resourceVersion"]  # whatever else is noted meanwhile
        self.api.patch(f"{CRDS}/{name}/status", {"status": {"conditions": definition["status"]["conditions"]}})


def _established(definition: Json) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []  # null at first
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def _path(spec: Json, namespace: str = "") -> str:
    """Where the objects of a definition are: those of all namespaces, or of one."""
    version = next(one["name"] for one in spec["versions"] if one["storage"])
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{spec['group']}/{version}{within}/{spec['names']['plural']}"

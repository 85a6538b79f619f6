"""What deploy/tradewind.yaml lets a process do, for tests of a process as that user."""

from pathlib import Path

import yaml

from tests.kube.api import Json
from tests.kube.cluster import Cluster

SYSTEM = "tradewind-system"
MANIFEST = Path(__file__).parents[2] / "deploy" / "tradewind.yaml"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def rules(kind: str, name: str, *, namespace: str = SYSTEM) -> list[Json]:
    """The rules of a Role or ClusterRole, as they are for an installation in this namespace."""
    for one in yaml.safe_load_all(MANIFEST.read_text().replace(SYSTEM, namespace)):
        if (one["kind"], one["metadata"]["name"]) == (kind, name):
            found: list[Json] = one["rules"]
            return found
    raise LookupError(f"{MANIFEST} has no {kind} {name}")


def bind(cluster: Cluster, name: str, held: list[Json], subject: Json, *, namespace: str = "") -> None:
    """Let this User or Group do that, in one namespace, or everywhere."""
    kind, at = ("Role", f"{RBAC}/namespaces/{namespace}/role") if namespace else ("ClusterRole", f"{RBAC}/clusterrole")
    metadata, group = {"name": name}, "rbac.authorization.k8s.io"
    cluster.api.create(f"{at}s", {"metadata": metadata, "rules": held})
    role = {"apiGroup": group, "kind": kind, "name": name}
    subjects = [{"apiGroup": group, **subject}]
    cluster.api.create(f"{at}bindings", {"metadata": metadata, "roleRef": role, "subjects": subjects})

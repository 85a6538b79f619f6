"""A kubeconfig as a file: which API server, and as whom."""

import base64
import json
from pathlib import Path

from tests.kube.certificates import Pair


def write(path: Path, *, server: str, authority: bytes, client: Pair, namespace: str = "default") -> Path:
    """Write one that `kubectl` and every client library read; it holds all it needs.  Answers with its path."""

    def encoded(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    cluster = {"server": server, "certificate-authority-data": encoded(authority)}
    user = {"client-certificate-data": encoded(client.certificate), "client-key-data": encoded(client.key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        "current-context": "test",
    }
    path.write_text(json.dumps(content))  # which is YAML, too
    return path

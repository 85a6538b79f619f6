"""Another's mutating webhook, which gives Brokers without a class one of its own, as Knative's does."""

import base64
import contextlib
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.kube.cluster import Cluster
from tradewind.control.webhook import configurations
from tradewind.resources.model import BROKER_CLASS


def _answer(body: bytes, broker_class: str) -> bytes:
    request = json.loads(body)["request"]
    annotations = request["object"]["metadata"].get("annotations") or {}
    response = {"uid": request["uid"], "allowed": True}
    if BROKER_CLASS not in annotations:
        value = {**annotations, BROKER_CLASS: broker_class}
        patch = json.dumps([{"op": "add", "path": "/metadata/annotations", "value": value}])
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(patch.encode()).decode()}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}).encode()


@contextlib.contextmanager
def defaulting(cluster: Cluster, name: str, broker_class: str) -> Iterator[None]:
    """Called for each Broker, under a configuration of this name, until the end of `with`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = _answer(self.rfile.read(int(self.headers["Content-Length"])), broker_class)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    pair, tls = cluster.plane.authority.server(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as chain:
        chain.write(pair.certificate + pair.key)
        chain.flush()
        tls.load_cert_chain(chain.name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    configuration = configurations.mutating("unused", {broker_class})
    configuration["metadata"]["name"] = name
    configuration["webhooks"] = [{**configuration["webhooks"][0], "name": f"brokers.{name}"}]
    try:
        url = f"https://127.0.0.1:{server.server_address[1]}"
        with cluster.webhooks([configuration], url, cluster.plane.authority.certificate):
            yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

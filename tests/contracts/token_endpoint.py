"""An endpoint that gives tokens by the client-credentials flow, in a thread: unsecured JWTs, as Kafka takes them."""

import base64
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from tests.certificates import Pair


class TokenEndpoint:
    """What it knows and what it was asked."""

    def __init__(self) -> None:
        self.clients: dict[str, str] = {}
        """Secrets by id."""
        self.lifetime = 3600
        """Seconds."""
        self.scopes: list[str] = []
        """Of each question that was answered with a token."""
        self.url = ""

    def answer(self, authorization: str, body: str) -> tuple[int, dict[str, object]]:
        """Status and answer."""
        user, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        asked = parse_qs(body)
        if asked["grant_type"] != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        if self.clients.get(user) != secret:
            return 401, {"error": "invalid_client", "error_description": "wrong secret"}
        self.scopes += asked.get("scope", [""])
        now = int(time.time())
        claims = {"sub": user, "iat": now, "exp": now + self.lifetime}
        return 200, {"access_token": f"{_part({'alg': 'none'})}.{_part(claims)}.", "expires_in": self.lifetime}


@contextmanager
def serving(shown: Pair) -> Iterator[TokenEndpoint]:
    """One on loopback, by HTTPS with this certificate."""
    endpoint = TokenEndpoint()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(shown.certificate + shown.key)
        file.flush()
        tls.load_cert_chain(file.name)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, said = endpoint.answer(self.headers["Authorization"], body)
            written = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))  # TLS is not ended in order here
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        endpoint.url = f"https://127.0.0.1:{server.server_port}/token"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def _part(said: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()

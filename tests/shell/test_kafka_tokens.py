"""Tokens from an endpoint on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tradewind.adapters.kafka_log.tokens import Tokens
from tradewind.errors import LogDenied
from tradewind.resources.kafka_auth import KafkaAuth

TOKEN = '{"access_token": "token-%d", "expires_in": 100}'


class Endpoint:
    """What it answers with, and how often it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = TOKEN
        self.asked: list[str] = []
        self.url = ""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(endpoint.status)
            for name, value in endpoint.headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = endpoint.body
            self.wfile.write((body % len(endpoint.asked) if "%" in body else body).encode())

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint.url = f"http://127.0.0.1:{server.server_port}"
        yield endpoint
        server.shutdown()
        thread.join()


def tokens(endpoint: Endpoint, now: list[float]) -> Tokens:
    auth = KafkaAuth(user="me", password="secret", token_endpoint=f"{endpoint.url}/token")
    return Tokens(auth, lambda: now[0])


def test_one_counts_until_it_is_time_for_another(endpoint: Endpoint) -> None:
    now = [0.0]
    ours = tokens(endpoint, now)
    found = []
    for now[0] in (0.0, 74.0, 75.0, 76.0):
        found.append(ours.get().text)
    assert found == ["token-1", "token-1", "token-2", "token-2"]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, "{}", "its answer holds no access_token"),
        (401, '{"error": "invalid_client"}', "status 401, invalid_client"),
        (500, "<html>", "status 500"),
    ],
)
def test_why_there_is_none(endpoint: Endpoint, status: int, body: str, why: str) -> None:
    endpoint.status, endpoint.body = status, body
    ours = tokens(endpoint, [0.0])
    with pytest.raises(LogDenied) as raised:
        ours.get()
    assert str(raised.value) == f"no token from {endpoint.url}/token: {why}"
    endpoint.status, endpoint.body = 200, TOKEN
    assert ours.get().text == "token-2"


def test_the_secret_is_shown_nowhere_else(endpoint: Endpoint) -> None:
    endpoint.status, endpoint.headers = 302, {"Location": f"{endpoint.url}/elsewhere"}
    with pytest.raises(LogDenied, match="status 302"):
        tokens(endpoint, [0.0]).get()
    assert endpoint.asked == ["/token"]

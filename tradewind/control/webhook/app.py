"""The webhook as a FastAPI app over TLS: `POST /defaulting`, `/validation` and `/binding`.

Whoever reaches its port may post, so what it reads is bounded, in bytes and in time.
"""

import asyncio
import contextlib
import importlib.util
import socket
import ssl
from collections.abc import Iterator
from typing import Protocol

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from tradewind import listening, serving
from tradewind.control.webhook import admission, binding
from tradewind.control.webhook.answering import Decide
from tradewind.control.webhook.configurations import BINDING, DEFAULTING, VALIDATION
from tradewind.errors import Rejected, StartFailed

KIB = 1024
MIB = 1024 * KIB

MAX_BODY = 8 * MIB
"""Bytes of a review.  The API server takes requests of 3 MiB, and a review holds the old object besides."""
MAX_HELD = 8 * MAX_BODY
"""Bytes of all reviews that are being read."""
SLOW = 10.0
"""Seconds a body may take."""
IDLE = 150
"""Seconds a connection may do nothing.  API servers close theirs after 90: who posts must not find it closed."""
HANDSHAKE = 10.0
"""Seconds for TLS to begin."""
GRACE = 5
"""Seconds for what was begun, at the end."""
BACKLOG = 256


class Reviewer(Protocol):
    """Whoever answers reviews (`answering.Webhook`)."""

    async def review(self, body: bytes, decide: Decide) -> bytes:
        """The answer to a review.  Raises Rejected where the body is none."""


def make_app(webhook: Reviewer) -> FastAPI:
    """The app.  It documents nothing about itself."""
    app = FastAPI(title="Tradewind webhook", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    held = _Held()

    async def answered(request: Request, decide: Decide) -> Response:
        try:
            async with asyncio.timeout(SLOW):
                with held.reading() as body:
                    async for chunk in request.stream():
                        body.add(chunk)
                    whole = bytes(body.came)
            return Response(await webhook.review(whole, decide), media_type="application/json")
        except Rejected as rejected:
            return _refusal(rejected)
        except TimeoutError:
            return _refusal(Rejected(408, f"The body did not come within {SLOW:g} s."))
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads

    @app.post(DEFAULTING)
    async def defaulting(request: Request) -> Response:
        return await answered(request, admission.default)

    @app.post(VALIDATION)
    async def validation(request: Request) -> Response:
        return await answered(request, admission.validate)

    @app.post(BINDING)
    async def bound(request: Request) -> Response:
        return await answered(request, binding.bind)

    return app


class _Held:
    """Bytes of all bodies that are being read."""

    def __init__(self) -> None:
        self.bytes = 0

    @contextlib.contextmanager
    def reading(self) -> Iterator["_Body"]:
        """A body, which counts while it is read."""
        body = _Body(self)
        try:
            yield body
        finally:
            self.bytes -= len(body.came)


class _Body:
    """A body as far as it came."""

    def __init__(self, held: _Held) -> None:
        self._held = held
        self.came = bytearray()

    def add(self, chunk: bytes) -> None:
        """Raises Rejected where it is more than there may be."""
        if len(self.came) + len(chunk) > MAX_BODY:
            raise Rejected(413, f"The body is longer than {MAX_BODY} bytes.")
        if self._held.bytes + len(chunk) > MAX_HELD:
            raise Rejected(503, "Too much is being read already.", headers={"Retry-After": "1"})
        self.came += chunk
        self._held.bytes += len(chunk)


def _refusal(rejected: Rejected) -> Response:
    lines = (rejected.why, *map(str, rejected.faults))
    return Response("\n".join(lines) + "\n", rejected.status, dict(rejected.headers), media_type="text/plain")


def require_cryptography() -> None:
    """Raise StartFailed where the library is not installed that makes certificates."""
    if importlib.util.find_spec("cryptography") is None:
        cause = "certificates cannot be made here: cryptography is not installed"
        raise StartFailed(cause, "Install it: `pip install 'tradewind[webhook]'`.")


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.  Raises StartFailed where the port is taken or the address is none of this machine's."""
    return listening.bind(host, port, backlog=BACKLOG, flag="--webhook-port")


async def serve(webhook: Reviewer, listener: socket.socket, tls: ssl.SSLContext, stop: asyncio.Event) -> None:
    """Serve until `stop`; then finish what was begun."""
    config = serving.configured(make_app(webhook), "h11", idle=IDLE, grace=GRACE, backlog=BACKLOG)
    config.load()
    config.ssl = tls  # its own arguments are files, read once
    await serving.serve(config, listener, stop)

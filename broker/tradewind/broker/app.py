"""The ingress as a FastAPI app: Brokers at `/{namespace}/{name}`, probes at `/healthz` and `/readyz`.

It only reads and answers; what is taken is decided in `admission`, stored by `ingress`.  The endpoint is a plain ASGI
callable, so that it answers every method itself, and so that the raw front can take its place.
"""

import asyncio

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tradewind.broker import admission, problem
from tradewind.broker.ingress import Ingress
from tradewind.errors import Rejected
from tradewind.observe.logs import Log

BODY_DEADLINE = 30.0
"""Seconds a sender may take for a body.  The largest event needs less at 300 kbit/s."""

CLOSING = {"Retry-After": "1", "Connection": "close"}

log = Log("ingress")


def make_app(ingress: Ingress) -> FastAPI:
    """The app.  It documents nothing about itself: its paths are the Brokers'."""
    app = FastAPI(title="Tradewind ingress", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    @app.api_route("/readyz", methods=["GET", "HEAD"])
    async def probe(request: Request) -> Response:
        status, text = ingress.health.answer(request.url.path)
        if status == 200:
            return Response(text, media_type="text/plain")
        return _refusal(Rejected(status, text.strip(), headers={"Retry-After": "1"}))

    endpoint = BrokerEndpoint(ingress)
    app.router.routes.append(Route("/{path:path}", endpoint=endpoint))
    app.router.default = endpoint  # targets without a leading slash: `*`, and absolute ones
    return app


class BrokerEndpoint:
    """Every request that is no probe, whatever its method and path: so FastAPI never answers in its own form."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.  A sender that is gone gets no answer, and what it sent in part is not stored."""
        try:
            response = await self._answer(Request(scope, receive))
        except Rejected as rejected:
            response = _refusal(rejected)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:  # the top of this task: the server stops, and its grace is over
            response = _refusal(Rejected(503, "Tradewind stops before Kafka has the event.", headers=CLOSING))
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            response = _refusal(Rejected(500, "Tradewind failed; its log says why."))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        headers = request.headers.raw
        if request.method == "GET" and (echo := admission.probe(headers)) is not None:
            return Response(headers=echo)
        broker = self._ingress.find(request.scope["path"])
        if request.method == "OPTIONS":
            return Response(headers=admission.handshake(headers))
        admission.check(request.method, headers, self._ingress.limits)
        self._ingress.check(broker)
        body = bytearray()
        try:
            await self._read(request, body)
            found = admission.events(headers, bytes(body), self._ingress.limits)
            await self._ingress.store(admission.records(broker, found))
        finally:
            self._ingress.release(len(body))
        return Response(status_code=202)

    async def _read(self, request: Request, body: bytearray) -> None:
        """Read the body to its end, within its limit, the process's and its deadline."""
        limits = self._ingress.limits
        try:
            async with asyncio.timeout(BODY_DEADLINE):
                async for chunk in request.stream():
                    if len(body) + len(chunk) > limits.event_bytes:
                        raise admission.too_large(limits, f"more than {limits.event_bytes} bytes", close=True)
                    self._ingress.hold(len(chunk))
                    body += chunk
        except TimeoutError:
            why = f"The body did not arrive within {BODY_DEADLINE:g} seconds."
            raise Rejected(408, why, headers={"Connection": "close"}) from None


def _refusal(rejected: Rejected) -> Response:
    status, headers, body = problem.answer(rejected)
    return Response(body, status, headers=dict(headers))

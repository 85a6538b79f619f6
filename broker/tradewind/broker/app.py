"""The ingress as a FastAPI app: Brokers at `/{namespace}/{name}`, probes at `/healthz` and `/readyz`, metrics at
`/metrics`.

It only reads and answers; what is taken is decided in `admission`, stored by `ingress`.  The endpoint is a plain ASGI
callable, so that it answers every method itself; what the front does not serve comes here (`front.py`).
"""

import asyncio

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tradewind.broker import admission, deadlines, readings
from tradewind.broker.ingress import Ingress
from tradewind.errors import Rejected
from tradewind.observe.logs import Log
from tradewind.observe.metrics import CONTENT_TYPE
from tradewind.web import handshakes, problem

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

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics() -> Response:
        if ingress.shared:
            return _refusal(
                Rejected(404, "With --workers each serves its metrics on a port of its own (--health-port).")
            )
        return Response(await readings.page(ingress), headers={"Content-Type": CONTENT_TYPE})

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
            response = self._refused(rejected)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:  # the top of this task: the server stops, and its grace is over
            response = self._refused(admission.stopping())
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            response = self._refused(admission.failed())
        await response(scope, receive, send)

    def _refused(self, rejected: Rejected) -> Response:
        self._ingress.counts.refused[rejected.status] += 1
        return _refusal(rejected)

    async def _answer(self, request: Request) -> Response:
        headers = request.headers.raw
        if request.method == "GET" and (echo := handshakes.probe(headers)) is not None:
            return Response(headers=echo)
        admission.spoken(version := request.scope["http_version"])
        broker = self._ingress.find(request.scope["path"])
        if request.method == "OPTIONS":
            return Response(headers=handshakes.handshake(headers))
        limits, room = self._ingress.limits_of(broker), self._ingress.room
        admission.check(request.method, headers, limits, version)
        self._ingress.check(broker)
        body = await self._read(request)
        made = admission.records(broker, headers, admission.events(headers, body, limits), limits)
        room.wait(held := admission.weight(made))
        try:
            await self._ingress.store(made)
        finally:
            room.answered(held)
        return Response(status_code=202)

    async def _read(self, request: Request) -> bytes:
        """Read the body to its end, within its limit, the process's and its deadline."""
        limits, room, body = self._ingress.limits, self._ingress.room, _Body()
        try:
            async with body.time:
                async for chunk in request.stream():
                    size = len(body.came) + len(chunk)
                    if body.refused:
                        raise body.refused
                    if size > limits.event_bytes:
                        raise admission.overflowing(request.headers.raw, limits)
                    room.hold(body, size)
                    body.came += chunk
        except TimeoutError:
            raise body.refused or admission.too_slow("body", deadlines.BODY) from None
        finally:
            room.forget(body)
        return bytes(body.came)


class _Body:
    """A body that is being read, and may have to give way to others."""

    def __init__(self) -> None:
        self.came = bytearray()
        self.time = asyncio.timeout(deadlines.BODY)
        self.refused: Rejected | None = None

    def give_way(self, rejected: Rejected) -> None:
        """Its time is over now."""
        self.refused = rejected
        self.came = bytearray()
        if not self.time.expired():
            self.time.reschedule(asyncio.get_running_loop().time())


def _refusal(rejected: Rejected) -> Response:
    status, headers, body = problem.answer(rejected)
    return Response(body, status, headers=dict(headers))

"""Whether a process is alive and ready, for whoever started it.

A supervisor on the same machine passes a pipe (`TRADEWIND_READY_FD`) and reads one line when the process is ready; an
orchestrator asks `GET /healthz` (alive) and `GET /readyz` (ready, else 503 with what is missing).  What it measures is
served beside these, at `GET /metrics`.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from http import HTTPStatus

from tradewind.errors import StartFailed
from tradewind.observe.logs import Log
from tradewind.observe.metrics import CONTENT_TYPE, Page

READY_FD = "TRADEWIND_READY_FD"
HEAD_LIMIT = 8192
PATIENCE = 5.0
PLAIN = "text/plain"

log = Log("health")


class Health:
    """Ready once nothing in `missing` is left; says so once on the supervisor's pipe."""

    def __init__(self, *missing: str) -> None:
        self.missing = set(missing)

    @property
    def ready(self) -> bool:
        """Whether everything that had to be there is there."""
        return not self.missing

    def reached(self, what: str) -> None:
        """`what` is there; when it was the last, the supervisor is told."""
        self.missing.discard(what)
        fd = os.environ.get(READY_FD)
        if self.ready and fd:
            del os.environ[READY_FD]
            with contextlib.suppress(OSError):
                os.write(int(fd), b"ready\n")
                os.close(int(fd))

    def answer(self, path: str) -> tuple[int, str]:
        """Status and text for a probe's path."""
        if path == "/healthz" or (path == "/readyz" and self.ready):
            return 200, "ok\n"
        if path == "/readyz":
            return 503, f"waiting for {', '.join(sorted(self.missing))}\n"
        return 404, "only /healthz, /readyz and /metrics are here\n"


@contextlib.asynccontextmanager
async def served(health: Health, host: str, port: int, metrics: Page) -> AsyncIterator[None]:
    """Answer probes, and what asks for the metrics, on this port while the block runs; port 0 opens none.

    Raises StartFailed where it is taken.
    """

    async def said(target: str) -> tuple[int, str, bytes]:
        path = target.partition("?")[0]
        if path != "/metrics":
            status, text = health.answer(path)
            return status, PLAIN, text.encode()
        try:
            return 200, CONTENT_TYPE, await metrics()
        except Exception:  # the top of this answer: whoever measures must not end what is measured
            log.exception("metrics cannot be told")
            return 500, PLAIN, b"metrics cannot be told, the log says why\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                words = head.split(b" ", 2)
                status, kind, body = await said(words[1].decode("latin-1") if len(words) > 1 else "")
                writer.write(
                    f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Length: {len(body)}\r\n".encode()
                )
                writer.write(f"Content-Type: {kind}\r\nConnection: close\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()

    if not port:
        yield
        return
    try:
        server = await asyncio.start_server(answer, host, port, limit=HEAD_LIMIT)
    except OSError as error:
        cause = f"/healthz, /readyz and /metrics cannot be served on {host}:{port}: {error.strerror or error}"
        raise StartFailed(cause, "End what listens there, or give another --health-port.") from None
    try:
        yield
    finally:
        server.close()

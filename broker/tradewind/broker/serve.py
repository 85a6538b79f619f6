"""The ingress' HTTP server: uvicorn with H11, bent where its defaults would break a promise.

- H11, not httptools, which empties the body of a POST that offers an upgrade; Java's default client does on each.
- Offers of an upgrade are passed over in silence.
- What is no HTTP is not logged: uvicorn's warning names neither peer nor reason, and anyone could fill the log with it.
- What h11 refuses is answered with a problem document, and a head that is too large with 431.
- Signals are the caller's: `stop` ends the server within a bounded time, and nothing is raised again.
- The port is bound before anything else, so that a taken one is a StartFailed with its remedy.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tradewind.broker import malformed, problem
from tradewind.broker.app import make_app
from tradewind.broker.ingress import Ingress
from tradewind.config import Settings
from tradewind.errors import StartFailed
from tradewind.observe.health import Health

BACKLOG = 2048
"""Connections that may wait to be accepted.  A deployment's senders all reconnect at once after a restart."""

IDLE = 95
"""Seconds an idle connection is kept.  Above the 90 s of Go's clients: who closes first must be the client, or a POST
crosses the close."""


class Protocol(H11Protocol):
    """uvicorn's, with our answer to what is no HTTP."""

    def send_400_response(self, msg: str) -> None:
        """Called in the handler of h11's error, which knows the status: 400, 431, 501."""
        error = sys.exc_info()[1]
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        refusal = malformed.refusal(str(error or msg), hint, self.config.h11_max_incomplete_event_size or 0)
        status, headers, body = problem.answer(refusal)
        with contextlib.suppress(h11.LocalProtocolError):  # an answer is on its way already: only close
            fields = [*headers, ("Content-Length", str(len(body)))]
            head = h11.Response(status_code=status, headers=fields, reason=problem.phrase(status))
            for part in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
        self.transport.close()

    def _should_upgrade(self) -> bool:
        return False


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again at the end, which spoils the exit code."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; StartFailed where the port is taken or the address is none of this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartFailed(f"{host} is not an address to listen on: {error.strerror}", "Give another --host.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        cause = f"port {port} on {host} cannot be listened on: {error.strerror}"
        remedy = "End what uses it, or give another --port."
        raise StartFailed(cause, remedy) from None
    return listener


async def serve(
    ingress: Ingress,
    *,
    host: str,
    port: int,
    health: Health,
    settings: Settings,
    stop: asyncio.Event,
    listener: socket.socket | None = None,
) -> None:
    """Serve until `stop`; then finish what was begun, within the settings' grace.  Raises StartFailed.

    `listener` is a socket that listens already (`bind`), for whoever must know the port before.
    """
    listener = listener or bind(host, port)
    config = uvicorn.Config(
        make_app(ingress),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
        h11_max_incomplete_event_size=settings.max_header_bytes,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        topics = tasks.create_task(ingress.run())
        running = tasks.create_task(server.serve(sockets=[listener]))
        health.reached("listener")
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait({stopping, running}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await running
        topics.cancel()
        stopping.cancel()

"""A port that is listened on before anything is served there, and what to say where that cannot be."""

import socket

from tradewind.errors import StartFailed


def bind(host: str, port: int, *, backlog: int, flag: str, shared: bool = False) -> socket.socket:
    """A listening socket; StartFailed where the port is taken or the address is none of this machine's.

    `flag` names the port's setting.  `shared` lets others listen there too that say the same; the system gives each a
    share of the connections.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartFailed(f"{host} is not an address to listen on: {error.strerror}", "Give another --host.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        cause = f"port {port} on {host} cannot be listened on: {error.strerror}"
        raise StartFailed(cause, f"End what uses it, or give another {flag}.") from None
    return listener

"""Ports of this machine: is one free, and which one is."""

import contextlib
import ipaddress
import itertools
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.errors import StartFailed

NOT_EPHEMERAL = range(15_000, 32_000)
"""Above servers' usual ports, below those that Linux (32768) and macOS (49152) give to clients."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A port that is about to be listened on, and the flag that names another."""

    port: int
    flag: str
    host: str = "127.0.0.1"


def require_free(wanted: Iterable[Wanted]) -> None:
    """Bind each port once.  Raises StartFailed naming every port that cannot be had, and its flag."""
    taken = [(want, why) for want in wanted if (why := _refusal(want.host, want.port))]
    if taken:
        raise StartFailed(
            "; ".join(f"{want.host}:{want.port} cannot be listened on: {why}" for want, why in taken),
            "End what listens there, or name another port: " + ", ".join(f"{want.flag} PORT" for want, _ in taken),
        )


def require_different(wanted: Iterable[Wanted]) -> None:
    """Raises StartFailed where two would listen on one port, which the first of them could still bind."""
    for one, other in itertools.combinations(wanted, 2):
        if one.port == other.port and _meet(_addresses(one.host), _addresses(other.host)):
            raise StartFailed(
                f"{one.flag} and {other.flag} both name port {one.port}",
                f"Name another for one of them: {one.flag} PORT, {other.flag} PORT",
            )


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """So many different ports that were free a moment ago, none that the kernel would give to a client.

    While a server on one of the kernel's is down, any connection from this machine may take its port; one that tries
    to reach the server may even be connected to itself.
    """
    with contextlib.ExitStack() as probes:
        found: list[int] = []
        for port in random.sample(NOT_EPHEMERAL, len(NOT_EPHEMERAL)):
            if len(found) == count:
                break
            probe = probes.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((host, port))
                found.append(port)
        return found


def _refusal(host: str, port: int) -> str:
    """Why this port cannot be bound; empty if it can.  Connections that linger after their server do not count."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _addresses(host: str) -> set[str]:
    """What this host stands for; nothing where it is no address, which `require_free` tells of."""
    with contextlib.suppress(OSError):
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return set()


def _meet(some: set[str], others: set[str]) -> bool:
    """Whether who listens on these is in the way of who listens on those: 0.0.0.0 and :: are every address."""
    every = any(ipaddress.ip_address(address.partition("%")[0]).is_unspecified for address in some | others)
    return bool(some & others) or (every and bool(some and others))

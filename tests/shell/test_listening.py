"""A port that is listened on."""

import socket

import pytest

from tradewind import listening
from tradewind.errors import StartFailed


def bind(host: str, port: int) -> socket.socket:
    return listening.bind(host, port, backlog=1, flag="--the-port")


def test_a_taken_port_is_named_with_its_setting() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartFailed, match=f"port {port} on 127.0.0.1 .*\n.*--the-port"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(("host", "remedy"), [("203.0.113.1", "--the-port"), ("no.such.host.invalid", "--host")])
def test_an_address_that_is_none_of_this_machine(host: str, remedy: str) -> None:
    with pytest.raises(StartFailed, match=remedy):
        bind(host, 0)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs a machine with IPv6")
def test_on_every_address_it_is_reached_by_both_families() -> None:
    with bind("::", 0) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=5).close()

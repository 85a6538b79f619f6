"""Whether anything listens where Kafka is said to be."""

import socket

import pytest

from tradewind.adapters import reach
from tradewind.adapters.embedded_kafka import free_ports


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nothing_listens_at_any_address(host: str) -> None:
    addresses = [f"{host}:{port}" for port in free_ports(2)]
    assert await reach.unanswered(",".join(addresses)) == dict.fromkeys(addresses, "Connection refused")


async def test_one_of_several_listens() -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as there:
        assert await reach.unanswered(f"127.0.0.1:{port},127.0.0.1:{there.getsockname()[1]}") == {}


async def test_a_name_that_leads_nowhere() -> None:
    """Two dots in a row are no name, so nobody is asked for it."""
    assert await reach.unanswered("no..name:9092") == {"no..name:9092": "not the name of a host"}


async def test_a_host_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue of connections that is full answers nothing, as a firewall does."""
    monkeypatch.setattr(reach, "ANSWER", 0.05)
    with socket.socket() as deaf, socket.socket() as filling, socket.socket() as more:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for client in (filling, more):
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        assert await reach.unanswered(address) == {address: "no answer within 0.05 s"}

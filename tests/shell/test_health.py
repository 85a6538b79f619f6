"""Probes of the dispatcher and the sources, answered on a real port."""

import pytest

from tests.shell.ingress_running import Answer, ask
from tradewind.adapters.embedded_kafka import free_ports
from tradewind.errors import StartFailed
from tradewind.observe.health import Health, served


@pytest.mark.parametrize(
    "path, status, reason",
    [("/healthz", 200, "OK"), ("/readyz", 503, "Service Unavailable"), ("/other", 404, "Not Found")],
)
async def test_probes(path: str, status: int, reason: str) -> None:
    (port,) = free_ports(1)
    async with served(Health("kafka"), "127.0.0.1", port):
        answer: Answer = await ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (answer.status, answer.reason) == (status, reason)
    assert ("kafka" in answer.body.decode()) is (status == 503)


async def test_a_taken_port_is_told_with_its_flag() -> None:
    (port,) = free_ports(1)
    async with served(Health(), "127.0.0.1", port):
        with pytest.raises(StartFailed, match=rf"(?s)/readyz cannot be served.*{port}.*--health-port"):
            async with served(Health(), "127.0.0.1", port):
                pass

"""Probes and metrics of the dispatcher and the sources, answered on a real port."""

import pytest

from tests.shell.ingress_running import Answer, ask
from tradewind.adapters.embedded_kafka import free_ports
from tradewind.errors import StartFailed
from tradewind.observe.health import Health, served
from tradewind.observe.metrics import CONTENT_TYPE


async def page() -> bytes:
    return b"tradewind 1\n"


async def asked(path: str, metrics: object = page) -> Answer:
    (port,) = free_ports(1)
    async with served(Health("kafka"), "127.0.0.1", port, metrics):  # type: ignore[arg-type]  # a test's own
        return await ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


@pytest.mark.parametrize(
    "path, status, reason",
    [("/healthz", 200, "OK"), ("/readyz", 503, "Service Unavailable"), ("/other", 404, "Not Found")],
)
async def test_probes(path: str, status: int, reason: str) -> None:
    answer = await asked(path)
    assert (answer.status, answer.reason) == (status, reason)
    assert ("kafka" in answer.body.decode()) is (status == 503)


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name=x"])
async def test_metrics(path: str) -> None:
    answer = await asked(path)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, CONTENT_TYPE, b"tradewind 1\n")


async def test_metrics_that_fail_end_nothing() -> None:
    async def broken() -> bytes:
        raise KeyError("a fault of ours")

    assert (await asked("/metrics", broken)).status == 500


async def test_a_taken_port_is_told_with_its_flag() -> None:
    (port,) = free_ports(1)
    async with served(Health(), "127.0.0.1", port, page):
        with pytest.raises(StartFailed, match=rf"(?s)/metrics cannot be served.*{port}.*--health-port"):
            async with served(Health(), "127.0.0.1", port, page):
                pass

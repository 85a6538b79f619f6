"""Fixtures of the shells' tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.shell.ingress_running import WAYS, take
from tests.shell.kafka_stand_in import Kafka, serving
from tradewind.adapters.kafka_log.produce import cluster, producer


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways through the ingress: the front, and what stands behind it, alone."""
    return take(request.param, monkeypatch)


@pytest_asyncio.fixture
async def stand_in(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kafka]:
    """A stand-in for a Kafka of two brokers, at which producers try again soon."""
    for module in (cluster, producer):
        monkeypatch.setattr(module, "AGAIN", 0.01)
    monkeypatch.setattr(producer, "SWEEP", 0.01)
    async with serving(2) as kafka:
        yield kafka

"""Fixtures for tests that need a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tradewind.adapters.embedded_kafka import EmbeddedKafka, Request, prepare

if TYPE_CHECKING:
    from tests.contracts.guarded_kafka import GuardedKafka

READY = 60.0
"""Seconds; two are usual, more on a machine that runs other tests besides."""
STOPPED = 20.0

KafkaServer = Callable[[Path], Awaitable[EmbeddedKafka]]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap server of one embedded Kafka for the whole run.  Tests share it: make topics of your own names."""
    prepared = prepare(Request(data=tmp_path_factory.mktemp("kafka"), port=0, disk_floor=0))

    async def started() -> EmbeddedKafka:
        server = EmbeddedKafka(prepared)
        await server.start()
        await server.wait_ready(READY)
        return server

    with asyncio.Runner() as runner:
        server = runner.run(started())
        yield server.bootstrap
        runner.run(server.stop(STOPPED))


@pytest.fixture(scope="session")
def guarded_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator["GuardedKafka"]:
    """One Kafka for the whole run that asks its clients who they are.  Tests share it."""
    from tests.contracts.guarded_kafka import guarded

    with guarded(tmp_path_factory.mktemp("guarded-kafka")) as kafka:
        yield kafka


@pytest_asyncio.fixture
async def kafka_server() -> AsyncIterator[KafkaServer]:
    """Starts a Kafka of the test's own on a data folder, ready for use: to be killed (`server.pid`) and started again
    (`await server.died(); await server.start(); await server.wait_ready(…)`).  Ended after the test."""
    servers: list[EmbeddedKafka] = []

    async def serve(data: Path) -> EmbeddedKafka:
        prepared = await asyncio.to_thread(prepare, Request(data=data, port=0, disk_floor=0))
        servers.append(server := EmbeddedKafka(prepared))
        await server.start()
        await server.wait_ready(READY)
        return server

    yield serve
    for server in servers:
        await server.stop(STOPPED)

"""One of two brokers of a real Kafka dies: what it led has no leader until it is back, and all else goes on."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]  # untyped

from tests.conftest import STOPPED, KafkaServer
from tests.process.kafka_dispatching import KafkaWorld
from tests.process.second_broker import NODE, second_broker
from tests.shell.dispatching import event, trigger
from tradewind.adapters.embedded_kafka import EmbeddedKafka
from tradewind.errors import LogUnavailable
from tradewind.topics import cursors_spec, topic_specs
from tradewind.trigger_dispatcher import outside

pytestmark = [pytest.mark.kafka, pytest.mark.process]

HEIR = "dispatcher-1"


@dataclass
class Cluster:
    """Two brokers: the second leads the Broker's one topic, and nothing else."""

    world: KafkaWorld
    second: EmbeddedKafka

    async def kill(self) -> None:
        os.kill(self.second.pid, signal.SIGKILL)
        await self.second.died()

    async def leaderless(self) -> bool:
        return bool((await self.world.log.topics([self.world.topic]))[self.world.topic].leaderless)

    async def told(self, slot: str) -> bool:
        """Whether a dispatcher says that it has Trigger `b` in force, as far as can be read just after a kill."""
        try:
            force = (await outside.view_of(self.world.log, self.world.settings.cursors_topic)).force
        except LogUnavailable:
            return False
        return slot in force and "default/b" in force[slot].triggers


@pytest_asyncio.fixture
async def cluster(kafka_server: KafkaServer, tmp_path: Path) -> AsyncIterator[Cluster]:
    first = await kafka_server(tmp_path / "first")
    world = KafkaWorld(first.bootstrap, "events", mirror_interval=5.0)
    _, dead_letters = topic_specs(world.broker, world.settings)
    await world.log.ensure_topics([cursors_spec(world.settings), dead_letters])
    await world.log.members(world.settings.dispatcher_group)  # so that Kafka makes its own topic on the first, too
    second = await second_broker(first, tmp_path / "second")
    made = world.admin.create_topics([NewTopic(world.topic, 1, replica_assignment=[[NODE]])])
    await asyncio.wrap_future(made[world.topic])
    yield Cluster(world, second)
    await world.close()
    await second.stop(STOPPED)


async def test_what_is_written_as_the_leader_returns_reaches_a_trigger_that_was_told_to_be_in_force_meanwhile(
    cluster: Cluster,
) -> None:
    """Nobody has a place for it then: who owned the partition has left, and its heir had nothing when it told."""
    world = cluster.world
    world.plan(trigger("a"))
    async with asyncio.timeout(120), contextlib.AsyncExitStack() as heir:
        async with world.dispatcher("dispatcher-0"):
            await world.post(event("before"))
            await world.got("a", "before")
            await heir.enter_async_context(world.dispatcher(HEIR))
            await cluster.kill()
            while not await cluster.leaderless():
                await asyncio.sleep(0.1)
            world.plan(trigger("a"), trigger("b"))
            while not await cluster.told(HEIR):
                await asyncio.sleep(0.1)
            assert not await cluster.told("dispatcher-0")
        await cluster.second.start()
        await world.post(event("since"))
        await world.got("a", "since")
        await world.got("b", "since")
    assert world.ids("b") == ["since"]


async def test_a_broker_that_dies_keeps_nobody_waiting_who_asks_after_topics(cluster: Cluster) -> None:
    """KRaft names any broker as the controller, and librdkafka would look for a dead one for ever."""
    asker = cluster.world.log._administer()._topics
    while (await asyncio.to_thread(asker._client().list_topics, timeout=5)).controller_id != NODE:
        await asyncio.sleep(0.1)
    client = asker._client()
    await cluster.kill()
    while not await cluster.leaderless():
        await asyncio.sleep(0.1)
    assert asker._client() is client  # none was given up for its silence

"""Chaos: Kafka, dispatchers and the subscriber are killed, stopped and started again by a seeded schedule.

`CHAOS_SECONDS` says for how long (a short while by default; `make chaos` takes minutes), `CHAOS_SEED` repeats a
schedule.  Afterwards what Kafka accepted is what was delivered and what lies in the dead letters, each key came in its
order the first time, and repeats stay below what the outages explain.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

import pytest

from tests.conftest import READY, KafkaServer
from tests.process.fleet import Fleet, fleet, slot
from tradewind.adapters.embedded_kafka import EmbeddedKafka

SECONDS = float(os.environ.get("CHAOS_SECONDS", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "12"))
RATE = 200
SLOTS = [slot(number) for number in range(3)]

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(SECONDS + 300)]


class Chaos:
    """One schedule."""

    def __init__(self, made: Fleet, kafka: EmbeddedKafka) -> None:
        self.random = Random(SEED)
        self.fleet = made
        self.kafka = kafka
        self.troubles = 0

    async def run(self) -> None:
        """Trouble after trouble, with a moment's rest between them, until the time is over."""
        troubles: list[Callable[[], Awaitable[None]]] = [
            self.kill_a_dispatcher,
            self.end_a_dispatcher,
            self.stop_a_dispatcher,
            self.kill_the_subscriber,
            self.stop_the_subscriber,
            self.kill_kafka,
            self.stop_kafka,
        ]
        end, due = time.monotonic() + SECONDS, list(troubles)
        self.random.shuffle(due)
        while time.monotonic() < end:
            trouble = due.pop() if due else self.random.choice(troubles)
            print(f"{end - time.monotonic():6.1f} s left: {trouble.__name__}")
            await trouble()
            self.troubles += 1
            await self.rest(2.0)
            if ended := await self.fleet.revive():
                print("ended by themselves:", ended)

    async def rest(self, most: float) -> None:
        await asyncio.sleep(self.random.random() * most)

    async def kill_a_dispatcher(self) -> None:
        await self._replace(self.random.choice(SLOTS), SIGKILL)

    async def end_a_dispatcher(self) -> None:
        await self._replace(self.random.choice(SLOTS), SIGTERM)

    async def stop_a_dispatcher(self) -> None:
        await self._pause(self.random.choice(SLOTS), 12.0)

    async def kill_the_subscriber(self) -> None:
        await self._replace("subscriber", SIGKILL)

    async def stop_the_subscriber(self) -> None:
        await self._pause("subscriber", 4.0)

    async def kill_kafka(self) -> None:
        os.kill(self.kafka.pid, SIGKILL)
        await self.kafka.died()
        await self.rest(3.0)
        await self.kafka.start()
        await self.kafka.wait_ready(READY)

    async def stop_kafka(self) -> None:
        os.kill(self.kafka.pid, SIGSTOP)
        try:
            await self.rest(9.0)
        finally:
            os.kill(self.kafka.pid, SIGCONT)

    async def _replace(self, name: str, number: Signals) -> None:
        await self.fleet.end(name, number)
        await self.rest(3.0)
        await self.fleet.start(name)

    async def _pause(self, name: str, most: float) -> None:
        self.fleet.signal(name, SIGSTOP)
        try:
            await self.rest(most)
        finally:
            self.fleet.signal(name, SIGCONT)


async def test_nothing_is_lost_in_chaos(kafka_server: KafkaServer, tmp_path: Path) -> None:
    print(f"CHAOS_SEED={SEED} CHAOS_SECONDS={SECONDS:g}")
    kafka = await kafka_server(tmp_path / "kafka")
    async with fleet(tmp_path, kafka.bootstrap, SLOTS) as made:
        chaos, enough = Chaos(made, kafka), asyncio.Event()
        feeding = asyncio.create_task(made.feed(RATE, enough))
        await chaos.run()
        enough.set()
        await feeding
        await made.until_delivered()
        dead = {name: len(letters) for name, letters in (await made.dead_letters()).items()}
        print(f"{chaos.troubles} troubles, {len(made.accepted)} events; dead letters {dead}, repeats {made.repeats()}")
        assert len(made.accepted) > RATE
        made.check_order()
        for name, count in made.repeats().items():
            assert count <= 5 * RATE * chaos.troubles, f"{name}: {count} repeats"

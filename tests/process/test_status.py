"""A subscriber that is down shows while it is, in `get triggers` and at /metrics, and no longer."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.process.commands import Shell
from tests.process.whole import Poster, Recorder, Up, manifests
from tests.scraped import Scraped
from tradewind.adapters.embedded_kafka.ports import free_ports
from tradewind.cli.standing import Row

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(180)]

EVENTS = 40
WITHIN = 60.0


async def scraped(port: int) -> Scraped:
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return Scraped(await answer.text())


async def test_an_open_circuit_shows_until_it_closes(tmp_path: Path) -> None:
    subscriber, health = free_ports(2)
    up, seen = Up(tmp_path, subscriber), Recorder()
    up.declare(manifests(a="com.example.load"))
    await up.start(TRADEWIND_HEALTH_PORT=str(health))
    try:
        shell = Shell(up.manifests, f"127.0.0.1:{up.kafka}")

        async def shown(wanted: Callable[[Row], bool]) -> Row:
            async with asyncio.timeout(WITHIN):
                while True:
                    found: list[Row] = json.loads(await shell.done("get", "triggers", "-o", "json"))
                    if wanted(found[0]):
                        return found[0]

        poster = Poster(up.url)
        await poster.post(range(EVENTS))
        down = await shown(lambda one: one["state"] == "Probing")
        address = f"http://127.0.0.1:{subscriber}/a"
        assert [(one["target"], one["address"]) for one in down["circuits"]] == [("subscriber", address)]
        assert "default/a: circuit open for " in await shell.done("get", "triggers")
        found = await scraped(health)
        assert found.value("tradewind_trigger_circuit_open", trigger_name="a", target="subscriber") == 1
        assert found.value("tradewind_trigger_owed", trigger_name="a") == EVENTS
        assert found.value("tradewind_trigger_deliveries_total", response_code_class="none")
        assert (found.value("process_cpu_seconds_total") or 0) > 0

        async with seen.served(subscriber):
            await seen.has("a", poster.accepted)
            well = await shown(lambda one: (one["state"], one["owed"]) == ("Ready", 0))
            assert well["circuits"] == []
            found = await scraped(health)
            assert found.value("tradewind_trigger_circuit_open", trigger_name="a") == 0
            assert found.value("tradewind_trigger_deliveries_total", response_code_class="2xx") == EVENTS

        assert (await scraped(up.port)).value("tradewind_ingress_events_total", broker_name="default") == EVENTS
        assert "process_cpu_seconds_total" in (await scraped(health + 1)).names  # the sources have a port of their own
        assert await up.stop() == 0
    finally:
        print("\n".join(up.lines[-60:]))  # pytest shows it where the test failed
        if up.process is not None and up.process.returncode is None:
            await up.kill()

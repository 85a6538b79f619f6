"""On a laptop: the types of events that flow are listed beside those that are declared."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from tests.process.commands import Shell
from tests.process.whole import Recorder, Up

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(120)]

BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, annotations: {tradewind.dev/eventTypes: enabled}}
---
apiVersion: eventing.knative.dev/v1beta2
kind: EventType
metadata: {name: paid}
spec:
  type: com.example.paid
  source: /till
  reference: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}
"""


async def test_what_flows_is_listed(tmp_path: Path) -> None:
    async with Recorder().served() as port:
        up = Up(tmp_path, port)
        up.declare(BROKER)
        await up.start()
        try:
            shell = Shell(up.manifests, f"127.0.0.1:{up.kafka}")
            assert await listed(shell) == {"com.example.paid": ["declared"]}
            async with aiohttp.ClientSession() as client:
                for type in ("com.example.paid", "com.example.seen"):
                    headers = {"ce-specversion": "1.0", "ce-id": type, "ce-source": "/till", "ce-type": type}
                    async with client.post(up.url, headers=headers) as answer:
                        assert answer.status == 202
            async with asyncio.timeout(60):
                while len(await listed(shell)) < 2:
                    pass
            assert await listed(shell) == {"com.example.paid": ["declared", "seen"], "com.example.seen": ["seen"]}
            assert "com.example.seen" in await shell.done("get", "eventtypes")
        finally:
            await up.stop()


async def listed(shell: Shell) -> dict[str, list[str]]:
    """How each type is known."""
    return {row["type"]: row["known"] for row in json.loads(await shell.done("get", "eventtypes", "-o", "json"))}

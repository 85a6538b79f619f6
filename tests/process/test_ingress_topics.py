"""A topic of the user's own that takes less than the ingress: on a real Kafka, by a process of its own."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.process.test_ingress_durability import TOPIC, taking
from tradewind.adapters.embedded_kafka import EmbeddedKafka
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.ports import TopicSpec

pytestmark = [pytest.mark.kafka, pytest.mark.process]

MOST = 20_000
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def sized(number: int, size: int) -> dict[str, str]:
    """An event of a little more than so many bytes."""
    return {"specversion": "1.0", "id": str(number), "source": "/tests", "type": "t", "data": "x" * size}


async def test_a_batch_of_which_the_topic_takes_a_part_is_not_stored(
    kafka_server: Callable[[Path], Awaitable[EmbeddedKafka]], tmp_path: Path
) -> None:
    kafka = await kafka_server(tmp_path / "kafka")
    log = KafkaLog(kafka.bootstrap, client_id="test")
    async with asyncio.timeout(60):
        await log.ensure_topics([TopicSpec(TOPIC, 3, None, {"max.message.bytes": str(MOST)})])
        await log.close()
    async with taking(kafka, tmp_path) as at, aiohttp.ClientSession() as client:

        async def post(*events: dict[str, str]) -> tuple[int, list[dict[str, str]]]:
            async with client.post(at.url, data=json.dumps(events), headers=BATCH) as answer:
                return answer.status, (await answer.json(content_type=None))["faults"] if answer.status != 202 else []

        small = [sized(number, 10) for number in range(20)]
        status, faults = await post(*small, sized(20, MOST), *small)
        assert (status, [fault["path"] for fault in faults]) == (413, ["[20]"])
        assert faults[0]["expected"] == f"at most {MOST} bytes (max.message.bytes of topic {TOPIC})"
        assert await at.stored() == []
        assert await post(*small, sized(20, MOST - 500)) == (202, [])
        assert len(await at.stored()) == 21

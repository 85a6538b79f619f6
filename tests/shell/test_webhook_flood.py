"""The port under more than it can take: each request has its answer, memory is bounded, and a neighbour is served."""

import asyncio
import json
from collections import Counter
from dataclasses import replace

from tests.shell.webhooks_running import DEADLINE, SETTINGS, SIGNED, World, answered, post, running, signature, source
from tradewind.observe.metrics import WEBHOOK_REFUSED

MOST = 1000
"""Bytes of an event here."""

WAITING = 100
"""Events of one source on their way at once, and as many at its desk."""

CONNECTIONS = 300
EACH = 12
"""Requests of each connection: a third is signed, a third is not, a third is too large."""


def request(number: int, name: str = "flooded") -> tuple[bytes, int]:
    """One of three kinds, and the status it deserves."""
    body = json.dumps({"number": number}).encode()
    signed = f"X-Signature: {signature(body)}"
    match number % 3:
        case 0:
            return post(name, body, signed), 202
        case 1:
            return post(name, body, f"X-Signature: {'0' * 64}"), 401
        case _:
            return post(name, b"x" * 10 * MOST, signed), 413


async def flood(world: World, first: int, answers: Counter[tuple[int, int]]) -> None:
    """One connection: what each request deserved, and what it got."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    for number in range(first, first + EACH):
        sent, deserved = request(number)
        writer.write(sent)
        found = await answered(reader)
        answers[deserved, found.status] += 1
        if found.status >= 400:
            assert found.headers["content-type"] == "application/problem+json"
            assert json.loads(found.body)["status"] == found.status
            assert ("retry-after" in found.headers) == (found.status == 503)
    writer.close()


async def test_a_flood_is_answered_and_its_neighbour_is_served() -> None:
    world = World(settings=replace(SETTINGS, max_event_bytes=MOST, source_in_flight=WAITING))
    async with running(world):
        await world.serving(source("flooded", SIGNED), source("neighbour", SIGNED))
        answers = Counter[tuple[int, int]]()
        async with asyncio.timeout(6 * DEADLINE), asyncio.TaskGroup() as tasks:
            flooding = [tasks.create_task(flood(world, number * EACH, answers)) for number in range(CONNECTIONS)]
            served = 0
            while not all(task.done() for task in flooding):
                assert (await world.ask(request(0, "neighbour")[0])).status == 202
                served += 1
        assert served
        assert answers.keys() <= {(202, 202), (202, 503), (401, 401), (413, 413)}
        assert answers.total() == CONNECTIONS * EACH
        assert world.webhooks.reading == 0
        assert len(world.events) == answers[202, 202] + served
        refused = {one.labels[3]: one.value async for one in world.readings.all() if one.metric is WEBHOOK_REFUSED}
        assert refused.pop("503", 0) == answers[202, 503]
        assert refused == {"401": answers[401, 401], "413": answers[413, 413]}
        for host in world.process.hosts.values():
            assert (host.in_flight, host.held_bytes) == (0, 0)

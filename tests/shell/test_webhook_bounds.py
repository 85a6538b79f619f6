"""The port of the sources process: what it does not wait for, and has no room for."""

import asyncio
import json
import random
from dataclasses import replace

import pytest

from tests.shell.webhooks_running import (
    DEADLINE,
    OPEN,
    SETTINGS,
    SIGNED,
    World,
    answered,
    post,
    running,
    signature,
    source,
    until,
)
from tradewind.observe.metrics import WEBHOOK_CONNECTIONS, WEBHOOK_TURNED_AWAY
from tradewind.sources.webhook import app, connection


async def test_a_chunked_body_is_bounded_too() -> None:
    async with running(World()) as world:
        await world.serving(source("w", replace(OPEN, max_body_bytes=1000)))
        head = b"POST /webhooks/default/w HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        found = await world.ask(head, b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n")
        assert found.status == 202
        assert world.events[0].data == b"x" * 1000
        found = await world.ask(head, b"3e9\r\n" + b"x" * 1001 + b"\r\n")
        assert found.status == 413
        assert world.webhooks.reading == 0


async def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD", 0.05)
    monkeypatch.setattr(connection, "SWEEP", 0.02)
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        assert (await world.ask(b"POST /webhooks/default/w HTTP/1.1\r\nHost:")).status == 408
        assert (await world.ask(b"POST /webhooks/default/w HTTP/1.1\r\nUpgrade: h2c\r\nHost:")).status == 408
        assert (await world.ask(post("w"))).status == 202


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with running(World()) as world:
        await world.serving(source("w", replace(OPEN, patience=0.2)))
        found = await world.ask(b"POST /webhooks/default/w HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        assert found.status == 408
        assert not world.events


async def test_a_sender_that_goes_leaves_nothing() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        _, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(b"POST /webhooks/default/w HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        await until(lambda: world.webhooks.reading == 2)
        writer.close()
        await until(lambda: world.webhooks.reading == 0)
        assert not world.events


async def test_more_connections_than_there_may_be_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST", 1)
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(post("w"))
        assert (await answered(reader)).status == 202
        full = await world.ask(b"")
        assert (full.status, full.headers["retry-after"]) == (503, "1")
        assert (full.headers["content-type"], full.headers["connection"]) == ("application/problem+json", "close")
        assert json.loads(full.body)["status"] == 503
        readings = {one.metric: one.value async for one in world.readings.all()}
        assert (readings[WEBHOOK_CONNECTIONS], readings[WEBHOOK_TURNED_AWAY]) == (1, 1)
        writer.close()
        async with asyncio.timeout(DEADLINE):
            while (await world.ask(post("w"))).status != 202:
                await asyncio.sleep(0.01)


async def test_more_bodies_than_there_is_room_for_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_READING", 10)
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        assert (await world.ask(post("w", b"x" * 11))).status == 503
        assert (await world.ask(post("w", b"x" * 10))).status == 202


async def test_bodies_that_do_not_end_take_the_room_of_their_source_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_READING_EACH", 10)
    async with running(World()) as world:
        await world.serving(source("flooded", SIGNED), source("quiet", OPEN))
        _, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(post("flooded", b"x" * 9)[:-1])
        await until(lambda: world.webhooks.reading == 8)
        assert (await world.ask(post("flooded", b"xxx"))).status == 503
        assert (await world.ask(post("quiet", b"xxx"))).status == 202
        writer.close()
        await until(lambda: not world.webhooks.reading)
        assert (await world.ask(post("flooded", b"x" * 10))).status == 401


async def test_what_waits_is_bounded_and_what_nobody_waits_for_any_more_is_not_stored() -> None:
    settings = replace(SETTINGS, source_in_flight=2)
    async with running(World(settings)) as world:
        await world.serving(source("w", replace(OPEN, patience=1.0)))
        world.log.down = True
        asking = [asyncio.create_task(world.ask(post("w", b"%d" % number))) for number in range(12)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        full = [one for one in asking if one.done()]
        assert {one.result().status for one in full} == {503}
        assert b"room" in full[0].result().body
        assert {answer.status for answer in await asyncio.gather(*asking)} == {503}
        world.log.down = False
        await until(lambda: not any(host.in_flight for host in world.process.hosts.values()))
        assert (await world.ask(post("w", b"after"))).status == 202
        assert len(world.events) <= 4, "those that were on their way, and the last"


async def test_a_flood_of_one_source_takes_nothing_from_its_neighbour() -> None:
    async with running(World()) as world:
        await world.serving(source("flooded", SIGNED), source("quiet", OPEN))
        flood = post("flooded") * 50

        async def pour() -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            refused = 0
            for _ in range(5):
                writer.write(flood)
                refused += [(await answered(reader)).status for _ in range(50)].count(401)
            writer.close()
            return refused

        async with asyncio.TaskGroup() as tasks:
            pouring = [tasks.create_task(pour()) for _ in range(20)]
            for number in range(10):
                assert (await world.ask(post("quiet", b"%d" % number))).status == 202
        assert sum(task.result() for task in pouring) == 5000
        assert [event.data for event in world.events] == [b"%d" % number for number in range(10)]


async def test_nothing_that_a_socket_brings_breaks_the_port() -> None:
    """Seeded noise, whole requests and torn ones on many connections; then it still takes what is right."""
    chance = random.Random(15)
    pieces = [post("w"), post("w", b"\xff\xfe"), b"\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x16\x03\x01"]
    pieces += [b"POST /webhooks/default/w HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"]
    pieces += [b"zz\r\n", b"ffffffffffffffff\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    async with running(World()) as world:
        await world.serving(source("w", SIGNED))
        for _ in range(100):
            _, writer = await asyncio.open_connection("127.0.0.1", world.port)
            for _ in range(chance.randint(1, 4)):
                piece = chance.choice(pieces)
                writer.write(piece[: chance.randint(1, len(piece))] if chance.random() < 0.5 else piece)
            if chance.random() < 0.3:
                writer.write(chance.randbytes(300))
            writer.close()
        body = b"{}"
        assert (await world.ask(post("w", body, f"X-Signature: {signature(body)}"))).status == 202
        assert len(world.events) == 1
        await until(lambda: not world.webhooks.reading, "every body was let go of")

"""Requests that are whole when their turn comes are answered without a task, as those that are not are with one."""

import asyncio
import json
from dataclasses import replace

import pytest

from tests.shell.webhooks_running import DEADLINE, World, answered, post, running, source, until
from tests.unit.webhook.test_sns import WEBHOOK, message
from tradewind.resources.webhooks import Answer, Webhook
from tradewind.sources.webhook import connection, convert

OPEN = Webhook(answer=Answer(200, "text/plain", "ok\n"))


async def test_whole_or_in_pieces_the_answer_is_the_same() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(post("w", b"12345"))
        whole = await answered(reader)
        writer.write(post("w", b"12345")[:-1])
        await until(lambda: world.webhooks.reading == 4, "its task reads")
        writer.write(b"5")
        assert await answered(reader) == whole
        writer.close()
        assert [event.data for event in world.events] == [b"12345"] * 2


async def test_what_came_before_and_behind_one_in_pieces_is_answered_in_turn() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        asked = b"".join(post(name, b"%d" % number) for number, name in enumerate(["w", "nobody", "w", "w"]))
        writer.write(asked[:-1])
        assert [(await answered(reader)).status for _ in range(3)] == [200, 404, 200]
        writer.write(asked[-1:] + post("w", b"4"))
        assert [(await answered(reader)).status for _ in range(2)] == [200, 200]
        writer.close()
        assert [event.data for event in world.events] == [b"0", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    "asked",
    [
        post("w").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post("w", b"{}", "Connection: close"),
        post("w", b"{}", "Content-Encoding: gzip", "Connection: close"),
    ],
)
async def test_a_connection_ends_with_the_last_answer(asked: bytes) -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(asked)
        async with asyncio.timeout(DEADLINE):
            whole = await reader.read()
        assert whole.lower().count(b"\r\nconnection: close\r\n") == 1
        writer.close()


async def test_the_answer_to_a_head_has_no_body() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(b"HEAD /webhooks/default/w HTTP/1.1\r\nHost: h\r\n\r\n" + post("w"))
        async with asyncio.timeout(DEADLINE):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 405 ")
        assert (await answered(reader)).status == 200
        writer.close()


async def test_a_fault_of_ours_is_500_and_the_next_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        with monkeypatch.context() as patched:
            patched.setattr(convert, "outcome", fails)
            assert (await world.ask(post("w"))).status == 500
        assert (await world.ask(post("w"))).status == 200


async def test_a_sender_that_goes_while_kafka_is_away_leaves_nothing() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        world.log.down = True
        _, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(post("w", b"first"))
        await until(lambda: any(host.in_flight for host in world.process.hosts.values()))
        writer.close()
        await until(lambda: world.webhooks.guard and not world.webhooks.guard.open, "the connection is over")
        world.log.down = False
        await until(lambda: len(world.events) == 1, "what was on its way is stored all the same")
        assert (await world.ask(post("w"))).status == 200


async def test_amazon_is_waited_for_as_long_as_the_sender_waits() -> None:
    async def never(url: str) -> bytes | str:
        await asyncio.Event().wait()
        return url

    async with running(World(get=never)) as world:
        await world.serving(source("w", replace(WEBHOOK, patience=0.2), secret=b""))
        found = await world.ask(post("w", json.dumps(message()).encode()))
        assert (found.status, found.headers["retry-after"]) == (503, "1")
        assert b"Amazon" in found.body


async def test_a_sender_with_all_connections_gives_way_to_one_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle at once; while it waits for Kafka, with its answer."""
    monkeypatch.setattr(connection, "MOST", 2)
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        first, second = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(2)]
        first[1].write(post("w", b"first"))
        assert (await answered(first[0])).status == 200
        world.log.down = True
        second[1].write(post("w", b"second"))
        await until(lambda: any(host.in_flight for host in world.process.hosts.values()))
        a = await asyncio.open_connection("127.0.0.1", world.port, local_addr=("127.0.0.2", 0))
        async with asyncio.timeout(DEADLINE):
            assert await first[0].read() == b"", "it was idle"
        third = await asyncio.open_connection("127.0.0.1", world.port)
        assert (await answered(third[0])).status == 503, "its address has as many as any"
        world.log.down = False
        assert (await answered(second[0])).status == 200
        a[1].write(post("w", b"a"))
        assert (await answered(a[0])).status == 200
        for _, writer in (first, second, third, a):
            writer.close()


@pytest.mark.parametrize("fields", [(), ("Connection: Upgrade", "Upgrade: h2c")], ids=["httptools", "h11"])
async def test_a_connection_that_makes_room_is_answered_before_it_ends(
    monkeypatch: pytest.MonkeyPatch, fields: tuple[str, ...]
) -> None:
    monkeypatch.setattr(connection, "MOST", 2)
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        world.log.down = True
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(post("w", b"1", *fields))
        await until(lambda: any(host.in_flight for host in world.process.hosts.values()))
        _, other = await asyncio.open_connection("127.0.0.1", world.port)
        _, neighbour = await asyncio.open_connection("127.0.0.1", world.port, local_addr=("127.0.0.2", 0))
        await until(lambda: world.webhooks.guard and world.webhooks.guard.open == 3, "one is to leave")
        world.log.down = False
        assert (await answered(reader)).status == 200
        async with asyncio.timeout(DEADLINE):
            assert await reader.read() == b""
        await until(lambda: world.webhooks.guard and world.webhooks.guard.open == 2, "it has left")
        for each in (writer, other, neighbour):
            each.close()

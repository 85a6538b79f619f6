"""The port of the sources process, as its sources come, change and go, and as it stops itself."""

import asyncio
import hmac
import socket
from dataclasses import replace

import pytest

from tests.shell.webhooks_running import (
    GITHUB,
    OPEN,
    SETTINGS,
    SIGNED,
    World,
    post,
    running,
    signature,
    source,
    until,
)
from tests.unit.webhook.test_sns import WEBHOOK
from tradewind.resources.model import GitHubSource
from tradewind.resources.webhooks import Webhook


async def test_a_changed_secret_counts_at_once() -> None:
    async with running(World()) as world:
        await world.serving(source("w", SIGNED))
        sent = post("w", b"{}", f"X-Signature: {signature(b'{}')}")
        assert (await world.ask(sent)).status == 202
        world.declare(source("w", SIGNED, secret=b"another\n"))
        await until(lambda: [one.secrets for one in world.webhooks.served.values()] == [(b"another",)])
        assert (await world.ask(sent)).status == 401


async def test_without_its_secret_nobody_is_let_in_and_all_are_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long that takes: to many a sender 404 is a last word."""
    async with running(World()) as world:
        await world.serving(source("v", OPEN))
        world.declare(source("v", OPEN), source("w", SIGNED, secret=b""))
        await until(lambda: any(host.counts.failures for host in world.process.hosts.values()))
        by_nothing = hmac.digest(b"", b"{}", "sha256").hex()
        assert (await world.ask(post("w", b"{}", f"X-Signature: {by_nothing}"))).status == 503
        world.declare(source("v", OPEN))
        await until(lambda: len(world.process.hosts) == 1)
        monkeypatch.setattr("tradewind.sources.webhook.port.AWAY", -1.0)
        assert (await world.ask(post("w"))).status == 404


async def test_a_source_that_waits_to_be_changed_is_there_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.sources.webhook.port.AWAY", -1.0)
    async with running(World()) as world:
        await world.serving(source("w", replace(OPEN, patience=0.3)))
        world.log.down = True
        assert (await world.ask(post("w"))).status == 503
        world.declare(source("w", replace(OPEN, max_body_bytes=9)))
        await until(lambda: not world.webhooks.served, "it waits for what it gave before")
        assert (await world.ask(post("w"))).status == 503
        world.log.down = False
        await until(lambda: world.webhooks.served, "it is there again")
        assert (await world.ask(post("w"))).status == 202


async def test_a_source_that_is_gone_is_away_for_a_while_and_then_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(World()) as world:
        await world.serving(source("v", OPEN), source("w", OPEN))
        await world.serving(source("v", OPEN))
        assert (await world.ask(post("w"))).status == 503
        monkeypatch.setattr("tradewind.sources.webhook.port.AWAY", -1.0)
        assert (await world.ask(post("w"))).status == 404


async def test_another_kind_of_the_same_name_does_not_get_the_path() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        world.declare(source("w", OPEN), source("w", GITHUB, kind=GitHubSource))
        await until(lambda: any(host.counts.failures for host in world.process.hosts.values()))
        assert (await world.ask(post("w"))).status == 202


@pytest.mark.parametrize(
    ("module", "webhook"),
    [
        ("tradewind.filters.cel.installed", replace(OPEN, attributes={"type": "'t'"})),
        ("importlib.util.find_spec", WEBHOOK),
    ],
)
async def test_without_its_library_a_source_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, module: str, webhook: Webhook
) -> None:
    async with running(World()) as world:
        monkeypatch.setattr(module, lambda *_: None)
        world.declare(source("w", webhook))
        await until(lambda: any(host.counts.failures for host in world.process.hosts.values()))
        assert not world.webhooks.served


async def test_a_port_that_is_taken_is_the_sources_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running(World(replace(SETTINGS, sources_port=port))) as world:
            world.declare(source("w", OPEN))
            await until(lambda: any(host.counts.failures for host in world.process.hosts.values()))
            assert world.webhooks.listener is None
            (host,) = world.process.hosts.values()
            error = host.standing.record(owner="", in_flight=0, sink="").error
            assert f"port {port} on 127.0.0.1" in error
            assert "--sources-port" in error


async def test_a_stop_ends_what_waits() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        world.log.down = True
        first = asyncio.create_task(world.ask(post("w", b"first")))
        await until(lambda: any(host.in_flight for host in world.process.hosts.values()))
        world.stop.set()
        world.log.down = False
        assert (await first).status in (202, 503)


async def test_a_stop_answers_what_nobody_has_taken() -> None:
    async with running(World(replace(SETTINGS, source_in_flight=1, grace=0.2))) as world:
        await world.serving(source("w", OPEN))
        world.log.down = True
        first = asyncio.create_task(world.ask(post("w", b"first")))
        await until(lambda: any(host.in_flight for host in world.process.hosts.values()))
        second = asyncio.create_task(world.ask(post("w", b"second")))
        await until(lambda: world.webhooks.served and next(iter(world.webhooks.served.values())).desk.held_bytes)
        world.stop.set()
        assert (await second).status == 503
        assert (await first).status == 503
        assert not world.events

"""What Amazon SNS sends, and the two URLs that must be asked for it."""

import json
from dataclasses import replace

from tests.shell.webhooks_running import World, post, running, source
from tests.unit.webhook.test_sns import URL, WEBHOOK, certificate, message


async def test_sns_is_confirmed_and_its_certificate_asked_for_once() -> None:
    asked: list[str] = []

    async def get(url: str) -> bytes | str:
        asked.append(url)
        return certificate() if url == URL else b"<ConfirmSubscriptionResponse/>"

    world = World(get=get)
    world.webhooks.time = replace(world.webhooks.time, clock=lambda: 1_700_000_000.0)
    async with running(world):
        await world.serving(source("w", WEBHOOK, secret=b""))
        confirmation = json.dumps(message("SubscriptionConfirmation")).encode()
        assert (await world.ask(post("w", confirmation))).status == 200
        for _ in range(3):
            assert (await world.ask(post("w", json.dumps(message()).encode()))).status == 202
        assert [url.partition("?")[0] for url in asked] == [URL, "https://sns.us-west-2.amazonaws.com/"]
        assert [event.type for event in world.events] == ["com.amazonaws.sns.Notification"] * 3


async def test_a_certificate_that_is_not_to_be_had_is_503_and_asked_for_again_only_later() -> None:
    asked: list[str] = []

    async def get(url: str) -> bytes | str:
        asked.append(url)
        return "it answers 500"

    async with running(World(get=get)) as world:
        await world.serving(source("w", WEBHOOK, secret=b""))
        for _ in range(3):
            assert (await world.ask(post("w", json.dumps(message()).encode()))).status == 503
        assert len(asked) == 1


async def test_a_subscription_that_cannot_be_confirmed_is_503() -> None:
    async def get(url: str) -> bytes | str:
        return certificate() if url == URL else "it answers 403"

    world = World(get=get)
    world.webhooks.time = replace(world.webhooks.time, clock=lambda: 1_700_000_000.0)
    async with running(world):
        await world.serving(source("w", WEBHOOK, secret=b""))
        found = await world.ask(post("w", json.dumps(message("SubscriptionConfirmation")).encode()))
        assert found.status == 503
        assert b"it answers 403" in found.body

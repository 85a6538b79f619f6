"""Dead letters of a source whose sink is no Broker, as people see and handle them."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.process.commands import Shell
from tradewind.adapters.embedded_kafka import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

DEADLINE = 60.0
TOPICS = ("--sources-dead-letter-topic", "letters.dead")
PROCESS = ("--sources-topic", "letters.sources", "--sources-group", "letters.sources", *TOPICS)
MANIFESTS = """
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {k: a word that both know}
---
apiVersion: sources.tradewind.dev/v1alpha1
kind: WebhookSource
metadata: {name: hook}
spec:
  preset: github
  secrets: [{secretKeyRef: {name: s, key: k}}]
  sink: {uri: "http://127.0.0.1:%d/"}
"""


class Sink:
    """Answers with its status, and keeps the ids of what it takes."""

    def __init__(self) -> None:
        self.status = 400
        self.ids: list[str] = []

    async def take(self, request: web.Request) -> web.Response:
        if self.status == 202:
            self.ids.append(request.headers["ce-id"])
        return web.Response(status=self.status)

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[int]:
        app = web.Application()
        app.router.add_post("/", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        (port,) = free_ports(1)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield port
        finally:
            await runner.cleanup()


async def sent(url: str, delivery: str, body: bytes) -> None:
    """Send one delivery of GitHub's, again until it is taken."""
    signature = "sha256=" + hmac.new(b"a word that both know", body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "X-GitHub-Event": "push", "X-GitHub-Delivery": delivery}
    async with asyncio.timeout(DEADLINE):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with aiohttp.request(
                    "POST", url, data=body, headers={**headers, "Content-Type": "application/json"}
                ) as answer:
                    if answer.status == 202:
                        return
            await asyncio.sleep(0.1)


async def listed(shell: Shell, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(await shell.done("dead-letters", "list", "-o", "json", *words, *TOPICS))
    return found


async def test_letters_of_a_source_are_listed_shown_redriven_and_discarded(kafka: str, tmp_path: Path) -> None:
    sink, (port,) = Sink(), free_ports(1)
    async with sink.served() as at:
        (tmp_path / "all.yaml").write_text(MANIFESTS % at)
        shell = Shell(tmp_path, kafka)
        process = await shell.start("sources", "--sources-port", str(port), *PROCESS)
        try:
            url = f"http://127.0.0.1:{port}/webhooks/default/hook"
            pushed = json.dumps({"repository": {"url": "https://api.github.com/repos/o/r"}}).encode()
            await sent(url, "event", pushed)
            await sent(url, "no-event", b"no JSON")
        finally:
            process.terminate()
            await process.communicate()

        mine = "webhooksource/hook"
        found = await listed(shell, "--source", mine)
        assert found == await listed(shell) == await listed(shell, "-n", "default")
        assert await listed(shell, "-n", "other") == []
        code, out, err = await shell.run("dead-letters", "list", "--source", "pingsource/hook", *TOPICS)
        assert (code, out) == (2, "")
        assert "expected a source of the manifests (webhooksource/default/hook), or one that left dead letters" in err
        assert {(one["source"], one["broker"], one["whole"]) for one in found} == {
            ("WebhookSource default/hook", None, True),
            ("WebhookSource default/hook", None, False),
        }
        event, none = sorted(found, key=lambda one: not one["whole"])
        shown = await shell.done("dead-letters", "show", str(none["letter"]), "--source", mine, *TOPICS)
        assert "no JSON" in shown
        table = await shell.done("dead-letters", "list", *TOPICS)
        assert "WebhookSource/default/hook" in table

        code, out, err = await shell.run("dead-letters", "redrive", "--source", mine, *TOPICS)
        assert (code, sink.ids) == (1, [])
        assert f"{event['letter']} stays: http://127.0.0.1:{at}/: found status 400, expected a 2xx" in err
        assert f"{none['letter']} stays: found what a source could make no event of, expected an event" in err
        assert out.endswith("0 redriven, 2 stay\n")

        sink.status = 202
        out = await shell.done("dead-letters", "redrive", str(event["key"]), *TOPICS)
        assert f"redriven to http://127.0.0.1:{at}/" in out
        assert sink.ids == ["event"]
        assert [one["key"] for one in await listed(shell)] == [none["key"]]
        await shell.done("dead-letters", "discard", "--source", mine, "--reason", "of no use", *TOPICS)
        assert await listed(shell) == []

"""The port of the sources process: what it answers."""

import asyncio
import json
from dataclasses import replace

import pytest

from tests.shell.webhooks_running import (
    GITHUB,
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
from tradewind.observe.metrics import WEBHOOK_LOST, WEBHOOK_REFUSED, exposition
from tradewind.resources.webhooks import Answer


async def test_it_answers_once_it_is_stored() -> None:
    async with running(World()) as world:
        await world.serving(source("w", SIGNED))
        body = b'{"a": 1}'
        found = await world.ask(post("w", body, f"X-Signature: {signature(body)}", "Content-Type: application/json"))
        assert (found.status, found.body) == (202, b"")
        (event,) = world.events
        assert event.data == body
        assert event.source == "/apis/sources.tradewind.dev/v1alpha1/namespaces/default/webhooksources/w"


async def test_a_source_says_what_is_answered() -> None:
    async with running(World()) as world:
        await world.serving(source("w", replace(OPEN, answer=Answer(200, "text/plain", "ok\n"))))
        found = await world.ask(post("w"))
        assert (found.status, found.headers["content-type"], found.body) == (200, "text/plain", b"ok\n")
        await world.serving(source("w", replace(OPEN, answer=Answer(204, "", "none"))))
        found = await world.ask(post("w"))
        assert (found.status, found.body) == (204, b"")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post("w"), 401),
        (post("w", b"{}", "X-Signature: \xff\xfe"), 401),
        (post("other"), 404),
        (post("", target="/"), 404),
        (post("", target="/webhooks/default/w/x"), 404),
        (post("", target="/default/hello"), 404),
        (b"GET /webhooks/default/w HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        (b"POST /webhooks/default/w HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", 413),
        (post("w", b"x" * 2000), 413),
        (post("w", b"{}", "Content-Encoding: gzip"), 415),
        (post("w", b"{}", *(f"X-{n}: 1" for n in range(300))), 431),
        (post("w", b"{}", "X: " + "x" * 300_000), 431),
        (b"nonsense\r\n\r\n", 400),
        (post("w", b"{}", "Content-Length: 3"), 400),
        (post("w", b"{}", "Transfer-Encoding: chunked"), 400),
    ],
)
async def test_what_is_refused(request_: bytes, status: int) -> None:
    async with running(World()) as world:
        await world.serving(source("w", replace(SIGNED, max_body_bytes=1000)))
        assert (await world.ask(request_)).status == status
        assert not world.events


async def test_a_refusal_names_every_fault() -> None:
    async with running(World()) as world:
        await world.serving(source("w", SIGNED))
        found = await world.ask(post("w"))
        assert found.headers["content-type"] == "application/problem+json"
        assert json.loads(found.body)["faults"][0]["path"] == "x-signature"


async def test_the_handshake_of_webhooks() -> None:
    async with running(World()) as world:
        await world.serving(source("w", SIGNED))
        asked = b"OPTIONS /webhooks/default/w HTTP/1.1\r\nHost: h\r\nWebHook-Request-Origin: example.com\r\n\r\n"
        found = await world.ask(asked)
        assert found.status == 200
        assert found.headers["webhook-allowed-origin"] == "example.com"
        assert found.headers["allow"] == "POST, OPTIONS"


async def test_requests_of_one_connection_are_answered_in_turn() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(b"".join(post("w", b"%d" % number) for number in range(20)))
        assert [(await answered(reader)).status for _ in range(20)] == [202] * 20
        writer.close()
        assert [event.data for event in world.events] == [b"%d" % number for number in range(20)]


async def test_an_offer_of_an_upgrade_loses_no_body() -> None:
    """Java's default client makes it with each POST."""
    offer = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    )
    async with running(World()) as world:
        await world.serving(source("w", SIGNED))
        body = b'{"java": true}'
        sent = post("w", body, f"X-Signature: {signature(body)}", *offer)
        assert (await world.ask(sent)).status == 202
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        for _ in range(2):  # and again on the same connection
            writer.write(sent)
            assert (await answered(reader)).status == 202
        writer.close()
        assert [event.data for event in world.events] == [body] * 3
        assert world.webhooks.refused == {}
        await until(lambda: not world.webhooks.reading)


async def test_an_offer_that_comes_later_is_for_another_connection() -> None:
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(post("w"))
        assert (await answered(reader)).status == 202
        writer.write(post("w", b"late", "Connection: Upgrade", "Upgrade: h2c"))
        assert (await answered(reader)).status == 503
        assert await reader.read() == b"", "the connection ends, and its sender comes again"
        writer.close()
        assert [event.data for event in world.events] == [b"{}"], "nothing is made of a body that was lost"


async def test_kafka_away_is_503_just_before_the_sender_gives_up() -> None:
    async with running(World()) as world:
        await world.serving(source("w", replace(OPEN, patience=0.3)))
        world.log.down = True
        began = asyncio.get_running_loop().time()
        found = await world.ask(post("w", b"first"))
        assert (found.status, found.headers["retry-after"]) == (503, "1")
        assert asyncio.get_running_loop().time() - began < 5
        world.log.down = False
        await until(lambda: len(world.events) == 1, "what was on its way is stored all the same")


async def test_what_can_never_be_an_event_is_kept_and_answered() -> None:
    async with running(World()) as world:
        await world.serving(source("w", GITHUB))
        body = b"no json"
        found = await world.ask(
            post("w", body, f"X-Hub-Signature-256: sha256={signature(body)}", "X-GitHub-Event: push")
        )
        assert found.status == 202
        assert json.loads(found.body)["detail"].startswith("Kept in the dead letters.")
        (record,) = world.log.store.records("dead")
        assert record.value == body
        headers = dict(record.headers)
        assert headers["x-github-event"] == b"push"
        assert b"The body cannot be read." in headers["tradewind-reason"]
        assert "x-hub-signature-256" not in headers


async def test_nobody_in_particular_fills_the_dead_letters() -> None:
    event = "ce-specversion: 1.0", "ce-id: 1", "ce-source: /s", "ce-type: t"
    async with running(World(replace(SETTINGS, max_event_bytes=1000))) as world:
        await world.serving(source("open", OPEN), source("w", SIGNED))
        spent = await world.ask(post("open", b"x", *event, "ce-knativebrokerttl: 0"))
        large = await world.ask(post("open", b"x" * 900, *event, f"ce-more: {'y' * 100}"))
        assert (spent.status, large.status) == (400, 413)
        assert b"hops that are left" in spent.body
        assert not world.log.store.records("dead")
        signed = f"X-Signature: {signature(b'x')}"
        assert (await world.ask(post("w", b"x", signed, *event, "ce-knativebrokerttl: 0"))).status == 202
        assert len(world.log.store.records("dead")) == 1


async def test_a_refusal_to_a_sender_that_never_tries_again_is_counted() -> None:
    async with running(World()) as world:
        await world.serving(source("w", GITHUB), source("v", SIGNED))
        await world.ask(post("w"))
        await world.ask(post("v"))
        readings = [one async for one in world.readings.all()]
        group = "webhooksources.sources.tradewind.dev"
        refused = {one.labels: one.value for one in readings if one.metric is WEBHOOK_REFUSED}
        assert refused == {("default", group, name, "401"): 1 for name in ("v", "w")}
        assert {one.labels: one.value for one in readings if one.metric is WEBHOOK_LOST} == {("default", group, "w"): 1}
        assert b"tradewind_webhook_lost_total{" in exposition(readings)
        await world.serving(source("v", SIGNED))
        await until(lambda: len(world.process.counts) == 1)
        readings = [one async for one in world.readings.all()]
        assert [one for one in readings if one.metric is WEBHOOK_LOST] == []


async def test_expressions_are_asked_of_each_request() -> None:
    async with running(World()) as world:
        await world.serving(source("w", replace(OPEN, attributes={"type": "'t.' + body.k", "id": "query.id"})))
        assert (await world.ask(post("w", b'{"k": "v"}', target="/webhooks/default/w?id=7"))).status == 202
        assert [(event.type, event.id) for event in world.events] == [("t.v", "7")]
        assert (await world.ask(post("w", b"{}"))).status == 400


async def test_a_batch_is_answered_once_all_of_it_is_stored() -> None:
    batch = [{"specversion": "1.0", "id": f"{number}", "source": "/s", "type": "t"} for number in range(5)]
    sent = post("w", json.dumps(batch).encode(), "Content-Type: application/cloudevents-batch+json")
    async with running(World()) as world:
        await world.serving(source("w", OPEN))
        assert (await world.ask(sent)).status == 202
        assert [event.id for event in world.events] == ["0", "1", "2", "3", "4"]
        assert (await world.ask(post("w", b"[]", "Content-Type: application/cloudevents-batch+json"))).status == 202

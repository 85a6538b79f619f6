"""The port of the sources process: what it answers, and when."""

import asyncio
import hmac
import json
import random
import socket
from dataclasses import replace

import pytest

from tests.shell.webhooks_running import DEADLINE, REF, SETTINGS, World, answered, post, running, source, until
from tests.unit.webhook.requests import SECRET
from tests.unit.webhook.test_sns import URL, WEBHOOK, certificate, message
from tradewind.observe.metrics import (
    WEBHOOK_CONNECTIONS,
    WEBHOOK_LOST,
    WEBHOOK_REFUSED,
    WEBHOOK_TURNED_AWAY,
    exposition,
)
from tradewind.resources.model import GitHubSource
from tradewind.resources.webhooks import OWN_CHECKS, Answer, Hmac, Preset, Webhook
from tradewind.sources.webhook import app, connection

OPEN = Webhook()
SIGNED = Webhook(Hmac("x-signature"), (REF,))
GITHUB = Webhook(OWN_CHECKS[Preset.GITHUB], (REF,), Preset.GITHUB)


def signature(body: bytes) -> str:
    return hmac.digest(SECRET, body, "sha256").hex()


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

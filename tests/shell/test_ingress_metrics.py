"""What an ingress's metrics say of what it took and refused, whichever way a request went."""

import asyncio

from tests.scraped import Scraped
from tests.shell.ingress_running import PLAN, Running, ask, running
from tradewind.config import Settings
from tradewind.observe.metrics import CONTENT_TYPE

EVENT = b"POST /default/hello HTTP/1.1\r\nHost: x\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-source: /x\r\nce-type: t\r\n"
BATCH = (
    b'[{"specversion":"1.0","id":"1","source":"/x","type":"t"},{"specversion":"1.0","id":"2","source":"/x","type":"t"}]'
)
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


async def scraped(at: Running) -> Scraped:
    answer = await at.raw(GET)
    assert (answer.status, answer.headers["content-type"]) == (200, CONTENT_TYPE)
    return Scraped(answer.body.decode())


async def test_what_is_taken_and_what_is_refused_is_counted(way: str) -> None:
    async with running(Settings(grace=2.0, queue_bytes=2_000_000)) as at:
        before = await scraped(at)
        assert before.value("tradewind_ingress_events_total") is None
        assert before.value("tradewind_ingress_room_bytes") == 2_000_000
        assert (await at.raw(EVENT + b"Content-Length: 5\r\n\r\nhello")).status == 202
        batched = b"POST /shop/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents-batch+json\r\n"
        assert (await at.raw(batched + b"Content-Length: %d\r\n\r\n%s" % (len(BATCH), BATCH))).status == 202
        assert (await at.raw(EVENT.replace(b"ce-id: 1\r\n", b"") + b"Content-Length: 0\r\n\r\n")).status == 400
        assert (
            await at.raw(EVENT.replace(b"/default/hello", b"/no/where") + b"Content-Length: 0\r\n\r\n")
        ).status == 404
        assert (await at.raw(b"nonsense\r\n\r\n")).status == 400
        at.log.down = True
        assert (await at.raw(EVENT + b"Content-Length: 5\r\n\r\nhello")).status == 503
        at.log.down = False
        found = await scraped(at)
    events = "tradewind_ingress_events_total"
    assert found.by(events, "broker_name") == {"hello": 1, "orders": 2}
    assert found.by(events, "namespace_name") == {"default": 1, "shop": 2}
    assert found.value("tradewind_ingress_event_bytes_total", broker_name="hello") == 5
    assert found.value("tradewind_ingress_store_latency_seconds_count", broker_name="orders") == 1
    assert found.by("tradewind_ingress_refused_total", "response_code") == {"400": 2, "404": 1, "503": 1}
    assert found.value("tradewind_ingress_refused_total", response_code_class="4xx") == 3
    assert found.value("tradewind_ingress_held_bytes") == 0


async def test_what_waits_for_kafka_is_held() -> None:
    async with running() as at:
        at.log.held = True
        waiting = asyncio.create_task(ask(at.port, EVENT + b"Content-Length: 5\r\n\r\nhello"))
        async with asyncio.timeout(5):
            while not (await scraped(at)).value("tradewind_ingress_held_bytes"):
                pass
        at.log.release()
        assert (await waiting).status == 202


async def test_brokers_that_wait_are_counted_and_what_is_gone_has_no_series() -> None:
    async with running() as at:
        assert (await at.raw(EVENT + b"Content-Length: 0\r\n\r\n")).status == 202
        assert (await scraped(at)).value("tradewind_ingress_brokers_waiting") == 0
        at.log.down = True
        at.ingress.adopt(type(PLAN)())
        at.ingress.adopt(PLAN)
        found = await scraped(at)
        assert found.value("tradewind_ingress_brokers_waiting") == 2
        assert found.value("tradewind_ingress_events_total") is None
        at.log.down = False


async def test_one_of_several_on_a_port_says_where_its_own_are() -> None:
    async with running() as at:
        at.ingress.shared = True
        answer = await at.raw(GET)
    assert answer.status == 404
    assert b"--health-port" in answer.body

"""The ingress over real HTTP: every status it gives, and what it stores."""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.builders import broker_plan, event, http_headers
from tests.shell.ingress_clients import client_of, head
from tests.shell.ingress_running import HELLO, OTHER, PLAN, Running, read_answer, running, until
from tradewind.broker import deadlines, ingress
from tradewind.broker.serve import bind
from tradewind.config import KIB, Settings
from tradewind.errors import LogUnavailable, Rejected, StartFailed
from tradewind.events import kafka
from tradewind.plan import Plan
from tradewind.ports import TopicSpec

HEADERS = {name.decode(): value.decode() for name, value in http_headers()}
EVENT = b'{"specversion":"1.0","id":"1","source":"/tests","type":"tests.happened"}'
SMALL = Settings(max_event_bytes=1000, max_header_bytes=8 * KIB, grace=2.0)

pytestmark = pytest.mark.usefixtures("way")


async def post(
    at: Running,
    body: Any = b"",
    headers: dict[str, str] | None = None,
    path: str = "/default/hello",
    method: str = "POST",
) -> tuple[int, Any, bytes]:
    """One request with a real client; the body of a problem comes parsed."""
    given = HEADERS if headers is None else headers
    async with (
        aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as client,
        client.request(method, at.url + path, data=body, headers=given) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


def problem(answer: tuple[int, Any, bytes]) -> dict[str, Any]:
    """The problem document of an answer, whose form is checked."""
    status, headers, body = answer
    assert headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(body)
    assert document["status"] == status
    assert document["type"] == "about:blank" and document["title"] and document["detail"]
    return document


class TestStored:
    async def test_binary_mode(self) -> None:
        async with running() as at:
            sent = HEADERS | {"Content-Type": "application/json", "ce-time": "2026-01-01T00:00:00.123456789Z"}
            status, _, body = await post(at, b'{"a": 1.10}', sent | {"ce-partitionkey": "k"})
            (record,) = at.stored()
            assert (status, body) == (202, b"")
            assert record.key == b"k"
            assert kafka.read(record.headers, record.value) == event(
                data=b'{"a": 1.10}',
                datacontenttype="application/json",
                time="2026-01-01T00:00:00.123456789Z",
                partitionkey="k",
            )

    async def test_structured_mode(self) -> None:
        async with running() as at:
            body = EVENT[:-1] + b', "data": [1,  2.50]}'
            assert (await post(at, body, {"Content-Type": "application/cloudevents+json"}))[0] == 202
            (record,) = at.stored()
            assert record.value == b"[1,  2.50]"

    async def test_without_data_the_value_is_null(self) -> None:
        async with running() as at:
            assert (await post(at))[0] == 202
            assert at.stored()[0].value is None

    async def test_a_batch(self) -> None:
        async with running() as at:
            body = b"[" + EVENT + b"," + EVENT.replace(b'"1"', b'"2"') + b"]"
            assert (await post(at, body, {"Content-Type": "application/cloudevents-batch+json"}))[0] == 202
            assert sorted(dict(record.headers)["ce_id"] for record in at.stored()) == [b"1", b"2"]

    @pytest.mark.parametrize(
        "body, headers",
        [
            (b"x", HEADERS),
            (EVENT, {"Content-Type": "application/cloudevents+json"}),
            (b"[" + EVENT + b"," + EVENT + b"]", {"Content-Type": "application/cloudevents-batch+json"}),
        ],
    )
    async def test_what_travels_to_subscribers(self, body: bytes, headers: dict[str, str]) -> None:
        """Knative's fields and traces, with each event; never credentials."""
        along = {"X-Request-Id": "7", "Knative-Tenant": "é", "traceparent": "00-1-2-01"}
        others = {"Authorization": "Bearer secret", "Cookie": "a=secret", "Retry-After": "1", "X-Other": "1"}
        async with running() as at:
            assert (await post(at, body, {**along, **others, **headers}))[0] == 202
            for record in at.stored():
                names = {name for name, _ in record.headers if not name.startswith("ce_")}
                assert names == {name.lower() for name in along}
                assert kafka.read(record.headers, record.value).headers == tuple(
                    (name.lower(), value) for name, value in along.items()
                )
            assert len(at.stored()) == max(1, body.count(b"specversion"))

    async def test_what_connection_names_is_of_this_hop(self) -> None:
        async with running() as at:
            lines = ("X-Request-Id: 7", "Connection: close, x-request-id", "b3: 0", "Content-Length: 0")
            assert (await at.raw(head("/default/hello", *lines))).status == 202
            assert [name for name, _ in at.stored()[0].headers if not name.startswith("ce_")] == ["b3"]

    async def test_what_travels_has_a_bound_and_refuses_no_event(self) -> None:
        async with running() as at:
            assert (await post(at, b"x" * 900_000, HEADERS | {"Knative-A": "y" * 100_000, "b3": "0"}))[0] == 202
            assert kafka.read(at.stored()[0].headers, at.stored()[0].value).headers == (("b3", "0"),)

    async def test_nothing_of_a_batch_with_one_fault(self) -> None:
        async with running() as at:
            body = b"[" + EVENT + b",{}]"
            answer = await post(at, body, {"Content-Type": "application/cloudevents-batch+json"})
            assert answer[0] == 400
            assert {fault["path"] for fault in problem(answer)["faults"]} >= {"[1].id", "[1].type"}
            assert at.stored() == []

    async def test_each_broker_has_its_topic_and_a_slash_more_is_the_same_path(self) -> None:
        async with running() as at:
            assert (await post(at, path="/shop/orders/"))[0] == 202
            assert len(at.stored(OTHER.topic.name)) == 1
            assert at.stored() == []

    async def test_only_acknowledged_once_kafka_has_it(self) -> None:
        async with running() as at:
            at.log.held = True
            request = asyncio.create_task(post(at))
            await until(lambda: len(at.stored()) == 1)
            assert not request.done()
            at.log.release()
            assert (await request)[0] == 202


class TestRefused:
    async def test_no_cloud_event_names_every_fault(self) -> None:
        async with running() as at:
            answer = await post(at, b"x", {"ce-time": "today", "ce-id": ""})
            assert answer[0] == 400
            paths = [fault["path"] for fault in problem(answer)["faults"]]
            assert sorted(paths) == ["ce-id", "ce-source", "ce-specversion", "ce-time", "ce-type"]
            assert all(fault["rule"] for fault in problem(answer)["faults"])
            assert at.stored() == []

    @pytest.mark.parametrize("path", ["/default/unknown", "/default", "/", "/a/b/c", "//hello"])
    async def test_unknown_broker(self, path: str) -> None:
        async with running() as at:
            answer = await post(at, path=path)
            assert answer[0] == 404
            assert path in problem(answer)["detail"]
            assert "/{namespace}/{name}" in problem(answer)["detail"]

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "BREW"])
    async def test_method(self, method: str) -> None:
        async with running() as at:
            answer = await post(at, method=method)
            assert answer[0] == 405
            assert answer[1]["Allow"] == "POST, OPTIONS"
            assert "POST" in problem(answer)["detail"]

    async def test_the_probes_paths_are_no_brokers(self) -> None:
        async with running() as at:
            answer = await post(at, path="/healthz")
            assert answer[0] == 404
            assert "/healthz" in problem(answer)["detail"]

    async def test_announced_body_too_large(self) -> None:
        async with running(SMALL) as at:
            answer = await at.raw(head("/default/hello", "Content-Length: 1001"))
            assert answer.status == 413  # before a byte of the body is sent
            assert "1000 bytes (--max-event-bytes)" in json.loads(answer.body)["detail"]

    async def test_the_connection_goes_on_after_a_small_refused_body(self) -> None:
        async with running(SMALL) as at, aiohttp.ClientSession() as client:
            for size, status in ((2000, 413), (10, 202)):
                async with client.post(f"{at.url}/default/hello", data=b"x" * size, headers=HEADERS) as answer:
                    assert answer.status == status

    async def test_chunked_body_too_large(self) -> None:
        async with running(SMALL) as at:
            chunk = b"200\r\n" + b"x" * 512 + b"\r\n"
            answer = await at.raw(head("/default/hello", "Transfer-Encoding: chunked"), chunk, chunk)
            assert answer.status == 413  # its end was never sent
            assert at.stored() == []

    async def test_attributes_count(self) -> None:
        async with running(SMALL) as at:
            answer = await post(at, b"x" * 900, HEADERS | {"ce-big": "y" * 200})
            assert answer[0] == 413
            assert at.stored() == []

    async def test_batch_too_long(self) -> None:
        async with running() as at:
            body = b"[" + b",".join([EVENT] * 1001) + b"]"
            answer = await post(at, body, {"Content-Type": "application/cloudevents-batch+json"})
            assert answer[0] == 413
            assert problem(answer)["faults"][0]["expected"] == "at most 1000"

    @pytest.mark.parametrize("kind", ["+avro", "+protobuf", "-batch+protobuf", "+xml", ""])
    async def test_unknown_format(self, kind: str) -> None:
        async with running() as at:
            answer = await post(at, b"x", {"Content-Type": f"application/cloudevents{kind}"})
            assert answer[0] == 415
            assert "application/cloudevents+json" in answer[1]["Accept"]
            assert problem(answer)["faults"][0]["path"] == "Content-Type"

    @pytest.mark.parametrize("ending", [b"\r\n\r\n", b""])
    async def test_head_too_large(self, ending: bytes) -> None:
        async with running(SMALL) as at:
            answer = await at.raw(head()[:-2] + b"ce-big: " + b"y" * 10_000 + ending)
            assert (answer.status, answer.reason) == (431, "Request Header Fields Too Large")
            assert answer.headers["content-type"] == "application/problem+json"
            assert "8192 bytes" in json.loads(answer.body)["detail"]
            assert json.loads(answer.body)["faults"][0]["found"].endswith(" bytes")

    async def test_too_many_headers(self) -> None:
        async with running() as at:
            answer = await post(at, b"", HEADERS | {f"ce-x{n}": "1" for n in range(1000)})
            assert answer[0] == 431
            (fault,) = problem(answer)["faults"]
            assert fault["expected"] == "at most 1000 fields"
            assert "--max-header-bytes" not in problem(answer)["detail"]

    async def test_a_body_that_is_coded(self) -> None:
        """It would reach subscribers as it is, and nothing would tell them."""
        async with running() as at:
            answer = await post(at, b"\x1f\x8b", HEADERS | {"Content-Encoding": "gzip"})
            assert answer[0] == 415
            assert answer[1]["Accept-Encoding"] == "identity"
            assert "gzip" in problem(answer)["detail"]
            assert at.stored() == []
            assert (await post(at, b"x", HEADERS | {"Content-Encoding": "identity"}))[0] == 202

    @pytest.mark.parametrize("count, status", [("0", 400), ("-1", 400), ("255", 202), ("many", 202)])
    async def test_hops(self, count: str, status: int) -> None:
        async with running() as at:
            answer = await post(at, b"", HEADERS | {"ce-knativebrokerttl": count})
            assert answer[0] == status
            stored = [dict(record.headers).get("ce_knativebrokerttl") for record in at.stored()]
            assert stored == {"255": [b"255"], "many": [None]}.get(count, [])


class TestUnavailable:
    async def test_kafka_is_away(self) -> None:
        async with running() as at:
            at.log.down = True
            answer = await post(at)
            assert answer[0] == 503
            assert answer[1]["Retry-After"] == "1"
            assert "down" in problem(answer)["detail"]
            at.log.down = False
            assert (await post(at))[0] == 202

    async def test_an_acknowledgement_that_fails(self) -> None:
        async with running() as at:
            at.log.held = True
            request = asyncio.create_task(post(at))
            await until(lambda: len(at.stored()) == 1)
            at.log.release(LogUnavailable("timed out"))
            assert (await request)[0] == 503

    async def test_a_batch_of_which_kafka_takes_a_part(self) -> None:
        async with running() as at:
            at.log.held = True
            body = b"[" + EVENT + b"," + EVENT + b"]"
            request = asyncio.create_task(post(at, body, {"Content-Type": "application/cloudevents-batch+json"}))
            await until(lambda: len(at.stored()) == 2)
            at.log.release(LogUnavailable("timed out"))
            assert (await request)[0] == 503

    async def test_a_topic_that_is_gone_is_made_again(self) -> None:
        async with running() as at:
            del at.log.store.topics[HELLO.topic.name]
            assert (await post(at))[0] == 503
            await until(lambda: HELLO.topic.name in at.log.store.topics and not at.ingress.waiting)
            assert (await post(at, b"again"))[0] == 202
            assert [record.value for record in at.stored()] == [b"again"]

    async def test_the_topic_takes_less_than_the_ingress(self) -> None:
        async with running() as at:
            at.log.store.topics[HELLO.topic.name].config = {"max.message.bytes": "10"}
            answer = await post(at, b"x" * 100)
            assert answer[0] == 413
            (fault,) = problem(answer)["faults"]
            assert "but topic topic-default-hello takes 10" in fault["found"]
            assert "max.message.bytes" in fault["expected"]

    async def test_a_batch_of_which_the_topic_takes_a_part_is_not_stored(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The topic was there before, or was changed: as the ingress finds it, when it looks."""
        large = EVENT[:-1] + b',"ext":"%s"}' % (b"x" * 600)
        batch = b"[%s,%s,%s]" % (EVENT, large, EVENT)
        async with running() as at:
            at.log.store.topics[HELLO.topic.name].config = {"max.message.bytes": "600"}
            at.ingress.adopt(Plan())
            at.ingress.adopt(PLAN)
            await until(lambda: not at.ingress.waiting)
            answer = await post(at, batch, {"Content-Type": "application/cloudevents-batch+json"})
            assert answer[0] == 413 and at.stored() == []
            (fault,) = problem(answer)["faults"]
            assert fault["path"] == "[1]" and fault["found"].endswith(" bytes as a record")
            assert fault["expected"] == f"at most 600 bytes (max.message.bytes of topic {HELLO.topic.name})"
            assert (await post(at, b"x" * 600))[0] == 413 and at.stored() == []
            assert (await post(at, b"x" * 300))[0] == 202
            other = await post(at, b"x" * 600, path="/shop/orders")
            assert other[0] == 202
        (told,) = (vars(record)["fields"] for record in caplog.records if "--max-event-bytes" in record.message)
        assert (told["topic"], told["max_message_bytes"]) == (HELLO.topic.name, 600)

    async def test_a_topic_that_is_changed_is_looked_at_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ingress, "LOOK", 0.01)
        async with running() as at:
            for limit, status in (("600", 413), ("10000", 202)):
                at.log.store.topics[HELLO.topic.name].config = {"max.message.bytes": limit}
                await until(lambda wanted=int(limit): at.ingress.limits_of(HELLO).batch_bytes == wanted)  # type: ignore[misc]
                assert (await post(at, b"x" * 600))[0] == status

    async def test_a_topic_that_takes_less_is_told_of_once_while_a_broker_has_it(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(ingress, "LOOK", 0.01)
        looks = 0

        def told() -> int:
            return sum("--max-event-bytes" in record.message for record in caplog.records)

        async with running() as at:
            look = at.log.max_message_bytes

            async def counted(topics: Collection[str]) -> Mapping[str, int]:
                nonlocal looks
                looks += 1
                return await look(topics)

            monkeypatch.setattr(at.log, "max_message_bytes", counted)
            at.log.store.topics[HELLO.topic.name].config = {"max.message.bytes": "600"}
            await until(lambda: told() == 1)
            seen = looks
            await until(lambda: looks > seen + 3)
            assert told() == 1
            at.ingress.adopt(Plan(brokers={OTHER.name: OTHER}))
            assert at.ingress.limits_of(HELLO) == at.ingress.limits
            at.ingress.adopt(PLAN)
            await until(lambda: told() == 2)

    async def test_what_kafka_does_not_tell_leaves_things_as_they_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ingress, "LOOK", 0.01)
        asked = 0

        async def away(_topics: object) -> None:
            nonlocal asked
            asked += 1
            raise LogUnavailable("away")

        async with running() as at:
            before = at.ingress.limits_of(HELLO)
            monkeypatch.setattr(at.log, "max_message_bytes", away)
            await until(lambda: asked > 2)
            assert at.ingress.limits_of(HELLO) == before != at.ingress.limits
            assert (await post(at))[0] == 202

    async def test_all_that_kafka_refuses_of_a_batch_is_named(self) -> None:
        """It was changed since the ingress looked."""
        async with running() as at:
            at.log.store.topics[HELLO.topic.name].config = {"max.message.bytes": "10"}
            body = b"[%s,%s,%s]" % (EVENT, EVENT, EVENT)
            answer = await post(at, body, {"Content-Type": "application/cloudevents-batch+json"})
            assert answer[0] == 413 and len(problem(answer)["faults"]) == 3

    async def test_the_disk_is_almost_full(self) -> None:
        async with running() as at:
            at.disk.append("/data/kafka")
            answer = await post(at)
            assert answer[0] == 503
            assert "/data/kafka" in problem(answer)["detail"]
            assert "Retry-After" in answer[1]

    async def test_the_bodies_held_are_bounded(self) -> None:
        async with running(Settings(queue_bytes=3500, grace=2.0)) as at:
            at.log.held = True
            first = asyncio.create_task(post(at, b"x" * 1000))
            await until(lambda: len(at.stored()) == 1)
            answer = await post(at, b"x" * 1000)
            assert answer[0] == 503
            assert "--queue-bytes" in problem(answer)["detail"]
            at.log.release()
            assert (await first)[0] == 202
            at.log.held = False
            assert (await post(at, b"x" * 1000))[0] == 202

    async def test_a_broker_waits_for_its_topic(self) -> None:
        async with running(plan=None) as at:
            at.log.down = True
            at.ingress.adopt(PLAN)
            with pytest.raises(Rejected, match=r": Kafka at 127\.0\.0\.1:9092 has not answered yet\."):
                at.ingress.check(HELLO)
            answer = await post(at)
            assert answer[0] == 503
            assert "waits for its topic topic-default-hello" in problem(answer)["detail"]
            await until(lambda: "the log in memory is down" in at.ingress.waiting.values())
            assert (await post(at, path="/readyz", method="GET"))[0] == 503
            at.log.down = False
            await until(lambda: at.ingress.health.ready)
            assert (await post(at))[0] == 202

    async def test_an_external_topic_is_not_made(self) -> None:
        external = broker_plan(topic="theirs", external=True)
        async with running(plan=Plan(brokers={external.name: external})) as at:
            answer = await post(at)
            assert answer[0] == 503
            assert "topic theirs does not exist" in problem(answer)["detail"]
            assert "theirs" not in at.log.store.topics
            assert external.dead_letter_topic in at.log.store.topics

    async def test_on_kubernetes_the_controller_makes_topics(self) -> None:
        async with running(replace(SMALL, kubernetes=True)) as at:
            answer = await post(at)
            assert answer[0] == 503
            assert "does not exist, and the controller has not made it again yet" in problem(answer)["detail"]
            assert not at.log.store.topics
            at.log.store.make(TopicSpec(HELLO.topic.name, 1, None, {}))
            await until(lambda: HELLO.name not in at.ingress.waiting)
            assert (await post(at))[0] == 202

    async def test_a_broker_that_waits_for_its_controller_says_why(self) -> None:
        held = replace(HELLO, waits="no controller has made its topic yet")
        async with running(plan=Plan(brokers={held.name: held, OTHER.name: OTHER})) as at:
            for _ in range(2):
                answer = await post(at)
                assert (answer[0], problem(answer)["detail"]) == (503, "no controller has made its topic yet.")
                assert answer[1]["Retry-After"]
            assert HELLO.topic.name not in at.log.store.topics
            at.ingress.adopt(PLAN)
            await until(lambda: not at.ingress.waiting)
            assert (await post(at))[0] == 202
            at.ingress.adopt(Plan(brokers={held.name: held}))
            assert (await post(at))[0] == 503


class TestPlan:
    async def test_a_broker_whose_topic_kafka_refuses(self) -> None:
        refused = replace(HELLO, topic=replace(HELLO.topic, partitions=-1))
        async with running(plan=Plan(brokers={refused.name: refused, OTHER.name: OTHER})) as at:
            answer = await post(at)
            assert answer[0] == 503
            assert "found -1 partitions" in problem(answer)["detail"]
            assert (await post(at, path="/shop/orders"))[0] == 202

    async def test_a_broker_that_goes_while_it_waits(self) -> None:
        async with running(plan=None) as at:
            at.log.down = True
            at.ingress.adopt(PLAN)
            at.ingress.adopt(Plan(brokers={OTHER.name: OTHER}))
            at.log.down = False
            await until(lambda: at.ingress.health.ready)
            assert HELLO.topic.name not in at.log.store.topics
            assert (await post(at))[0] == 404

    async def test_brokers_come_and_go(self) -> None:
        async with running(plan=Plan(brokers={HELLO.name: HELLO})) as at:
            assert (await post(at, path="/shop/orders"))[0] == 404
            at.ingress.adopt(PLAN)
            await until(lambda: OTHER.dead_letter_topic in at.log.store.topics)
            assert (await post(at, path="/shop/orders"))[0] == 202
            at.ingress.adopt(Plan(brokers={OTHER.name: OTHER}))
            assert (await post(at))[0] == 404

    async def test_a_broker_that_stays_never_waits(self) -> None:
        async with running() as at:
            at.log.down = True
            at.ingress.adopt(Plan(brokers=dict(PLAN.brokers)))
            assert "the log in memory is down" in problem(await post(at))["detail"]


class TestProbes:
    async def test_before_there_is_a_plan_no_broker_is_called_unknown(self) -> None:
        async with running(plan=None) as at:
            answer = await post(at)
            assert answer[0] == 503
            assert "manifests" in problem(answer)["detail"]

    async def test_alive_before_ready(self) -> None:
        async with running(plan=None) as at:
            assert (await post(at, path="/healthz", method="GET"))[0] == 200
            answer = await post(at, path="/readyz", method="GET")
            assert answer[0] == 503
            assert "manifests" in problem(answer)["detail"]
            at.ingress.adopt(PLAN)
            await until(lambda: at.ingress.health.ready)
            assert (await post(at, path="/readyz", method="GET"))[0] == 200

    async def test_knatives_network_probe(self) -> None:
        async with running() as at:
            status, headers, _ = await post(
                at, b"", {"K-Network-Probe": "probe", "K-Network-Hash": "abc"}, method="GET"
            )
            assert (status, headers["K-Network-Hash"]) == (200, "abc")

    async def test_the_webhook_handshake(self) -> None:
        async with running() as at:
            sent = {"WebHook-Request-Origin": "example.com", "WebHook-Request-Rate": "10"}
            status, headers, _ = await post(at, b"", sent, method="OPTIONS")
            assert (status, headers["Allow"]) == (200, "POST, OPTIONS")
            assert (headers["WebHook-Allowed-Origin"], headers["WebHook-Allowed-Rate"]) == ("example.com", "*")
            assert (await post(at, b"", sent, path="/no/broker", method="OPTIONS"))[0] == 404


class TestHttp:
    async def test_an_offered_upgrade_keeps_the_body(self) -> None:
        """Java's default client offers one with each POST in the clear."""
        lines = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA")
        async with running() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            for _ in range(2):
                writer.write(head("/default/hello", *lines, "Content-Length: 5") + b"hello")
                assert (await read_answer(reader)).status == 202
            writer.close()
            assert [record.value for record in at.stored()] == [b"hello", b"hello"]

    async def test_a_websocket_is_an_ordinary_request(self) -> None:
        async with running() as at:
            lines = ("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 5")
            assert (await at.raw(head("/default/hello", *lines) + b"hello")).status == 202
            assert at.stored()[0].value == b"hello"

    @pytest.mark.parametrize(
        "lines, body",
        [
            (("Content-Length: 5", "Transfer-Encoding: chunked"), b"5\r\nhello\r\n0\r\n\r\n"),
            (("Transfer-Encoding: chunked", "Content-Length: 5"), b"5\r\nhello\r\n0\r\n\r\n"),
            (("Content-Length: 5", "Content-Length: 6"), b"hello!"),
            (("Content-Length: 5, 6",), b"hello!"),
            (("Content-Length: 5", "content-length:5"), b"hello"),
            (("Content-Length: 5, 5",), b"hello"),
            (("Content-Length: 5", "ce-x: y", "CONTENT-LENGTH: 5", "Transfer-Encoding: chunked"), b"hello"),
            (("Content-Length: 5", " , 5"), b"hello"),
            (("Content-Length: +5",), b"hello"),
            (("Content-Length: five",), b"hello"),
            (("Transfer-Encoding: chunked",), b"zz\r\nhello\r\n0\r\n\r\n"),
            (("ce-bad: a\0b", "Content-Length: 0"), b""),
            (("ce bad: a", "Content-Length: 0"), b""),
        ],
    )
    async def test_what_is_no_http_is_refused_and_never_stored(self, lines: tuple[str, ...], body: bytes) -> None:
        async with running() as at:
            answer = await at.raw(head("/default/hello", *lines) + body)
            assert (answer.status, answer.reason) == (400, "Bad Request")
            assert (faults := json.loads(answer.body)["faults"])
            assert "b'" not in str(faults) and "bytearray" not in str(faults)
            assert answer.headers["connection"] == "close"
            assert at.stored() == []

    @pytest.mark.parametrize("request_line", ["POST /default/hello", "GET /healthz", "OPTIONS /default/hello"])
    async def test_two_lengths_are_refused_in_words_for_any_request(self, request_line: str) -> None:
        """RFC 9112 6.3 lets a recipient take equal ones for one; whoever stands before us may not have done so."""
        lines = f"{request_line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0, 0\r\n\r\n"
        async with running() as at:
            answer = await at.raw(lines.encode())
            assert answer.status == 400
            fault, *of_event = json.loads(answer.body)["faults"]
            expected = {"found": '3 of them, "0, 0, 0"', "expected": "at most one", "rule": "RFC 9112 6.3"}
            assert fault == {"path": "Content-Length", **expected}
            assert bool(of_event) == request_line.startswith("POST")

    @pytest.mark.parametrize("target", ["*", "/default/hello", "/no/broker"])
    async def test_another_version_of_http_is_refused_once(self, target: str) -> None:
        """As a client does that takes us for a server of HTTP/2 (RFC 9113 3.4)."""
        async with running() as at, client_of(at) as client:
            client.send(f"PRI {target} HTTP/2.0\r\nHost: x\r\n\r\nSM\r\n\r\n".encode())
            assert await client.statuses(1) == [505]
            assert await client.ended()

    @pytest.mark.parametrize("start", [b"x" * 200_000 + b" /", b"POST /" + b"x" * 200_000])
    async def test_a_request_line_without_end(self, start: bytes) -> None:
        async with running() as at, client_of(at) as client:
            client.send(start + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await client.statuses(1) == [431]

    @pytest.mark.parametrize(("path", "told"), [("/", True), ("/healthz/", True), ("/default/none", False)])
    async def test_who_looks_for_a_probe_is_told_where_they_are(self, path: str, told: bool) -> None:
        async with running() as at:
            answer = await at.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert answer.status == 404
            assert ("/healthz and /readyz" in json.loads(answer.body)["detail"]) == told

    async def test_what_looks_like_two_lengths_and_is_none(self) -> None:
        body = b"\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"
        async with running() as at:
            for lines in (
                ("ce-x: Content-Length: 1",),
                ("x-content-length: 1", "content-length-x: 1"),
                ("Upgrade: h2c",),
            ):
                sent = head("/default/hello", *lines, f"Content-Length: {len(body)}") + body
                assert (await at.raw(sent)).status == 202
            assert [record.value for record in at.stored()] == [body] * 3

    @pytest.mark.parametrize(
        "line, part", [("Content-Length: 10", b"hello"), ("Transfer-Encoding: chunked", b"5\r\nhello\r\n")]
    )
    async def test_a_body_cut_short_is_never_stored(self, line: str, part: bytes) -> None:
        async with running() as at:
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(head("/default/hello", line) + part)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert (await post(at, b"whole"))[0] == 202
            assert [record.value for record in at.stored()] == [b"whole"]

    async def test_a_body_that_never_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadlines, "BODY", 0.05)
        async with running() as at:
            answer = await at.raw(head("/default/hello", "Content-Length: 10"), b"hello")
            assert answer.status == 408
            assert "0.05 seconds" in json.loads(answer.body)["detail"]
            assert at.stored() == []

    async def test_a_target_in_absolute_form(self) -> None:
        async with running() as at:
            assert (await at.raw(head("http://x/default/hello", "Content-Length: 0"))).status == 202

    async def test_a_target_that_is_a_star(self) -> None:
        async with running() as at:
            answer = await at.raw(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")

    async def test_expect_100_continue(self) -> None:
        async with running() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(head("/default/hello", "Content-Length: 5", "Expect: 100-continue"))
            assert (await read_answer(reader)).status == 100
            writer.write(b"hello")
            assert (await read_answer(reader)).status == 202
            writer.close()

    async def test_requests_one_behind_the_other(self) -> None:
        async with running() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(head("/default/hello", "Content-Length: 1") + b"a" + head("/no/broker", "Content-Length: 0"))
            assert [(await read_answer(reader)).status, (await read_answer(reader)).status] == [202, 404]
            writer.close()


class TestStop:
    async def test_what_was_begun_is_finished(self) -> None:
        async with running() as at:
            at.log.held = True
            request = asyncio.create_task(post(at))
            await until(lambda: len(at.stored()) == 1)
            at.stop.set()
            with pytest.raises(ConnectionError):
                while True:
                    _, writer = await asyncio.open_connection("127.0.0.1", at.port)
                    writer.close()
                    await asyncio.sleep(0)
            assert not request.done()
            at.log.release()
            assert (await request)[0] == 202
            await asyncio.wait_for(at.done, 5)

    async def test_it_ends_within_its_grace(self) -> None:
        async with running(Settings(grace=1.0)) as at:
            at.log.held = True
            request = asyncio.create_task(post(at))
            await until(lambda: len(at.stored()) == 1)
            at.stop.set()
            await asyncio.wait_for(at.done, 5)
            answer = await request
            assert answer[0] == 503
            assert "stops" in problem(answer)["detail"]

    def test_a_taken_port(self) -> None:
        with bind("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(StartFailed, match=f"port {port} .*\n.*--port"):
                bind("127.0.0.1", port)

    def test_an_address_that_is_none(self) -> None:
        with pytest.raises(StartFailed, match="--"):
            bind("203.0.113.1", 0)


async def test_a_fault_of_ours_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as at:

        def broken(_record: object) -> None:
            raise RuntimeError("a fault")

        monkeypatch.setattr(at.log, "append", broken)
        answer = await post(at)
        assert answer[0] == 500
        assert "a fault" not in problem(answer)["detail"]


async def test_what_is_no_http_leaves_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Anyone may send it, as often as they like; who sent it has the reason."""
    async with running() as at:
        answer = await at.raw(b"no HTTP\r\n\r\n")
    assert answer.status == 400
    assert [record.getMessage() for record in caplog.records] == []

"""The ingress over real HTTP: what it takes and stores, and what it refuses."""

import asyncio
import json

import aiohttp
import pytest

from tests.builders import event
from tests.shell.ingress_clients import EVENT, HEADERS, SMALL, head, post, problem
from tests.shell.ingress_running import OTHER, running, until
from tradewind.events import kafka

pytestmark = pytest.mark.usefixtures("way")


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


async def test_a_fault_of_ours_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as at:

        def broken(_record: object) -> None:
            raise RuntimeError("a fault")

        monkeypatch.setattr(at.log, "append", broken)
        answer = await post(at)
        assert answer[0] == 500
        assert "a fault" not in problem(answer)["detail"]

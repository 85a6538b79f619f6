"""The ingress where Kafka, a topic, room or a Broker is not there: what it answers, and what it stores all the same."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from tests.builders import broker_plan
from tests.shell.ingress_clients import EVENT, SMALL, post, problem
from tests.shell.ingress_running import HELLO, OTHER, PLAN, running, until
from tradewind.broker import ingress
from tradewind.config import Settings
from tradewind.errors import LogUnavailable, Rejected
from tradewind.plan import Plan
from tradewind.ports import TopicSpec

pytestmark = pytest.mark.usefixtures("way")


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

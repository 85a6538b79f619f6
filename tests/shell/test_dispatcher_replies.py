"""What a dispatcher does with answers, over a log in memory."""

from dataclasses import replace

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import TOPIC, World, answer_event, event, plan, trigger
from tradewind.delivery.verdicts import Answer
from tradewind.events import kafka
from tradewind.events.model import HOPS


def test_a_reply_enters_the_broker_and_its_hops_end() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: answer_event(f"reply to {got.id}")
        world.adopt(plan(trigger("a", type="com.example.a"), trigger("b", type="com.example.reply")))
        async with world.dispatcher():
            await world.post(event(1), event(2, **{HOPS: "1"}))
            await until(lambda: world.dead_letters() and "http://b" in world.subscribers.got)
        assert world.subscribers.ids("http://b") == ["reply to 1"]
        (stored,) = [r for r in world.store.records(TOPIC) if kafka.read(r.headers, r.value).id == "reply to 1"]
        assert kafka.read(stored.headers, stored.value).attributes[HOPS] == "254"
        (letter,) = world.dead_letters()
        assert kafka.read(letter.headers, letter.value or None).id == "reply to 2"
        assert dict(letter.headers)["tradewind-reason"] == b"hop limit"
        assert (letter.key or b"").startswith(b"reply/default/a/")

    run(scenario)


@pytest.mark.parametrize("structured", [False, True])
def test_fields_that_travel_reach_subscriber_sink_and_dead_letters(structured: bool) -> None:
    """From the request that brought the event; a reply has those of the answer that it came in, and no others."""

    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: Answer(400)
        world.subscribers.at["http://sink"] = lambda _: Answer(400)
        given = answer_event("reply")
        headers = {**given.headers, "knative-b": "2", "set-cookie": "secret", "retry-after": "1"}
        world.subscribers.at["http://b"] = lambda got: replace(given, headers=headers) if got.id == "1" else Answer(204)
        a, b = trigger("a", sink="http://sink", type="com.example.a"), trigger("b")
        delivery = replace(a.delivery, structured=structured)
        world.adopt(plan(replace(a, delivery=delivery), replace(b, delivery=delivery)))
        along = (("x-request-id", "7"), ("knative-a", "é"))
        async with world.dispatcher():
            await world.post(replace(event(1), headers=along))
            await until(lambda: world.dead_letters() and len(world.subscribers.got["http://b"]) == 2)
        assert [got.headers for got in world.subscribers.got["http://a"]] == [along]
        assert [got.headers for got in world.subscribers.got["http://sink"]] == [along]
        assert [got.headers for got in world.subscribers.got["http://b"]] == [along, (("knative-b", "2"),)]
        (letter,) = world.dead_letters()
        assert kafka.read(letter.headers, letter.value).headers == along

    run(scenario)


def test_answers_that_are_no_events_are_acknowledgements() -> None:
    async def scenario() -> None:
        world = World()
        answers = {
            "1": Answer(202, {"ce-id": "x", "ce-source": "s", "ce-type": "t", "ce-specversion": "1.0"}),
            "2": Answer(200, {"content-type": "application/json"}, b'{"not": "an event"}'),
            "3": Answer(200, {"ce-id": "only an id"}, b"x"),
            "4": Answer(204),
        }
        world.subscribers.at["http://a"] = lambda got: answers[got.id]
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in answers))
            await until(lambda: len(world.subscribers.ids("http://a")) == 4)
        assert len(world.store.records(TOPIC)) == 4
        assert not world.dead_letters()

    run(scenario)


def test_a_reply_that_is_too_large_is_kept_cut() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: Answer(
            200, {"ce-id": "r", "content-type": "a/b"}, b"x" * 300_000, cut=True
        )
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.dead_letters())
        (letter,) = world.dead_letters()
        assert len(letter.value or b"") == 256 * 1024
        assert dict(letter.headers)["tradewind-reason"] == b"reply is too large"
        assert len(world.store.records(TOPIC)) == 1

    run(scenario)


def test_a_coded_reply_is_kept_as_it_came() -> None:
    async def scenario() -> None:
        world = World()
        headers = {"ce-id": "r", "content-type": "a/b", "content-encoding": "gzip"}
        world.subscribers.at["http://a"] = lambda _: Answer(200, headers, b"\x1f\x8b")
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.dead_letters())
        (letter,) = world.dead_letters()
        assert letter.value == b"\x1f\x8b"
        marks = dict(letter.headers)
        assert marks["tradewind-reason"] == b"reply has the content coding gzip"
        assert marks["tradewind-content-encoding"] == b"gzip"
        assert len(world.store.records(TOPIC)) == 1

    run(scenario)


@pytest.mark.parametrize(
    "headers",
    [
        {"ce-id": "r", "ce-source": "/s", "ce-specversion": "1.0"},
        {"content-type": "application/cloudevents-batch+json"},
    ],
)
def test_a_reply_that_is_meant_as_an_event_and_is_none_is_said(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: Answer(200, headers, b"[]")
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: "reply is no event" in caplog.text)
        assert len(world.store.records(TOPIC)) == 1
        assert not world.dead_letters()

    run(scenario)

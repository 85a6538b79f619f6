"""What a dispatcher does with events that are not taken, over a log in memory, in fake time."""

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import TOPIC, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events import kafka
from tradewind.events.model import HOPS, Event
from tradewind.ports import NewRecord, TopicPartition


def test_what_the_dead_letter_topic_refuses_is_kept_smaller_and_ends_nothing() -> None:
    async def scenario() -> None:
        world = World(max_event_bytes=1024, partitions=1)
        world.subscribers.at["http://a"] = lambda _: Answer(
            200, {"ce-id": "r", "content-type": "a/b"}, b"x" * 300_000, cut=True
        )
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            world.store.topics[TOPIC].config = {"max.message.bytes": "1000000"}  # the user's own takes larger ones
            await world.log.append(NewRecord(TOPIC, b"x" * 300_000))
            await world.post(event(1))
            await until(lambda: len(world.dead_letters()) == 2)
            await world.post(event(2))
            await until(lambda: "2" in world.subscribers.ids("http://a"))
        assert {dict(letter.headers)["tradewind-cut"] for letter in world.dead_letters()} == {b"true"}
        assert world.subscribers.ids("http://a") == ["1", "2"]

    run(scenario)


def test_retries_wait_as_the_schedule_says_and_then_the_dead_letter_topic_has_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        world = World()
        times: list[float] = []

        def failing(_: Event) -> Outcome:
            times.append(clock())
            return Answer(503, {"kne-why": "busy"}, b"x" * 2000)

        world.subscribers.at["http://a"] = failing
        world.adopt(plan(trigger("a", retry=3)))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.dead_letters())
        waits = [round(later - earlier, 1) for earlier, later in pairwise(times)]
        assert waits == [0.4, 0.8, 1.6]
        told = [vars(record)["fields"] for record in caplog.records if record.message == "delivery will be retried"]
        assert [round(fields["wait_seconds"], 1) for fields in told] == waits
        (letter,) = world.dead_letters()
        got = kafka.read(letter.headers, letter.value)
        assert got.id == "1"
        assert got.data == b"data"
        assert got.attributes["knativeerrordest"] == "http://a"
        assert got.attributes["knativeerrorcode"] == "503"
        assert got.attributes["why"] == "busy"
        assert len(got.attributes["knativeerrordata"]) == 1368  # 1,024 raw bytes in Base64
        marks = dict(letter.headers)
        assert marks["tradewind-reason"] == b"retries spent: status 503"
        assert marks["tradewind-trigger"] == b"default/a"

    with caplog.at_level("INFO", "tradewind"):
        run(scenario)


def test_what_is_refused_is_not_retried_and_a_value_is_never_null() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: Answer(400)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(Event(event(1).attributes, None))
            await until(lambda: world.dead_letters())
        assert world.subscribers.ids("http://a") == ["1"]
        (letter,) = world.dead_letters()
        assert letter.value == b""
        assert dict(letter.headers)["tradewind-no-data"] == b"true"

    run(scenario)


def test_retry_after_is_honoured() -> None:
    async def scenario() -> None:
        world = World()
        times: list[float] = []

        def busy_once(_: Event) -> Outcome:
            times.append(clock())
            return Answer(429, {"retry-after": "120"}) if len(times) == 1 else Answer(200)

        world.subscribers.at["http://a"] = busy_once
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: len(times) == 2)
        assert round(times[1] - times[0]) == 120

    run(scenario)


def test_a_sink_gets_what_failed_and_the_topic_what_the_sink_refused() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: NoAnswer("connection refused")
        world.subscribers.at["http://b"] = lambda _: Answer(404)
        world.subscribers.at["http://gone"] = lambda _: Answer(410)
        world.adopt(plan(trigger("a", retry=1, sink="http://sink"), trigger("b", retry=1, sink="http://gone")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.dead_letters() and world.subscribers.ids("http://sink"))
        (kept,) = world.subscribers.got["http://sink"]
        assert kept.attributes["knativeerrordest"] == "http://a"
        assert "knativeerrorcode" not in kept.attributes
        assert kept.attributes[HOPS] == "254"
        (letter,) = world.dead_letters()
        assert kafka.read(letter.headers, letter.value).attributes["knativeerrorcode"] == "404"
        assert dict(letter.headers)["tradewind-reason"].startswith(b"dead-letter sink: refused")
        assert len(world.subscribers.ids("http://a")) == 2

    run(scenario)


def test_attempts_and_due_times_survive_a_kill() -> None:
    async def scenario() -> None:
        world = World()
        times: list[float] = []

        def failing(_: Event) -> Outcome:
            times.append(clock() - EPOCH)
            return Answer(503)

        world.subscribers.at["http://a"] = failing
        patient = trigger("a", retry=4)
        world.adopt(plan(replace(patient, delivery=replace(patient.delivery, delay=10.0, exponential=False))))
        async with world.dispatcher(kill=True):
            await world.post(event(1))
            await until(lambda: len(times) == 2)
            await until(lambda: clock() - EPOCH > times[1] + 5)  # its record is written by then
        async with world.dispatcher():
            await until(lambda: world.dead_letters())
        waits = [round(later - earlier) for earlier, later in pairwise(times)]
        assert waits == [10, 20, 30, 40]

    run(scenario)


def test_a_record_that_is_no_event_is_kept_once() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a"), trigger("b")))
        async with world.dispatcher():
            await world.log.append(NewRecord(TOPIC, b"\x00garbage", [("ce_id", b"\xff")], partition=0))
            await world.log.append(NewRecord(TOPIC, None, partition=0))
            await world.post(event(1))
            await until(lambda: len(world.dead_letters()) == 2 and world.subscribers.ids("http://a"))
        async with world.dispatcher():
            await world.post(event(2))
            await until(lambda: "2" in world.subscribers.ids("http://b"))
        letters = world.dead_letters()
        assert len(letters) == 2
        assert (letters[0].value, letters[1].value) == (b"\x00garbage", b"")
        assert dict(letters[0].headers)["ce_id"] == b"\xff"
        assert dict(letters[0].headers)["tradewind-reason"] == b"not a CloudEvent"
        assert (letters[0].key or b"").startswith(b"record/")

    run(scenario)


def test_an_owed_event_that_the_log_lost_is_named_in_the_dead_letters() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.subscribers.at["http://a"] = lambda _: Answer(503, {"retry-after": "60"})
        world.adopt(plan(trigger("a", retry=5)))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            await until(lambda: clock() - EPOCH > 10)
            await world.post(event(2))
            world.store.delete_records_before(TopicPartition(TOPIC, 0), 1)
            await until(lambda: world.dead_letters())
        (letter,) = world.dead_letters()
        assert dict(letter.headers)["tradewind-reason"].startswith(b"retention: ")

    run(scenario)

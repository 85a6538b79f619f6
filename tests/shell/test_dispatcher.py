"""The dispatcher's shells over a log in memory, in fake time."""

import asyncio
import json
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, DEAD, TOPIC, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.events import kafka
from tradewind.events.model import HOPS, Event
from tradewind.plan import BrokerPlan, Target, TopicPlan
from tradewind.ports import NewRecord, TopicPartition
from tradewind.resources.model import NamespacedName, Order
from tradewind.topics import topic_specs


def answer_event(number: str, **attributes: str) -> Answer:
    headers = {"ce-id": number, "ce-source": "/subscriber", "ce-type": "com.example.reply", "ce-specversion": "1.0"}
    return Answer(200, {**headers, **{f"ce-{name}": value for name, value in attributes.items()}})


def test_an_event_reaches_the_triggers_it_matches_and_no_other() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a", type="com.example.a"), trigger("b", type="com.example.b"), trigger("all")))
        async with world.dispatcher():
            await world.post(event(1, **{HOPS: "9", "subject": "grüße %"}), event(2, type="com.example.b"))
            await until(lambda: len(world.subscribers.got.get("http://all", [])) == 2)
        assert world.subscribers.ids("http://a") == ["1"]
        assert world.subscribers.ids("http://b") == ["2"]
        (got,) = world.subscribers.got["http://a"]
        assert got == event(1, subject="grüße %")
        headers = next(h for h in world.subscribers.headers if h["ce-id"] == "1")
        assert headers["prefer"] == "reply"
        assert headers["kn-namespace"] == "default"
        assert "ce-knativebrokerttl" not in headers

    run(scenario)


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


def test_a_broker_whose_topics_are_refused_holds_up_no_other() -> None:
    async def scenario() -> None:
        world = World()
        bad = BrokerPlan(NamespacedName("default", "bad"), TopicPlan("bad", partitions=0), "bad.dead-letters")
        both = plan(trigger("a"))
        world.adopt(replace(both, brokers={bad.name: bad, **both.brokers}))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            mended = replace(bad, topic=TopicPlan("bad", partitions=1))
            late = replace(trigger("b"), broker=bad.name, topic="bad")
            world.adopt(replace(plan(trigger("a"), late), brokers={bad.name: mended, **both.brokers}))
            await until(lambda: world.store.existing(["bad"]))
            headers, value = kafka.write(event(2))
            await world.log.append(NewRecord("bad", value, headers))
            await until(lambda: world.subscribers.ids("http://b"))

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


def test_a_failing_subscriber_holds_up_neither_other_triggers_nor_is_anything_of_it_lost() -> None:
    async def scenario() -> None:
        world = World(backlog=20, max_in_flight=5, waiting=40)
        healthy = False
        world.subscribers.at["http://slow"] = lambda _: Answer(200) if healthy else Answer(503)
        world.adopt(plan(trigger("slow", retry=1000), trigger("quick")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(500)))
            await until(lambda: len(world.subscribers.ids("http://quick")) == 500, within=5.0)
            healthy = True
            await until(lambda: len(set(world.subscribers.ids("http://slow"))) == 500)
        assert len(world.subscribers.ids("http://quick")) == 500

    run(scenario)


def test_width_bounds_what_runs() -> None:
    async def scenario() -> None:
        world = World(max_in_flight=7, latency=1.0)
        most = 0

        def watch(_: Event) -> Outcome:
            nonlocal most
            most = max(most, world.subscribers.running)
            return Answer(200)

        world.subscribers.at["http://a"] = watch
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(100)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 100)
        assert most == 6  # the one that counts has left already

    run(scenario)


def test_order_is_kept_for_each_key_and_one_key_does_not_hold_up_another() -> None:
    async def scenario() -> None:
        world = World()
        failures = {"k1-3": 4}

        def sometimes(got: Event) -> Outcome:
            if failures.get(got.id, 0):
                failures[got.id] -= 1
                return Answer(503)
            return Answer(200)

        world.subscribers.at["http://a"] = sometimes
        world.adopt(plan(trigger("a", retry=10, order=Order.ORDERED)))
        async with world.dispatcher():
            for number in range(6):
                await world.post(*(event(f"k{key}-{number}", partitionkey=f"k{key}") for key in range(4)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 24)
        ids = world.subscribers.ids("http://a")
        for key in range(4):
            mine = [name for name in ids if name.startswith(f"k{key}-")]
            assert mine == sorted(mine)
        assert ids.index("k0-5") < ids.index("k1-4")

    run(scenario)


def test_a_stopped_dispatcher_goes_on_where_it_stood_and_repeats_nothing() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(50)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 50)
        await world.post(*(event(number) for number in range(50, 100)))
        async with world.dispatcher():
            await until(lambda: len(world.subscribers.ids("http://a")) == 100)
        assert sorted(map(int, world.subscribers.ids("http://a"))) == list(range(100))

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


def test_a_changed_filter_loses_and_repeats_nothing_and_binds_what_matched() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: Answer(200) if got.type == "com.example.b" else Answer(503)
        world.adopt(plan(trigger("a", retry=2, type="com.example.a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            world.adopt(plan(trigger("a", retry=2, type="com.example.b")))
            await until(lambda: world.dead_letters())
            await world.post(event(2), event(3, type="com.example.b"))
            await until(lambda: "3" in world.subscribers.ids("http://a"))
        assert world.subscribers.ids("http://a") == ["1", "1", "1", "3"]

    run(scenario)


def test_a_trigger_without_an_address_waits_for_one() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(replace(trigger("a"), subscriber=Target(None, "nobody knows"))))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(30)))
            await until(lambda: clock() - EPOCH > 100)
            assert not world.subscribers.got
            world.adopt(plan(trigger("a")))
            await until(lambda: len(world.subscribers.ids("http://a")) == 30)
            await world.post(event("later"))
            await until(lambda: "later" in world.subscribers.ids("http://a"))
        assert len(world.subscribers.ids("http://a")) == 31

    run(scenario)


def test_a_new_trigger_starts_at_the_end_and_one_that_comes_back_where_it_left() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
            await until(lambda: clock() - EPOCH > 5)
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 6)
            await world.post(event(2))
            await until(lambda: world.subscribers.ids("http://b"))
            world.adopt(plan(trigger("a")))
            await until(lambda: clock() - EPOCH > 8)
            await world.post(event(3))
            await until(lambda: "3" in world.subscribers.ids("http://a"))
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: "3" in world.subscribers.ids("http://b"))
        assert world.subscribers.ids("http://b") == ["2", "3"]

    run(scenario)


def test_a_trigger_and_its_topic_begin_together() -> None:
    """Events accepted before the dispatcher first came up are its Triggers', as the topic is as new as they are."""

    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        await world.log.ensure_topics(topic_specs(world.plan.brokers[BROKER], world.settings))
        await world.post(event("early"))
        async with world.dispatcher():
            await until(lambda: world.subscribers.ids("http://a") == ["early"])

    run(scenario)


def test_a_topic_made_again_is_read_from_its_start() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(20)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 20)
        world.store.recreate_topic(TOPIC)
        await world.post(event("first of the new"))
        async with world.dispatcher():
            await until(lambda: "first of the new" in world.subscribers.ids("http://a"))

    run(scenario)


def test_a_topic_made_again_or_grown_while_it_is_read() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(20)))
            await until(lambda: len(world.subscribers.ids("http://a")) == 20)
            await until(lambda: clock() - EPOCH > 3)
            world.store.recreate_topic(TOPIC)
            await world.post(*(event(f"again {number}") for number in range(30)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 50)
            world.store.add_partitions(TOPIC, 4)
            headers, value = kafka.write(event("on the new one"))
            await world.log.append(NewRecord(TOPIC, value, headers, partition=3))
            await until(lambda: "on the new one" in world.subscribers.ids("http://a"))

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


def test_group_offsets_are_mirrored_and_knatives_own_are_where_a_trigger_starts() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        at = TopicPartition(TOPIC, 0)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(10)))
            await until(lambda: clock() - EPOCH > 12)
            assert await world.log.group_offsets("knative-trigger-default-a", [at]) == {at: 10}
            await world.log.mirror("knative-trigger-default-b", {at: 4})
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: len(world.subscribers.ids("http://b")) == 6)
        assert sorted(world.subscribers.ids("http://b")) == list("456789")  # unordered: those of one moment as it comes

    run(scenario)


def test_kafka_away_for_a_while_loses_nothing() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: answer_event(f"r{got.id}") if got.id.isdigit() else Answer(200)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher() as dispatcher:
            log = dispatcher._edges.log
            await world.post(*(event(number) for number in range(40)))
            log.down = True  # type: ignore[attr-defined]
            await until(lambda: clock() - EPOCH > 30)
            log.down = False  # type: ignore[attr-defined]
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 80)

    run(scenario)


def test_kafka_away_at_the_start_is_waited_for() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        world.log.down = True
        outage = asyncio.create_task(after_outages(world))
        async with world.dispatcher(log=world.log):
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a"))
        await outage

    async def after_outages(world: World) -> None:
        for _ in range(40):
            await asyncio.sleep(0.17)
            world.log.down = not world.log.down
        world.log.down = False

    run(scenario)


def test_two_dispatchers_share_and_one_takes_over_from_a_killed_one() -> None:
    async def scenario() -> None:
        world = World(partitions=4, latency=0.05)
        world.adopt(plan(trigger("a"), trigger("b", order=Order.ORDERED)))
        async with world.dispatcher("dispatcher-0"):
            async with world.dispatcher("dispatcher-1", kill=True):
                await world.post(*(event(number, partitionkey=str(number % 9)) for number in range(300)))
                await until(lambda: len(world.subscribers.ids("http://a")) > 100)
            await world.post(*(event(number, partitionkey=str(number % 9)) for number in range(300, 400)))
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 400)
            await until(lambda: len(set(world.subscribers.ids("http://b"))) == 400)
        assert json.dumps(sorted(set(map(int, world.subscribers.ids("http://b"))))) == json.dumps(list(range(400)))
        assert not world.store.records(DEAD)

    run(scenario)


def test_a_trigger_that_an_owner_did_not_have_gets_what_came_since_it_was_pinned_elsewhere() -> None:
    """Two dispatchers of one group with other manifests: what lies on the other's partitions waits, and is not lost."""

    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher("dispatcher-0"):
            await world.post(*(event(f"before-{number}") for number in range(10)))
            world.plan = plan(trigger("a"), trigger("b"))
            async with world.dispatcher("dispatcher-1"):
                posted = [f"since-{number}" for number in range(20)]
                await world.post(*map(event, posted))
                await until(lambda: len(world.subscribers.ids("http://b")) > 0, what="b's share")
                assert len(world.subscribers.ids("http://b")) < 20
        world.plan = plan(trigger("b"))
        async with world.dispatcher("dispatcher-1"):
            await until(lambda: len(world.subscribers.ids("http://b")) >= 20, what="all since b was pinned")
        assert sorted(world.subscribers.ids("http://b")) == sorted(posted)

    run(scenario)


def test_an_attempt_that_follows_at_once_is_the_only_one_of_its_key() -> None:
    """Many end in one moment, and each goes on to the sink in that moment: the end of the first attempt must not be
    taken for that of the second."""

    async def scenario() -> None:
        world = World(partitions=1)
        world.subscribers.at["http://a"] = lambda _: Answer(400)
        world.subscribers.at["http://sink"] = lambda _: Answer(204)
        world.adopt(plan(trigger("a", sink="http://sink", order=Order.ORDERED)))
        async with world.dispatcher():
            await world.post(*(event(number, partitionkey=str(number % 10)) for number in range(200)))
            await until(lambda: len(world.subscribers.ids("http://sink")) >= 200)
        for url in ("http://a", "http://sink"):
            numbers = list(map(int, world.subscribers.ids(url)))
            assert sorted(numbers) == list(range(200))
            assert all([n for n in numbers if n % 10 == key] == list(range(key, 200, 10)) for key in range(10))

    run(scenario)

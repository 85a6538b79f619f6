"""Hosting sources: what becomes of their events, and how they end, fail and change."""

import asyncio
from dataclasses import replace

from tests import fake_time
from tests.scraped import Scraped
from tests.shell.sources_running import (
    DEAD,
    KINDS,
    MINUTE,
    SETTINGS,
    START,
    Making,
    World,
    emitting,
    ping,
    running,
)
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.observe.metrics import exposition
from tradewind.plan import SourcePlan
from tradewind.sources.emission import Emission, Emissions, Given
from tradewind.sources.readings import Readings


def test_a_ping_arrives_in_its_brokers_topic_at_each_instant() -> None:
    async def scenario(world: World) -> None:
        assert not world.health.ready
        world.declare(ping(data=b'{"a":1}'))
        await world.stored(2)
        assert world.health.ready
        assert fake_time.clock() - START < 3 * MINUTE

    first, second = running(scenario).events
    assert (first.id, second.id) == ("default/tick/2023-11-14T22:14:00Z", "default/tick/2023-11-14T22:15:00Z")
    assert first.data == b'{"a":1}'


def test_the_partition_key_is_the_records_key() -> None:
    async def scenario(world: World) -> None:
        plan = ping()
        world.declare(replace(plan, source=replace(plan.source, ce_overrides={"partitionkey": "k"})))
        await world.stored(1)

    assert [record.key for record in running(scenario).log.store.records("events")] == [b"k"]


def test_kafka_away_drops_no_event() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping())
        world.log.down = True
        await asyncio.sleep(10 * MINUTE)
        assert not world.events
        world.log.down = False
        await world.stored(10)

    ids = running(scenario).ids
    assert [name[-6:-4] for name in ids] == [f"{minute}" for minute in range(14, 14 + len(ids))]


def test_an_event_is_acknowledged_once_it_is_stored() -> None:
    acked: list[str] = []

    async def scenario(world: World) -> None:
        await world.begun_and_held(ping())
        await world.stored(2)
        await asyncio.sleep(MINUTE)
        assert not acked
        world.log.held = False
        world.log.release()
        await fake_time.until(lambda: acked == ["1", "2"])

    assert running(scenario, make=emitting(["1", "2"], acked=acked)).ids == ["1", "2"]


def test_what_the_log_refuses_for_ever_holds_up_nothing() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping(data=b"x" * 2_000_000), ping("other"))
        await world.stored(2)

    world = running(scenario)
    assert all("other" in name for name in world.ids)
    assert "(--max-event-bytes)" in world.dead()[0]["tradewind-reason"]


def test_a_source_that_fails_is_made_again_after_a_growing_wait() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping())
        await world.stored(2)
        assert 0.4 + 0.8 <= fake_time.clock() - fake_time.EPOCH < 2.0

    assert running(scenario, make=emitting(ValueError("no"), OSError("no"), ["1", "2"])).ids == ["1", "2"]


def test_a_life_that_gave_events_makes_the_next_wait_short_again() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping())
        await world.stored(3)
        assert fake_time.clock() - fake_time.EPOCH < 3 * 0.4 + 0.6

    assert running(scenario, make=emitting(["1"], ["2"], ["3"])).ids == ["1", "2", "3"]


def test_a_failing_source_takes_nothing_from_others() -> None:
    def either(source: SourcePlan, given: Given) -> Emissions:
        if source.source.metadata.name.name == "bad":
            return emitting(*[ValueError("no")] * 1000)(source, given)
        return KINDS.make(source, given)

    async def scenario(world: World) -> None:
        world.declare(ping("bad"), ping("good"))
        await world.stored(3)

    assert len(running(scenario, make=either).events) == 3


def test_a_waiting_sink_takes_nothing_from_others() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused")]
        world.declare(ping("slow", url="http://sink/"), ping("good"))
        await world.stored(5)

    assert len(running(scenario).events) == 5


def test_a_url_gets_it_in_binary_mode_and_retries_until_it_is_accepted() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused"), Answer(503), Answer(200)]
        world.declare(ping(url="http://sink/"))
        await fake_time.until(lambda: len(world.sender.sent) == 4)

    sent = running(scenario).sender.sent
    url, headers, body = sent[0]
    assert (url, headers["ce-type"], body) == ("http://sink/", "dev.knative.sources.ping", b"x")
    ids = [headers["ce-id"] for _, headers, _ in sent]
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_what_a_url_refuses_goes_to_the_dead_letters_and_the_next_one_goes_on() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [Answer(400)]
        world.declare(ping(url="http://sink/"))
        await fake_time.until(lambda: len(world.sender.sent) == 2)

    world = running(scenario)
    first, second = (headers["ce-id"] for _, headers, _ in world.sender.sent)
    assert first != second
    letter = world.dead(DEAD)[0]
    assert letter["key"] == f"source:PingSource/default/tick/{first}"
    assert letter["tradewind-reason"] == "refused: status 400"
    assert letter["tradewind-source"] == "PingSource default/tick"
    assert (letter["ce_knativeerrordest"], letter["ce_knativeerrorcode"]) == ("http://sink/", "400")


def test_a_url_that_never_answers_is_given_up_when_the_retries_are_spent() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [Answer(500)]
        world.declare(ping(url="http://sink/"))
        await fake_time.until(lambda: world.dead(DEAD), within=5000)

    world = running(scenario)
    ids = [headers["ce-id"] for _, headers, _ in world.sender.sent]
    assert ids.count(ids[0]) == 11
    assert world.dead(DEAD)[0]["tradewind-reason"] == "retries spent: status 500"


def test_events_wait_for_a_broker_that_is_missing() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping(), brokers=False)
        await asyncio.sleep(3 * MINUTE)
        world.declare(ping())
        await world.stored(3)

    assert running(scenario).ids[0] == "default/tick/2023-11-14T22:14:00Z"


def test_a_changed_sink_counts_for_the_event_that_waits() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused")]
        world.declare(ping(url="http://wrong/"))
        await fake_time.until(lambda: world.sender.sent)
        world.declare(ping())
        await world.stored(1)

    world = running(scenario)
    assert world.ids == [world.sender.sent[0][1]["ce-id"]]


def test_a_changed_sink_counts_at_once_for_an_event_whose_next_attempt_is_far_off() -> None:
    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused")]
        await world.begun(ping(url="http://wrong/"))
        await fake_time.until(lambda: len(world.sender.sent) == 8)  # 51 seconds, or 102, to the next
        (host,) = world.process.hosts.values()
        assert host.standing.record(owner="", in_flight=0, sink="").error == "connection refused"
        world.declare(ping())
        await asyncio.sleep(1.0)
        assert len(world.events) == host.counts.emitted == len({sent[1]["ce-id"] for sent in world.sender.sent})

    running(scenario)


def test_a_changed_source_is_made_anew_once_its_waiting_event_is_stored() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping(data=b"old"))
        world.log.down = True
        await asyncio.sleep(1.5 * MINUTE)
        world.declare(ping(data=b"never"))
        await asyncio.sleep(1.0)
        world.declare(ping(data=b"new"))
        await asyncio.sleep(1.0)
        world.log.down = False
        await world.stored(2)

    assert [event.data for event in running(scenario).events] == [b"old", b"new"]


def test_an_unchanged_source_goes_on_through_a_new_plan() -> None:
    lives: list[str] = []

    def counting(source: SourcePlan, given: Given) -> Emissions:
        lives.append(source.source.metadata.name.name)
        return KINDS.make(source, given)

    async def scenario(world: World) -> None:
        world.declare(ping("a"))
        await world.stored(1)
        world.declare(ping("a"), ping("b"))
        await world.stored(3)
        assert lives == ["a", "b"]
        world.declare(ping("b"))
        await asyncio.sleep(1.0)
        before = len(world.events)
        await world.stored(before + 2)
        assert all("default/b" in name for name in world.ids[before:])

    running(scenario, make=counting)


def test_a_removed_source_ends_even_while_its_event_waits() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping(data=b"old"))
        world.log.down = True
        await asyncio.sleep(2 * MINUTE)
        world.declare(ping(data=b"new"))
        await asyncio.sleep(1.0)
        world.declare()
        await asyncio.sleep(1.0)
        world.log.down = False
        await asyncio.sleep(5 * MINUTE)

    assert not running(scenario).events


def test_stopping_waits_for_what_is_being_stored() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping())
        world.log.down = True
        await asyncio.sleep(MINUTE)
        asyncio.get_running_loop().call_later(5.0, setattr, world.log, "down", False)

    assert len(running(scenario).events) == 1


def test_stopping_ends_after_the_grace() -> None:
    async def run() -> float:
        world = World()
        task = asyncio.ensure_future(world.process.run(world.follow(), world.stop))
        await world.begun(ping(), ping("other", schedule="0 0 1 1 *"))
        world.log.down = True
        await asyncio.sleep(MINUTE)
        world.stop.set()
        stopping = fake_time.clock()
        await task
        return fake_time.clock() - stopping

    assert SETTINGS.grace <= fake_time.run(run) < SETTINGS.grace + 0.1


def test_a_source_that_ends_is_not_made_again_and_takes_nothing_from_others() -> None:
    lives: list[str] = []

    async def ending(name: str) -> Emissions:
        lives.append(name)
        for none in list[Emission]():
            yield none

    def either(source: SourcePlan, given: Given) -> Emissions:
        name = source.source.metadata.name.name
        return ending(name) if name == "ending" else KINDS.make(source, given)

    async def scenario(world: World) -> None:
        world.declare(ping("ending"), ping())
        await world.stored(2)

    assert len(running(scenario, make=either).events) == 2
    assert lives == ["ending"]


def test_events_wait_for_kafka_in_their_order() -> None:
    async def scenario(world: World) -> None:
        await world.begun(ping())
        world.log.down = True
        await asyncio.sleep(30 * MINUTE)
        world.log.down = False
        await world.stored(30)

    ids = running(scenario).ids
    assert ids == sorted(set(ids))


def test_metrics_count_what_became_of_each_sources_events() -> None:
    fails_once = emitting(ValueError("no"))

    def either(source: SourcePlan, given: Given) -> Emissions:
        bad = source.source.metadata.name.name == "bad"
        return fails_once(source, given) if bad else KINDS.make(source, given)

    async def run() -> tuple[Scraped, Scraped]:
        world = World(maker=Making(either))
        world.make_topics()

        async def scraped() -> Scraped:
            return Scraped(exposition([each async for each in Readings(world.process).all()]).decode())

        world.sender.outcomes = [Answer(503), Answer(202), Answer(400)]
        async with asyncio.TaskGroup() as group:
            group.create_task(world.process.run(world.follow(), world.stop))
            large = ping("large", data=b"x" * 2_000_000)
            world.declare(ping("good"), ping("bad"), ping("url", url="http://sink/"), large)
            await world.stored(2)
            await fake_time.until(lambda: len(world.sender.sent) == 3)
            before = await scraped()
            world.declare(ping("good", data=b"changed"))
            await world.stored(3)
            after = await scraped()
            world.stop.set()
        return before, after

    before, after = fake_time.run(run)
    assert before.by("tradewind_source_events_total", "name") == {"good": 2, "bad": 0, "url": 1, "large": 0}
    assert before.by("tradewind_source_dead_letters_total", "name") == {"good": 0, "bad": 0, "url": 1, "large": 2}
    assert before.by("tradewind_source_retries_total", "name") == {"good": 0, "bad": 0, "url": 1, "large": 0}
    assert before.by("tradewind_source_failures_total", "name") == {"good": 0, "bad": 1, "url": 0, "large": 0}
    assert after.by("tradewind_source_events_total", "name", resource_group="pingsources.sources.knative.dev") == {
        "good": 3
    }

"""What becomes of what a source gives: several on their way, in order, bounded; and what can never be delivered."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from tests import fake_time
from tests.shell.sources_running import MINUTE, SETTINGS, Make, World, event, ping, running
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.errors import LogUnavailable
from tradewind.plan import SourcePlan
from tradewind.sources.emission import Emission, Emissions, Given, NoEvent
from tradewind.sources.positions import SourceKey

Each = Emission | NoEvent


def giving(*emissions: Each, then: Callable[[], None] = lambda: None) -> Make:
    """A kind of source that gives these, and then waits without end; it begins anew where it was."""

    async def give(_source: SourcePlan, given: Given) -> Emissions:
        for emission in emissions[given.position if isinstance(given.position, int) else 0 :]:
            yield emission
        then()
        await asyncio.Event().wait()

    return give


def numbered(count: int, *, size: int = 0) -> list[Each]:
    return [Emission(event(str(number), b"x" * size), position=number + 1) for number in range(count)]


def position(world: World) -> object:
    """Of the one source that runs."""
    (host,) = world.process.hosts.values()
    return host.position


def test_many_are_on_their_way_and_the_position_waits_for_the_first() -> None:
    acked: list[str] = []
    many = [each._replace(ack=partial(acked.append, str(number))) for number, each in enumerate(numbered(5))]

    async def scenario(world: World) -> None:
        await world.begun_and_held(ping())
        await world.stored(5)
        first, *others = world.log._unacknowledged
        world.log._unacknowledged[:] = others
        world.log.release()
        await fake_time.until(lambda: acked == ["1", "2", "3", "4"])
        assert position(world) is None
        world.log._unacknowledged[:] = [first]
        world.log.held = False
        world.log.release()
        await fake_time.until(lambda: acked[-1] == "0")
        assert position(world) == 5

    running(scenario, make=giving(*many))


@pytest.mark.parametrize("several", [False, True])
def test_a_source_that_floods_is_bounded_by_number_and_by_bytes_and_takes_nothing_from_others(*, several: bool) -> None:
    given: list[int] = []

    def some(size: int) -> Iterator[Emission]:
        for number in range(10**9):
            given.append(size)
            yield Emission(event(str(number), b"x" * (size - 100 if size > 1 else 1)))

    async def flood(source: SourcePlan, _given: Given) -> Emissions:
        size = 1_000_000 if source.source.metadata.name.name == "large" else 1
        if several:
            yield some(size)
            return
        for emission in some(size):
            yield emission

    def either(source: SourcePlan, given_: Given) -> Emissions:
        quiet = source.source.metadata.name.name == "quiet"
        return giving(*numbered(3))(source, given_) if quiet else flood(source, given_)

    async def scenario(world: World) -> None:
        world.sender.outcomes = [NoAnswer("connection refused")]
        world.declare(ping("many", url="http://sink/"), ping("large", url="http://sink/"), ping("quiet"))
        await world.stored(3)
        await asyncio.sleep(5.0)
        assert given.count(1) == SETTINGS.source_in_flight
        assert given.count(1_000_000) == -(-SETTINGS.source_bytes // 1_000_000)
        many = world.process.hosts[SourceKey("PingSource", ping("many").source.metadata.name)]
        assert many.in_flight == SETTINGS.source_in_flight

    running(scenario, make=either)


def test_of_several_at_hand_what_is_not_taken_comes_again_at_the_next_beginning() -> None:
    begun: list[object] = []

    async def several(_source: SourcePlan, given: Given) -> Emissions:
        begun.append(given.position)
        behind = given.position if isinstance(given.position, int) else 0
        yield iter(numbered(SETTINGS.source_in_flight * 2)[behind:])
        await asyncio.Event().wait()

    async def scenario(world: World) -> None:
        await world.begun_and_held(ping())
        await world.stored(SETTINGS.source_in_flight)
        world.declare(ping(schedule="1 1 1 1 1"))  # another source: it begins anew
        world.log.held = False
        world.log.release()
        await world.stored(SETTINGS.source_in_flight * 2)
        assert begun == [None, SETTINGS.source_in_flight]

    running(scenario, make=several)


def test_order_is_kept_through_an_outage_that_fails_some_in_their_midst() -> None:
    async def scenario(world: World) -> None:
        produce = world.log.produce
        failing = {3, 5, 6}

        def now_and_then(record, on_delivery) -> None:  # type: ignore[no-untyped-def]  # as EventLog.produce
            if int(dict(record.headers)["ce_id"]) in failing:
                failing.discard(int(dict(record.headers)["ce_id"]))
                raise LogUnavailable("a leader election")
            produce(record, on_delivery)

        world.log.produce = now_and_then  # type: ignore[method-assign]
        world.declare(ping())
        await world.stored(10)

    assert running(scenario, make=giving(*numbered(10))).ids == ["0", "1", "2", *"3456789"]


def test_input_that_is_no_event_is_kept_with_its_reason_then_acknowledged_and_never_a_crash_loop() -> None:
    acked: list[str] = []

    def ack(name: str) -> Callable[[], None]:
        return partial(acked.append, name)

    given: list[Each] = [
        NoEvent("found no JSON, expected an object", b"\xff", [("topic", b"t")], ack("bytes"), 1, "t/0/7"),
        Emission(event("1", subject="a\x00b"), ack("faulty"), 2),
        Emission(event("2", knativebrokerttl="0"), ack("spent"), 3),
        Emission(event("3"), ack("well"), 4),
    ]

    async def scenario(world: World) -> None:
        world.declare(ping())
        await fake_time.until(lambda: len(acked) == 4)
        assert position(world) == 4
        (host,) = world.process.hosts.values()
        assert (host.counts.failures, host.counts.dead_letters, host.counts.emitted) == (0, 3, 1)

    world = running(scenario, make=giving(*given))
    assert world.ids == ["3"]
    found = {letter["key"]: letter for letter in world.dead()}
    key = "source:PingSource/default/tick/{}"
    assert found.keys() == {key.format(place) for place in ("t/0/7", "1", "2")}
    assert found[key.format("t/0/7")]["tradewind-reason"] == "found no JSON, expected an object"
    assert found[key.format("t/0/7")]["topic"] == "t"
    assert "subject" in found[key.format("1")]["tradewind-reason"]
    assert json.loads(found[key.format("1")]["tradewind-attributes"])["subject"] == "a\x00b"
    assert "knativebrokerttl" in found[key.format("2")]["tradewind-reason"]


def test_what_came_before_a_dead_letter_is_kept_is_not_passed() -> None:
    """Kafka is away, so nothing can be kept: the position does not move."""

    async def scenario(world: World) -> None:
        await world.begun(ping())
        world.log.down = True
        await asyncio.sleep(MINUTE)
        assert position(world) is None
        world.log.down = False
        await fake_time.until(lambda: position(world) == 1)
        assert len(world.dead()) == 1

    async def give(_source: SourcePlan, given: Given) -> Emissions:
        await given.time.sleep(10.0)
        yield NoEvent("no", position=1)
        await asyncio.Event().wait()

    running(scenario, make=give)


def test_overrides_are_set_whatever_the_kind() -> None:
    async def scenario(world: World) -> None:
        plan = ping()
        world.declare(replace(plan, source=replace(plan.source, ce_overrides={"color": "red", "id": "mine"})))
        await world.stored(1)

    found = running(scenario, make=giving(Emission(event("1", color="blue")))).events[0]
    assert (found.id, found.attributes["color"]) == ("1", "red")


def test_an_acknowledgement_that_fails_costs_its_source_nothing_else() -> None:
    def fails() -> None:
        raise RuntimeError("a fault of the kind")

    async def scenario(world: World) -> None:
        world.declare(ping())
        await world.stored(2)
        assert position(world) == 2

    many = numbered(2)
    running(scenario, make=giving(many[0]._replace(ack=fails), many[1]))


def test_what_cannot_be_carried_at_all_fails_its_source_alone() -> None:
    async def scenario(world: World) -> None:
        world.log.produce = None  # type: ignore[assignment, method-assign]
        world.declare(ping())
        await fake_time.until(lambda: world.process.hosts)
        (host,) = world.process.hosts.values()
        await fake_time.until(lambda: host.counts.failures >= 3)
        assert "CarryingFailed" in host.standing.record(owner="", in_flight=0, sink="").error
        assert host.position is None
        del world.log.produce
        await world.stored(1)

    running(scenario, make=giving(*numbered(1)))


def test_a_url_gets_no_more_at_once_than_its_width() -> None:
    most = 0

    async def scenario(world: World) -> None:
        nonlocal most
        running_ = 0
        post = world.sender.post

        async def slow(*args, **options):  # type: ignore[no-untyped-def]  # as Sender.post
            nonlocal most, running_
            running_ += 1
            most = max(most, running_)
            await asyncio.sleep(1.0)
            running_ -= 1
            return await post(*args, **options)

        world.sender.post = slow  # type: ignore[method-assign]
        world.declare(ping(url="http://sink/"))
        await fake_time.until(lambda: len(world.sender.sent) == 300)

    running(scenario, make=giving(*numbered(300)))
    assert most == SETTINGS.max_in_flight


def test_kafka_that_refuses_an_event_makes_it_a_dead_letter() -> None:
    async def scenario(world: World) -> None:
        world.log.store.topics["events"].config = {"max.message.bytes": "1000"}
        world.declare(ping())
        await world.stored(1)
        await fake_time.until(lambda: position(world) == 2)

    many: list[Each] = [Emission(event("0", b"x" * 2000), position=1), Emission(event("1"), position=2)]
    world = running(scenario, make=giving(*many))
    assert world.ids == ["1"]
    assert world.dead()[0]["tradewind-reason"].startswith("Kafka refuses it: ")


def test_a_dead_letter_that_is_too_large_is_kept_cut() -> None:
    async def scenario(world: World) -> None:
        world.log.store.topics["dead"].config = {"max.message.bytes": "1000"}
        world.declare(ping())
        await fake_time.until(lambda: world.dead())

    letter = running(scenario, make=giving(NoEvent("no", b"x" * 2000))).dead()[0]
    assert (letter["tradewind-reason"], letter["tradewind-cut"]) == ("no", "true")


def test_what_the_dead_letters_do_not_take_waits() -> None:
    async def scenario(world: World) -> None:
        world.log.store.topics["dead"].config = {"max.message.bytes": "10"}
        world.declare(ping())
        await asyncio.sleep(MINUTE)
        assert position(world) is None
        world.log.store.topics["dead"].config = {}
        await fake_time.until(lambda: position(world) == 1)

    running(scenario, make=giving(NoEvent("no", b"x", position=1)))


def test_status_says_that_a_sink_takes_nothing_and_when_it_does_again() -> None:
    states: list[str] = []

    async def scenario(world: World) -> None:
        await world.begun(ping())
        (host,) = world.process.hosts.values()
        world.log.down = True
        await asyncio.sleep(MINUTE)
        states.append(host.standing.state.value)
        world.log.down = False
        await asyncio.sleep(MINUTE)
        states.append(host.standing.state.value)
        world.sender.outcomes = [Answer(503), Answer(202)]
        world.declare(ping(url="http://sink/"))
        await asyncio.sleep(MINUTE + 1.0)
        states.append(host.standing.state.value)

    running(scenario)
    assert states == ["Waiting", "Ready", "Ready"]


def test_what_goes_nowhere_may_be_redirected_at_once() -> None:
    async def scenario(world: World) -> None:
        world.declare(ping(), brokers=False)
        await asyncio.sleep(10 * MINUTE)
        world.declare(ping(url="http://sink/"))
        await asyncio.sleep(1.0)
        assert len(world.sender.sent) == 1

    running(scenario, make=giving(Emission(event("1"))))

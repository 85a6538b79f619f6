"""Audits beside dispatchers that run, stop and lose things, over a log in memory, in fake time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import BROKER, DEAD, TOPIC, World, event, plan, trigger
from tests.shell.test_dead_letters import Command
from tradewind.delivery.verdicts import Answer
from tradewind.filters.attributes import AttributesFilter
from tradewind.plan import TopicPlan
from tradewind.ports import NewRecord, TopicPartition
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.auditing import Tally
from tradewind.trigger_dispatcher.auditor import Report, audit
from tradewind.trigger_dispatcher.cursors import GENERAL, ForceRecord, PauseRecord, encode, force_key
from tradewind.trigger_dispatcher.leaving import nowhere
from tradewind.trigger_dispatcher.letterbox import What

A, B, OTHER = trigger("a", retry=0), trigger("b", retry=100), trigger("other", type="other")


async def audited(world: World) -> Report:
    (report,) = await audit(
        world.log, world.plan, world.plan.brokers.values(), world.settings.cursors_topic, max_data_bytes=1000
    )
    for name, tally in report.triggers.items():
        if name not in report.unserved:
            assert tally.read == tally.accounted == report.records, name
    return report


def tallies(report: Report) -> Sequence[Tally]:
    return [report.triggers[name] for name in sorted(report.triggers)]


def test_everything_that_may_become_of_an_event_is_counted() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A, B, OTHER))
        world.subscribers.at["http://a"] = lambda got: Answer(500 if got.id in "01" else 204)
        world.subscribers.at["http://b"] = lambda got: Answer(503, {"retry-after": "600"} if got.id == "2" else {})
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(8)), event(8, type="other"))
            await world.log.append(NewRecord(TOPIC, b"no event", (), None, 0))
            await until(lambda: len(world.dead_letters()) == 3)
            await until(lambda: len(world.subscribers.got["http://b"]) == 9)
            await asyncio.sleep(0.1)
            await outside.pause(world.log, world.settings.cursors_topic, OTHER.name, PauseRecord("me", clock()))
            await asyncio.sleep(2)
            await world.post(event(9), event(10, type="other"))
            await asyncio.sleep(3)
            report = await audited(world)
            assert report.faults == []
            assert (report.records, report.unreadable, report.taken, report.letters) == (12, 1, 0, 3)
            a, b, other = tallies(report)
            assert a == Tally(read=12, filtered=1, settled=9, dead=2)
            assert (b.owed, b.settled, b.behind, b.dead) == (11, 0, 0, 0)
            assert b.waiting >= 9
            assert b.oldest is not None
            assert EPOCH <= b.oldest <= EPOCH + 1
            assert b.due is not None
            assert b.due > clock() - 1
            assert (other.settled, other.owed + other.matching) == (1, 1)
            assert report.letters_of == {A.name: 2}
            await outside.pause(world.log, world.settings.cursors_topic, OTHER.name, None)
            world.subscribers.at.clear()
            assert (await Command(world).leave()).gone == 2
            assert (await Command(world).leave(nowhere, what=What.DISCARDED)).gone == 1
            await asyncio.sleep(1000)
        report = await audited(world)
        assert report.faults == []
        a, b, other = tallies(report)
        assert a == Tally(read=14, filtered=1, settled=11, left=2)
        assert b == Tally(read=14, filtered=3, settled=11)  # the two were redriven to A alone
        assert other == Tally(read=14, filtered=12, settled=2)

    run(scenario)


def test_the_filter_says_nothing_of_what_another_has_decided() -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda got: Answer(500 if got.id == "0" else 204)
        world.adopt(plan(A))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(4)))
            await until(lambda: len(world.dead_letters()) == 1)
            await asyncio.sleep(3)
            assert (await audited(world)).triggers[A.name] == Tally(read=4, settled=3, dead=1)
            changed = replace(A, filter=AttributesFilter({"subject": "new"}), generation="a-2")
            world.adopt(plan(changed))
            assert (await audited(world)).triggers[A.name] == Tally(read=4, unknown=3, dead=1)
            await asyncio.sleep(3)
            await world.post(event(4, subject="new"), event(5))
            await asyncio.sleep(3)
            world.subscribers.at.clear()
            assert (await Command(world).leave()).gone == 1
            await asyncio.sleep(3)
        report = await audited(world)
        assert report.faults == []
        assert report.triggers[A.name] == Tally(read=7, unknown=3, filtered=1, settled=2, left=1)

    run(scenario)


def test_it_adds_up_at_every_moment_of_a_system_that_runs() -> None:
    async def scenario() -> None:
        world = World(backlog=5, max_in_flight=3, latency=0.02)
        flaky = lambda _: Answer(503 if world.random.random() < 0.3 else 204)  # noqa: E731
        world.subscribers.at["http://a"] = world.subscribers.at["http://b"] = flaky
        world.adopt(plan(A, B, OTHER))
        for number in range(6):
            async with world.dispatcher(kill=number % 2 == 0):
                for turn in range(6):
                    await world.post(*(event(100 * number + 10 * turn + one) for one in range(10)))
                    await asyncio.sleep(world.random.random())
                    assert (await audited(world)).faults == []
            assert (await audited(world)).faults == []
        async with world.dispatcher():
            await asyncio.sleep(100)
        a, b, other = tallies(await audited(world))
        assert a.settled + a.dead == b.settled == other.filtered == 360

    run(scenario)


def test_what_was_before_a_trigger_is_not_its_own_and_one_that_nobody_serves_is_told() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(4)))
            await asyncio.sleep(3)
            world.adopt(plan(A, B))
            await asyncio.sleep(3)
            await world.post(event(4))
            await asyncio.sleep(3)
        world.adopt(plan(A, B, OTHER))
        report = await audited(world)
        assert report.faults == []
        assert report.unserved == {OTHER.name: [0, 1]}
        assert report.triggers[B.name] == Tally(read=5, before=4, settled=1)

    run(scenario)


def test_what_does_not_add_up_is_named() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.subscribers.at["http://b"] = lambda _: Answer(503)
        world.adopt(plan(A, B))
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(5)))
            await world.log.append(NewRecord(TOPIC, b"no event", (), None, 0))
            await until(lambda: len(world.subscribers.got.get("http://b", [])) >= 5)
            await until(lambda: world.dead_letters())
            await outside.pause(world.log, world.settings.cursors_topic, A.name, PauseRecord("me", clock()))
            await asyncio.sleep(1)
            await world.post(*(event(number) for number in range(5, 9)))
            await asyncio.sleep(3)
        world.store.delete_records_before(TopicPartition(TOPIC, 0), 8)
        report = await audited(world)
        assert report.taken == 8
        assert [fault.partition(", which")[0] for fault in report.faults] == [
            f"default/a on {TOPIC}[0]: stands at 6, and retention has taken 6–7 before it looked at them",
            f"default/b on {TOPIC}[0]: owes offsets 0, 1, 2, 3, 4, 6, 7",
        ]
        world.store.delete_records_before(TopicPartition(DEAD, 0), 9)
        world.store.recreate_topic(TOPIC)
        world.adopt(replace(plan(A, B), brokers={BROKER: replace(plan().brokers[BROKER], topic=TopicPlan(TOPIC))}))
        report = await audited(world)
        assert report.unserved == {A.name: [0], B.name: [0]}

    run(scenario)


def test_a_missing_cursor_and_a_record_that_no_dead_letter_keeps_are_named() -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(A))
        async with world.dispatcher():
            await world.log.append(NewRecord(TOPIC, b"no event", (), None, 0))
            await until(lambda: world.dead_letters())
            await asyncio.sleep(3)
        (letter,) = world.dead_letters()
        await world.log.append(NewRecord(DEAD, None, (), letter.key, 0))
        (cursor,) = {
            r.key for r in world.store.records(world.settings.cursors_topic) if (r.key or b"")[:6] == b"cursor"
        }
        await world.log.append(NewRecord(world.settings.cursors_topic, None, (), cursor, 0))
        assert (await audited(world)).faults == [
            f"default/a on {TOPIC}[0]: in force, and has no cursor",
            f"{TOPIC}[0]: offset 0 is no event, and no dead letter",
        ]
        other = NewRecord(world.settings.cursors_topic, encode(ForceRecord({})), (), force_key("dispatcher-1"), GENERAL)
        await world.log.append(other)  # it may be the owner, and has not heard of the Trigger yet
        assert len((await audited(world)).faults) == 1

    run(scenario)

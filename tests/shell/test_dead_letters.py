"""Dead letters that are redriven and discarded beside a running dispatcher, over a log in memory, in fake time."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from tests.fake_time import clock, run, until
from tests.shell.dispatching import BROKER, DEAD, TOPIC, World, event, plan, trigger
from tradewind.adapters.memory_log import MemoryLog
from tradewind.cli import naming
from tradewind.cli.letter_choice import Box, Chosen, letters
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.errors import InvalidSettings, LogRefused, LogUnavailable, TopicMissing
from tradewind.events.model import Event
from tradewind.plan import Plan
from tradewind.ports import Bounds, NewRecord, Position, TopicPartition
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher import leaving, outside
from tradewind.trigger_dispatcher.cursors import PartitionId, PauseRecord
from tradewind.trigger_dispatcher.leaving import Leave, Left
from tradewind.trigger_dispatcher.letterbox import GoneRecord, Letter, Redrive, What

A, B = trigger("a", retry=0), trigger("b")


class Command:
    """What `tradewind dead-letters redrive` does, over this log."""

    def __init__(self, world: World, log: MemoryLog | None = None) -> None:
        self.world = world
        self.log = log or world.store.client()
        self.stop = asyncio.Event()
        self.said: list[tuple[str, str, bool]] = []

    def say(self, letter: Letter, said: str, went: bool) -> None:
        self.said.append((letter.key, said, went))

    async def letters(self) -> list[Letter]:
        topic = await outside.found(self.log, DEAD)
        box = await outside.letterbox_of(self.log, topic)
        return [letter async for letter in outside.letters_of(self.log, topic, box)]

    async def by_broker(self) -> Leave:
        topic = await outside.found(self.log, TOPIC)
        view = await outside.view_of(self.log, self.world.settings.cursors_topic)
        places = [PartitionId(topic.id, number) for number in range(topic.partitions)]
        served = lambda name: all(view.state(name, here) for here in places)  # noqa: E731
        return leaving.to_trigger(self.log, Redrive(self.world.plan, self.world.plan.brokers[BROKER], served))

    async def leave(self, by: Leave | None = None, *, rate: float | None = None, what: What = What.REDRIVEN) -> Left:
        topic = await outside.found(self.log, DEAD)
        box = await outside.letterbox_of(self.log, topic)
        await leaving.finish(self.log, topic, box)
        return await leaving.leave(
            self.log,
            outside.letters_of(self.log, topic, box),
            by or await self.by_broker(),
            lambda to: GoneRecord(what, "me", clock(), "because", to),
            rate=rate,
            stop=self.stop,
            say=self.say,
        )


async def dead(world: World, count: int, **attributes: str) -> None:
    """So many events that Trigger a refused, once each, and that it will take from now on."""
    world.subscribers.at["http://a"] = lambda _: Answer(500, {"kne-why": "x"}, b"broken")
    await world.post(*(event(number, **attributes) for number in range(count)))
    await until(lambda: len(world.dead_letters()) == count)
    del world.subscribers.at["http://a"]


def test_a_redriven_event_reaches_its_trigger_as_it_was_and_no_other() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A, B, trigger("never", type="other")))
        async with world.dispatcher():
            await dead(world, 3)
            command = Command(world)
            letters = await command.letters()
            assert {letter.failure["knativeerrorcode"] for letter in letters} == {"500"}
            assert await command.leave() == Left(gone=3)
            assert all(went and to.startswith(f"{TOPIC}[") for _, to, went in command.said)
            await until(lambda: len(world.subscribers.ids("http://a")) == 6)
            assert await command.letters() == []
            assert await command.leave() == Left()
            await asyncio.sleep(60)
        assert sorted(world.subscribers.ids("http://a")) == ["0", "0", "1", "1", "2", "2"]
        assert sorted(world.subscribers.ids("http://b")) == ["0", "1", "2"]
        assert sorted(world.subscribers.got["http://a"][3:], key=lambda one: one.id) == [event(n) for n in range(3)]
        world.store.compact(DEAD)
        assert {bytes(record.key or b"")[:15] for record in world.dead_letters()} == {b"gone:default/a/"}

    run(scenario)


def test_what_fails_again_is_a_dead_letter_again_and_a_filter_that_has_changed_does_not_keep_it() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        async with world.dispatcher():
            await dead(world, 1)
            await asyncio.sleep(5)
            world.adopt(plan(trigger("a", retry=0, type="other"), B))
            await asyncio.sleep(5)
            world.subscribers.at["http://a"] = lambda _: Answer(400)
            command = Command(world)
            (first,) = await command.letters()
            await command.leave()
            await until(lambda: len(world.subscribers.ids("http://a")) == 2)
            await asyncio.sleep(5)
            (second,) = await command.letters()
        assert (first.failure["knativeerrorcode"], second.failure["knativeerrorcode"]) == ("500", "400")
        assert first.event == second.event
        assert first.name.offset != second.name.offset or first.name.partition != second.name.partition
        assert "http://b" not in world.subscribers.got

    run(scenario)


def test_redriven_while_nothing_runs_or_paused_it_waits_and_keeps_the_order_of_its_key() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(replace(A, order=Order.ORDERED)))
        async with world.dispatcher():
            await dead(world, 250, partitionkey="k")
        assert await Command(world).leave() == Left(gone=250)
        await outside.pause(world.log, world.settings.cursors_topic, A.name, PauseRecord("me", clock()))
        async with world.dispatcher():
            await asyncio.sleep(60)
            assert len(world.subscribers.ids("http://a")) == 250
            await outside.pause(world.log, world.settings.cursors_topic, A.name, None)
            await until(lambda: len(world.subscribers.ids("http://a")) == 500)
        assert world.subscribers.ids("http://a")[250:] == [str(number) for number in range(250)]

    run(scenario)


class Failing(MemoryLog):
    """Dies at its n-th record: `stored` says whether that one still arrives, unacknowledged."""

    def __init__(self, world: World, after: int, stored: bool) -> None:
        super().__init__(world.store)
        self.after = after
        self.stored = stored

    def append(self, record: NewRecord) -> Awaitable[Position]:
        self.after -= 1
        if self.after < 0:
            if self.stored and self.after == -1:
                self.store.append(record)
            self.down = True
        return super().append(record)


@pytest.mark.parametrize("stored", [False, True])
def test_ended_at_any_record_it_loses_nothing_and_repeats_one_lot_at_most(stored: bool) -> None:
    async def scenario() -> None:
        for after in range(10):
            world = World()
            world.adopt(plan(A))
            async with world.dispatcher():
                await dead(world, 3)
                cut = Failing(world, after, stored)
                try:
                    left = await Command(world, cut).leave()
                    assert left.unavailable is not None or after >= 9
                except LogUnavailable:
                    pass
                assert (await Command(world).leave()).unavailable is None
                await asyncio.sleep(30)
                assert await Command(world).letters() == []
                got = world.subscribers.ids("http://a")[3:]
            assert {*got} == {"0", "1", "2"}, after
            assert len(got) <= 6, after
            topic = await outside.found(world.log, DEAD)
            box = await outside.letterbox_of(world.log, topic)
            assert (len(box.gone()), box.unfinished()) == (3, [])

    run(scenario, patience=100_000)


def test_a_rate_is_kept_and_an_early_end_leaves_the_rest() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        async with world.dispatcher():
            await dead(world, 60)
            command = Command(world)
            begun = clock()
            leaving_ = asyncio.create_task(command.leave(rate=2.0))
            await until(lambda: len(command.said) == 20)
            assert 9 <= clock() - begun <= 10.1
            command.stop.set()
            left = await leaving_
            assert (left.gone, len(await command.letters())) == (20, 40)
            again = Command(world)
            begun = clock()
            assert (await again.leave(rate=100.0)).gone == 40
            assert clock() - begun <= 1

    run(scenario)


@pytest.mark.parametrize("answer", [Answer(202), Answer(503), NoAnswer("connection refused")])
def test_sent_to_a_url_a_letter_leaves_only_when_it_was_accepted(answer: Answer | NoAnswer) -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        async with world.dispatcher():
            await dead(world, 2)
            got: list[Event] = []
            world.subscribers.at["http://else"] = lambda sent: got.append(sent) or answer  # type: ignore[func-returns-value]
            command = Command(world)
            by = leaving.to_url(world.subscribers, "http://else", timeout=1)
            left = await command.leave(by)
            accepted = answer == Answer(202)
            assert (left.gone, left.stayed) == ((2, 0) if accepted else (0, 2))
            assert len(await command.letters()) == (0 if accepted else 2)
            assert [one.id for one in got] == ["0", "1"]
            assert accepted or all("expected a 2xx" in said for _, said, _ in command.said)
            await asyncio.sleep(60)
        assert len(world.subscribers.ids("http://a")) == 2

    run(scenario)


def test_a_letter_without_its_event_can_only_be_discarded() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        async with world.dispatcher():
            await world.log.append(NewRecord(TOPIC, b"no event", (), None, 0))
            await until(lambda: world.dead_letters())
            command = Command(world)
            assert await command.leave() == Left(stayed=1)
            assert await command.leave(leaving.to_url(world.subscribers, "http://else", timeout=1)) == Left(stayed=1)
            assert await command.leave(leaving.nowhere, what=What.DISCARDED) == Left(gone=1)
            assert await command.letters() == []
        assert [said for _, said, _ in command.said] == [
            "found a record that is no event, expected an event",
            "found no whole event, expected one that can be sent",
            "",
        ]

    run(scenario)


def test_what_kafka_refuses_stays() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        async with world.dispatcher():
            await dead(world, 1)
            command = Command(world)

            async def refused(_: Letter) -> str:
                raise LogRefused("too large")

            assert await command.leave(refused) == Left(stayed=1)
            assert [said for _, said, _ in command.said] == ["too large"]
            assert len(await command.letters()) == 1

    run(scenario)


def test_a_topic_is_read_to_its_end_past_what_retention_takes_meanwhile() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        with pytest.raises(TopicMissing, match="found none on this Kafka, expected the one that"):
            await outside.found(world.log, TOPIC)
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(3000)))
        topic = await outside.found(world.log, TOPIC)
        read = 0
        async for _ in outside.whole(world.log, topic):
            read += 1
            if read == 1:
                for number in range(topic.partitions):
                    world.store.delete_records_before(TopicPartition(TOPIC, number), 1400)
        assert 200 <= read < 3000
        assert [r async for r in outside.stretch(world.log, {TopicPartition(TOPIC, 0): Bounds(1400, 1400)})] == []

    run(scenario)


def test_an_end_that_never_comes_is_said() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(A))
        async with world.dispatcher():
            await world.post(event(1), event(2))
        with pytest.raises(LogUnavailable, match=r"\[0\] was read to 1 of 9, which does not come"):
            async for _ in outside.stretch(world.log, {TopicPartition(TOPIC, 0): Bounds(0, 9)}):
                pass

    run(scenario)


def test_letters_of_a_broker_that_is_gone_are_listed_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        world = World()
        world.subscribers.at["http://a"] = lambda _: Answer(400)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            await world.post(event(1))
            await until(lambda: world.dead_letters())
        gone = naming.brokers(Plan(), "", ["default"], gone=True)
        boxes = [Box(one.dead_letter_topic, one) for one in gone]
        chosen = Chosen(world.settings, Plan(), boxes, None, None, frozenset())
        ((box, letter),) = [one async for one in letters(world.log, chosen)]
        assert (box.broker, letter.event) == (gone[0], event(1))
        never = naming.brokers(Plan(), "", ["never"], gone=True)
        with pytest.raises(InvalidSettings, match="found default/never"):
            [one async for one in letters(world.log, replace(chosen, boxes=[Box("never", one) for one in never]))]

    run(scenario)
    assert capsys.readouterr().err == ""

"""A KafkaSource in fake time, over logs in memory: what it lets out at once, what it commits, what it waits for."""

import asyncio
from dataclasses import replace

from tests import fake_time
from tests.shell.sources_running import BROKER, SETTINGS, FakeSender, World
from tradewind.adapters.memory_log import MemoryLog
from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.plan import SourcePlan, Target
from tradewind.ports import NewRecord, TopicPartition, TopicSpec
from tradewind.resources.model import Destination, InitialOffset, KafkaSource, Metadata, NamespacedName, Order
from tradewind.sources.kafka.run import Doors
from tradewind.sources.kinds import Kinds

NAME = NamespacedName("default", "orders")
AT = [TopicPartition("orders", number) for number in range(2)]
GROUP = "g"


def source(*, url: str | None = None, **changed: object) -> SourcePlan:
    made = KafkaSource(Metadata(NAME), Destination(), ("k",), ("orders",), GROUP, initial_offset=InitialOffset.EARLIEST)
    made = replace(made, **changed)  # type: ignore[arg-type]  # fields of the dataclass, by name
    return SourcePlan(made, None if url else BROKER, Target(url))


class Slow(FakeSender):
    """Answers when it is told to; remembers how many it has at once."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Semaphore(0)
        self.at_once = self.most = 0

    async def post(self, url, headers, body, *, timeout, anew=False) -> Outcome:  # type: ignore[no-untyped-def]  # as in FakeSender
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.gate.acquire()
        finally:
            self.at_once -= 1
        self.sent.append((url, dict(headers), body))
        return Answer(202)


async def world(sender: FakeSender | None = None, opened: list[MemoryLog] | None = None) -> World:
    """Not yet running; four records lie in the topic `orders`.  `opened` gets what sources read from."""
    log, logs = MemoryLog(), [] if opened is None else opened

    def open(_servers: object, _auth: object) -> MemoryLog:
        logs.append(MemoryLog(log.store))
        return logs[-1]

    doors = Doors(log, open)
    made = World(log=log, sender=sender or FakeSender(), maker=Kinds(kafka=doors))
    made.make_topics()
    log.store.make(TopicSpec("orders", 2, None, {}))
    for number in range(4):
        await made.log.append(NewRecord("orders", b"%d" % number, partition=number % 2))
    return made


async def committed(made: World) -> list[int]:
    return [offset for _, offset in sorted((await made.log.group_offsets(GROUP, AT)).items())]


def test_records_become_events_and_their_offsets_are_committed() -> None:
    async def scenario() -> None:
        made = await world()
        async with made.run():
            made.declare(source())
            await made.stored(4)
        assert sorted(event.data or b"" for event in made.events) == [b"0", b"1", b"2", b"3"]
        assert await committed(made) == [2, 2]

    fake_time.run(scenario, patience=10_000.0)


def test_what_is_no_cloudevent_goes_to_the_dead_letters_and_is_committed() -> None:
    async def scenario() -> None:
        made = await world()
        await made.log.append(NewRecord("orders", b"x", [("ce_specversion", b"1.0")], partition=0))
        async with made.run():
            made.declare(source())
            await fake_time.until(lambda: len(made.dead()) == 1)
        (letter,) = made.dead()
        assert letter["key"] == "source:KafkaSource/default/orders/orders/0/2"
        assert await committed(made) == [3, 2]

    fake_time.run(scenario, patience=10_000.0)


def test_ordered_lets_one_of_a_partition_out_and_commits_nothing_that_is_owed() -> None:
    async def scenario() -> None:
        sender = Slow()
        made = await world(sender)
        async with made.run():
            made.declare(source(url="http://sink/"))
            await fake_time.until(lambda: sender.at_once == 2)
            await asyncio.sleep(10.0)
            assert await committed(made) == [0, 0], "where it began"
            sender.gate.release()
            await fake_time.until(lambda: len(sender.sent) == 1 and sender.at_once == 2)
            await asyncio.sleep(10.0)
            assert sum(await committed(made)) == 1
            for _ in range(3):
                sender.gate.release()
            await fake_time.until(lambda: len(sender.sent) == 4)
        assert sender.most == 2
        assert await committed(made) == [2, 2]

    fake_time.run(scenario, patience=10_000.0)


def test_unordered_lets_all_out() -> None:
    async def scenario() -> None:
        sender = Slow()
        made = await world(sender)
        async with made.run():
            made.declare(source(url="http://sink/", ordering=Order.UNORDERED))
            await fake_time.until(lambda: sender.at_once == 4)
            for _ in range(4):
                sender.gate.release()
            await fake_time.until(lambda: len(sender.sent) == 4)
        assert await committed(made) == [2, 2]

    fake_time.run(scenario, patience=10_000.0)


def test_what_is_revoked_is_waited_for_within_bounds() -> None:
    """The sink answers too late: nothing of it is committed, and another reads it again."""

    async def scenario() -> None:
        sender = Slow()
        made = await world(sender)
        async with made.run():
            made.declare(source(url="http://sink/"))
            await fake_time.until(lambda: sender.at_once == 2)
            before = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - before <= SETTINGS.grace + 1
        assert await committed(made) == [0, 0]

    fake_time.run(scenario, patience=10_000.0)


def test_a_topic_that_comes_later_is_read_from_its_beginning() -> None:
    """Also with `latest`: the source was there before it."""

    async def scenario() -> None:
        made = await world()
        later = source(topics=("later",), initial_offset=InitialOffset.LATEST)
        async with made.run():
            made.declare(later)
            key = ("KafkaSource", NAME)
            await fake_time.until(lambda: key in made.process.hosts)
            await asyncio.sleep(30.0)
            made.log.store.make(TopicSpec("later", 1, None, {}))
            await made.log.append(NewRecord("later", b"first"))
            await made.stored(1)
        assert made.events[0].data == b"first"

    fake_time.run(scenario, patience=10_000.0)


def test_a_topic_that_is_missing_is_told_of_again_once_kafka_is_back() -> None:
    async def scenario() -> None:
        opened: list[MemoryLog] = []
        made = await world(opened=opened)
        async with made.run():
            made.declare(source(topics=("later",)))
            await fake_time.until(lambda: bool(opened))
            await asyncio.sleep(30.0)
            opened[-1].down = True
            await asyncio.sleep(30.0)
            (host,) = made.process.hosts.values()
            error = host.standing.record(owner="", in_flight=0, sink="").error
            assert error == "the log in memory is down"
            opened[-1].down = False
            await asyncio.sleep(30.0)
            assert host.standing.record(owner="", in_flight=0, sink="").error == "no topic later"

    fake_time.run(scenario, patience=10_000.0)


def test_a_position_outside_the_log_is_an_alarm_and_goes_on_at_the_first_record() -> None:
    async def scenario() -> None:
        made = await world()
        made.log.store.group(GROUP).offsets.update({AT[0]: 0, AT[1]: 77})
        alarms = 0
        async with made.run():
            made.declare(source())
            await made.stored(4)
            alarms = sum(host.standing.alarms for host in made.process.hosts.values())
        assert alarms == 1
        assert await committed(made) == [2, 2]

    fake_time.run(scenario, patience=10_000.0)


def test_kafka_that_goes_while_a_position_is_gone_is_waited_for_and_is_no_failure() -> None:
    async def scenario() -> None:
        sender, opened = Slow(), list[MemoryLog]()
        made = await world(sender, opened)
        async with made.run():
            made.declare(source(url="http://sink/"))
            await fake_time.until(lambda: sender.at_once == 2)
            await asyncio.sleep(10.0)
            sender.gate.release()
            await fake_time.until(lambda: len(sender.sent) == 1)
            for at in AT:  # while some of both are owed, and one is to be committed
                made.log.store.find(at).end = 50
                made.log.store.delete_records_before(at, 50)
            await asyncio.sleep(0.5)
            opened[-1].down = True
            await asyncio.sleep(5.0)
            opened[-1].down = False
            await made.log.append(NewRecord("orders", b"last", partition=1))
            for _ in range(5):
                sender.gate.release()
            await fake_time.until(lambda: any(body == b"last" for _, _, body in sender.sent))
            (host,) = made.process.hosts.values()
            assert host.counts.failures == 0
            assert len(opened) == 1

    fake_time.run(scenario, patience=10_000.0)


def test_a_topic_that_is_deleted_and_made_again_at_once_is_read_from_its_first_record() -> None:
    """What it held by then is behind the position of the topic that had its name, and would be skipped."""

    async def scenario() -> None:
        made = await world()
        alarms = 0
        async with made.run():
            made.declare(source())
            await made.stored(4)
            await made.log.delete_topics(["orders"])
            made.log.store.make(TopicSpec("orders", 2, None, {}))
            for number in range(10, 20):
                await made.log.append(NewRecord("orders", b"%d" % number, partition=number % 2))
            again = {b"%d" % number for number in range(10, 20)}
            await fake_time.until(lambda: again <= {event.data for event in made.events})
            alarms = sum(host.standing.alarms for host in made.process.hosts.values())
        assert alarms == 1
        assert await committed(made) == [5, 5]

    fake_time.run(scenario, patience=10_000.0)


def test_a_topic_that_is_deleted_is_said_to_be_missing_until_it_is_there_again() -> None:
    async def scenario() -> None:
        made = await world()
        async with made.run():
            made.declare(source())
            await made.stored(4)
            (host,) = made.process.hosts.values()
            for _ in range(2):
                await made.log.delete_topics(["orders"])
                await fake_time.until(lambda: not host.standing.is_connected)
                assert host.standing.record(owner="", in_flight=0, sink="").error == "no topic orders"
                made.log.store.make(TopicSpec("orders", 2, None, {}))
                await fake_time.until(lambda: host.standing.is_connected)

    fake_time.run(scenario, patience=10_000.0)


def test_without_consumers_nothing_is_read() -> None:
    async def scenario() -> None:
        made = await world()
        async with made.run():
            made.declare(source(consumers=0))
            await asyncio.sleep(30.0)
            (host,) = made.process.hosts.values()
            assert not host.standing.is_connected
            made.declare(source(consumers=1))
            await made.stored(4)

    fake_time.run(scenario, patience=10_000.0)

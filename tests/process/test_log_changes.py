"""The log changes under a dispatcher, on a real Kafka: grown, made again, cut, with holes, nearly too old."""

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource  # type: ignore[attr-defined]  # untyped

from tests.contracts.driving import Owner, driving, until
from tests.process.kafka_dispatching import KafkaWorld
from tests.scraped import Scraped
from tests.shell.dispatching import event, trigger
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.delivery.verdicts import Answer
from tradewind.events import kafka as codec
from tradewind.ports import NewRecord, Record, TopicPartition, TopicSpec
from tradewind.resources.model import Order
from tradewind.trigger_dispatcher.ownership import KEPT

pytestmark = [pytest.mark.kafka, pytest.mark.process]

Make = Callable[..., KafkaWorld]


@pytest_asyncio.fixture
async def make(kafka: str, request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    worlds: list[KafkaWorld] = []

    def made(**settings: object) -> KafkaWorld:
        name = f"{request.node.name[5:45]}-{time.time_ns() % 10**9}"
        worlds.append(KafkaWorld(kafka, name, **settings))  # type: ignore[arg-type]
        return worlds[-1]

    yield made
    for world in worlds:
        await world.close()


def alarms(caplog: pytest.LogCaptureFixture, what: str) -> list[dict[str, object]]:
    return [record.fields for record in caplog.records if record.getMessage() == what]  # type: ignore[attr-defined]


async def test_an_added_partition_is_read_from_its_start_by_an_ordered_trigger_after_the_old(make: Make) -> None:
    world, down = make(), True
    world.subscribers.at["http://ordered"] = lambda _: Answer(503 if down else 204)
    world.plan(trigger("ordered", retry=200, order=Order.ORDERED), trigger("unordered"))
    async with world.dispatcher():
        await world.post(event("old", partitionkey="k"))
        await world.got("ordered", "old")
        await until(lambda: len(world.ids("ordered")) > 3)  # the group has come to rest
        await world.add_partitions(2)
        await world.post(event("new", partitionkey="k"), partition=1)
        await world.got("unordered", "old", "new")
        assert set(world.ids("ordered")) == {"old"}
        down = False
        await world.got("ordered", "old", "new")
        await world.post(event("later", partitionkey="k"), partition=1)
        await world.got("ordered", "later")


async def test_a_partition_that_was_added_while_a_dispatcher_was_away_is_shared_out(make: Make) -> None:
    """Its slot gets what it had, and nothing changes afterwards: somebody must call for a rebalance (KAFKA-13435)."""
    world = make()
    world.plan(trigger("a"))
    async with world.dispatcher():
        await world.post(event("old"))
        await world.got("a", "old")
    await world.add_partitions(2)
    async with world.dispatcher():
        await world.post(event("new"), partition=1)
        await world.got("a", "new", within=20)


async def test_a_topic_made_again_is_read_from_its_start(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make()
    world.plan(trigger("a"))
    async with world.dispatcher():
        await world.post(*(event(number) for number in range(20)))
        await world.got("a", *map(str, range(20)))
        await world.recreate()
        await world.post(*(event(f"again-{number}") for number in range(30)))
        await world.got("a", *(f"again-{number}" for number in range(30)))
    assert alarms(caplog, "topic was made again")


async def test_a_topic_made_again_with_fewer_partitions_holds_up_nothing(make: Make) -> None:
    """The group takes those for ours that are no more, also after a restart; there is nothing to be known of them."""
    world = make(partitions=3, mirror_interval=2.0)
    world.plan(trigger("a"))
    async with world.dispatcher():
        await world.post(*(event(number) for number in range(20)), partition=2)
        await world.got("a", *map(str, range(20)))
        await world.recreate(1)
        await world.post(event("again"))
        await world.got("a", "again")
        world.plan(trigger("a"), trigger("b"))
        topic, force = world.settings.cursors_topic, b"force/dispatcher-0"
        async with asyncio.timeout(20):
            while not any(b"default/b" in (r.value or b"") for r in await world.records(topic) if r.key == force):
                pass
        await world.post(event("for both"))
        await world.got("a", "for both")
        await world.got("b", "for both")
    async with world.dispatcher():
        await world.post(event("after"))
        await world.got("b", "after")


async def test_a_log_that_ends_before_the_cursor_is_an_alarm_and_goes_on(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an unclean election: what the cursors say was read is not there any more."""
    world = make()
    world.plan(trigger("a"))
    async with world.dispatcher():
        await world.post(*(event(number) for number in range(5)))
        await world.got("a", *map(str, range(5)))
    topic = world.settings.cursors_topic
    for record in await world.records(topic):
        value = json.loads(record.value or b"{}")
        if (record.key or b"").startswith(b"reader/"):
            said = json.dumps({**value, "position": 50}).encode()
            await world.log.append(NewRecord(topic, said, (), record.key, record.partition))
    async with world.dispatcher():
        await world.post(event("after"))
        await world.got("a", "after")
    found = {
        str(each["trigger"]): (each["was"], each["now"]) for each in alarms(caplog, "the log ends before the cursor")
    }
    assert found["the shared reader"] == (50, 5)


async def test_holes_are_passed_and_keep_nothing_back(make: Make) -> None:
    """Records of a transaction that was taken back, in the middle and at the end."""
    world = make()
    world.plan(trigger("a"))
    await world.make_topics()
    at = TopicPartition(world.topic, 0)
    async with world.dispatcher():
        for turn in range(3):
            await world.post(event(turn))
            await world.abort_a_transaction()
        await world.got("a", "0", "1", "2")
        end = (await world.log.bounds([at]))[at].end
        assert end > 3
        mirrored = -1
        async with asyncio.timeout(30):
            while mirrored != end:
                mirrored = (await world.log.group_offsets(f"{world.topic}-a", [at])).get(at, -1)
    assert sorted(world.ids("a")) == ["0", "1", "2"]
    assert not await world.records(world.dead)


async def test_what_is_owed_is_saved_before_retention_takes_it(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make(retention=24.0)
    world.subscribers.at["http://a"] = lambda _: Answer(503, {"retry-after": "3600"})
    world.plan(trigger("a"))
    async with world.dispatcher():
        await world.post(event("owed"))
        await world.got("a", "owed")
        posted = time.monotonic()
        letters: list[Record] = []
        async with asyncio.timeout(40):
            while not letters:
                letters = list(await world.records(world.dead))
        assert time.monotonic() - posted < 24
        await world.delete_records_before(0, 1)
    (letter,) = letters
    assert codec.read(letter.headers, letter.value).id == "owed"
    assert dict(letter.headers)["tradewind-reason"] == b"retention: 1 failed attempts"
    async with world.dispatcher():
        await world.post(event("next"))
        await world.got("a", "next")
    assert len(await world.records(world.dead)) == 1
    assert not alarms(caplog, "owed event is gone from the log")


async def test_what_retention_has_overtaken_is_metric_status_and_log(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    world, what = make(), "retention has overtaken the cursor"
    world.plan(one := trigger("a"))
    async with world.dispatcher():
        await world.post(event("first"))
        await world.got("a", "first")
    await world.post(*(event(number) for number in range(412)), event("left"))
    await world.delete_records_before(0, 413)
    async with world.dispatcher() as dispatcher:
        await world.got("a", "left")
        async with asyncio.timeout(30):
            while not (shown := await world.row(one))["alarms"]:
                pass
        found = Scraped((await dispatcher.readings.page()).decode())
        labels = {"namespace_name": "default", "trigger_name": "a", "alarm": what}
        assert found.value("tradewind_alarms_total", **labels) == 1
        assert found.value("tradewind_alarms_gone_total", **labels) == 412
    assert world.ids("a") == ["first", "left"]
    assert [(each["alarm"], each["partition"], each["gone"]) for each in shown["alarms"]] == [(what, 0, 412)]
    assert {str(each["trigger"]): each["gone"] for each in alarms(caplog, what)} == {
        "the shared reader": 412,
        "default/a": 412,
    }


async def test_a_foreign_member_in_a_triggers_group_is_seen_and_harms_nothing(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    world, owner = make(), Owner()
    world.plan(trigger("a"))
    await world.make_topics()
    group, at = f"{world.topic}-a", TopicPartition(world.topic, 0)
    foreign = KafkaLog(world.bootstrap, client_id="foreign")
    member = foreign.member(group=group, instance="foreign", ownership=owner)
    await member.subscribe([world.topic])
    async with driving(member):
        await until(lambda: owner.owned == {at})
        async with world.dispatcher():
            await world.post(*(event(number) for number in range(5)))
            await world.got("a", *map(str, range(5)))
            await until(lambda: bool(alarms(caplog, "group offset is refused")))
            async with asyncio.timeout(30):
                while not (shown := await world.row(trigger("a")))["alarms"]:
                    pass
    await member.close()
    await foreign.close()
    assert len(world.ids("a")) == 5
    assert alarms(caplog, "group offset is refused")[0]["trigger"] == trigger("a").name
    assert [(each["alarm"], each["times"]) for each in shown["alarms"]] == [("group offset is refused", 1)]


async def cleaned_often(world: KafkaWorld) -> None:
    """Let Kafka look for what it may compact all the time; it would wait 15 s."""
    broker = ConfigResource(ConfigResource.Type.BROKER, "1")
    broker.add_incremental_config(
        ConfigEntry("log.cleaner.backoff.ms", "200", incremental_operation=AlterConfigOpType.SET)
    )
    for future in world.admin.incremental_alter_configs([broker]).values():
        await asyncio.wrap_future(future)


@pytest.mark.timeout(240)
async def test_the_cursors_topic_compacts_down_to_live_keys(make: Make) -> None:
    """Retries that ended, a Trigger that was deleted and a topic that was made again leave nothing behind; and a
    dispatcher that starts from what is left goes on where it stood."""
    world = make(circuit_failures=1000)  # every event is to be attempted, and waits for a retry
    await cleaned_often(world)
    small = {
        "cleanup.policy": "compact",
        "segment.ms": "1000",
        "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "100",
        "max.compaction.lag.ms": "1000",
    }
    cursors = world.settings.cursors_topic
    await world.log.ensure_topics([TopicSpec(cursors, 1, None, small)])
    world.subscribers.at["http://gone"] = lambda _: Answer(503, {"retry-after": "3600"})
    failing = True
    world.subscribers.at["http://a"] = lambda _: Answer(503 if failing else 204)
    world.plan(trigger("a", retry=200), trigger("gone"))
    async with world.dispatcher() as dispatcher:
        await world.post(*(event(f"first-{number}") for number in range(20)))
        await world.got("gone", *(f"first-{number}" for number in range(20)))
        await asyncio.wait_for(_holding(world, cursors, "owed/"), 30)
        await world.recreate()
        await world.post(*(event(number) for number in range(20)))
        await world.got("gone", *map(str, range(20)))
        await world.got("a", *map(str, range(20)))
        await asyncio.wait_for(_holding(world, cursors, "owed/"), 30)
        failing = False
        world.plan(trigger("a", retry=200))
        await until(lambda: all(trigger("gone").name not in p.served for p in dispatcher._roster.partitions()))
        world.passed = KEPT + 60
        live = (await world.log.topics([world.topic]))[world.topic].id
        expected = {f"reader/{live}/0", *(f"{kind}/default/a/{live}/0" for kind in ("cursor", "status"))}
        expected |= {"force/dispatcher-0"}  # and the status tells that the topic was made again
        deadline = time.monotonic() + 100
        while left := (await _keys(world, cursors)) - expected:
            assert time.monotonic() < deadline, f"still there: {sorted(left)}"
            await dispatcher._sweeper.sweep()
            await world.post(event(f"more-{time.monotonic_ns()}"))  # moves the cursors, so that segments roll
    before = set(world.ids("a"))
    async with world.dispatcher():
        await world.post(event("last"))
        await world.got("a", "last")
    assert set(world.ids("a")) == before | {"last"}


async def _keys(world: KafkaWorld, topic: str) -> set[str]:
    """What is there, tombstones too, besides what the newest segment says once more."""
    return {(record.key or b"").decode() for record in await world.records(topic)}


async def _holding(world: KafkaWorld, topic: str, prefix: str) -> None:
    while not any(key.startswith(prefix) for key in await _keys(world, topic)):
        pass


async def test_five_thousand_triggers_on_one_partition_are_taken_over_in_bounds(make: Make) -> None:
    """Cursors of all of them are read, and each has its place; only one matches."""
    world = make(cursor_interval=5.0, mirror_interval=600.0)
    many = [trigger(f"t{number}", type=f"com.example.{number}") for number in range(5000)]
    world.plan(*many)
    async with world.dispatcher():
        await world.post(event("before", type="com.example.7"))
        await world.got("t7", "before")
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with world.dispatcher():
        took = time.monotonic() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        await world.post(event("after", type="com.example.7"))
        await world.got("t7", "after")
    print(f"5,000 Triggers taken over in {took:.1f} s; {grown} MB more at the most, beside {before // 1024}")
    assert world.ids("t7") == ["before", "after"]
    assert took < 30
    assert grown < 100


async def test_a_cursors_topic_that_is_deleted_is_made_again_with_what_is_known(make: Make) -> None:
    world, down = make(), True
    world.subscribers.at["http://a"] = lambda _: Answer(503, {"retry-after": "5"}) if down else Answer(204)
    world.plan(trigger("a", retry=200), trigger("idle"))
    cursors = world.settings.cursors_topic
    async with world.dispatcher():
        await world.post(*map(event, range(3)))
        await until(lambda: len(world.ids("a")) == 3)
        await world.got("idle", "0", "1", "2")
        await until(lambda: len(world.ids("a")) > 3)  # and so it is written how often each was tried
        before = (await world.log.topics([cursors]))[cursors].id
        await world.log.delete_topics([cursors])
        async with asyncio.timeout(30):
            while (now := (await world.log.topics([cursors])).get(cursors)) is None or now.id == before:
                await asyncio.sleep(0.1)
        await asyncio.sleep(3)
    down, sent = False, len(world.ids("a"))
    async with world.dispatcher():
        await world.post(event("new"))
        await world.got("idle", "new")
        await until(lambda: len(world.ids("a")) == sent + 4)
    assert world.ids("idle") == ["0", "1", "2", "new"]

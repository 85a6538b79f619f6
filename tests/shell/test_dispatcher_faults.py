"""What goes wrong beside the dispatcher must neither end it nor leave anything of it stuck."""

import pytest

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import DEAD, TOPIC, World, event, plan, trigger
from tradewind.ports import NewRecord

TOO_SMALL = {"max.message.bytes": "1"}
"""Of a topic that refuses every record."""


def test_a_pin_that_kafka_refuses_ends_nothing() -> None:
    async def scenario() -> None:
        world = World()
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            topic = world.store.topics[world.settings.cursors_topic]
            as_made, topic.config = topic.config, TOO_SMALL
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: clock() - EPOCH > 5)
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a") == ["1"])
            topic.config = as_made
            world.adopt(plan(trigger("a"), trigger("b")))
            await until(lambda: world.subscribers.ids("http://b") == ["1"], what="b goes on from its pin")

    run(scenario)


@pytest.mark.parametrize("value", [b"\x00garbage", None])
def test_a_record_that_is_no_event_and_that_no_topic_takes_ends_nothing(value: bytes | None) -> None:
    async def scenario() -> None:
        world = World(partitions=1)
        world.adopt(plan(trigger("a")))
        async with world.dispatcher():
            topic = world.store.topics[DEAD]
            as_made, topic.config = topic.config, TOO_SMALL
            await world.log.append(NewRecord(TOPIC, value))
            await world.post(event(1))
            await until(lambda: world.subscribers.ids("http://a") == ["1"])
            await until(lambda: clock() - EPOCH > 30)
            topic.config = as_made
            await until(lambda: len(world.dead_letters()) == 1, what="the record is kept")

    run(scenario)

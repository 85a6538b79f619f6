"""A dispatcher that was away neither takes nor sends before it has joined anew; in fake time."""

import asyncio

from tests.fake_time import EPOCH, clock, run, until
from tests.shell.dispatching import Subscribers, World, event, plan, trigger
from tradewind.delivery.verdicts import Answer


class Asleep:
    """A clock that a test may let jump, as it does for whoever was stopped."""

    def __init__(self) -> None:
        self.slept = 0.0

    def __call__(self) -> float:
        return clock() + self.slept


def test_what_is_anothers_by_now_is_not_sent() -> None:
    """Retries are due when it wakes up, and Kafka cannot be asked yet: nothing is sent before it was."""

    async def scenario() -> None:
        world, elapsed, mine = World(partitions=1), Asleep(), Subscribers()
        world.subscribers.at["http://a"] = mine.at["http://a"] = lambda _: Answer(503, {"retry-after": "30"})
        world.adopt(plan(trigger("a", retry=50)))
        log = world.store.client()
        async with world.dispatcher(log=log, sender=mine, elapsed=elapsed):
            await world.post(*(event(number) for number in range(5)))
            await until(lambda: len(mine.got.get("http://a", [])) == 5)
            await until(lambda: clock() - EPOCH > 20)
            log.down = True
            world.store.fence(world.settings.dispatcher_group, "dispatcher-0")
            elapsed.slept = 12.0
            async with world.dispatcher("dispatcher-1"):
                await until(lambda: len(world.subscribers.got.get("http://a", [])) == 10)
                assert len(mine.got["http://a"]) == 5
                assert clock() - EPOCH > 50
                log.down = False
                await world.post(*(event(number) for number in range(5, 10)))
                await until(lambda: len(world.subscribers.got["http://a"]) > 15)
                assert len(mine.got["http://a"]) == 5
            await until(lambda: len(mine.got["http://a"]) > 5, what="its turn, now that it has joined anew")

    run(scenario)


def test_who_was_away_and_lost_nothing_goes_on() -> None:
    """The machine slept, Kafka with it: the slot's partitions come back, and what ran is settled once."""

    async def scenario() -> None:
        world, elapsed = World(latency=0.5), Asleep()
        world.adopt(plan(trigger("a"), trigger("b", sink="http://sink")))
        world.subscribers.at["http://b"] = lambda _: Answer(503)
        async with world.dispatcher(elapsed=elapsed):
            for turn in range(20):
                await world.post(*(event(f"{turn}-{number}") for number in range(10)))
                await asyncio.sleep(1)
                elapsed.slept += 100 * (turn % 3 == 0)
            await until(lambda: len(set(world.subscribers.ids("http://a"))) == 200)
            await until(lambda: len(set(world.subscribers.ids("http://sink"))) == 200)
        assert len(world.subscribers.ids("http://a")) == 200

    run(scenario)

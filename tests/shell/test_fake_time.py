"""The clock of the tests themselves."""

import asyncio
import math

from tests.fake_time import run


def test_whoever_waits_for_less_than_the_clock_can_be_moved_by_gets_on() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(30.01)
        until = math.nextafter(loop.time(), math.inf)
        for _ in range(3):
            if loop.time() < until:
                await asyncio.sleep((until - loop.time()) / 4)
        assert loop.time() >= until

    run(scenario)

"""A PingSource runs: it waits for each instant of its schedule."""

from tradewind.resources.model import PingSource
from tradewind.sources.emission import Emission, Emissions, Given
from tradewind.sources.ping.convert import event_at
from tradewind.sources.ping.schedule import next_after, read

LONGEST_WAIT = 30.0
"""Seconds slept at once.  The wall clock may be set, and a laptop's timers stand still while it sleeps."""

LATEST = 3600.0
"""Seconds by which an event may be late, because the one before it had to wait for Kafka or the laptop slept.
Instants further back are passed over."""


async def run(source: PingSource, given: Given) -> Emissions:
    """An event for each instant after the last position: the last instant that was fired, in seconds since the epoch;
    without one, after now.  Ends if the schedule never fires again; raises ValueError for one that cannot be read."""
    clock, sleep = given.time.clock, given.time.sleep
    schedule = read(source.schedule, source.timezone)
    instant = given.position if isinstance(given.position, int | float) else clock()
    given.tell.connected()
    while (due := next_after(schedule, max(instant, clock() - LATEST))) is not None:
        while (left := due - clock()) > 0:
            await sleep(min(left, LONGEST_WAIT))
        yield Emission(event_at(source, due), position=due)
        instant = due

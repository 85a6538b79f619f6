"""A PingSource runs: it waits for each instant of its schedule."""

from collections.abc import Awaitable, Callable

from tradewind.resources.model import PingSource
from tradewind.sources.emission import Emission, Emissions, nobody_waits
from tradewind.sources.ping.convert import event_at
from tradewind.sources.ping.schedule import next_after, read

LONGEST_WAIT = 30.0
"""Seconds slept at once.  The wall clock may be set, and a laptop's timers stand still while it sleeps."""

LATEST = 3600.0
"""Seconds by which an event may be late, because the one before it had to wait for Kafka or the laptop slept.
Instants further back are passed over, as are those of the time before this process started."""


async def run(
    source: PingSource, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[object]]
) -> Emissions:
    """An event for each instant after now.  `clock` gives seconds since the epoch.  Ends if the schedule never fires
    again; raises ValueError for a schedule that cannot be read."""
    schedule = read(source.schedule, source.timezone)
    instant = clock()
    while (due := next_after(schedule, max(instant, clock() - LATEST))) is not None:
        while (left := due - clock()) > 0:
            await sleep(min(left, LONGEST_WAIT))
        yield Emission(event_at(source, due), nobody_waits)
        instant = due

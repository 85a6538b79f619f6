"""A PingSource runs: it waits for each instant of its schedule."""

from tradewind.resources.model import PingSource
from tradewind.sources.edges import log
from tradewind.sources.emission import Emission, Emissions, Given, Mark
from tradewind.sources.ping.convert import event_at, stamp
from tradewind.sources.ping.schedule import read
from tradewind.sources.ping.ticks import Ticks, done_by, position

LONGEST_WAIT = 30.0
"""Seconds slept at once.  The wall clock may be set, and a laptop's timers stand still while it sleeps."""


async def run(source: PingSource, given: Given) -> Emissions:
    """An event for each instant after the last position; without one, after now, which then is the first.  Ends if the
    schedule never fires again; raises ValueError for one that cannot be read."""
    clock, elapsed, sleep = given.time.clock, given.time.elapsed, given.time.sleep
    timetable = read(source.schedule, source.timezone)
    done = done_by(source, given.position)
    if done is None:
        done = clock()
        yield Mark(position(source, done))
    given.tell.connected()
    ticks = Ticks(timetable, source.missed, done=done, now=clock(), elapsed=elapsed())
    while True:
        before = ticks.done
        due = ticks.due(clock(), elapsed())
        if due.passed_over or due.set_back:
            why = "instants are passed over" if due.passed_over else "the clock was set back"
            log.warning(why, source=source.metadata.name, since=before, until=ticks.done, missed=source.missed)
            given.tell.alarm(f"{why}, up to {stamp(ticks.done)} (missed: {source.missed})")
        for instant in due.instants:
            yield Emission(event_at(source, instant), position=position(source, instant))
        if not due.instants and (due.passed_over or due.set_back):
            yield Mark(position(source, ticks.done))
        left = ticks.wait(clock())
        if left is None:
            return
        if left > 0:
            await sleep(min(left, LONGEST_WAIT))

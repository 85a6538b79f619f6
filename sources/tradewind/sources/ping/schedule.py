"""When a cron schedule fires: `next_after(timetable, moment)`.

    schedules.read ──► the local times it names ──► their instants ──► the first one after `moment`

A time that the clock skips or repeats goes as with Debian's cron:

    fixed times         skipped: fire once, when the gap ends       repeated: fire in the first pass
    follows elapsed time (minute or hour begin with `*`)
                        skipped: do not come                        repeated: fire in either pass

cronsim, a library for this, lost whole hours where a clock moves by half an hour (Australia/Lord_Howe), and fired where
midnight is skipped; the tests hold what is here to it where it is right, and to a count of every minute.
"""

from bisect import bisect_right
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tradewind.resources import schedules
from tradewind.resources.schedules import Schedule

DAY = 86400
"""Seconds.  Of two clock changes within a day the second may be missed: no zone ever had them."""


class Timetable(NamedTuple):
    """A schedule in its time zone."""

    schedule: Schedule
    zone: ZoneInfo


def read(text: str, timezone: str | None = None) -> Timetable:
    """What `schedule` and `timezone` of a PingSource declare.

    Without a zone it is UTC, so that one manifest means the same on a laptop and in a cluster.  Raises ValueError that
    says what was expected.
    """
    found = schedules.read(text)
    return Timetable(found, schedules.zone(timezone or found.zone or "UTC"))


def next_after(timetable: Timetable, moment: float) -> float | None:
    """The first instant after `moment` at which it fires, both in seconds since the epoch; None if it never does."""
    seconds = timetable.schedule.seconds
    minute = _next_minute(timetable, int(moment // 1) - 60)
    while minute is not None and minute + seconds[-1] <= moment:
        minute = _next_minute(timetable, minute)
    return None if minute is None else float(minute + seconds[bisect_right(seconds, moment - minute)])


def _next_minute(timetable: Timetable, after: int) -> int | None:
    """The first instant after `after` at which a minute begins in which it fires."""
    return _elapsed(timetable, after) if timetable.schedule.elapsed else _fixed(timetable, after)


def _fixed(timetable: Timetable, after: int) -> int | None:
    """In the second pass of a repeated hour the schedule's times are those of the first one: these are passed over."""
    schedule, zone = timetable
    for time in schedule.times(_local(after, zone)):
        if (instant := _instant(time, zone)) > after:
            return instant
    return None


def _elapsed(timetable: Timetable, after: int) -> int | None:
    """From one clock change to the next, between which local time goes as time does."""
    schedule, zone = timetable
    moment = after + 1
    while True:
        here = _local(moment, zone)
        begun = timedelta(seconds=59) if here.second else timedelta()
        time = next(schedule.times(here + begun), None)
        if time is None:
            return None
        instant = moment + int((time - here).total_seconds())
        change = _clock_change(zone, moment, instant)
        if change is None:
            return instant
        moment = change


def _local(instant: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None, fold=0)


def _instant(time: datetime, zone: ZoneInfo) -> int:
    """When it is this local time: the first time, where it comes twice; the end of the gap, where it never does."""
    late = int(time.replace(tzinfo=zone).timestamp())
    if _local(late, zone) == time:
        return late
    early = int(time.replace(tzinfo=zone, fold=1).timestamp())
    return _clock_change(zone, early, late) or late


def _clock_change(zone: ZoneInfo, start: int, end: int) -> int | None:
    """The first instant after `start`, up to `end`, from which another offset from UTC holds."""
    offset = _offset(start, zone)
    while start < end:
        step = min(start + DAY, end)
        if _offset(step, zone) != offset:
            while step - start > 1:
                middle = (start + step) // 2
                if _offset(middle, zone) == offset:
                    start = middle
                else:
                    step = middle
            return step
        start = step
    return None


def _offset(instant: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(instant, zone).utcoffset()

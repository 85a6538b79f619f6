"""Which instants of a schedule are to be fired now, whatever the clock, the process and the machine went through.

    done ─────── missed ───────┬── on time ──► now          fired: all that are on time, and of those before them as
      (down, asleep, set forward)                           many as make up what `missed` allows, the latest

Each instant is fired once, so a clock that is set back a little brings nothing twice: it waits until the clock is
where it was.  One that is set back further than `BACK` was wrong before: it goes on from now, or it might be silent for
years.
Where the clock is set forward, and no time has passed by the clock of elapsed time, no more than one is made up for.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tradewind.resources.model import Missed, PingSource
from tradewind.sources.ping.schedule import Timetable, next_after

ON_TIME = 300.0
"""Seconds by which an instant may be late and counts as on time: longer than it takes to start anew, or to take over
from another process, also where that waits for Kafka.  These are fired whatever `missed` says: five, of minutes."""

BACK = 600.0
"""Seconds that the clock may be set back, or another process' may be ahead of this one's, with nothing repeated."""

MOST = 1000
"""Instants that `all` makes up for, the latest: 16 hours of minutes, 40 days of hours.  As many as are on their way at
once (`source_in_flight`), so that what is fired in a burst is bounded."""

_ALLOWED: Mapping[Missed, int] = {Missed.SKIP: 0, Missed.ONCE: 1, Missed.ALL: MOST}


class Due(NamedTuple):
    """What is to be done now."""

    instants: tuple[float, ...]
    """To be fired, in order."""
    passed_over: bool = False
    """Whether instants before these were not fired, and never will be."""
    set_back: bool = False
    """Whether the clock was set back so far that it goes on from now."""


class Ticks:
    """Of one schedule.  `done`: all instants up to this one are dealt with.  `now` is in seconds since the epoch,
    `elapsed` in seconds of a clock that is never set and goes on while the machine sleeps."""

    def __init__(self, timetable: Timetable, missed: Missed, *, done: float, now: float, elapsed: float) -> None:
        self.done = done
        self._timetable = timetable
        self._allowed = _ALLOWED[missed]
        self._next = next_after(timetable, done)
        self._ahead = now - elapsed

    def wait(self, now: float) -> float | None:
        """Seconds until something is due; None where nothing ever will be."""
        return None if self._next is None else self._next - now

    def due(self, now: float, elapsed: float) -> Due:
        """What is due by now; it is dealt with then."""
        ahead = now - elapsed
        was_set = ahead - self._ahead > ON_TIME
        self._ahead = ahead
        if now < self.done - BACK:
            self._reach(now)
            return Due((), set_back=True)
        if self._next is None or self._next > now:
            return Due(())
        first, allowed = self._next, min(self._allowed, 1) if was_set else self._allowed
        instants = self._latest(now, allowed)
        self._reach(now)
        return Due(instants, passed_over=not instants or instants[0] > first)

    def _reach(self, instant: float) -> None:
        self.done = instant
        self._next = next_after(self._timetable, instant)

    def _latest(self, now: float, allowed: int) -> tuple[float, ...]:
        """All that are on time, or the last that are allowed where that is more.  Looks back twice as far each time,
        as far as is needed: a schedule may name a second, and a process may have been down for years."""
        found, span = self._between(now - ON_TIME, now), ON_TIME
        on_time = len(found)
        while len(found) < allowed and now - span > self.done:
            span *= 2
            found = self._between(now - span, now)
        return tuple(found[-max(on_time, allowed) :]) if found and (on_time or allowed) else ()

    def _between(self, start: float, end: float) -> list[float]:
        found: list[float] = []
        instant = next_after(self._timetable, max(start, self.done))
        while instant is not None and instant <= end:
            found.append(instant)
            instant = next_after(self._timetable, instant)
        return found


def position(source: PingSource, done: float) -> object:
    """A position: up to where, and of which schedule, since another one's instants were not missed."""
    return {"done": done, "schedule": source.schedule, "timezone": source.timezone}


def done_by(source: PingSource, stored: object) -> float | None:
    """Up to where a source's instants are dealt with; None where what is stored does not say so of its schedule."""
    match stored:
        case {"done": int() | float() as done} if position(source, done) == stored:
            return float(done)
    return None

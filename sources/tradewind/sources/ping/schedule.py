"""When a cron schedule fires: `next_after(schedule, moment)`.

    "0 30 8 ? * MON-FRI", Europe/Berlin ──read──► seconds {0}, five fields "30 8 * * MON-FRI", zone

The five fields are cronsim's, which is right across daylight saving as Debian's cron is: a schedule of fixed times
fires once in an hour that comes twice, and once for times that are skipped; one whose minute or hour begins with `*`
follows elapsed time.  With a seconds field cronsim doubles and skips, so seconds are expanded here, within the minutes.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tradewind.resources import schedules


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that was read and can fire."""

    fields: str
    """Minute, hour, day of month, month, day of week, as cronsim takes them."""
    seconds: tuple[int, ...]
    """Seconds of each of those minutes, in order."""
    zone: ZoneInfo


def read(text: str, timezone: str | None = None) -> Schedule:
    """The schedule that `text` declares: five fields, six with seconds first, or a descriptor.

    Without `timezone` it is UTC, so that one manifest means the same on a laptop and in a cluster.  Raises ValueError
    that says what was expected.
    """
    found = schedules.fields(text)
    return Schedule(found.minutes, found.seconds, schedules.zone(timezone or "UTC"))


def next_after(schedule: Schedule, moment: float) -> float | None:
    """The first instant after `moment` at which it fires, both in seconds since the epoch; None if it never does."""
    minute = moment // 60 * 60
    fires = _next_minute(schedule, minute - 60.0)
    if fires == minute:
        left = bisect_right(schedule.seconds, moment - minute)
        if left < len(schedule.seconds):
            return minute + schedule.seconds[left]
        fires = _next_minute(schedule, minute)
    return None if fires is None else fires + schedule.seconds[0]


def _next_minute(schedule: Schedule, minute: float) -> float | None:
    """The first minute after `minute` that the five fields name.

    In the second pass of a repeated hour cronsim offers times of the first one: these are passed over.
    """
    for found in CronSim(schedule.fields, datetime.fromtimestamp(minute, schedule.zone)):
        if (instant := found.timestamp()) > minute:
            return instant
    return None

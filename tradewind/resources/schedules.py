"""What a PingSource's `schedule` and `timezone` say; `tradewind.sources.ping.schedule` decides when they fire.

    [TZ=zone | CRON_TZ=zone] five fields            minute, hour, day of month, month, day of week
    [TZ=zone | CRON_TZ=zone] six fields             with a second before them
    [TZ=zone | CRON_TZ=zone] @hourly, @daily, …     `DESCRIPTORS`

That is what Knative takes (robfig/cron v3, without its `@every`), and more by what `cron_fields` says.  As in Knative
a day must be right by both day fields where one of them names every day by `*` or `?`, and by either of them where
none does (`*/2` does not).  Refused, though Knative takes it: what never fires, and the zone `Local`, as it is another
one on each machine.
"""

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources import cron_fields
from tradewind.resources.cron_fields import LAST, LAST_DAY, LAST_WORKDAY, WEEK, Values, Wrong

DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Knative's, without `@every`, which it does not allow either."""

PREFIXES = ("TZ=", "CRON_TZ=")
"""What a schedule's own zone is written behind."""

_SIX = (
    cron_fields.SECOND,
    cron_fields.MINUTE,
    cron_fields.HOUR,
    cron_fields.DAY,
    cron_fields.MONTH,
    cron_fields.WEEKDAY,
)
_EXPECTED = f"a cron schedule: five fields, six with seconds first, or one of {', '.join(DESCRIPTORS)}"
_EVERY = f"{_EXPECTED} (as in Knative there is no @every: */5 * * * * is every five minutes)"
_ZONE = "a name of the IANA time zone database such as Europe/Berlin"
_NEVER = Wrong("days that never come", "a schedule that fires: none of its months ever has a day that it asks for")
_OF_THE_MACHINE = ("localtime", "posixrules")
"""Names in the database's folder that mean another zone on each machine."""
_CYCLE = range(2001, 2029)
"""In these years every day of a leap year is every day of the week once."""
_YEARS = 60
"""How far ahead is looked: a leap day that is a Monday may take forty years, over one of the years 2100, 2200, 2300."""


class Schedule(NamedTuple):
    """A schedule that can be kept: the local times that it names."""

    seconds: tuple[int, ...]
    """Of each minute; in order, as the others."""
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    """Days of the month, and what `cron_fields` has beside them."""
    months: frozenset[int]
    weekdays: frozenset[int]
    """Days of the week, and what `cron_fields` has beside them."""
    both: bool
    """Whether a day must be right by both."""
    elapsed: bool
    """Minute or hour begin with `*`: it follows elapsed time through a day with a clock change."""
    zone: str = ""
    """Its own, from its prefix; empty where it has none."""

    def names(self, day: date) -> bool:
        """Whether it names this day."""
        return day.month in self.months and self._names(day)

    def _names(self, day: date) -> bool:
        by_month, by_week = _of_month(self.days, day), _of_week(self.weekdays, day)
        return by_month and by_week if self.both else by_month or by_week

    def times(self, start: datetime) -> Iterator[datetime]:
        """The minutes that it names from `start` on, all without a zone, in order."""
        first = start.date()
        for day in self._days_from(first):
            hours = [hour for hour in self.hours if day > first or hour >= start.hour]
            for hour in hours:
                for minute in self.minutes:
                    if day > first or hour > start.hour or minute >= start.minute:
                        yield datetime(day.year, day.month, day.day, hour, minute)

    def _days_from(self, day: date) -> Iterator[date]:
        last = day.year + _YEARS
        while day.year <= last:
            if day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                continue
            if self._names(day):
                yield day
            day += timedelta(days=1)


def read(text: str) -> Schedule:
    """What a schedule says.  Raises ValueError with every fault."""
    found = _read(text)
    if isinstance(found, Schedule):
        return found
    raise ValueError("; ".join(f"found {one.found}, expected {one.expected}" for one in found))


def faults(text: str, path: str) -> list[Fault]:
    """Every fault of a schedule; an empty text counts as not written."""
    found = _read(text) if text else []
    return [] if isinstance(found, Schedule) else [Fault(path, *one) for one in found]


def has_zone(text: str) -> bool:
    """Whether a schedule names a zone of its own."""
    return text.startswith(PREFIXES)


def _read(text: str) -> "Schedule | list[Wrong]":
    wrong: list[Wrong] = []
    zone_name, body = "", text
    if has_zone(text):
        head, _, body = text.partition(" ")
        zone_name = head.partition("=")[2] or "UTC"
        if timezone_fault(zone_name):
            wrong.append(Wrong(f"the zone {shown(zone_name)}", _ZONE))
    body = body.strip()
    words = DESCRIPTORS.get(body.lower(), body).split()
    if len(words) not in (5, 6):
        return [*wrong, Wrong(shown(text), _EVERY if body.startswith("@every") else _EXPECTED)]
    if len(words) == 5:
        words = ["0", *words]
    found = [cron_fields.read(field, word) for field, word in zip(_SIX, words, strict=True)]
    right = [one for one in found if isinstance(one, Values)]
    wrong += [each for one in found if not isinstance(one, Values) for each in one]
    if wrong:
        return wrong
    schedule = _schedule(*right, zone=zone_name)
    return schedule if _fires(schedule) else [_NEVER]


def _schedule(*values: Values, zone: str) -> Schedule:
    seconds, minutes, hours, days, months, weekdays = values
    return Schedule(
        seconds.numbers,
        minutes.numbers,
        hours.numbers,
        frozenset(days.numbers),
        frozenset(months.numbers),
        frozenset(weekdays.numbers),
        days.every or weekdays.every,
        minutes.star or hours.star,
        zone,
    )


def _fires(schedule: Schedule) -> bool:
    """Whether its fields, each right by itself, ever come together."""
    return any(
        schedule.names(date(year, month, day))
        for month in schedule.months
        for year in _CYCLE
        for day in range(1, calendar.monthrange(year, month)[1] + 1)
    )


def _of_month(days: frozenset[int], day: date) -> bool:
    if day.day in days:
        return True
    if LAST_DAY not in days and LAST_WORKDAY not in days:
        return False
    weekday, length = calendar.monthrange(day.year, day.month)
    last_weekday = (weekday + length - 1) % WEEK  # Monday is 0
    workday = length - max(0, last_weekday - 4)
    return (LAST_DAY in days and day.day == length) or (LAST_WORKDAY in days and day.day == workday)


def _of_week(weekdays: frozenset[int], day: date) -> bool:
    weekday = day.isoweekday() % WEEK
    if weekday in weekdays or weekday + WEEK * ((day.day + 6) // WEEK) in weekdays:
        return True
    return weekday + WEEK * LAST in weekdays and day.day + WEEK > calendar.monthrange(day.year, day.month)[1]


def zone(name: str) -> ZoneInfo:
    """The time zone of this name.  Raises ValueError with what was expected."""
    if name in _OF_THE_MACHINE or name.startswith("right/"):  # the latter count leap seconds, as no clock here does
        raise ValueError(_ZONE)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; a path out of the database; a folder of it
        raise ValueError(_ZONE) from None


def timezone_fault(text: str) -> str | None:
    """What was expected where the IANA database knows no such zone."""
    try:
        zone(text)
    except ValueError as expected:
        return str(expected)
    return None

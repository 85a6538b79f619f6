"""When a schedule fires, against a count of every minute, and against cronsim where that is right.

The count knows nothing but `datetime`: it looks at each minute of UTC what the clock on the wall says.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tradewind.sources.ping.schedule import next_after, read

MINUTE = timedelta(minutes=1)

CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),  # by half an hour
    ("Australia/Lord_Howe", "2026-10-04"),
    ("UTC", "2026-06-01"),
    ("Asia/Kolkata", "2026-06-01"),
    ("Asia/Kathmandu", "1986-01-01"),  # by a quarter
    ("Europe/Dublin", "2026-10-25"),  # winter is the exception there
    ("Antarctica/Troll", "2026-03-29"),  # by two hours
    ("Africa/Casablanca", "2026-02-15"),  # for Ramadan
    ("Asia/Beirut", "2026-03-29"),  # midnight is skipped
    ("America/Havana", "2026-11-01"),  # the hour after midnight comes twice
    ("America/Sao_Paulo", "2018-02-18"),  # the hour before midnight comes twice
    ("America/Toronto", "2005-10-30"),
    ("America/St_Johns", "2010-11-07"),  # a minute past midnight the day before begins again
    ("America/St_Johns", "1988-04-03"),  # by two hours, a minute past midnight
    ("Asia/Pyongyang", "2018-05-05"),  # the half hour before midnight is skipped
    ("Pacific/Apia", "2011-12-30"),  # the day never was
    ("America/Caracas", "2007-12-09"),
]


def ticks(schedule: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """As they are computed."""
    return list(_ticks(schedule, zone, start, end))


def _ticks(schedule: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    timetable, moment = read(schedule, zone), start.timestamp() - 0.5
    while (found := next_after(timetable, moment)) is not None and found < end.timestamp():
        yield datetime.fromtimestamp(found, UTC)
        moment = found


def counted(schedule: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """As somebody finds them who looks at the clock each minute: four hours earlier he begins to remember."""
    fields = CronSim(schedule, datetime(2000, 1, 1, tzinfo=UTC))
    by_elapsed_time = any(field.startswith("*") for field in schedule.split()[:2])
    clock, found = ZoneInfo(zone), []
    moment = start - timedelta(hours=4)
    latest = wall(moment - MINUTE, clock)
    while moment < end:
        now = wall(moment, clock)
        if by_elapsed_time:
            fires = names(fields, now)
        else:
            fires, latest = any(names(fields, new) for new in between(latest, now)), max(latest, now)
        if fires and moment >= start:
            found.append(moment)
        moment += MINUTE
    return found


def wall(moment: datetime, clock: ZoneInfo) -> datetime:
    return moment.astimezone(clock).replace(tzinfo=None, fold=0)


def between(latest: datetime, now: datetime) -> Iterator[datetime]:
    """Each minute of the clock behind the latest one that it ever showed, up to now."""
    return takewhile(lambda time: time <= now, (latest + MINUTE * count for count in range(1, 5000)))


def names(fields: CronSim, now: datetime) -> bool:
    return (
        now.minute in fields.minutes
        and now.hour in fields.hours
        and now.month in fields.months
        and fields.match_day(now.date())
    )


minutes = st.sampled_from(["0", "30", "15,45", "*", "*/7", "*/30", "1-59/2", "59", "0,1"])
hours = st.sampled_from(["*", "*/2", "*/3", "0", "2", "1-3", "0,23", "23", "*/6", "3", "1,2"])
days = st.sampled_from(["*", "*", "1", "4", "5", "28,29,30", "30", "25", "1-15"])
weekdays = st.sampled_from(["*", "*", "0", "SUN", "5,6", "1-5"])
schedules = st.builds("{} {} {} * {}".format, minutes, hours, days, weekdays)


@settings(deadline=None)
@given(schedules, st.sampled_from(CHANGES), st.integers(-26 * 60, 26 * 60))
@example("0 */3 * * *", ("Australia/Lord_Howe", "2026-10-04"), 0)  # cronsim loses these
@example("* 2 * * *", ("Australia/Lord_Howe", "2026-04-05"), 0)
@example("0 */6 29 * *", ("Asia/Beirut", "2026-03-29"), 0)  # and fires twice here
@example("30 23 * * *", ("America/St_Johns", "2010-11-07"), 0)
@example("0 12 30 * *", ("Pacific/Apia", "2011-12-30"), 0)
def test_a_schedule_fires_as_somebody_counts_who_looks_at_the_clock(
    schedule: str, change: tuple[str, str], minute: int
) -> None:
    zone, day = change
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) + MINUTE * minute
    end = start + timedelta(hours=30)
    assert ticks(schedule, zone, start, end) == counted(schedule, zone, start, end)


@settings(deadline=None)
@given(schedules, st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]), st.integers(0, 20_000))
def test_a_schedule_fires_as_cronsim_has_it_far_from_midnight_changes(schedule: str, zone: str, day: int) -> None:
    start = datetime(1980, 1, 1, tzinfo=UTC) + timedelta(days=day)
    found = next_after(read(schedule, zone), start.timestamp())
    assert found is not None
    assert found == next(CronSim(schedule, start.astimezone(ZoneInfo(zone)))).timestamp()


@pytest.mark.parametrize(
    ("schedule", "zone", "day", "expected"),
    [
        # the whole 30th is skipped: what it names comes when the 31st begins
        ("0 12 30 * *", "Pacific/Apia", "2011-12-29", ["2011-12-31T00:00:00+14:00"]),
        ("*/30 12 30 * *", "Pacific/Apia", "2011-12-29", []),
        # 44:30 minutes behind UTC until it was none: the clock went from 00:00:00 to 00:44:30
        ("30 0 * * *", "Africa/Monrovia", "1972-01-06", ["1972-01-06T00:30:00-00:44:30", "1972-01-07T00:44:30+00:00"]),
        ("50 * 7 1 *", "Africa/Monrovia", "1972-01-06", ["1972-01-07T00:50:00+00:00", "1972-01-07T01:50:00+00:00"]),
        ("0 0 * * *", "Asia/Pyongyang", "2018-05-04", ["2018-05-04T00:00:00+08:30", "2018-05-05T00:00:00+09:00"]),
        ("45 23 * * *", "Asia/Pyongyang", "2018-05-04", ["2018-05-05T00:00:00+09:00", "2018-05-05T23:45:00+09:00"]),
    ],
)
def test_odd_days(schedule: str, zone: str, day: str, expected: list[str]) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) - MINUTE
    found = ticks(schedule, zone, start, start + timedelta(days=2.2))
    assert [one.astimezone(ZoneInfo(zone)).isoformat() for one in found][:2] == expected

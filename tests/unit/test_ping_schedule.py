"""When a schedule fires, daylight saving included."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.resources.schedules import DESCRIPTORS
from tradewind.sources.ping.schedule import next_after, read

BERLIN = "Europe/Berlin"


def at(text: str) -> float:
    """Seconds of an ISO time; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def firings(schedule: str, start: str, end: str, zone: str | None = None) -> list[str]:
    """Every firing after `start` up to `end`, as local time with its offset."""
    return list(_firings(schedule, at(start), at(end), zone))


def _firings(schedule: str, moment: float, end: float, zone: str | None) -> Iterator[str]:
    plan = read(schedule, zone)
    while (found := next_after(plan, moment)) is not None and found <= end:
        local = datetime.fromtimestamp(found, ZoneInfo(zone or "UTC"))
        yield local.isoformat() if zone else local.replace(tzinfo=None).isoformat()
        moment = found


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:00"),
        ("* * * * *", "2026-01-01T00:00:59.9", "2026-01-01T00:01:00"),
        ("*/15 * * * *", "2026-01-01T00:14:59", "2026-01-01T00:15:00"),
        ("30 8 * * MON-FRI", "2026-11-20T09:00:00", "2026-11-23T08:30:00"),
        ("30 8 * * mon-fri", "2026-11-20T09:00:00", "2026-11-23T08:30:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 1 1 *", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("0 12 13 * 5", "2026-11-01T00:00:00", "2026-11-06T12:00:00"),  # day of month or of week, as in cron
        ("0 12 ? * 5", "2026-11-01T00:00:00", "2026-11-06T12:00:00"),
        ("0 12 13 * ?", "2026-11-01T00:00:00", "2026-11-13T12:00:00"),
        ("30 * * * * *", "2026-01-01T00:00:00", "2026-01-01T00:00:30"),
        ("30 * * * * *", "2026-01-01T00:00:30", "2026-01-01T00:01:30"),
        ("*/20 * * * * *", "2026-01-01T00:00:05", "2026-01-01T00:00:20"),
        ("*/20 * * * * *", "2026-01-01T00:00:40", "2026-01-01T00:01:00"),
        ("5,10 30 8 * * *", "2026-01-01T08:30:07.5", "2026-01-01T08:30:10"),
        ("5,10 30 8 * * *", "2026-01-01T08:30:10", "2026-01-02T08:30:05"),
        ("0 30 8 ? * MON-FRI", "2026-11-20T09:00:00", "2026-11-23T08:30:00"),
        ("@hourly", "2026-01-01T00:00:00", "2026-01-01T01:00:00"),
        ("@Daily", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("@midnight", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("@weekly", "2026-11-25T00:00:00", "2026-11-29T00:00:00"),
        ("@monthly", "2026-01-01T00:00:00", "2026-02-01T00:00:00"),
        ("@yearly", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("@annually", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_the_next_firing(schedule: str, after: str, expected: str) -> None:
    found = next_after(read(schedule), at(after))
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).replace(tzinfo=None).isoformat() == expected


def test_a_timezone_moves_it() -> None:
    assert firings("30 8 * * *", "2026-07-01T00:00:00", "2026-07-02T00:00:00", BERLIN) == ["2026-07-01T08:30:00+02:00"]


def test_a_schedule_that_never_fires_is_not_read() -> None:
    with pytest.raises(ValueError, match="a schedule that fires"):
        read("0 0 31 2 *")


@pytest.mark.parametrize("minute", ["0", "*"])
def test_a_schedule_that_never_fires_has_no_next(minute: str) -> None:
    timetable = read(f"{minute} 0 28 2 *")
    never = timetable._replace(schedule=timetable.schedule._replace(days=frozenset({30})))
    assert next_after(never, at("2026-01-01T00:00:00")) is None


SPRING = ("2026-03-28T22:00:00", "2026-03-29T23:00:00")  # in Berlin 02:00 → 03:00 on 29 March 2026
AUTUMN = ("2026-10-24T20:00:00", "2026-10-25T23:00:00")  # 03:00 → 02:00 on 25 October 2026


@pytest.mark.parametrize("seconds", ["", "0 "])
class TestDaylightSaving:
    def test_a_skipped_time_fires_once_right_after_the_gap(self, seconds: str) -> None:
        assert firings(f"{seconds}30 2 * * *", *SPRING, BERLIN) == ["2026-03-29T03:00:00+02:00"]

    def test_skipped_times_of_one_schedule_fire_once_together(self, seconds: str) -> None:
        assert firings(f"{seconds}15,45 2 * * *", *SPRING, BERLIN) == ["2026-03-29T03:00:00+02:00"]

    def test_a_repeated_time_fires_in_the_first_pass_only(self, seconds: str) -> None:
        assert firings(f"{seconds}30 2 * * *", *AUTUMN, BERLIN) == ["2026-10-25T02:30:00+02:00"]

    def test_asked_within_the_second_pass_a_fixed_time_waits_for_the_next_day(self, seconds: str) -> None:
        plan = read(f"{seconds}30 2 * * *", BERLIN)
        assert next_after(plan, at("2026-10-25T02:10:00+01:00")) == at("2026-10-26T02:30:00+01:00")

    def test_every_hour_follows_elapsed_time(self, seconds: str) -> None:
        spring = firings(f"{seconds}0 * * * *", "2026-03-29T00:30:00+01:00", "2026-03-29T04:00:00+02:00", BERLIN)
        assert [text[11:16] for text in spring] == ["01:00", "03:00", "04:00"]
        autumn = firings(f"{seconds}0 * * * *", "2026-10-25T01:30:00+02:00", "2026-10-25T03:00:00+01:00", BERLIN)
        assert [text[11:] for text in autumn] == ["02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00"]


def test_seconds_follow_their_minutes_through_a_repeated_hour() -> None:
    found = firings("0,30 */30 2 * * *", *AUTUMN, BERLIN)
    assert [text[11:] for text in found] == [
        f"02:{minute}:{second}{offset}"
        for offset in ("+02:00", "+01:00")
        for minute in ("00", "30")
        for second in ("00", "30")
    ]
    assert firings("0,30 30 2 * * *", *AUTUMN, BERLIN) == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:30+02:00"]


YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
SCHEDULES = ["* * * * *", "*/7 * * * *", "30 2 * * *", "15,45 2,3 * * *", "*/10 30 2 * * *", "5 0 */2 * * *", "@daily"]


@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    st.integers(YEAR, YEAR + 366 * 86400),
    st.integers(1, 3 * 86400),
)
def test_asking_late_skips_and_repeats_nothing(schedule: str, zone: str, moment: int, later: int) -> None:
    """Whatever moment before a firing is asked from, the answer is that firing."""
    plan = read(schedule, zone)
    first = next_after(plan, moment)
    assert first is not None
    assert first > moment
    between = moment + later % max(1, int(first - moment))
    assert next_after(plan, between) == first


def test_descriptors_are_schedules() -> None:
    assert all(read(name) == read(fields) for name, fields in DESCRIPTORS.items())


def test_the_same_schedule_in_utc_without_a_timezone() -> None:
    assert read("* * * * *") == read("* * * * *", "UTC")

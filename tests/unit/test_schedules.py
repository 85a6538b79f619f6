"""What a schedule says, and every fault of one."""

from datetime import UTC, datetime

import pytest

from tests.unit import robfig
from tradewind.errors import Fault
from tradewind.resources import schedules
from tradewind.sources.ping.schedule import next_after, read


@pytest.mark.parametrize("text", robfig.FIRINGS)
def test_what_knative_takes_fires_as_it_does_there(text: str) -> None:
    timetable, moment, found = read(text), at(robfig.START), []
    for _ in robfig.FIRINGS[text]:
        following = next_after(timetable, moment)
        assert following is not None
        moment = following
        found.append(datetime.fromtimestamp(moment, UTC).replace(tzinfo=None).isoformat())
    assert found == robfig.FIRINGS[text]


@pytest.mark.parametrize("text", robfig.REFUSED)
def test_what_knative_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read(text)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


HOW = "a cron schedule: five fields, six with seconds first, or one of @yearly, @annually, @monthly, @weekly, "
NEVER = "a schedule that fires: none of its months ever has a day that it asks for"
IANA = "a name of the IANA time zone database such as Europe/Berlin"


def faults(text: str) -> list[tuple[str, str]]:
    found = schedules.faults(text, "spec.schedule")
    assert {one.path for one in found} <= {"spec.schedule"}
    return [(one.found, one.expected) for one in found]


def test_every_fault_of_every_field_is_named() -> None:
    assert faults("TZ=Mars/Base 60 61,3-1 24 32 FOO 8") == [
        ('the zone "Mars/Base"', IANA),
        ('the second "60"', "0 to 59"),
        ('the minute "61"', "0 to 59"),
        ('the minute "3-1"', "a range that ends where it begins, or later"),
        ('the hour "24"', "0 to 23"),
        ('the day of month "32"', "1 to 31, L (the last) or LW (the last from Monday to Friday)"),
        ('the month "FOO"', "1 to 12, JAN to DEC"),
        (
            'the day of week "8"',
            "0 to 7, SUN to SAT, 5L (the last Friday of the month) or 1#2 (its second Monday)",
        ),
    ]


@pytest.mark.parametrize("text", ["* * * *", "* * * * * * *", "@often", "every day", "  ", "TZ=UTC", "TZ=UTC "])
def test_what_has_not_the_shape_of_a_schedule_says_which_it_should_have(text: str) -> None:
    ((found, expected),) = faults(text)
    assert found.startswith('"')
    assert expected.startswith(HOW)


def test_every_is_told_what_to_write_instead() -> None:
    ((found, expected),) = faults("@every 5m")
    assert found == '"@every 5m"'
    assert expected.endswith("(as in Knative there is no @every: */5 * * * * is every five minutes)")


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30-31 feb ?", "5 0 0 31 4,6,9,11 *"])
def test_a_schedule_that_never_fires_says_why(text: str) -> None:
    ((_, expected),) = faults(text)
    assert expected == NEVER


@pytest.mark.parametrize("text", ["", "0 0 29 2 *", "0 0 * 2 MON#5", "0 0 31 2 5", "0 0 L 2 *"])
def test_a_schedule_that_fires_seldom_is_right(text: str) -> None:
    assert faults(text) == []


def test_a_fault_reads_as_a_sentence() -> None:
    assert [str(one) for one in schedules.faults("0 25 * * *", "spec.schedule")] == [
        'spec.schedule: found the hour "25", expected 0 to 23'
    ]
    assert schedules.faults("* * * * *", "spec.schedule") == []
    assert isinstance(schedules.faults("x", "p")[0], Fault)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Etc/GMT+5", "Australia/Lord_Howe"])
def test_a_zone_of_the_database_is_one(name: str) -> None:
    assert schedules.timezone_fault(name) is None
    assert schedules.zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Base",
        "../etc/passwd",
        "/etc/localtime",
        "Europe",
        "Local",
        "localtime",
        "right/UTC",
        "a\0b",
        "posixrules",
    ],
)
def test_what_is_no_zone_for_everybody_is_not(name: str) -> None:
    assert schedules.timezone_fault(name) == IANA


@pytest.mark.parametrize(
    ("text", "own"), [("TZ=UTC @daily", True), ("CRON_TZ=UTC @daily", True), ("@daily", False), ("0 0 * * *", False)]
)
def test_whether_a_schedule_has_a_zone_of_its_own(text: str, own: bool) -> None:
    assert schedules.has_zone(text) is own
    assert bool(schedules.read(text).zone) is own


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31", "04-30"]),
        ("0 0 LW * *", ["01-30", "02-27", "03-31", "04-30"]),
        ("0 0 1,L * *", ["01-01", "01-31", "02-01", "02-28"]),
        ("0 0 1,LW * *", ["01-01", "01-30", "02-01", "02-27"]),
        ("0 0 ? * MON#2", ["01-12", "02-09", "03-09", "04-13"]),
        ("0 0 ? * 5L", ["01-30", "02-27", "03-27", "04-24"]),
        ("0 0 ? * 6L", ["01-31", "02-28", "03-28", "04-25"]),  # two of these are the last day of a month
        ("0 0 ? * 5L,7#1", ["01-04", "01-30", "02-01", "02-27"]),
        ("0 0 31 * *", ["01-31", "03-31", "05-31", "07-31"]),
        ("0 0 30 2 7", ["02-01", "02-08", "02-15", "02-22"]),
        ("0 0 13 * FRI", ["01-02", "01-09", "01-13", "01-16"]),
        ("0 0 */10 2 ?", ["02-01", "02-11", "02-21", "02-01"]),
    ],
)
def test_the_days_that_a_schedule_names(text: str, days: list[str]) -> None:
    times = schedules.read(text).times(datetime(2025, 12, 31, 0, 1))
    assert [next(times).strftime("%m-%d") for _ in days] == days


def test_a_leap_day_that_is_a_monday_is_found_beyond_a_year_that_is_no_leap_year() -> None:
    times = schedules.read("0 0 ? 2 MON#5").times(datetime(2072, 3, 1))
    assert next(times) == datetime(2112, 2, 29)


def test_the_times_of_a_day_begin_where_they_are_asked_from() -> None:
    times = schedules.read("10,40 8-9 * * *").times(datetime(2026, 1, 1, 8, 40))
    assert [next(times).strftime("%d %H:%M") for _ in range(4)] == ["01 08:40", "01 09:10", "01 09:40", "02 08:10"]


def test_a_schedule_that_names_no_day_has_no_times() -> None:
    never = schedules.read("0 0 28 2 *")._replace(days=frozenset({30}))
    assert next(never.times(datetime(2026, 1, 1)), None) is None

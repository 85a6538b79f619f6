"""Which instants are fired, whatever the clock, the process and the machine went through."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.resources.model import MISSED, Destination, Metadata, Missed, NamespacedName, PingSource
from tradewind.sources.ping.schedule import next_after, read
from tradewind.sources.ping.ticks import BACK, MOST, ON_TIME, Due, Ticks, done_by, position

NOON = 1764072000.0  # 2025-11-25T12:00:00Z
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
NOTHING = Due(())


def ticks(schedule: str, missed: Missed = Missed.ONCE, *, done: float = NOON, now: float = NOON) -> Ticks:
    """The clock of elapsed time shows what the wall's does, at the beginning."""
    return Ticks(read(schedule), missed, done=done, now=now, elapsed=now)


def test_an_instant_is_fired_when_it_has_come_and_once() -> None:
    each = ticks("* * * * *")
    assert each.wait(NOON) == MINUTE
    assert each.due(NOON + 59.9, NOON + 59.9) == NOTHING
    assert each.due(NOON + 60.0, NOON + 60.0) == Due((NOON + MINUTE,))
    assert each.due(NOON + 60.1, NOON + 60.1) == NOTHING
    assert each.wait(NOON + 60.5) == 59.5


@pytest.mark.parametrize("missed", list(Missed))
def test_what_is_on_time_is_fired_whatever_is_missed(missed: Missed) -> None:
    """Another process died, and this one takes over a while later."""
    each = ticks("*/10 * * * * *", missed, now=NOON + 35.0)
    assert each.due(NOON + 35.0, NOON + 35.0) == Due((NOON + 10, NOON + 20, NOON + 30))


@pytest.mark.parametrize(
    ("schedule", "down", "missed", "fired"),
    [
        ("0 13 * * *", 10 * HOUR, Missed.SKIP, []),
        ("0 13 * * *", 10 * HOUR, Missed.ONCE, [HOUR]),
        ("0 13 * * *", 10 * HOUR, Missed.ALL, [HOUR]),
        ("0 13 * * *", 3.5 * DAY, Missed.ONCE, [3 * DAY + HOUR]),
        ("0 13 * * *", 3.5 * DAY, Missed.ALL, [HOUR, DAY + HOUR, 2 * DAY + HOUR, 3 * DAY + HOUR]),
        ("0 * * * *", 3 * HOUR, Missed.SKIP, [3 * HOUR]),  # now, and so on time
        ("0 * * * *", 3 * HOUR, Missed.ONCE, [3 * HOUR]),
        ("0 * * * *", 3 * HOUR + ON_TIME, Missed.SKIP, []),
        ("0 * * * *", 3 * HOUR + ON_TIME, Missed.ONCE, [3 * HOUR]),
        ("0 * * * *", 3 * HOUR + ON_TIME, Missed.ALL, [HOUR, 2 * HOUR, 3 * HOUR]),
        ("0 0 1 1 *", DAY, Missed.ALL, []),
    ],
)
def test_what_was_missed_while_down(schedule: str, down: float, missed: Missed, fired: list[float]) -> None:
    now = NOON + down
    assert ticks(schedule, missed, now=now).due(now, now).instants == tuple(NOON + after for after in fired)


@pytest.mark.parametrize(("schedule", "step"), [("* * * * * *", 1), ("* * * * *", 60), ("0 * * * *", 3600)])
def test_all_is_bounded_and_keeps_the_latest(schedule: str, step: int) -> None:
    now = NOON + 10 * 365 * DAY
    due = ticks(schedule, Missed.ALL, now=now).due(now, now)
    assert due.instants == tuple(now - step * back for back in reversed(range(MOST)))
    assert due.passed_over


@pytest.mark.parametrize(("missed", "passed_over"), [(Missed.SKIP, True), (Missed.ONCE, True), (Missed.ALL, False)])
def test_instants_that_are_passed_over_are_said(missed: Missed, passed_over: bool) -> None:
    now = NOON + 2 * HOUR
    each = ticks("0,30 * * * *", missed, now=now)
    assert each.due(now, now).passed_over is passed_over
    assert each.due(now + 1, now + 1) == NOTHING


def test_a_machine_that_slept_fires_what_a_process_does_that_was_down() -> None:
    """The clock of elapsed time went on meanwhile."""
    each, now = ticks("0 * * * *", Missed.ALL), NOON + 8 * HOUR + 400
    assert each.due(now, now).instants == tuple(NOON + HOUR * hour for hour in range(1, 9))


@pytest.mark.parametrize(("missed", "fired"), [(Missed.SKIP, 0), (Missed.ONCE, 1), (Missed.ALL, 1)])
def test_hours_that_never_passed_are_made_up_for_by_one_at_most(missed: Missed, fired: int) -> None:
    """The clock was set forward."""
    each, now = ticks("0 * * * *", missed), NOON + 8 * HOUR + 400
    due = each.due(now, NOON + 1)
    assert due == Due((NOON + 8 * HOUR,) * fired, passed_over=True)
    assert each.due(NOON + 9 * HOUR, NOON + 1 + HOUR - 400) == Due((NOON + 9 * HOUR,))


def test_a_clock_that_was_set_once_is_not_held_against_what_is_missed_later() -> None:
    each = ticks("0 * * * *", Missed.ALL)
    each.due(NOON + 8 * HOUR + 400, NOON + 1)
    later = each.due(NOON + 12 * HOUR + 400, NOON + 1 + 4 * HOUR)
    assert later.instants == tuple(NOON + HOUR * hour for hour in range(9, 13))


def test_a_clock_that_is_set_back_a_little_repeats_nothing() -> None:
    each = ticks("* * * * *")
    assert each.due(NOON + MINUTE, NOON + MINUTE) == Due((NOON + MINUTE,))
    back = NOON + MINUTE - BACK
    assert each.due(back, NOON + MINUTE + 1) == NOTHING
    assert each.wait(back) == BACK + MINUTE
    assert each.due(NOON + 2 * MINUTE, NOON + 2 * MINUTE + BACK) == Due((NOON + 2 * MINUTE,))


def test_a_clock_that_was_far_ahead_goes_on_from_now() -> None:
    ahead = NOON + 365 * DAY
    each = ticks("0 * * * *", done=ahead, now=ahead)
    assert each.due(NOON + 1, ahead + 1) == Due((), set_back=True)
    assert each.done == NOON + 1
    assert each.wait(NOON + 1) == HOUR - 1
    assert each.due(NOON + HOUR, ahead + HOUR) == Due((NOON + HOUR,))


def test_a_schedule_that_never_fires_again_waits_for_nothing() -> None:
    timetable = read("0 0 28 2 *")
    never = timetable._replace(schedule=timetable.schedule._replace(days=frozenset({30})))
    each = Ticks(never, Missed.ALL, done=NOON, now=NOON, elapsed=0.0)
    assert each.wait(NOON) is None
    assert each.due(NOON + DAY, DAY) == NOTHING


steps = st.lists(
    st.one_of(
        st.tuples(st.floats(0.1, 30.0), st.just(0.0)),  # time passes
        st.tuples(st.floats(0.0, 20_000.0), st.just(0.0)),  # down or asleep
        st.tuples(st.floats(0.0, 1.0), st.floats(-100_000.0, 100_000.0)),  # the clock is set
    ),
    max_size=12,
)


@settings(deadline=None)
@given(
    st.sampled_from(["* * * * *", "*/5 * * * *", "*/20 * * * * *", "0 * * * *", "30 2 * * *", "0 0 1 * *"]),
    st.sampled_from(list(Missed)),
    steps,
)
def test_laws(schedule: str, missed: Missed, story: list[tuple[float, float]]) -> None:
    timetable, now, elapsed = read(schedule, "Europe/Berlin"), NOON, 0.0
    each = Ticks(timetable, missed, done=now, now=now, elapsed=elapsed)
    for passes, is_set in story:
        before, was_done = now, each.done
        now, elapsed = now + passes + is_set, elapsed + passes
        due = each.due(now, elapsed)
        allowed = {Missed.SKIP: 0, Missed.ONCE: 1, Missed.ALL: MOST}[missed]
        late = [one for one in due.instants if one <= now - ON_TIME]
        for instant in due.instants:  # is the schedule's, has come, and was not fired before
            assert next_after(timetable, instant - 0.5) == instant
            assert was_done < instant <= now
        for first, second in pairwise(due.instants):  # in order, with nothing between them left out
            assert next_after(timetable, first) == second
        assert len(late) <= allowed  # no burst
        assert len(late) <= 1 or now - before - passes <= ON_TIME
        following = next_after(timetable, max(was_done, now - ON_TIME))
        if following is not None and following <= now:  # what is on time is fired
            assert following in due.instants
        if missed is not Missed.SKIP and due.passed_over:  # there is one for those that are passed over
            assert due.instants
        assert due.set_back == (now < was_done - BACK)
        assert each.done >= was_done or due.set_back
        wait = each.wait(now)
        assert wait is not None
        assert wait > 0


SOURCE = PingSource(Metadata(NamespacedName("default", "tick")), Destination(), "0 * * * *", "Europe/Berlin")


def test_a_position_is_read_back() -> None:
    assert done_by(SOURCE, position(SOURCE, NOON)) == NOON
    assert done_by(replace(SOURCE, data=b"other"), position(SOURCE, NOON)) == NOON


@pytest.mark.parametrize("other", [replace(SOURCE, schedule="* * * * *"), replace(SOURCE, timezone=None)])
def test_instants_of_a_schedule_that_was_another_were_not_missed(other: PingSource) -> None:
    assert done_by(other, position(SOURCE, NOON)) is None


@pytest.mark.parametrize("stored", [None, NOON, {}, {"done": "x"}, {"done": NOON}, []])
def test_a_position_that_does_not_say_is_none(stored: object) -> None:
    assert done_by(SOURCE, stored) is None


@pytest.mark.parametrize(
    ("annotations", "missed"),
    [
        ({}, Missed.ONCE),
        ({MISSED: "skip"}, Missed.SKIP),
        ({MISSED: "All"}, Missed.ALL),
        ({MISSED: "once"}, Missed.ONCE),
        ({MISSED: "never checked"}, Missed.ONCE),
    ],
)
def test_what_is_missed_is_an_annotation(annotations: dict[str, str], missed: Missed) -> None:
    assert replace(SOURCE, metadata=replace(SOURCE.metadata, annotations=annotations)).missed is missed

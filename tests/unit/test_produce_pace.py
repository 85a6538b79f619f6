"""When the next request leaves: what comes alone leaves at once, what comes often leaves together."""

import pytest

from tradewind.adapters.kafka_log.produce.pace import ENOUGH, GATHER, MOST_FLYING, Pace

AT_ONCE = 0.0


def came(pace: Pace, count: int) -> list[bool]:
    return [pace.came() for _ in range(count)]


def answering(*, told: int, waiting: int) -> Pace:
    """One whose last request has just been answered; it held `told` records, and others came meanwhile."""
    pace = Pace()
    pace.sent(0.0)
    came(pace, waiting)
    pace.answered(told)
    return pace


def test_what_comes_alone_leaves_at_once() -> None:
    pace = Pace()
    assert came(pace, 1) == [False]  # nothing was waiting
    assert pace.wait(0.0) == AT_ONCE


@pytest.mark.parametrize(("now", "wait"), [(5.0, GATHER), (5.0 + GATHER / 4, GATHER * 0.75), (6.0, AT_ONCE)])
def test_behind_others_it_leaves_a_while_after_the_last(now: float, wait: float) -> None:
    pace = Pace()
    pace.sent(4.0)
    pace.sent(5.0)
    assert pace.wait(now) == pytest.approx(wait, abs=1e-9)


def test_behind_many_it_waits_for_an_answer() -> None:
    pace = Pace()
    for _ in range(MOST_FLYING):
        pace.sent(0.0)
    assert pace.wait(9.0) is None
    pace.answered(1)
    assert (pace.wait(9.0), len(pace.flying)) == (AT_ONCE, MOST_FLYING - 1)


@pytest.mark.parametrize(("told", "waiting", "more"), [(2, 1, 1), (8, 8, 7), (8, 9, 7), (9, 1, 8), (300, 1, 15)])
def test_what_waited_leaves_with_as_many_again_as_were_told(told: int, waiting: int, more: int) -> None:
    """Less one, and ENOUGH at most."""
    pace = answering(told=told, waiting=waiting)
    more = min(more, ENOUGH - waiting)
    assert pace.wait(0.0) == GATHER
    assert came(pace, more - 1) == [False] * (more - 1)
    assert pace.wait(0.0) == GATHER
    assert came(pace, 1) == [True]
    assert pace.wait(0.0) == AT_ONCE
    assert came(pace, 1) == [False]  # said once
    assert pace.wait(0.0) == AT_ONCE


@pytest.mark.parametrize(("told", "waiting"), [(0, 3), (1, 1), (1, 5), (8, ENOUGH), (500, ENOUGH), (500, 300)])
def test_it_waits_for_no_lone_one_and_not_where_there_is_enough(told: int, waiting: int) -> None:
    assert answering(told=told, waiting=waiting).wait(0.0) == AT_ONCE


def test_where_nothing_waited_the_next_leaves_at_once() -> None:
    pace = answering(told=100, waiting=0)
    assert came(pace, 1) == [False]
    assert pace.wait(0.0) == AT_ONCE


def test_with_a_request_all_begins_anew() -> None:
    pace = answering(told=8, waiting=1)
    pace.sent(1.0)
    assert pace.wait(1.0 + GATHER) == AT_ONCE
    pace.answered(1)
    assert came(pace, 1) == [False]
    assert pace.wait(1.0) == AT_ONCE


def test_company_is_of_the_last_answer_only() -> None:
    pace = Pace()
    pace.sent(0.0)
    pace.sent(1.0)
    came(pace, 1)
    pace.answered(8)
    assert pace.wait(9.0) == AT_ONCE  # as before: a while after the other
    pace.answered(2)
    assert pace.wait(9.0) == GATHER

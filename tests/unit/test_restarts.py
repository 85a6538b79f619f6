"""When a child that died is started again."""

import pytest

from tradewind.control.restarts import Again, Death, Decision, GiveUp, Leave, Record, after, ended_with


def death(at: float, *, status: int = 1, lived: float = 10.0, ready: bool | None = True) -> Death:
    return Death(at=at, status=status, lived=lived, ready=ready)


def decisions(*deaths: Death) -> list[Decision]:
    record, found = Record(), []
    for one in deaths:
        record, decision = after(record, one)
        found.append(decision)
    return found


def test_it_is_given_up_when_its_first_life_ends_before_it_is_ready() -> None:
    assert decisions(death(0, status=2, ready=False)) == [GiveUp("ended before it was ready (status 2)")]


def test_a_later_life_may_end_before_it_is_ready() -> None:
    assert decisions(death(0), death(1, ready=False)) == [Again(0.2), Again(0.4)]


def test_the_third_death_within_a_minute_is_the_last() -> None:
    assert decisions(death(0), death(30), death(59.9, status=-9)) == [
        Again(0.2),
        Again(0.4),
        GiveUp("died 3 times within a minute, last: SIGKILL"),
    ]


def test_deaths_of_more_than_a_minute_ago_do_not_count() -> None:
    assert decisions(death(0), death(30), death(60), death(91), death(121)) == [
        Again(0.2),
        Again(0.4),
        Again(0.4),
        Again(0.4),
        Again(0.4),
    ]


@pytest.mark.parametrize(("lived", "expected"), [(0.99, GiveUp), (1.0, Again)])
def test_what_never_announces_itself_was_ready_after_a_second(lived: float, expected: type[Decision]) -> None:
    assert isinstance(decisions(death(0, lived=lived, ready=None))[0], expected)


@pytest.mark.parametrize(
    ("status", "may_end", "expected"), [(0, True, Leave()), (0, False, Again(0.2)), (1, True, Again(0.2))]
)
def test_only_what_may_end_and_did_well_is_left(status: int, may_end: bool, expected: Decision) -> None:
    assert after(Record(), death(0, status=status), may_end=may_end)[1] == expected


def test_a_command_that_may_end_may_do_so_at_once() -> None:
    assert after(Record(), death(0, status=0, lived=0.0, ready=None), may_end=True)[1] == Leave()


@pytest.mark.parametrize(
    ("status", "words"), [(0, "status 0"), (127, "status 127"), (-15, "SIGTERM"), (-99, "signal 99")]
)
def test_an_exit_status_in_words(status: int, words: str) -> None:
    assert ended_with(status) == words

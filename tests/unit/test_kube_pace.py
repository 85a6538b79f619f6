"""When a Reflector asks again, and what of its troubles is worth a line."""

import pytest

from tradewind.adapters.kube.answers import Missing
from tradewind.adapters.kube.pace import Pace, Tries
from tradewind.errors import ApiDenied, ApiFailed, ApiRefused, ApiUnavailable

MIDDLE = 0.5
"""The chance that neither lengthens nor shortens a wait."""
PACE = Pace(first=1.0, most=10.0, slow=30.0, spread=0.25)


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (ApiUnavailable(), [1, 2, 4, 8, 10, 10]),
        (ApiRefused(), [1, 2, 4, 8, 10, 10]),
        (ApiDenied(), [1, 2, 4, 8, 16, 30, 30]),
        (Missing(), [1, 2, 4, 8, 16, 30, 30]),
    ],
)
def test_waits_grow_up_to_a_bound(error: ApiFailed, waits: list[float]) -> None:
    tries = Tries(PACE)
    assert [tries.failed(error, MIDDLE)[0] for _ in waits] == waits


def test_what_is_missing_just_after_an_outage_is_asked_for_soon() -> None:
    """An API server that has just started denies everything until it has read the roles."""
    tries = Tries(PACE)
    for _ in range(10):
        tries.failed(ApiUnavailable("away"), 0.5)
    assert [tries.failed(ApiDenied("no"), 0.5)[0] for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert tries.failed(ApiUnavailable("away"), 0.5)[0] == 10


def test_waits_are_spread() -> None:
    assert Tries(PACE).failed(ApiUnavailable(), 0.0)[0] == 0.75
    assert Tries(PACE).failed(ApiUnavailable(), 1.0)[0] == 1.25


def test_an_outage_of_a_day_is_no_overflow_and_bounded() -> None:
    tries, passed, count = Tries(PACE), 0.0, 0
    while passed < 86400:
        passed += tries.failed(ApiUnavailable(), MIDDLE)[0]
        count += 1
    assert count == 8643


def test_each_kind_of_trouble_is_told_once_and_its_end() -> None:
    tries = Tries(PACE)
    assert not tries.well()
    troubles = [ApiUnavailable("a"), ApiUnavailable("b"), ApiUnavailable("c"), ApiDenied()]
    assert [tries.failed(error, MIDDLE)[1] for error in troubles] == [False, True, False, True]
    assert tries.well() and not tries.well()
    assert [tries.failed(ApiDenied(), MIDDLE)[1] for _ in range(3)] == [False, True, False]


def test_a_watch_that_breaks_now_and_then_is_no_trouble() -> None:
    tries = Tries(PACE)
    for _ in range(1000):
        assert tries.failed(ApiUnavailable(), MIDDLE) == (1, False)
        assert not tries.well()


def test_a_watch_that_ends_is_followed_at_once_unless_it_was_nothing() -> None:
    tries = Tries(PACE)
    assert tries.ended(well=True, chance=MIDDLE) == 0
    assert [tries.ended(well=False, chance=MIDDLE) for _ in range(3)] == [1, 2, 4]
    tries.well()
    assert tries.ended(well=False, chance=MIDDLE) == 1


def test_a_version_that_is_gone_is_listed_at_once_unless_that_brought_nothing() -> None:
    tries = Tries(PACE)
    assert [tries.expired(MIDDLE) for _ in range(4)] == [0, 1, 2, 4]
    tries.well()
    assert [tries.expired(MIDDLE) for _ in range(2)] == [0, 1]


def test_after_an_outage_a_version_that_is_gone_is_listed_at_once() -> None:
    tries = Tries(PACE)
    for _ in range(10):
        tries.failed(ApiUnavailable(), MIDDLE)
    assert tries.expired(MIDDLE) == 0


def test_a_watch_takes_whole_seconds_and_at_most_a_minute() -> None:
    pace = Pace()
    assert pace.watching(0.0) == 40
    assert pace.watching(1.0) == 45
    assert pace.watching(1.0) + pace.slack < 60
    assert Pace(watch=0.1).watching(0.0) == 1

"""What comes near the start of the log: by age, by bytes, and by neither."""

import pytest

from tradewind.ports import Bounds, Retention
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.ownership import Alarm, Ground, OwnedPartition
from tradewind.trigger_dispatcher.retention import Weights, moment, near

A = NamespacedName("default", "a")


@pytest.mark.parametrize(
    ("seconds", "margin", "expected"),
    [
        pytest.param(None, 10.0, None, id="kept for ever"),
        pytest.param(1000.0, 10.0, 10.0, id="older than retention less the margin"),
        pytest.param(1000.0, 900.0, 250.0, id="never more than a quarter of it"),
    ],
)
def test_the_moment_before_which_records_come_near_their_end(
    seconds: float | None, margin: float, expected: float | None
) -> None:
    assert moment(Retention(seconds, None), margin=margin, now=1000.0) == expected


def test_what_is_older_is_near_whatever_lies_behind_it() -> None:
    weights = Weights(0)
    assert near([9, 3, 5], Retention(60.0, None), young=5, weights=weights, end=100) == [3]
    assert near([9, 3, 5], Retention(None, None), young=None, weights=weights, end=100) == []


def test_what_has_nearly_as_many_bytes_behind_it_as_are_kept_is_near() -> None:
    """Ten records of 100 bytes: of 1000 that are kept, 750 lie behind the third and all before it."""
    weights = Weights(0)
    for offset in range(10):
        weights.add(offset, 100)
        weights.mark(enough=1000)
    assert [weights.behind(offset, end=10) for offset in (0, 2, 9, 10)] == [1000, 800, 100, 0]
    assert near(range(10), Retention(None, 1000), young=None, weights=weights, end=10) == [0, 1, 2]
    assert near(range(10), Retention(None, 1000), young=2, weights=weights, end=10) == [0, 1, 2]


def test_bytes_that_were_not_seen_count_as_the_average_of_those_that_were() -> None:
    weights = Weights(50)
    assert weights.behind(0, end=60) == 0.0
    for offset in range(50, 60):
        weights.add(offset, 100)
    weights.mark(enough=10_000)
    assert weights.behind(40, end=60) == 2000
    assert weights.behind(50, end=70) == 2000
    assert weights.behind(55, end=60) == 1000  # since the mark before it: rather too many


def test_marks_with_enough_behind_them_are_let_go() -> None:
    weights = Weights(0)
    for offset in range(1000):
        weights.add(offset, 10)
        weights.mark(enough=100)
        weights.mark(enough=100)
    assert len(weights._offsets) == 11
    assert weights.behind(995, end=1000) == 50
    assert weights.behind(0, end=1000) >= 100


def test_who_lags_behind_an_offset() -> None:
    owned = OwnedPartition(
        Ground(PartitionId("id", 0), "topic", 1, Bounds(0, 100), external=False), owner="me", seen=-1, position=50
    )
    assert (owned.lags(50), owned.lags(51)) == (False, True)
    owned.pin(A, 40, since=0.0)
    assert not owned.lags(45)
    owned.served.add(A)
    assert (owned.lags(40), owned.lags(41)) == (False, True)
    owned.ledgers[A].owe(45)
    owned.ledgers[A].advance(50)
    owned.try_attach(A)
    assert (owned.lags(45), owned.lags(46)) == (False, True)


def test_an_alarm_counts_what_is_gone() -> None:
    assert (Alarm("overtaken", A, 5, 9).gone, Alarm("the log ends before", A, 9, 5).gone) == (4, 0)

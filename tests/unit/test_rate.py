"""So many deliveries a second, and no larger burst than one second's worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.trigger_dispatcher.rate import SHORTEST, Bucket


def burst(bucket: Bucket, now: float) -> int:
    taken = 0
    while not bucket.wait(now):
        bucket.take()
        taken += 1
        assert taken < 10_000
    return taken


@pytest.mark.parametrize(("rate", "most"), [(0.5, 1), (1.0, 1), (2.5, 2), (50.0, 50)])
def test_a_burst_is_one_seconds_worth_and_at_least_one(rate: float, most: int) -> None:
    bucket = Bucket(rate, now=100.0)
    assert burst(bucket, 100.0) == most
    assert burst(bucket, 1e6) == most


def test_it_says_how_long_to_wait() -> None:
    bucket = Bucket(4.0, now=0.0)
    burst(bucket, 0.0)
    assert bucket.wait(0.0) == 0.25
    assert bucket.wait(0.125) == 0.125
    assert bucket.wait(0.2499999) == SHORTEST
    assert bucket.wait(0.25) == 0.0


def test_without_a_rate_nothing_waits() -> None:
    bucket = Bucket(None, now=0.0)
    for _ in range(1000):
        assert bucket.wait(0.0) == 0.0
        bucket.take()


def test_another_rate_holds_at_once() -> None:
    bucket = Bucket(None, now=0.0)
    bucket.take()
    bucket.change(10.0, now=5.0)
    assert burst(bucket, 5.0) == 10
    bucket.change(100.0, now=5.0)
    assert burst(bucket, 5.0) == 0
    assert burst(bucket, 5.5) == 50
    bucket.change(100.0, now=9.0)
    bucket.change(2.0, now=9.0)
    assert burst(bucket, 9.0) == 2
    bucket.change(None, now=9.0)
    assert bucket.wait(9.0) == 0.0


def test_a_clock_that_steps_back_costs_nothing_but_what_it_took() -> None:
    bucket = Bucket(1.0, now=1000.0)
    bucket.take()
    assert bucket.wait(10.0) == 1.0
    assert bucket.wait(11.0) == 0.0


@given(st.floats(0.01, 200.0), st.lists(st.floats(0.0, 3.0), max_size=60))
def test_in_no_stretch_of_time_more_than_its_rate_and_a_burst(rate: float, steps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, now=0.0), 0.0, 0
    for step in steps:
        now += step
        taken += burst(bucket, now)
        assert taken <= max(1.0, rate) + rate * now + 1e-6
        wait = bucket.wait(now)
        assert wait > 0
        now += wait + 1e-9
        assert not bucket.wait(now)

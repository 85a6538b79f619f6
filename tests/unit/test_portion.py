"""What of a Trigger's bounds one dispatcher keeps: all together keep to the annotation."""

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import trigger_plan
from tradewind.trigger_dispatcher.portion import portion

SHARES = st.lists(st.integers(1, 20), min_size=1, max_size=12)
"""Partitions that each dispatcher owns; together they are all there are."""


@given(SHARES, st.integers(1, 1000))
def test_widths_exceed_the_annotation_only_by_those_that_have_less_than_one(shares: list[int], width: int) -> None:
    of = sum(shares)
    kept = [portion(trigger_plan(max_in_flight=width), owned=owned, of=of).max_in_flight or 0 for owned in shares]
    assert min(kept) >= 1
    assert sum(kept) <= width + sum(width * owned < of for owned in shares)
    assert sum(kept) > width - len(shares)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 1000))
def test_where_partitions_are_shared_out_evenly_the_annotation_holds_down_to_one_for_each(
    dispatchers: int, more: int, width: int
) -> None:
    of = dispatchers + more
    shares = [of // dispatchers + (number < of % dispatchers) for number in range(dispatchers)]
    kept = [portion(trigger_plan(max_in_flight=width), owned=owned, of=of).max_in_flight or 0 for owned in shares]
    assert sum(kept) <= max(width, dispatchers)


@given(SHARES, st.floats(1e-6, 1e6))
def test_rates_add_up_to_the_annotation(shares: list[int], rate: float) -> None:
    of = sum(shares)
    kept = sum(portion(trigger_plan(rate=rate), owned=owned, of=of).rate or 0.0 for owned in shares)
    assert abs(kept - rate) <= rate * 1e-9


def test_whoever_has_all_or_nothing_keeps_the_bounds_and_what_is_not_bounded_stays_so() -> None:
    bounded = trigger_plan(max_in_flight=3, rate=2.0)
    for owned, of in [(10, 10), (0, 10), (0, 0)]:
        assert portion(bounded, owned=owned, of=of) == bounded
    assert portion(trigger_plan(), owned=1, of=10) == trigger_plan()

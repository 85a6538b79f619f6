"""The width towards an address: halves once per round trip, grows by one per width of successes."""

from hypothesis import given
from hypothesis import strategies as st

from tradewind.trigger_dispatcher.width import LEAST, Width


def test_it_halves_once_for_all_that_was_sent_before() -> None:
    width = Width(100)
    for _ in range(100):
        width.crowded(sent=1.0, now=2.0)
    assert width.now == 50
    width.crowded(sent=2.0, now=2.5)
    assert width.now == 50
    width.crowded(sent=2.1, now=3.0)
    assert width.now == 25


def test_it_never_falls_below_one() -> None:
    width = Width(3)
    for moment in range(1, 20):
        width.crowded(sent=float(moment), now=float(moment))
    assert width.now == LEAST == 1


def test_it_grows_by_one_for_a_width_of_events_that_were_taken_up_to_its_maximum() -> None:
    width = Width(10)
    width.crowded(sent=1.0, now=1.0)
    found = []
    for _ in range(5 + 6 + 7 + 8 + 9 + 100):
        width.taken()
        found.append(width.now)
    assert found[:11] == [5] * 4 + [6] * 6 + [7]
    assert found[34] == found[-1] == 10


def test_what_grew_towards_the_next_place_is_lost_with_the_shrinking() -> None:
    width = Width(10)
    width.crowded(sent=1.0, now=1.0)
    for _ in range(4):
        width.taken()
    width.crowded(sent=2.0, now=2.0)
    width.taken()
    assert width.now == 2


def test_another_maximum() -> None:
    width = Width(10)
    width.resize(20)
    assert (width.now, width.most) == (20, 20)
    width.crowded(sent=1.0, now=1.0)
    width.resize(40)
    assert width.now == 10
    width.resize(4)
    assert (width.now, width.most) == (4, 4)


def test_one_that_has_shrunk_stays_so_where_the_maximum_is_less_for_a_while() -> None:
    """A dispatcher that joins takes a part of it, and gives it back when it leaves."""
    width = Width(40)
    width.crowded(sent=1.0, now=1.0)
    width.crowded(sent=2.0, now=2.0)
    width.resize(1)
    assert width.now == 1
    width.resize(12)
    assert width.now == 10
    for _ in range(100):
        width.taken()
    assert width.now == 12
    width.resize(40)
    assert width.now == 12
    for _ in range(12 + 13):
        width.taken()
    assert width.now == 14
    for _ in range(1000):
        width.taken()
    width.resize(1)
    width.resize(80)
    assert width.now == 80  # it had grown back


@given(st.integers(1, 50), st.lists(st.tuples(st.sampled_from(["taken", "crowded", "resize"]), st.integers(1, 50))))
def test_it_stays_within_its_bounds_and_moves_by_its_steps(most: int, moves: list[tuple[str, int]]) -> None:
    width = Width(most)
    for moment, (move, amount) in enumerate(moves, 1):
        before = width.now
        match move:
            case "taken":
                width.taken()
                assert width.now - before in (0, 1)
            case "crowded":
                width.crowded(sent=float(moment), now=float(moment))
                assert width.now == max(1, before // 2)
            case _:
                width.resize(amount)
        assert 1 <= width.now <= width.most

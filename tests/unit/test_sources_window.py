"""What is on its way, and up to where all of it is settled."""

from hypothesis import given
from hypothesis import strategies as st

from tradewind.sources.window import BEHIND, Window


@given(st.lists(st.none() | st.integers()), st.data())
def test_the_position_is_the_last_before_which_all_is_settled(positions: list[int | None], data: st.DataObject) -> None:
    window = Window(10_000, 10_000, "start")
    tickets = [window.open(1, position) for position in positions]
    settled: set[int] = set()
    for number in data.draw(st.permutations(range(len(tickets)))):
        before = window.position
        moved = window.settle(tickets[number])
        settled.add(number)
        done = next((n for n in range(len(tickets)) if n not in settled), len(tickets))
        said = [position for position in positions[:done] if position is not None]
        assert window.position == (said[-1] if said else "start")
        assert moved or window.position == before
        assert not window.settle(tickets[number]), "said again"
        assert (window.held, window.held_bytes) == (len(tickets) - len(settled),) * 2
    assert not window.full


def test_what_is_on_its_way_is_bounded_by_number_and_bytes_and_may_always_be_one() -> None:
    assert not Window(1, 0).full
    window = Window(3, 100)
    assert not window.full
    large = window.open(1000, None)
    assert window.full
    window.settle(large)
    tickets = [window.open(10, None) for _ in range(2)]
    assert not window.full
    window.open(10, None)
    assert window.full
    window.settle(tickets[1])
    assert not window.full
    exact = Window(3, 100)
    exact.open(99, None)
    assert not exact.full
    exact.open(1, None)
    assert exact.full


def test_what_is_remembered_behind_one_that_takes_its_time_is_bounded() -> None:
    window = Window(3, 100)
    window.open(1, 0)
    while not window.full:
        window.settle(window.open(1, 1))
    assert window.held == 1
    assert len(window._line) == 3 * BEHIND

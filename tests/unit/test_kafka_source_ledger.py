"""What may be committed: never past a record that is not settled."""

from hypothesis import given
from hypothesis import strategies as st

from tests.any_event import PROPERTY
from tradewind.sources.kafka.ledger import Ledger


def test_a_hole_at_the_end_is_passed_and_one_that_is_owed_is_not() -> None:
    ledger = Ledger(5)
    assert (ledger.due, ledger.committed) == (5, 5)
    for offset in (5, 6, 9):
        ledger.receive(offset)
        ledger.out += 1
    ledger.passed(12)
    ledger.settle(6)
    assert (ledger.due, ledger.owed, ledger.out) == (5, 2, 2)
    ledger.settle(5)
    assert (ledger.due, ledger.owed) == (9, 1)
    ledger.settle(5)
    assert (ledger.due, ledger.owed) == (9, 1), "it was settled before"
    ledger.out += 1
    ledger.settle(9)
    assert (ledger.due, ledger.owed, ledger.out) == (12, 0, 0)
    ledger.settle(9)
    assert ledger.due == 12
    ledger.passed(3)
    assert ledger.due == 12
    assert Ledger(7, committed=None).committed is None


@PROPERTY
@given(st.data(), st.lists(st.integers(1, 3), min_size=1, max_size=12))
def test_what_is_due_is_the_first_that_is_owed(data: st.DataObject, steps: list[int]) -> None:
    ledger, offset, owed = Ledger(0), 0, list[int]()
    for step in steps:
        offset += step
        ledger.receive(offset)
        owed.append(offset)
        for done in data.draw(st.lists(st.sampled_from(owed), unique=True)) if owed else ():
            owed.remove(done)
            ledger.settle(done)
        assert ledger.due == (min(owed) if owed else offset + 1)
        assert ledger.owed == len(owed)

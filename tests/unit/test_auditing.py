"""The equation of an audit: every record is exactly one thing to each Trigger."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.auditing import Standing, Stretch, Tally

A, B, C = (NamespacedName("default", name) for name in "abc")


def told(standing: Standing, offsets: list[int], matched: set[int]) -> Tally:
    stretch = Stretch({A: standing})
    for offset in offsets:
        stretch.tell(offset, 1000.0 + offset, [A, B] if offset in matched else [B])
    return stretch.ended()[A]


def test_each_record_is_counted_as_what_it_is() -> None:
    standing = Standing(
        next=10, first=2, owed={4: 0.0, 5: 99.0, 12: 77.0}, dead=frozenset({6, 1}), left=frozenset({7, 11})
    )
    tally = told(standing, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], {0, 1, 3, 4, 8, 10, 12})
    assert tally == Tally(
        read=14, before=2, filtered=2, settled=2, dead=1, left=1, owed=3, waiting=2, behind=3, matching=2,
        oldest=1004.0, due=77.0,
    )  # fmt: skip
    assert tally.accounted == 14


STRETCHES = st.integers(0, 30).flatmap(
    lambda end: st.tuples(
        st.just(end),
        st.integers(0, 30),
        st.integers(0, 30),
        st.sets(st.integers(0, 30)),
        st.sets(st.integers(0, 30)),
        st.sets(st.integers(0, 30)),
        st.sets(st.integers(0, 30)),
        st.sets(st.integers(0, 30)),
        st.integers(-1, 31),
    )
)


@given(STRETCHES)
def test_whatever_the_cursors_say_every_record_is_one_thing(
    given: tuple[int, int, int, set[int], set[int], set[int], set[int], set[int], int],
) -> None:
    end, first, next_offset, owed, dead, left, matched, holes, decided = given
    owed = {offset for offset in owed if offset >= first}
    standing = Standing(next_offset, first, dict.fromkeys(owed, 5.0), frozenset(dead), frozenset(left), decided)
    offsets = [offset for offset in range(end) if offset not in holes]

    def what(offset: int) -> str:
        if offset in owed:
            return "owed"
        if offset < first:
            return "before"
        if offset >= next_offset:
            return "behind"
        kind = "dead" if offset in dead else "left" if offset in left else ""
        if not kind and offset < decided:
            return "unknown"
        return kind or ("settled" if offset in matched else "filtered")

    expected = Counter(map(what, offsets))
    tally = told(standing, offsets, matched)
    assert tally.read == len(offsets) == tally.accounted
    for name in ("before", "unknown", "filtered", "settled", "dead", "left", "owed", "behind"):
        assert getattr(tally, name) == expected[name], name


def test_what_was_addressed_to_a_trigger_no_filter_decided_about() -> None:
    stretch = Stretch({A: Standing(4, decided=3)})
    for offset in range(4):
        stretch.tell(offset, 0.0, [A], addressed=offset == 1)
    assert stretch.ended()[A] == Tally(read=4, unknown=2, settled=2)


def test_triggers_that_stand_apart_are_counted_apart_and_sums_add_up() -> None:
    stretch = Stretch({A: Standing(2), B: Standing(5, owed={1: 7.0})})
    for offset in range(4):
        stretch.tell(offset, float(offset), [A, C])
    tallies = stretch.ended()
    assert tallies[A] == Tally(read=4, settled=2, behind=2, matching=2)
    assert tallies[B] == Tally(read=4, filtered=3, owed=1, waiting=1, oldest=1.0, due=7.0)
    total = Tally()
    for one in (*tallies.values(), Tally(oldest=0.5)):
        total.add(one)
    assert total == Tally(
        read=8, filtered=3, settled=2, owed=1, waiting=1, behind=2, matching=2, oldest=0.5, due=7.0
    )  # fmt: skip


@pytest.mark.parametrize(
    ("standing", "before", "after", "expected"),
    [
        (Standing(4), Bounds(0, 4), Bounds(0, 4), []),
        (Standing(6), Bounds(0, 4), Bounds(0, 6), []),  # it went on while the cursors were read
        (Standing(4, owed={2: 0.0}), Bounds(0, 4), Bounds(0, 4), []),
        (Standing(1), Bounds(0, 4), Bounds(2, 4), []),  # taken while the cursors were read
        (Standing(9, owed={2: 0.0, 7: 0.0}, dead=frozenset({8})), Bounds(0, 9), Bounds(0, 9),
         ["owes offset 7, which the log does not hold and no dead letter names"]),
        (Standing(9, owed={7: 0.0}, dead=frozenset({7})), Bounds(0, 9), Bounds(0, 9), []),
        (Standing(1), Bounds(3, 4), Bounds(3, 4),
         ["stands at 1, and retention has taken 1–2 before it looked at them"]),
        (Standing(8), Bounds(0, 4), Bounds(0, 4), ["stands at 8, and the log ends at 4"]),
        (Standing(99, owed=dict.fromkeys(range(50, 72), 0.0)), Bounds(0, 99), Bounds(0, 99),
         ["owes offsets 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69 and 2 more, "
          "which the log does not hold and no dead letter names"]),
        (Standing(99, owed={50: 0.0, 51: 0.0}), Bounds(0, 99), Bounds(0, 99),
         ["owes offsets 50, 51, which the log does not hold and no dead letter names"]),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_named(standing: Standing, before: Bounds, after: Bounds, expected: list[str]) -> None:
    stretch = Stretch({A: standing})
    for offset in range(4):
        stretch.tell(offset, 0.0, [A])
    stretch.ended()
    assert stretch.faults(A, before=before, after=after) == expected

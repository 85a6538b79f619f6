"""Stretches of the log that are kept: never anything but what a reader would read."""

from hypothesis import given
from hypothesis import strategies as st

from tradewind.ports import Record
from tradewind.trigger_dispatcher.stretch import Stretch, Stretches, weight


def record(offset: int, size: int = 10) -> Record:
    return Record("topic", 0, offset, 0.0, None, b"x" * size, ())


def offsets(stretch: Stretch, since: int) -> list[int]:
    return [each.offset for each in stretch.since(since)]


def test_what_lies_in_it_is_found_from_any_offset_on() -> None:
    stretch = Stretch(10, 20, [record(11), record(12), record(15)])
    assert [stretch.holds(offset) for offset in (9, 10, 19, 20)] == [False, True, True, False]
    assert offsets(stretch, 10) == [11, 12, 15]
    assert offsets(stretch, 12) == [12, 15]
    assert offsets(stretch, 13) == [15]
    assert offsets(stretch, 16) == []


def test_a_record_is_found_at_its_offset_and_none_where_the_log_has_none() -> None:
    first, second = record(11), record(15)
    stretch = Stretch(10, 20, [first, second])
    assert [stretch.record(offset) for offset in (10, 11, 12, 15, 16)] == [None, first, None, second, None]


def test_what_is_forgotten_is_not_held() -> None:
    stretch = Stretch(10, 20, [record(11, 5), record(12, 7), record(15, 9)])
    stretch.forget(12)
    assert (stretch.start, stretch.end, stretch.bytes) == (12, 20, 16)
    assert not stretch.holds(11)
    stretch.forget(11)
    assert stretch.start == 12, "it never grows"
    assert offsets(stretch, 12) == [12, 15]


def test_a_record_weighs_its_data_and_its_headers() -> None:
    assert weight(Record("t", 0, 0, 0.0, b"key", None, (("ab", b"cde"), ("", b"f")))) == 6


def test_one_is_kept_for_each_partition() -> None:
    kept: Stretches[str] = Stretches(1000)
    assert kept.at("a", 1) is None
    one, two, three = Stretch(0, 5, [record(1)]), Stretch(0, 5, [record(2)]), Stretch(5, 9, [])
    kept.keep("a", one)
    kept.keep("b", two)
    assert (kept.at("a", 1), kept.at("b", 4), kept.at("b", 5)) == (one, two, None)
    kept.keep("a", three)
    assert (kept.at("a", 1), kept.at("a", 5)) == (None, three)
    kept.drop("a")
    kept.drop("a")
    assert kept.at("a", 5) is None


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept: Stretches[str] = Stretches(25)
    for place in "ab":
        kept.keep(place, Stretch(0, 5, [record(1)]))
    assert kept.at("a", 0)
    kept.keep("c", Stretch(0, 5, [record(1)]))
    assert [bool(kept.at(place, 0)) for place in "abc"] == [True, False, True]


def test_the_newest_is_kept_however_large() -> None:
    kept: Stretches[str] = Stretches(25)
    kept.keep("a", Stretch(0, 5, [record(1)]))
    kept.keep("b", Stretch(0, 5, [record(1, 100)]))
    assert [bool(kept.at(place, 0)) for place in "ab"] == [False, True]


@given(
    st.lists(st.integers(0, 50), unique=True).map(sorted),
    st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=10),
)
def test_it_gives_what_the_log_holds(held: list[int], asked: list[tuple[bool, int]]) -> None:
    stretch = Stretch(0, 51, [record(offset) for offset in held])
    for forget, offset in asked:
        if forget:
            stretch.forget(offset)
        if stretch.holds(offset):
            assert offsets(stretch, offset) == [each for each in held if each >= offset]
        assert stretch.bytes == sum(map(weight, stretch.records))

"""A program's output → lines for the log: bounded, whatever it writes, however it is cut."""

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tradewind.sources.container.output import CHUNK, LINES, LONGEST, PERIOD, RATE, Output, printable


def lines(*chunks: bytes, now: float = 0.0) -> list[str]:
    output = Output(0.0)
    found = [line for chunk in chunks for line in output.take(chunk, now)]
    return [*found, *output.end()]


def test_lines_are_put_together_from_chunks() -> None:
    assert lines(b"one\ntw", b"o", b"\n\nthree") == ["one", "two", "", "three"]
    assert lines(b"a\r\nb\n") == ["a", "b"]
    assert lines() == []


def test_a_long_line_is_cut() -> None:
    assert lines(b"x" * 5 * CHUNK, b"y\nz\n") == ["x" * LONGEST + "…", "z"]
    assert lines("ä".encode() * LONGEST + b"\n") == ["ä" * LONGEST]
    assert lines("😀".encode() * LONGEST + b"\n") == ["😀" * LONGEST]
    assert lines("😀".encode() * (LONGEST + 1) + b"\n") == ["😀" * LONGEST + "…"]


def test_what_a_terminal_would_obey_is_not_passed_on() -> None:
    assert lines(b"\x1b[2J\tred\xff\n") == ["\N{REPLACEMENT CHARACTER}[2J red\N{REPLACEMENT CHARACTER}"]
    assert printable("plain ä") == "plain ä"


def test_of_a_flood_the_first_lines_of_a_second_are_told_and_the_others_counted() -> None:
    output, flood = Output(0.0), b"a line\n" * (LINES + 50)
    assert list(output.take(flood + b"rest", 0.1)) == ["a line"] * LINES
    assert list(output.take(b" of a line", 0.2)) == []
    assert list(output.take(b"\n" * 7 + b"new", 0.2)) == []
    assert list(output.look(0.9)) == []
    assert list(output.look(PERIOD)) == ["(57 more lines, left out)"]
    assert list(output.look(2 * PERIOD)) == []
    assert list(output.take(b" line\n", 2 * PERIOD)) == ["new line"]


def test_what_was_left_out_is_told_of_at_the_end_too() -> None:
    output = Output(0.0)
    assert len(list(output.take(b"\n" * (LINES + 2) + b"half", 0.1))) == LINES
    assert list(output.end()) == ["(3 more lines, left out)"]


def test_one_that_writes_too_much_waits_for_the_next_second() -> None:
    output = Output(5.0)
    list(output.take(b"x" * (RATE - 1), 5.25))
    assert output.wait(5.25) == 0.0
    list(output.take(b"x", 5.25))
    assert output.wait(5.25) == 0.75
    assert output.wait(7.0) == 0.0
    list(output.look(7.0))
    assert output.wait(7.0) == 0.0


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=10))
def test_however_it_is_cut_the_lines_are_the_same(written: bytes, cuts: Iterable[int]) -> None:
    places = [0, *sorted(min(cut, len(written)) for cut in cuts), len(written)]
    chunks = [written[start:end] for start, end in itertools.pairwise(places)]
    assert lines(*chunks) == lines(written)


def test_of_a_line_without_end_no_more_is_kept_than_is_told() -> None:
    output = Output(0.0)
    for _ in range(10):
        assert list(output.take(b"x" * CHUNK, 0.5)) == []
    assert sum(len(held) for held in vars(output).values() if isinstance(held, bytes)) <= 4 * (LONGEST + 1)


@given(st.lists(st.binary(max_size=3000), max_size=20))
def test_what_is_told_is_bounded(chunks: list[bytes]) -> None:
    output, told = Output(0.0), 0
    for chunk in chunks * 20:
        told += len(list(output.take(chunk, 0.5)))
    assert told + len(list(output.end())) <= LINES + 1

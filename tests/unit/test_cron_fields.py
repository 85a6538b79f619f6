"""One field of a cron schedule: what it names, and what is wrong with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.resources.cron_fields import DAY, HOUR, MINUTE, MONTH, SECOND, WEEKDAY, Field, Values, Wrong, read

ALL = {field: tuple(range(field.least, field.most + 1)) for field in (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)}


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (MINUTE, "*", ALL[MINUTE]),
        (MINUTE, "?", ALL[MINUTE]),
        (SECOND, "*/20", (0, 20, 40)),
        (MINUTE, "?/20", (0, 20, 40)),
        (MINUTE, "*/70", (0,)),
        (MINUTE, "5", (5,)),
        (MINUTE, "05,007", (5, 7)),
        (MINUTE, "+5", (5,)),
        (MINUTE, "1,,2,", (1, 2)),
        (MINUTE, "*-5", ALL[MINUTE]),
        (MINUTE, "?-3/30", (0, 30)),
        (MINUTE, "5-5", (5,)),
        (MINUTE, "5/20", (5, 25, 45)),
        (MINUTE, "5-25/10", (5, 15, 25)),
        (MINUTE, "5-25/999999999999999999", (5,)),
        (HOUR, "22-23,0", (0, 22, 23)),
        (MONTH, "jan,MAR-may", (1, 3, 4, 5)),
        (MONTH, "OCT/2", (10, 12)),
        (WEEKDAY, "sun-SAT", ALL[WEEKDAY]),
        (WEEKDAY, "MON-7", (0, 1, 2, 3, 4, 5, 6)),
        (WEEKDAY, "5-7", (0, 5, 6)),
        (WEEKDAY, "7", (0,)),
        (WEEKDAY, "7/2", (0,)),
        (WEEKDAY, "1/2", (1, 3, 5)),  # not Sunday as 7, too
        (WEEKDAY, "*/2", (0, 2, 4, 6)),
        (WEEKDAY, "MON#2", (1 + 7 * 2,)),
        (WEEKDAY, "7#5", (0 + 7 * 5,)),
        (WEEKDAY, "5L,FRIL", (5 + 7 * 6,)),
        (DAY, "L,1", (1, 32)),
        (DAY, "LW", (33,)),
    ],
)
def test_what_a_field_names(field: Field, text: str, expected: tuple[int, ...]) -> None:
    found = read(field, text)
    assert isinstance(found, Values)
    assert found.numbers == expected


@pytest.mark.parametrize(
    ("text", "every", "star"),
    [
        ("*", True, True),
        ("?", True, True),
        ("*/1", True, True),
        ("*/2", False, True),
        ("1,*", True, False),
        ("1,*/2", False, False),
        ("*/2,1", False, True),
        ("1-31", False, False),
        ("1/1", False, False),
    ],
)
def test_a_star_is_a_word_of_its_own(text: str, every: bool, star: bool) -> None:
    found = read(DAY, text)
    assert isinstance(found, Values)
    assert (found.every, found.star) == (every, star)


RANGE = "a range that ends where it begins, or later"
STEP = "a whole number from 1 on behind one `/`"


@pytest.mark.parametrize(
    ("field", "text", "found", "expected"),
    [
        (MINUTE, ",", '","', "0 to 59"),
        (MINUTE, "60", '"60"', "0 to 59"),
        (HOUR, "24", '"24"', "0 to 23"),
        (HOUR, "9" * 5000, "", "0 to 23"),
        (HOUR, "-1", '"-1"', "0 to 23"),
        (HOUR, "1-", '"1-"', "0 to 23"),
        (HOUR, "1-2-3", '"1-2-3"', "0 to 23"),
        (HOUR, "1.5", '"1.5"', "0 to 23"),
        (HOUR, "١", "", "0 to 23"),
        (HOUR, "3-1", '"3-1"', RANGE),
        (WEEKDAY, "FRI-MON", '"FRI-MON"', RANGE),
        (MINUTE, "*/0", '"*/0"', STEP),
        (MINUTE, "*/", '"*/"', STEP),
        (MINUTE, "1/2/3", '"1/2/3"', STEP),
        (DAY, "0", '"0"', "1 to 31, L (the last) or LW (the last from Monday to Friday)"),
        (DAY, "L-3", '"L-3"', "1 to 31, L (the last) or LW (the last from Monday to Friday)"),
        (MONTH, "january", '"JANUARY"', "1 to 12, JAN to DEC"),
        (WEEKDAY, "8", '"8"', "0 to 7, SUN to SAT, 5L (the last Friday of the month) or 1#2 (its second Monday)"),
        (WEEKDAY, "1#6", '"1#6"', "0 to 7, SUN"),
        (WEEKDAY, "1#0", '"1#0"', "0 to 7, SUN"),
        (WEEKDAY, "8#1", '"8#1"', "0 to 7, SUN"),
        (WEEKDAY, "L", '"L"', "0 to 7, SUN"),
        (WEEKDAY, "", '""', "0 to 7, SUN"),
    ],
)
def test_a_fault_names_the_field_what_was_found_and_what_was_expected(
    field: Field, text: str, found: str, expected: str
) -> None:
    wrong = read(field, text)
    assert isinstance(wrong, list)
    (one,) = wrong
    assert one.found.startswith(f"the {field.name} {found}")
    assert one.expected.startswith(expected)


def test_every_term_is_looked_at() -> None:
    assert read(HOUR, "1,24,3-1,*/0") == [
        Wrong('the hour "24"', "0 to 23"),
        Wrong('the hour "3-1"', RANGE),
        Wrong('the hour "*/0"', STEP),
    ]


@given(st.sampled_from(list(ALL)), st.text("0123456789*?/-,+#LWSUNMOJA ", max_size=12) | st.text(max_size=5))
def test_any_text_is_read_or_wrong(field: Field, text: str) -> None:
    found = read(field, text)
    if isinstance(found, Values):
        assert found.numbers
        assert list(found.numbers) == sorted(set(found.numbers))
    else:
        assert found
        assert all(one.found.startswith(f"the {field.name} ") for one in found)

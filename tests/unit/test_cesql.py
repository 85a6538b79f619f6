"""CloudEvents SQL by tables: every operator, function, cast and error, evaluated and compiled."""

import pytest

from tests.cesql import calls, matching, operators
from tests.cesql.rows import ATTRIBUTES, Row
from tradewind.filters import cesql
from tradewind.filters.cesql import Value

ROWS: list[Row] = [
    *operators.LOGIC,
    *operators.ORDER,
    *operators.EQUALITY,
    *operators.ORDERING,
    *operators.ARITHMETIC,
    *matching.LIKE,
    *matching.IN,
    *matching.EXISTS,
    *matching.ATTRIBUTES_AND_LITERALS,
    *calls.FUNCTIONS,
    *calls.CASTS,
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1][:40]}")
def test_evaluated(row: Row) -> None:
    rule, expression, value, *kinds = row
    found, errors = cesql.parse(expression).evaluate(ATTRIBUTES)
    assert (type(found), found) == (type(value), value), rule
    assert [error.kind for error in errors] == kinds, rule


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1][:40]}")
def test_compiled(row: Row) -> None:
    rule, expression, value, *kinds = row
    assert cesql.parse(expression).matches(ATTRIBUTES) is (value is True and not kinds), rule
    # whatever its type, the value that is computed is the right one, and an error is neither equal nor unequal
    literal = written(value)
    assert cesql.parse(f"({expression}) = {literal}").matches(ATTRIBUTES) is (not kinds), rule
    assert not cesql.parse(f"({expression}) != {literal}").matches(ATTRIBUTES), rule


def written(value: Value) -> str:
    """A literal of this value."""
    if isinstance(value, str):
        delimiter = "'" if '"' in value else '"'
        return f"{delimiter}{value}{delimiter}"
    return str(value)

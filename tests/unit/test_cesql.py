"""CloudEvents SQL by tables: every operator, function, cast and error, evaluated and compiled."""

import pytest

from tests.cesql import calls, matching, operators
from tests.cesql.rows import ATTRIBUTES, Row
from tradewind.filters import cesql
from tradewind.filters.cesql import Value
from tradewind.filters.cesql.compiler import predicate

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
    # whatever its type, the value that is computed is the right one, and an error is neither equal nor unequal
    equal, unequal = f"({expression}) = {written(value)}", f"({expression}) != {written(value)}"
    for text, passes in ((expression, value is True and not kinds), (equal, not kinds), (unequal, False)):
        compiled = cesql.parse(text)
        assert compiled.matches(ATTRIBUTES) is passes, rule
        # not folded: what is constant is computed by the compiled way, too
        assert predicate(compiled.tree)(ATTRIBUTES) is passes, rule


def written(value: Value) -> str:
    """A literal of this value."""
    if isinstance(value, str):
        delimiter = "'" if '"' in value else '"'
        return f"{delimiter}{value}{delimiter}"
    return str(value)

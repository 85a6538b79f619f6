"""However hostile an expression is: its bounds, and what it costs below them, counted in steps and not in time."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.any_event import PROPERTY
from tradewind.filters import cesql
from tradewind.filters.cesql import MAX_DEPTH, MAX_TEXT_BYTES, Kind
from tradewind.filters.cesql.bounds import MAX_BUILT_CHARACTERS, MAX_SEARCHED, MAX_UNDERSCORES
from tradewind.filters.cesql.like import matcher

PACKAGE = str(Path(cesql.__file__).parent)


def steps(what: Callable[[], object]) -> int:
    """The lines of the package that were run, those of predicates included; a fault counts as an end."""
    lines = 0

    def trace(frame: FrameType, kind: str, _: Any) -> Any:  # as sys.settrace has it
        nonlocal lines
        if not frame.f_code.co_filename.startswith((PACKAGE, "<cesql>")):
            return None
        lines += kind == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        what()
    except cesql.InvalidExpression:
        pass
    finally:
        sys.settrace(before)
    return lines


def refused(text: str) -> cesql.InvalidExpression:
    with pytest.raises(cesql.InvalidExpression) as found:
        cesql.parse(text)
    return found.value


REPEATED = [
    "(",
    "((a) AND ",
    "NOT ",
    "-",
    "- ",
    "NOT -",
    "a AND ",
    "a AND (",
    "(a AND ",
    "a OR b AND ",
    "a = 'x' OR ",
    "a = 'x' XOR ",
    "EXISTS a AND ",
    "(a OR b) AND ",
    "1AND ",
    "a + ",
    "a = ",
    "a LIKE 'x' + ",
    "f(",
    "f(a, ",
    "CONCAT(a, ",
    "a IN (",
    "a IN (b, ",
    "''",
    "'",
    '"\\',
    "\\",
    "a ",
    "a, ",
    ")",
    "a)",
    " ",
    "9",
    "a",
    "_",
    "é",
    "'\\%_",
    "a LIKE '%_%_%' AND ",
]


@pytest.mark.parametrize("unit", REPEATED)
@pytest.mark.parametrize(("start", "end"), [("", ""), ("x IN (", "a")])
def test_reading_is_linear(start: str, unit: str, end: str) -> None:
    def cost(size: int) -> int:
        text = start + unit * (size // len(unit.encode())) + end
        return steps(lambda: cesql.evaluate(text, {"a": "true", "b": "false"}))

    few, many = cost(1000), cost(4000)
    assert many <= 4.4 * few + 500


@pytest.mark.parametrize(
    "made",
    [
        lambda n: " AND ".join(["a"] * n),
        lambda n: " OR ".join(["FALSE"] * n),
        lambda n: " XOR ".join(["a"] * n),
        lambda n: "a AND (" * n + "b" + ")" * n,
        lambda n: "(" * n + "a" + " AND b)" * n,
        lambda n: "(" * n + "b" + ")" * n,
        lambda n: " OR ".join(f"x = '{i}'" for i in range(n)),
        lambda n: " OR ".join(f"(EXISTS a{i} AND a{i} = 'x')" for i in range(n // 2)),
        lambda n: " AND ".join(f"EXISTS a{i}" for i in range(n)),
        lambda n: " AND ".join(f"NOT EXISTS a{i}" for i in range(n)),
        lambda n: " AND ".join([f"EXISTS a{i} AND (b OR c)" for i in range(n // 2)]),
        lambda n: f"x IN ({', '.join(str(i) for i in range(n))})",
        lambda n: f"x IN ({', '.join(['x'] * n)})",
        lambda n: f"5 IN ({', '.join(['b'] * n)})",
        lambda n: f"CONCAT({', '.join(['x'] * n)}) = 'a'",
        lambda n: f"NOPE({', '.join(['x'] * n)})",
        lambda n: f"x LIKE '{'a%' * n}'",
        lambda n: f"x LIKE '{'_' * n}'",
        lambda n: " AND ".join(["NOT a = b"] * n),
        lambda n: " OR ".join(["a IN (b, 'c')"] * (n // 2)),
        lambda n: "x = '" + "\\'" * n + "'",
    ],
)
def test_all_that_is_done_with_one_is_linear(made: Callable[[int], str]) -> None:
    """Read, fold, compile, match, evaluate, explain: what is valid goes the whole way."""

    def cost(count: int) -> int:
        def whole() -> None:
            expression = cesql.parse(text)
            expression.matches({"a": "true", "b": "false", "x": "x"})
            expression.explain({"a": "true", "b": "false", "x": "x"})

        text = made(count)
        assert len(text) < MAX_TEXT_BYTES
        return steps(whole)

    few, many = cost(60), cost(240)
    assert many <= 4.4 * few + 500


@pytest.mark.parametrize("unit", ["a", "é", "𝔘"])
def test_the_bound_of_a_text_is_in_bytes(unit: str) -> None:
    size = len(unit.encode())
    fitting = "'" + unit * ((MAX_TEXT_BYTES - 2) // size)
    assert cesql.parse(fitting + "'").text == fitting + "'"
    fault = refused(fitting + "x" * (MAX_TEXT_BYTES - len(fitting.encode())) + "'")
    assert fault.position == len(fitting) + MAX_TEXT_BYTES - len(fitting.encode())
    assert fault.faults[0].found == "an expression of 8,193 bytes"
    assert fault.faults[0].expected == "at most 8,192 bytes"


def test_half_a_surrogate_pair_is_text_like_any_other() -> None:
    assert refused("'" + "\ud800" * 3000 + "'").position == 2731
    assert cesql.parse("a = '\ud800'").matches({"a": "\ud800"})


WRAPPED = {
    "NOT": "NOT {}",
    "-": "- {}",
    "LIKE": "({}) LIKE '%a_%b%'",
    "NOT LIKE": "({}) NOT LIKE 'true'",
    "IN": "({}) IN ('true', n)",
    "NOT IN": "({}) NOT IN (n, 5)",
    "in a set": "n NOT IN ({}, 7)",
    "=": "({}) = n",
    "= on the right": "n = ({})",
    "<": "({}) < 5",
    "+": "({}) + n",
    "- on the right": "n - ({})",
    "AND": "n AND ({})",
    "OR": "({}) OR n",
    "XOR": "({}) XOR n",
    "LOWER": "LOWER({})",
    "CONCAT": "CONCAT('a', {})",
    "SUBSTRING": "SUBSTRING('abc', {}, 1)",
    "INT": "INT({})",
    "NOPE": "NOPE({})",
}


def nested(wraps: list[str]) -> str:
    text = "n"
    for wrap in wraps:
        text = WRAPPED[wrap].format(f"({text})")
    return text


@pytest.mark.parametrize("other", ["NOT IN", "- on the right", "NOPE"])
@pytest.mark.parametrize("one", WRAPPED)
def test_the_deepest_compile(one: str, other: str) -> None:
    expression = cesql.parse(nested(([other, one] * MAX_DEPTH)[: MAX_DEPTH - 1]))
    assert expression.depth == MAX_DEPTH
    value, errors = expression.evaluate({"n": "1"})
    assert expression.matches({"n": "1"}) is (value is True and not errors)
    fault = refused(nested(([one, other] * MAX_DEPTH)[:MAX_DEPTH])).faults[0]
    assert (fault.found, fault.expected) == ("more than 32 levels", "at most 32")


@PROPERTY
@given(st.lists(st.sampled_from(sorted(WRAPPED)), min_size=MAX_DEPTH - 1, max_size=MAX_DEPTH - 1))
def test_any_of_the_deepest_compile(wraps: list[str]) -> None:
    expression = cesql.parse(nested(wraps))
    value, errors = expression.evaluate({"n": "1"})
    assert expression.matches({"n": "1"}) is (value is True and not errors)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("NOT " * 40 + "a", 32),
        ("-" * 40 + "a", 8),
        (" + ".join(["a"] * 40), 126),
        ("a OR b AND " * 20 + "c", 46),
        ("a IN (" * 40 + "b" + ")" * 40, 53),
        ("LOWER(" * 40 + "a" + ")" * 40, 48),
        ("x" + " LIKE 'y'" * 40, 281),
    ],
)
def test_too_deep_is_a_fault_where_it_becomes_so(text: str, position: int) -> None:
    assert refused(text).position == position


def test_parentheses_and_chains_are_no_levels() -> None:
    assert cesql.parse("(" * 4000 + "a" + ")" * 4000).depth == 1
    assert cesql.parse("a AND (" * 900 + "b" + ")" * 900).depth == 2
    assert cesql.parse("(" * 900 + "a" + " OR b)" * 900).depth == 2
    assert cesql.parse("1 XOR " * 1300 + "1").matches({}) is True


def test_underscores_between_percent_signs_are_bounded() -> None:
    between = "_a" * MAX_UNDERSCORES
    assert cesql.parse(f"x LIKE '%{between}%'").matches({"x": between})
    assert cesql.parse(f"x LIKE '{'_' * 5000}%{'_' * 3000}'").matches({"x": "a" * 8000})
    assert cesql.parse(f"x LIKE '{'_' * 8000}'").matches({"x": "a" * 8000})
    assert cesql.parse(rf"x LIKE '%{chr(92)}_%{between}%{chr(92)}_%'").matches({"x": f"_{between}_"})
    fault = refused(f"TRUE AND x LIKE '%{between}%_%'")
    assert (fault.position, fault.faults[0].found) == (16, "65 `_` between the `%` of patterns")
    assert fault.faults[0].expected == "at most 64"
    together = refused(f"x LIKE '%{between[2:]}%' OR x LIKE '%a%' OR x LIKE '%_a_%'")
    assert (together.position, together.faults[0].found) == (164, "65 `_` between the `%` of patterns")


def test_what_is_searched_bit_by_bit_is_bounded() -> None:
    longest = "_" + "a" * (MAX_SEARCHED - 1)
    assert cesql.parse(f"x LIKE '%{longest}%'").matches({"x": longest})
    assert cesql.parse(f"x LIKE '%{'a' * 8000}%'").matches({"x": "a" * 8001})
    fault = refused(f"x LIKE '%{longest}a%'")
    assert (fault.position, fault.faults[0].found) == (7, "513 characters with `_` between two `%`")
    assert fault.faults[0].expected == "at most 512"


@pytest.mark.parametrize(
    "pattern",
    [
        "%" + "a%" * 2000 + "b",
        "%" + "a_" * 40 + "b%",
        "%" + "a" * 500 + "_b%",
        "%" + "a_%" * 60 + "b",
        "%" + "a" * 4000 + "b" + "a" * 4000 + "%",
        "%" + "b" + "a" * 4000 + "%",
        "a%" * 30 + "_" * 64 + "%",
        "%a%a%b",
        "%" + "a" * 30 + "_b%",
        "_%" * 64 + "b",
        "_" * 4000,
    ],
)
def test_like_looks_at_each_character_once(pattern: str) -> None:
    def cost(length: int) -> int:
        text = "a" * length
        return steps(lambda: find(text))

    find = matcher(pattern)
    few, many = cost(8000), cost(32000)
    assert many <= 4.1 * few + 500
    assert many <= 6 * 32000


@pytest.mark.parametrize("build", ["CONCAT({0}, {0})", "CONCAT_WS({0}, 'a', 'b')", "CONCAT_WS('', {0}, {0})"])
def test_what_is_built_is_bounded(build: str) -> None:
    half = "x" * (MAX_BUILT_CHARACTERS // 2)
    exact = cesql.parse(f"LENGTH({build.format('x')}) >= 5")
    assert exact.matches({"x": half})
    assert not exact.matches({"x": half * 2 + "x"})
    value, errors = cesql.evaluate(build.format("x"), {"x": half * 2 + "x"})
    assert (value, [error.kind for error in errors]) == ("", [Kind.FUNCTION_EVALUATION])
    assert errors[0].message == "a string of more than 65,536 characters is not built"


def test_doubling_ends_in_an_error() -> None:
    text = "x"
    for _ in range(8):
        text = f"CONCAT({text}, {text}, {text}, {text})" if len(text) < 1500 else f"CONCAT({text})"
    expression = cesql.parse(f"LENGTH({text}) > 0")
    assert expression.matches({"x": "y" * 10})
    assert not expression.matches({"x": "y" * 1000})
    assert {error.kind for error in expression.evaluate({"x": "y" * 1000})[1]} == {Kind.FUNCTION_EVALUATION}


@pytest.mark.parametrize("name", ["LOWER", "UPPER"])
def test_case_does_not_grow_beyond_the_bound(name: str) -> None:
    expression = cesql.parse(f"LENGTH({name}(x)) > 5")
    assert expression.matches({"x": "a" * MAX_BUILT_CHARACTERS})
    assert not expression.matches({"x": "a" * (MAX_BUILT_CHARACTERS + 1)})
    assert expression.matches({"x": "ΐİ" * 10000})
    assert not expression.matches({"x": "ΐİ" * 30000})

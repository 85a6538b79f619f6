"""What is refused, where, and in which words; and what is taken, but warned of."""

import pytest

from tradewind.errors import Fault
from tradewind.filters import cesql
from tradewind.filters.cesql import Kind

OPERAND = "an attribute, a literal, a function, NOT, EXISTS, `-` or `(`"
NAME = "an attribute's name, of letters and digits"


@pytest.mark.parametrize(
    ("text", "position", "found", "expected"),
    [
        ("", 0, "the end", OPERAND),
        (" \n ", 3, "the end", OPERAND),
        ("()", 1, "`)`", OPERAND),
        (")", 0, "`)`", OPERAND),
        ("id ==  'x'", 4, "`=`", OPERAND),
        ("id = ", 5, "the end", OPERAND),
        ("id = 'x' AND", 12, "the end", OPERAND),
        ("and id", 0, "`AND`", OPERAND),
        ("id LIKE LIKE 'x'", 8, "`LIKE`", "the pattern, a string literal"),
        ("id LIKE other", 8, "`other`", "the pattern, a string literal"),
        ("id LIKE", 7, "the end", "the pattern, a string literal"),
        ("id LIKE 5", 8, "`5`", "the pattern, a string literal"),
        ("id LIKE ('x')", 8, "`(`", "the pattern, a string literal"),
        ("id NOT 5", 7, "`5`", "LIKE or IN behind this NOT"),
        ("id NOT = 5", 7, "`=`", "LIKE or IN behind this NOT"),
        ("id IN 'x'", 6, "a string", "`(` and the elements"),
        ("id IN ()", 7, "`)`", OPERAND),
        ("id IN ('x',)", 11, "`)`", OPERAND),
        ("id IN ('x'", 10, "the end", "`,` or `)`"),
        ("id IN ('x' 'y')", 11, "a string", "an operator, `,` or `)`"),
        ("'a''b'", 3, "a string", "an operator or the end"),
        ("a b", 2, "`b`", "an operator or the end"),
        ("a 5", 2, "`5`", "an operator or the end"),
        ("a TRUE", 2, "`TRUE`", "an operator or the end"),
        ("a EXISTS b", 2, "`EXISTS`", "an operator or the end"),
        ("a)", 1, "`)`", "an operator or the end"),
        ("a, b", 1, "`,`", "an operator or the end"),
        ("(a, b)", 2, "`,`", "an operator or `)`"),
        ("(a b)", 3, "`b`", "an operator or `)`"),
        ("(true", 5, "the end", "`)`"),
        ("((a)", 4, "the end", "`)`"),
        ("ABC(", 4, "the end", OPERAND),
        ("ABC(1", 5, "the end", "`,` or `)`"),
        ("ABC(,1)", 4, "`,`", OPERAND),
        ("ABC(1,)", 6, "`)`", OPERAND),
        ("ABC(1;2)", 5, "`;`", "an operand, an operator or a parenthesis"),
        ("F1(x)", 2, "`(`", "an operator or the end"),
        ("TRUE(x)", 4, "`(`", "an operator or the end"),
        ("_f(x)", 0, "`_f`", NAME),
        ("a_b = 5", 4, "`=`", "`(`: names with `_` are functions"),
        ("5_5", 0, "`5_5`", NAME),
        ("_", 0, "`_`", NAME),
        ("EXISTS", 6, "the end", NAME),
        ("EXISTS 'x'", 7, "a string", NAME),
        ("EXISTS (x)", 7, "`(`", NAME),
        ("EXISTS a_b", 7, "`a_b`", NAME),
        ("EXISTS like", 7, "`LIKE`", NAME),
        ("+ 5", 0, "`+`", OPERAND),
        ("+a", 0, "`+`", OPERAND),
        ("a = 'b", 4, "a string without end", "a closing '"),
        ('"', 0, "a string without end", 'a closing "'),
        (r"'a\'", 0, "a string without end", "a closing '"),
        ("a = ‘b’", 4, "`‘`", "an operand, an operator or a parenthesis"),
        ("a\u00a0= 5", 1, "U+00A0", "an operand, an operator or a parenthesis"),
        ("a && b", 2, "`&`", "an operand, an operator or a parenthesis"),
        ("a ! b", 2, "`!`", "an operand, an operator or a parenthesis"),
        ("a.b", 1, "`.`", "an operand, an operator or a parenthesis"),
        ("5.0", 1, "`.`", "an operand, an operator or a parenthesis"),
        ("n = 2147483648", 4, "`2147483648`", "an Integer of 32 bits, -2147483648 to 2147483647"),
        ("n = -2147483649", 4, "`-2147483649`", "an Integer of 32 bits, -2147483648 to 2147483647"),
        ("- 2147483648", 2, "`2147483648`", "an Integer of 32 bits, -2147483648 to 2147483647"),
        ("9" * 5000, 0, f"`{'9' * 20}…`", "an Integer of 32 bits, -2147483648 to 2147483647"),
    ],
)
def test_what_is_no_expression(text: str, position: int, found: str, expected: str) -> None:
    with pytest.raises(cesql.InvalidExpression) as refused:
        cesql.parse(text)
    assert refused.value.position == position
    (fault,) = refused.value.faults
    assert (fault.path, fault.found, fault.expected) == (f"character {position + 1}", found, expected)
    assert fault.rule.startswith("CESQL ")


def test_evaluating_what_is_no_expression_is_an_error_beside_false() -> None:
    value, (error,) = cesql.evaluate("id = ", {})
    assert (value, error.kind, error.position) == (False, Kind.PARSE, 5)
    assert str(error) == f"character 6: ParseError: character 6: found the end, expected {OPERAND} (CESQL 2.1)"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("TRUE", []),
        ("LENGTH('a') = 1", []),
        ("TRUE AND NOPE(1)", [("character 10", "NOPE(…)")]),
        ("len(id) = LENGTH()", [("character 1", "LEN(…)"), ("character 11", "LENGTH with 0 arguments")]),
        ("LENGTH(LEFT(id)) = 1", [("character 8", "LEFT with 1 argument")]),
        ("FALSE AND NOPE()", [("character 11", "NOPE(…)")]),
    ],
)
def test_functions_that_are_not_there(text: str, faults: list[tuple[str, str]]) -> None:
    assert [(fault.path, fault.found) for fault in cesql.parse(text).faults] == faults


MIX = "character {}: found {} and then {} without parentheses"


@pytest.mark.parametrize(
    ("text", "doubts"),
    [
        ("a = 'x' AND id = 'b' AND id = 'c'", []),
        ("id = 'a' AND (id = 'b' OR id = 'c')", []),
        ("(id = 'a' AND id = 'b') OR id = 'c'", []),
        ("id = 'a' AND id = 'b' OR id = 'c'", [MIX.format(10, "AND", "OR")]),
        ("id = 'a' XOR (id = 'b' OR id = 'c' AND TRUE)", [MIX.format(24, "OR", "AND")]),
        ("TRUE OR TRUE AND TRUE XOR TRUE", [MIX.format(6, "OR", "AND"), MIX.format(14, "AND", "XOR")]),
        ("NOT id = 'x'", ["character 1: found NOT before an operand of `=`"]),
        ("NOT id LIKE 'x'", ["character 1: found NOT before an operand of `LIKE`"]),
        ("NOT id NOT IN ('x')", ["character 1: found NOT before an operand of `NOT`"]),
        ("NOT id IN ('x')", ["character 1: found NOT before an operand of `IN`"]),
        ("(NOT id) = 'x'", []),
        ("NOT (id = 'x')", []),
        ("NOT id AND id = 'x'", []),
        ("id = NOT TRUE", []),
        ("id", ["character 1: found String as the type of the whole"]),
        ("'TRUE'", ["character 1: found String as the type of the whole"]),
        ("n + 1", ["character 1: found Integer as the type of the whole"]),
        ("CONCAT(id)", ["character 1: found String as the type of the whole"]),
        ("LENGTH(id)", ["character 1: found Integer as the type of the whole"]),
        ("BOOL(id)", []),
        ("NOPE(id)", []),
        ("a = 'x' OR id = 'b'", ["character 1: found `a` before OR"]),
        ("time > '2026-01-31T00:00:00Z'", ["character 8: found a string that is no Integer beside `>`"]),
        ("NOT (EXISTS a AND 'x' <= a + '5')", ["character 19: found a string that is no Integer beside `<=`"]),
        ("LENGTH(id) - 'b' = 1", ["character 14: found a string that is no Integer beside `-`"]),
        ("id < '5' AND id = 'x' AND 5 > -'x'", []),
        ("id = data AND EXISTS DATA", ["character 6: found `data`", "character 15: found `data`"]),
        ("id = 'b' OR a = 'x'", []),
        ("id = 'b' OR a = 'x' OR b = 'y'", ["character 13: found `a` before OR"]),
        ("id = 'b' OR LENGTH(CONCAT(id, a)) > 5 OR TRUE", ["character 31: found `a` before OR"]),
        ("(EXISTS a AND a = 'x') OR id = 'b'", []),
        ("(EXISTS b AND a = 'x') OR id = 'b'", ["character 15: found `a` before OR"]),
        ("(a = 'x' AND EXISTS a) OR id = 'b'", ["character 2: found `a` before OR"]),
        ("NOT EXISTS a OR a = 'x' OR id = 'b'", []),
        ("EXISTS a OR a = 'x' OR id = 'b'", ["character 13: found `a` before OR"]),
        ("(NOT EXISTS a AND a = 'x') OR id = 'b'", ["character 19: found `a` before OR"]),
        ("id = 'b' AND (a = 'x' OR id = 'c') AND a = 'y'", ["character 15: found `a` before OR"]),
        ("EXISTS a AND (a = 'x' OR id = 'c')", []),
        ("EXISTS a AND (b = 'x' OR id = 'c')", ["character 15: found `b` before OR"]),
        ("(EXISTS a AND id = '1') OR a = 'x' OR id = 'b'", ["character 28: found `a` before OR"]),
        ("EXISTS a AND NOT (a = 'x' OR id = 'c')", []),
        ("EXISTS a XOR (a = 'x' OR id = 'c')", ["character 15: found `a` before OR"]),
        ("EXISTS a OR EXISTS b", []),
        ("a = 'x' AND id = 'b'", []),
        ("(a = 'x' XOR FALSE) OR id = 'b'", ["character 2: found `a` before OR"]),
    ],
)
def test_what_may_be_meant_otherwise(text: str, doubts: list[str]) -> None:
    found = list(map(str, cesql.parse(text).doubts))
    assert [doubt.split(", expected")[0] for doubt in found] == doubts


def test_a_doubt_says_what_to_write() -> None:
    assert [doubt.expected for doubt in cesql.parse("a = 'x' OR id = 'b'").doubts] == [
        "(EXISTS a AND …) OR …: an event without a does not pass, whatever follows"
    ]
    assert cesql.parse("NOT id = 'x'").doubts == (
        Fault(
            "character 1",
            "NOT before an operand of `=`",
            "parentheses: NOT binds tighter than `=`",
            "CESQL 3.4",
        ),
    )

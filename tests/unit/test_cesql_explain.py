"""What an expression shows of itself: each part's value and errors, its terms for an index, its levels."""

from types import ModuleType

import pytest

from tests.builders import event
from tradewind.filters import cesql
from tradewind.filters.cesql import Error, Explained, Kind, Value
from tradewind.filters.cesql.tree import Attribute, Logic

Shown = tuple[str, Value | None, list[str]]


def shown(part: Explained, level: int = 0) -> list[tuple[str, Value | None, list[str]]]:
    """The tree, line by line, each part with its value and the kinds of its own errors."""
    own = (" " * level + part.text, part.value, [error.kind.value for error in part.raised])
    return [own, *(line for inner in part.parts for line in shown(inner, level + 1))]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "type = 'a' AND (n > 4 OR EXISTS gone) AND TRUE",
            [
                ("type = 'a' AND (n > 4 OR EXISTS gone) AND TRUE", True, []),
                (" type = 'a'", True, []),
                ("  type", "a", []),
                ("  'a'", "a", []),
                (" n > 4 OR EXISTS gone", True, []),
                ("  n > 4", True, []),
                ("   n", "5", []),
                ("   4", 4, []),
                ("  EXISTS gone", None, []),
                (" TRUE", True, []),
            ],
        ),
        (
            "gone = 'x' OR n = 5",
            [
                ("gone = 'x' OR n = 5", False, []),
                (" gone = 'x'", False, []),
                ("  gone", False, ["MissingAttributeError"]),
                ("  'x'", "x", []),
                (" n = 5", True, []),
                ("  n", "5", []),
                ("  5", 5, []),
            ],
        ),
        (
            "NOT (type + 1 < -n)",
            [
                ("NOT (type + 1 < -n)", False, []),
                (" type + 1 < -n", False, []),
                ("  type + 1", 0, ["CastError"]),
                ("   type", "a", []),
                ("   1", 1, []),
                ("  -n", -5, []),
                ("   n", "5", []),
            ],
        ),
        (
            "n IN (LEFT(type, 1), 5, type)",
            [
                ("n IN (LEFT(type, 1), 5, type)", True, []),
                (" n", "5", []),
                (" LEFT(type, 1)", "a", []),
                ("  type", "a", []),
                ("  1", 1, []),
                (" 5", 5, []),
                (" type", None, []),
            ],
        ),
        (
            "gone NOT IN (n)",
            [
                ("gone NOT IN (n)", False, []),
                (" gone", False, ["MissingAttributeError"]),
                (" n", None, []),
            ],
        ),
        ("type LIKE 'a%'", [("type LIKE 'a%'", True, []), (" type", "a", [])]),
    ],
)
def test_each_part_is_explained(text: str, lines: list[Shown]) -> None:
    explained = cesql.parse(text).explain(event(type="a", n="5"))
    assert shown(explained) == lines
    assert explained.matches is cesql.parse(text).matches(event(type="a", n="5").attributes)


def test_spans_are_those_of_the_text() -> None:
    text = " (a AND (b AND c)) OR ((d)) "
    explained = cesql.parse(text).explain({})
    assert explained.text == "(a AND (b AND c)) OR ((d))"
    assert [part.text for part in explained.parts] == ["a AND (b AND c)", "d"]
    assert [part.text for part in explained.parts[0].parts] == ["a", "b", "c"]


def test_errors_say_what_and_where() -> None:
    value, errors = cesql.parse("INT(word) + big = 5 OR 1 / 0 = 1 OR LEFT(word, -2) = gone").evaluate(
        {"word": "a\n" + "b" * 80, "big": "99999999999"}
    )
    assert value is False
    assert errors == (
        Error(Kind.CAST, f"'a\\n{'b' * 58}…' is no Integer of 32 bits", 4),
        Error(Kind.MATH, "1 is divided by zero", 23),
        Error(Kind.FUNCTION_EVALUATION, "LEFT takes -2 characters", 36),
        Error(Kind.MISSING_ATTRIBUTE, "the event has no attribute gone", 53),
    )
    assert str(errors[1]) == "character 24: MathError: 1 is divided by zero"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BOOL('x')", "'x' is no Boolean"),
        ("2147483647 + 1", "'2147483648' is beyond 32 bits"),
        ("-7 % 0", "-7 is divided by zero"),
        ("ABS(-2147483648)", "ABS of -2147483648 is beyond 2147483647"),
        ("SUBSTRING('abc', 4)", "SUBSTRING of 3 characters begins at 4"),
        ("SUBSTRING('abc', 1, -1)", "SUBSTRING takes -1 characters"),
        ("RIGHT('abc', -1)", "RIGHT takes -1 characters"),
        ("NOPE()", "there is no function NOPE"),
        ("ABS()", "ABS does not take 0 arguments"),
        ("LEFT('{}')", "LEFT does not take 1 argument"),
        ("INT('{0}')", "'{0}' is no Integer of 32 bits"),
    ],
)
def test_messages(text: str, message: str) -> None:
    assert [error.message for error in cesql.evaluate(text, {})[1]] == [message]


@pytest.mark.parametrize(
    ("text", "attributes", "value", "kinds"),
    [
        ("flag", {"flag": True}, True, []),
        ("flag", {"flag": False}, False, []),
        ("n", {"n": 5}, 5, []),
        ("n + 1", {"n": 2147483646}, 2147483647, []),
        ("n = '5'", {"n": 5}, True, []),
        ("flag = 'true'", {"flag": True}, True, []),
        ("5 = n", {"n": 5}, True, []),
        ("n IN ('5')", {"n": 5}, True, []),
        ("n LIKE '5'", {"n": 5}, True, []),
        ("n", {"n": None}, False, [Kind.MISSING_ATTRIBUTE]),
        ("EXISTS n", {"n": None}, False, []),
        ("EXISTS data", {"data": "x"}, False, []),
        ("data", {"data": "x"}, False, [Kind.MISSING_ATTRIBUTE]),
        ("EXISTS id", {}, True, []),
        ("n", {"n": 2147483648}, False, [Kind.GENERIC]),
        ("n = 1", {"n": 1.0}, False, [Kind.GENERIC]),
        ("n", {"n": [1]}, False, [Kind.GENERIC]),
    ],
)
def test_attributes_of_a_mapping_have_their_types(
    text: str, attributes: dict[str, object], value: Value, kinds: list[Kind]
) -> None:
    for evaluate in (cesql.parse(text).evaluate, lambda event: cesql.evaluate(text, event)):
        found, errors = evaluate(attributes)
        assert (type(found), found, [error.kind for error in errors]) == (type(value), value, kinds)


def test_an_event_has_canonical_strings() -> None:
    expression = cesql.parse("flag")
    assert cesql.evaluate(expression, event(flag="true")) == ("true", ())
    assert cesql.evaluate("flag = TRUE", event(flag="true")) == (True, ())


def test_data_is_no_attribute_for_a_filter_either() -> None:
    assert not cesql.parse("EXISTS data").matches({"data": "x"})
    assert not cesql.parse("data = 'x'").matches({"data": "x"})


@pytest.mark.parametrize(
    ("text", "equalities"),
    [
        ("type = 'a'", {"type": "a"}),
        ("'a' = type", {"type": "a"}),
        ("TYPE = 'a'", {"type": "a"}),
        ("type IN ('a')", {"type": "a"}),
        ("type = CONCAT('a', 'b')", {"type": "ab"}),
        ("type = 'a' AND n = '5' AND subject LIKE 'x%'", {"type": "a", "n": "5"}),
        ("(type = 'a' AND n = '5') AND (n < 6 AND id = '1')", {"type": "a", "n": "5", "id": "1"}),
        ("type = 'a' AND type = 'b'", {"type": "a"}),
        ("type = 'a' OR n = '5'", {}),
        ("type = 'a' OR type = 'b'", {}),
        ("type = 'a' AND n = '5' OR TRUE", {"type": "a"}),
        ("n = 5", {}),
        ("flag = TRUE", {}),
        ("type != 'a'", {}),
        ("type IN ('a', 'b')", {}),
        ("type NOT IN ('a')", {}),
        ("5 IN ('5')", {}),
        ("NOT (type = 'a')", {}),
        ("type = subject", {}),
        ("'a' = 'a'", {}),
        ("type = 'a' XOR n = '5'", {}),
        ("type < 'a'", {}),
        ("LOWER(type) = 'a'", {}),
    ],
)
def test_equalities(text: str, equalities: dict[str, str]) -> None:
    assert cesql.parse(text).equalities == equalities


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("a", 1),
        ("((a))", 1),
        ("EXISTS a", 1),
        ("NOT a", 2),
        ("NOT NOT a", 3),
        ("a = 5", 2),
        ("a = 5 AND b = 6", 3),
        ("a = 5 AND b = 6 AND c = 7 AND d = 8", 3),
        ("((a = 5 AND b = 6) AND c = 7) AND (d = 8 AND e = 9)", 3),
        ("a AND b OR c", 3),
        ("a + b + c + d", 4),
        ("a LIKE 'x'", 2),
        ("a IN (1, LENGTH('x'))", 3),
        ("CONCAT()", 1),
        ("CONCAT(a, b, NOT c)", 3),
    ],
)
def test_levels(text: str, depth: int) -> None:
    assert cesql.parse(text).depth == depth


@pytest.mark.parametrize(
    "text",
    [
        "a AND b AND c AND d AND e",
        "(a AND b) AND (c AND d AND e)",
        "((a AND b AND c) AND d) AND e",
        "a AND (b AND (c AND (d AND e)))",
    ],
)
def test_chains_keep_their_order(text: str) -> None:
    assert cesql.parse(text).tree == Logic("AND", tuple(map(Attribute, "abcde")))


def test_equal_trees_are_equal_expressions() -> None:
    assert cesql.parse("a <> 5 and (b)") == cesql.parse("A!=5 AND b")
    assert cesql.parse("a = 1") != cesql.parse("a = TRUE")
    assert cesql.parse("a = 1") != cesql.parse("a = '1'")


def test_every_public_name_is_exported() -> None:
    public = {name for name, found in vars(cesql).items() if name[0] != "_" and not isinstance(found, ModuleType)}
    assert public == set(cesql.__all__)

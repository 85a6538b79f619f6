"""What holds for any CESQL expression: the two ways agree, and what is written is read."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.any_event import PROPERTY
from tests.cesql.trees import ATTRIBUTES, TREES, quoted, written
from tradewind.filters import cesql
from tradewind.filters.cesql.folding import folded
from tradewind.filters.cesql.interpreter import evaluation
from tradewind.filters.cesql.tree import Comparison, Node, Number, Text, Truth
from tradewind.filters.cesql.values import Type, cast

MANY = settings(PROPERTY, max_examples=150)
PIECES = st.sampled_from(["a", "b", "ab", "%", "_", r"\%", r"\_", "\n"])


@MANY
@given(TREES)
def test_what_is_written_is_read(tree: Node) -> None:
    assert cesql.parse(written(tree)).tree == tree


@MANY
@given(TREES)
def test_spans_hold_what_is_read(tree: Node) -> None:
    def check(part: cesql.Explained) -> None:
        assert cesql.parse(part.text).tree is not None
        assert text[slice(*part.span)] == part.text
        for inner in part.parts:
            assert part.span[0] <= inner.span[0] <= inner.span[1] <= part.span[1]
            check(inner)

    text = f"  ({written(tree)})  "
    check(cesql.parse(text).explain({}))


@MANY
@given(TREES, ATTRIBUTES)
def test_compiled_matches_where_interpreted_is_true_without_error(tree: Node, attributes: dict[str, str]) -> None:
    expression = cesql.parse(written(tree))
    value, errors = expression.evaluate(attributes)
    assert expression.matches(attributes) is (value is True and not errors)


@MANY
@given(TREES, ATTRIBUTES)
def test_compiled_computes_what_is_interpreted(tree: Node, attributes: dict[str, str]) -> None:
    found = evaluation(tree, attributes)
    literal = {str: Text, int: Number, bool: Truth}[type(found.value)]
    same = Comparison("=", tree, literal(found.value))
    assert cesql.parse(written(same)).matches(attributes) is not found.failed


@MANY
@given(TREES, ATTRIBUTES)
def test_folding_changes_nothing(tree: Node, attributes: dict[str, str]) -> None:
    before, after = evaluation(tree, attributes), evaluation(folded(tree), attributes)
    assert after.failed is before.failed
    if not before.failed:
        assert (type(after.value), after.value) == (type(before.value), before.value)


@MANY
@given(TREES, ATTRIBUTES)
def test_what_matches_has_the_equalities(tree: Node, attributes: dict[str, str]) -> None:
    expression = cesql.parse(f"id = '5' AND ({written(tree)})")
    if expression.matches(attributes):
        assert expression.equalities.items() <= attributes.items()


@MANY
@given(st.lists(PIECES, max_size=8).map("".join), st.lists(st.sampled_from("ab%_\\\n"), max_size=12).map("".join))
@example("%a_b%", "aaabb")
@example(f"%{'ab' * 20}%", "ab" * 30)
@example(f"%{'ab' * 20}_b%", "ab" * 30)
@example(f"%{'ab' * 20}_a%", "ab" * 30)
def test_like(pattern: str, text: str) -> None:
    expression = cesql.parse(f"x LIKE {quoted(pattern)}")
    assert expression.matches({"x": text}) is like(pattern, text)
    assert expression.evaluate({"x": text}) == (like(pattern, text), ())


def like(pattern: str, text: str) -> bool:
    """The rule itself: which lengths of the text are like so much of the pattern."""
    fitting = {0}
    items = pattern.replace(r"\%", "\0").replace(r"\_", "\1")
    for item in items:
        if item == "%":
            fitting = set(range(min(fitting, default=len(text) + 1), len(text) + 1))
        else:
            wanted = {"\0": "%", "\1": "_"}.get(item, item)
            fitting = {at + 1 for at in fitting if at < len(text) and (item == "_" or text[at] == wanted)}
    return len(text) in fitting


@given(st.text(alphabet="+-0123456789_ .e٣²\n", max_size=14))
def test_integers_are_read_by_the_rule(text: str) -> None:
    digits = text[1:] if text[:1] in ("+", "-") else text
    right = digits != "" and all(digit in "0123456789" for digit in digits) and -(2**31) <= int(text) < 2**31
    value, errors = cesql.evaluate("INT(x)", {"x": text})
    assert (value, bool(errors)) == ((int(text), False) if right else (0, True))


@given(st.integers(-(2**31), 2**31 - 1) | st.booleans())
def test_casts_to_a_string_and_back(value: int | bool) -> None:
    back = Type.BOOLEAN if isinstance(value, bool) else Type.INTEGER
    assert cast(cast(value, Type.STRING), back) is value or cast(cast(value, Type.STRING), back) == value

"""Any expression, for properties: random trees, and the text that each of them is read from."""

from hypothesis import strategies as st

from tradewind.filters.cesql.functions import FUNCTIONS
from tradewind.filters.cesql.powers import COMPARISON, LOGIC, MATCH, PREFIX, PRODUCT, SUM
from tradewind.filters.cesql.tree import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Exists,
    In,
    Like,
    Logic,
    Minus,
    Node,
    Not,
    Number,
    Text,
    Truth,
)

NAMES = ("a", "b", "c", "id", "data")
BITS = st.sampled_from(
    ["a", "b", "B", "%", "_", r"\%", r"\_", "'", '"', "é", "\n", "5", "-", "true", "false", " ", ".*"]
)
TEXTS = st.lists(BITS, max_size=4).map("".join)
VALUES = st.sampled_from(["", "a", "ab", "b", "5", "-7", "007", "2147483647", "true", "FALSE", "é", "aab%"]) | TEXTS
NUMBERS = st.sampled_from([0, 1, -1, 2, 5, -7, 2**31 - 1, -(2**31)]) | st.integers(-(2**31), 2**31 - 1)
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES[:-1]), VALUES).map(lambda found: {"id": "5"} | found)
"""Canonical strings; `id` is always there, as it is in every event."""

LEAVES = (
    st.builds(Text, VALUES)
    | st.builds(Number, NUMBERS)
    | st.builds(Truth, st.booleans())
    | st.builds(Attribute, st.sampled_from(NAMES))
    | st.builds(Exists, st.sampled_from(NAMES))
)


def _chain(word: str, operands: list[Node]) -> Node:
    """A chain as it is read: operands that are chains of the same word are part of it."""
    flat: list[Node] = []
    for operand in operands:
        flat += operand.operands if isinstance(operand, Logic) and operand.word == word else (operand,)
    return Logic(word, tuple(flat))


def _larger(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=1, max_size=4)
    calls = st.sampled_from(FUNCTIONS).flatmap(
        lambda function: st.lists(
            inner,
            min_size=len(function.parameters),
            max_size=len(function.parameters) + (3 if function.rest else 0),
        ).map(lambda arguments: Call(function.name, tuple(arguments)))
    )
    return (
        st.builds(_chain, st.sampled_from(["AND", "OR", "XOR"]), st.lists(inner, min_size=2, max_size=4))
        | st.builds(Comparison, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), inner, inner)
        | st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "/", "%"]), inner, inner)
        | st.builds(Not, inner)
        | st.builds(Minus, inner)
        | st.builds(Like, inner, TEXTS, st.booleans())
        | st.builds(lambda x, of, negated: In(x, tuple(of), negated), inner, several, st.booleans())
        | calls
        | st.builds(lambda arguments: Call("NOPE", tuple(arguments)), several)
    )


TREES: st.SearchStrategy[Node] = st.recursive(LEAVES, _larger, max_leaves=12)


_ATOM = PREFIX + 1
_BINDING = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}


def written(node: Node) -> str:
    """This tree as text, with no parenthesis that it could do without."""
    return _written(node)[0]


def _written(node: Node) -> tuple[str, int]:
    """Its text, and how tightly it binds."""
    match node:
        case Text(value):
            return quoted(value), _ATOM
        case Number(value):
            return str(value), _ATOM
        case Truth(value):
            return str(value), _ATOM
        case Attribute(name):
            return name, _ATOM
        case Exists(name):
            return f"EXISTS {name}", _ATOM
        case Not(operand):
            return f"NOT {_within(operand, PREFIX)}", PREFIX
        case Minus(operand):
            return f"- {_within(operand, PREFIX)}", PREFIX
        case Like(operand, pattern, negated):
            return f"{_within(operand, MATCH)} {'NOT ' * negated}LIKE {quoted(pattern)}", MATCH
        case In(operand, elements, negated):
            return f"{_within(operand, MATCH)} {'NOT ' * negated}IN ({', '.join(map(written, elements))})", MATCH
        case Comparison(operator, left, right):
            return f"{_within(left, COMPARISON)} {operator} {_within(right, COMPARISON + 1)}", COMPARISON
        case Arithmetic(operator, left, right):
            binding = _BINDING[operator]
            return f"{_within(left, binding)} {operator} {_within(right, binding + 1)}", binding
        case Logic(word, operands):
            *others, last = operands
            texts = [*(_within(other, LOGIC + 1) for other in others), _within(last, LOGIC)]
            return f" {word} ".join(texts), LOGIC
        case Call(name, arguments):
            return f"{name}({', '.join(map(written, arguments))})", _ATOM


def _within(node: Node, binding: int) -> str:
    text, own = _written(node)
    return text if own >= binding else f"({text})"


def quoted(value: str) -> str:
    """A String literal of this value, whose backslashes, if there are any, stand before `%` and `_`."""
    return "'" + value.replace("'", r"\'") + "'"

"""What can be said of an expression before there is an event.  Only for the compiled way; what matches stays the same.

what knows no attribute         becomes its value, if it has one without errors: LOWER('A') is 'a'
a = 'x' OR a = 'y' OR …         becomes a IN ('x', 'y', …), which is one look into a set
"""

from collections.abc import Iterable
from dataclasses import replace

from tradewind.filters.cesql.interpreter import evaluation
from tradewind.filters.cesql.tree import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Exists,
    In,
    Like,
    Literal,
    Logic,
    Minus,
    Node,
    Not,
    Number,
    Text,
    Truth,
    children,
)
from tradewind.filters.cesql.values import Value


def folded(node: Node) -> Node:
    """The same, with less to do."""
    smaller = _rebuilt(node, tuple(folded(child) for child in children(node)))
    if isinstance(smaller, Literal | Attribute) or not all(isinstance(part, Literal) for part in children(smaller)):
        return smaller
    result = evaluation(smaller, {})
    if result.failed or result.value is None or (isinstance(smaller, Exists) and not result.value):
        return smaller  # its error comes up where it is evaluated; whether an attribute exists, the event decides
    return literal(result.value)


def literal(value: Value) -> Literal:
    """A value as a node."""
    match value:
        case bool():
            return Truth(value)
        case int():
            return Number(value)
        case _:
            return Text(value)


def _rebuilt(node: Node, parts: tuple[Node, ...]) -> Node:
    match node:
        case Not() | Minus() | Like():
            return replace(node, operand=parts[0])
        case Comparison() | Arithmetic():
            return replace(node, left=parts[0], right=parts[1])
        case Logic("OR"):
            operands = tuple(_merged(parts))
            return operands[0] if len(operands) == 1 else replace(node, operands=operands)
        case Logic():
            return replace(node, operands=parts)
        case In():
            return replace(node, operand=parts[0], elements=parts[1:])
        case Call():
            return replace(node, arguments=parts)
        case _:
            return node


def _merged(operands: Iterable[Node]) -> Iterable[Node]:
    """Neighbours that compare one attribute with strings, as one."""
    name = ""
    texts: list[Text] = []
    for operand in operands:
        match operand:
            case Comparison("=", Attribute(same), Text() as text):
                if texts and same != name:
                    yield In(Attribute(name), tuple(texts))
                    texts = []
                name = same
                texts.append(text)
            case _:
                if texts:
                    yield In(Attribute(name), tuple(texts))
                    texts = []
                yield operand
    if texts:
        yield In(Attribute(name), tuple(texts))


def equalities(node: Node) -> dict[str, str]:
    """What attributes must equal for this folded node to be true: `name = 'literal'`, alone or joined by AND.

    Only equality with a String counts: `n = 5` is true of `05`, too.
    """
    found: dict[str, str] = {}
    for part in node.operands if isinstance(node, Logic) and node.word == "AND" else (node,):
        match part:
            case (
                Comparison("=", Attribute(name), Text(value))
                | Comparison("=", Text(value), Attribute(name))
                | In(Attribute(name), (Text(value),), False)
            ):
                found.setdefault(name, value)
    return found

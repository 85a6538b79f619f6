"""What is valid, but may mean something else than its author thinks: warnings, each with what to write instead."""

from collections.abc import Iterator
from dataclasses import replace

from tradewind.errors import Fault
from tradewind.events.attributes import REQUIRED
from tradewind.filters.cesql.lexer import Lexeme
from tradewind.filters.cesql.operands import Operand
from tradewind.filters.cesql.tree import Arithmetic, Attribute, Comparison, Exists, Logic, Node, Not, Text, children
from tradewind.filters.cesql.values import Failed, integer

Doubt = tuple[int, Fault]
"""Where it is, in characters from 0, and what."""


def mix(operator: Lexeme, right: Operand) -> Iterator[Doubt]:
    """AND, OR and XOR are one level and go to the right, which nobody expects who knows SQL."""
    if right.word and right.word != operator.text and not right.enclosed:
        found = f"{operator.text} and then {right.word} without parentheses"
        yield _doubt(operator.span[0], found, f"parentheses: {operator.text} takes all that follows it", "2.1")


def tight_not(operator: Lexeme, left: Operand) -> Iterator[Doubt]:
    """`NOT a = b` is `(NOT a) = b`."""
    if isinstance(left.node, Not) and not left.enclosed:
        found = f"NOT before an operand of `{operator.text}`"
        yield _doubt(left.span[0], found, f"parentheses: NOT binds tighter than `{operator.text}`", "3.4")


def unguarded(tree: Node) -> list[Doubt]:
    """`a = 'x' OR b = 'y'` lets nothing pass that lacks `a`, whatever `b` is: a missing attribute is an error."""
    found: list[Doubt] = []
    _look(tree, set(REQUIRED), found)
    return found


def _look(node: Node, known: set[str], found: list[Doubt]) -> None:
    """Look for such an OR in this node; the `known` attributes are there where it is evaluated."""
    if isinstance(node, Logic) and node.word == "OR":
        bare = _missing(replace(node, operands=node.operands[:-1]), known)
        if bare is not None:
            expected = f"(EXISTS {bare.name} AND …) OR …: an event without {bare.name} does not pass, whatever follows"
            found.append(_doubt(bare.span[0], f"`{bare.name}` before OR", expected, "3.2"))
    for child in _learning(node, known):
        _look(child, known, found)


def _missing(node: Node, known: set[str]) -> Attribute | None:
    """The first attribute in this node that may be missing where it is evaluated."""
    if isinstance(node, Attribute):
        return None if node.name in known else node
    found = (_missing(child, known) for child in _learning(node, known))
    return next((attribute for attribute in list(found) if attribute is not None), None)


def _learning(node: Node, known: set[str]) -> Iterator[Node]:
    """The children of a node; what AND and OR have established is among the known ones where the next is evaluated."""
    learnt = []
    for child in children(node):
        yield child
        name = _established(child, node.word) if isinstance(node, Logic) else None
        if name is not None and name not in known:
            known.add(name)
            learnt.append(name)
    known.difference_update(learnt)


def _established(node: Node, word: str) -> str | None:
    """The attribute that is there where what stands behind this operand of AND or OR is evaluated."""
    match node:
        case Exists(name) if word == "AND":
            return name
        case Not(Exists(name)) if word == "OR":
            return name
        case _:
            return None


def hopeless(node: Node) -> Iterator[Doubt]:
    """`time > '2026-01-31T00:00:00Z'` and `data = 'x'` are an error whatever the event is."""
    match node:
        case Comparison("<" | "<=" | ">" | ">=" as operator, left, right) | Arithmetic(operator, left, right):
            for side in (left, right):
                if isinstance(side, Text) and not _is_integer(side.value):
                    expected = (
                        f"Integers: `{operator}` casts both sides to them, and a cast that fails lets nothing pass"
                    )
                    yield _doubt(side.span[0], f"a string that is no Integer beside `{operator}`", expected, "3.7")
        case Attribute("data") | Exists("data"):
            yield _doubt(node.span[0], "`data`", "an attribute: data are none, and never there", "3.1")
    for child in children(node):
        yield from hopeless(child)


def _is_integer(text: str) -> bool:
    try:
        integer(text)
    except Failed:
        return False
    return True


def _doubt(position: int, found: str, expected: str, clause: str) -> Doubt:
    return position, Fault(f"character {position + 1}", found, expected, f"CESQL {clause}")

"""What is valid, but may mean something else than its author thinks: warnings, each with what to write instead."""

from collections.abc import Iterator
from dataclasses import replace

from tradewind.errors import Fault
from tradewind.events.attributes import REQUIRED
from tradewind.filters.cesql.lexer import Lexeme
from tradewind.filters.cesql.operands import Operand
from tradewind.filters.cesql.tree import Attribute, Exists, Logic, Node, Not, children

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


def unguarded(node: Node, known: frozenset[str] = frozenset(REQUIRED)) -> Iterator[Doubt]:
    """`a = 'x' OR b = 'y'` lets nothing pass that lacks `a`, whatever `b` is: a missing attribute is an error.

    The `known` attributes are there where this node is evaluated.
    """
    if not isinstance(node, Logic):
        for child in children(node):
            yield from unguarded(child, known)
        return
    if node.word == "OR":
        bare = next(_missing(replace(node, operands=node.operands[:-1]), known), None)
        if bare is not None:
            expected = f"(EXISTS {bare.name} AND …) OR …: an event without {bare.name} does not pass, whatever follows"
            yield _doubt(bare.span[0], f"`{bare.name}` before OR", expected, "3.2")
    for operand in node.operands:
        yield from unguarded(operand, known)
        known |= _established(operand, node.word)


def _missing(node: Node, known: frozenset[str]) -> Iterator[Attribute]:
    """Attributes that may be missing where they are evaluated; the `known` ones are not."""
    match node:
        case Attribute(name):
            if name not in known:
                yield node
        case Logic(word, operands):
            for operand in operands:
                yield from _missing(operand, known)
                known |= _established(operand, word)
        case _:
            for child in children(node):
                yield from _missing(child, known)


def _established(node: Node, word: str) -> frozenset[str]:
    """Attributes that are there where what stands behind this operand of AND or OR is evaluated."""
    match node:
        case Exists(name) if word == "AND":
            return frozenset({name})
        case Not(Exists(name)) if word == "OR":
            return frozenset({name})
        case _:
            return frozenset()


def _doubt(position: int, found: str, expected: str, clause: str) -> Doubt:
    return position, Fault(f"character {position + 1}", found, expected, f"CESQL {clause}")

"""What the parser has read so far: operands on a stack, and what still waits for one.

Levels are counted here, as trees come to be, so that no tree deeper than the bound ever exists.
"""

from collections import deque
from dataclasses import dataclass, field

from tradewind.errors import InvalidExpression
from tradewind.filters.cesql.bounds import MAX_DEPTH
from tradewind.filters.cesql.lexer import Lexeme
from tradewind.filters.cesql.tree import Logic, Node, Span


@dataclass(slots=True)
class Operand:
    """A tree that is complete, or a chain of one word that may still grow at either end."""

    span: Span
    """Where it stands, its parentheses included."""
    depth: int
    node: Node | None = None
    word: str = ""
    """What joins the chain."""
    chain: "deque[Operand]" = field(default_factory=deque)
    inside: Span = (0, 0)
    """Where the chain stands, without the parentheses around it."""
    enclosed: bool = False
    """Whether it stands in parentheses."""

    def finished(self) -> Node:
        """The tree; a chain ends here."""
        if self.node is None:
            operands = tuple(operand.finished() for operand in self.chain)
            self.node = Logic(self.word, operands, span=self.inside)
        return self.node


@dataclass(slots=True)
class Pending:
    """An operator that waits for its right operand, or an open parenthesis that waits for its other half."""

    lexeme: Lexeme
    binding: int
    """How tightly it binds; 0 is an open parenthesis, behind which nothing reaches."""
    prefix: bool = False
    name: str = ""
    """Of the function whose arguments these are."""
    subject: Operand | None = None
    """What stands before IN."""
    negated: bool = False
    """Whether it was NOT IN."""
    items: list[Operand] = field(default_factory=list)
    """Arguments or elements that are complete."""


def one_more(position: int, *operands: Operand) -> int:
    """The depth of what stands above these; raises InvalidExpression where that is too much."""
    return bounded(position, 1 + max((operand.depth for operand in operands), default=0))


def bounded(position: int, depth: int) -> int:
    """This depth; raises InvalidExpression where it is too much."""
    if depth > MAX_DEPTH:
        raise InvalidExpression(position, f"more than {MAX_DEPTH} levels", f"at most {MAX_DEPTH}", "Tradewind")
    return depth


def joined(word: str, position: int, left: Operand, right: Operand) -> Operand:
    """Both, with AND, OR or XOR between them.

    A chain of the same word takes the other in, at whichever end, in parentheses or not: its value is the same, and so
    is whether there are errors; how many of them come up may differ, as it may stop earlier.
    The shorter one moves, so that no text makes this quadratic.
    """
    span = (left.span[0], right.span[1])
    depth = 1
    chains = []
    for operand in (left, right):
        same = operand.word == word
        depth = max(depth, operand.depth if same else operand.depth + 1)
        if not same:
            operand.finished()
        chains.append(operand.chain if same else deque((operand,)))
    first, last = chains
    if len(first) >= len(last):
        first.extend(last)
        chain = first
    else:
        last.extendleft(reversed(first))
        chain = last
    return Operand(span, bounded(position, depth), word=word, chain=chain, inside=span)

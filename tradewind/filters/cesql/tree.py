"""What an expression is once it is read: a tree of at most 32 levels, never changed.

Parentheses leave nothing behind, and a chain of one of AND, OR, XOR is one node.  `span` is where a node stands in the
text; it is no part of what the node is, so trees that were written differently may be equal.
"""

from dataclasses import dataclass, field

Span = tuple[int, int]
"""First character, and the one behind the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text(_Placed):
    """A String literal, its escapes undone."""

    value: str


@dataclass(frozen=True, slots=True)
class Number(_Placed):
    """An Integer literal."""

    value: int


@dataclass(frozen=True, slots=True)
class Truth(_Placed):
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Attribute(_Placed):
    """The value of a context attribute."""

    name: str
    """In lower case, as all names of attributes are."""


@dataclass(frozen=True, slots=True)
class Exists(_Placed):
    """EXISTS name."""

    name: str


@dataclass(frozen=True, slots=True)
class Not(_Placed):
    """NOT operand."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Minus(_Placed):
    """- operand."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Logic(_Placed):
    """Two operands or more, with the same word between each two of them."""

    word: str
    """AND, OR or XOR."""
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Comparison(_Placed):
    """left operator right; `<>` is `!=`."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Arithmetic(_Placed):
    """left operator right, of Integers."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Like(_Placed):
    """operand LIKE 'pattern'."""

    operand: "Node"
    pattern: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class In(_Placed):
    """operand IN (elements)."""

    operand: "Node"
    elements: tuple["Node", ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Call(_Placed):
    """NAME(arguments)."""

    name: str
    """In upper case."""
    arguments: tuple["Node", ...]


Literal = Text | Number | Truth
Node = Literal | Attribute | Exists | Not | Minus | Logic | Comparison | Arithmetic | Like | In | Call


def children(node: Node) -> tuple[Node, ...]:
    """What a node is made of, in the order in which it is evaluated."""
    match node:
        case Not(operand) | Minus(operand) | Like(operand):
            return (operand,)
        case Comparison(_, left, right) | Arithmetic(_, left, right):
            return (left, right)
        case Logic(_, operands):
            return operands
        case In(operand, elements):
            return (operand, *elements)
        case Call(_, arguments):
            return arguments
        case _:
            return ()

"""Complete evaluation: every node's value, and every error (§4.1).  The plain way, against which the compiled is held.

CESQL is total: whatever is wrong, there is a value.  A node that cannot be evaluated yields the zero value of its type
(§3.2, §3.4): because an attribute or a function is missing, a cast fails, an operation has no result, or because that
is so for one of its operands.  AND stops at the first operand that is false, OR and IN at the first that is true
(§3.6): what comes behind is not evaluated, so its errors do not count.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tradewind.events.attributes import REQUIRED
from tradewind.filters.cesql import functions
from tradewind.filters.cesql.arithmetic import OPERATIONS, negative
from tradewind.filters.cesql.like import matcher
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
    children,
)
from tradewind.filters.cesql.values import (
    LEAST,
    MOST,
    ZERO,
    Error,
    Failed,
    Kind,
    Type,
    Value,
    as_boolean,
    as_integer,
    cast,
    text_of,
    type_of,
)

Attributes = Mapping[str, object]
"""Context attributes by name; values are str, int or bool, and None is as good as missing (JSON's null)."""

COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "=": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "<": lambda x, y: x < y,  # type: ignore[operator]  # both are Integers
    "<=": lambda x, y: x <= y,  # type: ignore[operator]
    ">": lambda x, y: x > y,  # type: ignore[operator]
    ">=": lambda x, y: x >= y,  # type: ignore[operator]
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of one node."""

    node: Node
    value: Value | None
    """None where it was not evaluated."""
    parts: tuple["Evaluation", ...] = ()
    """What became of the nodes it is made of."""
    raised: tuple[Error, ...] = ()
    """Its own errors, without those of its parts."""
    failed: bool = field(default=False)
    """Whether there is an error here or below."""

    @property
    def errors(self) -> tuple[Error, ...]:
        """All errors, in the order in which they came up."""
        below = [error for part in self.parts if part.failed for error in part.errors]
        return (*below, *self.raised)


def returns(node: Node) -> Type:
    """The type that a node's operator or function has; an attribute that is missing is a Boolean (§3.2)."""
    match node:
        case Text():
            return Type.STRING
        case Number() | Minus() | Arithmetic():
            return Type.INTEGER
        case Call(name, arguments):
            function = functions.find(name, len(arguments))
            return Type.BOOLEAN if function is None else function.returns
        case _:
            return Type.BOOLEAN


def evaluation(node: Node, attributes: Attributes) -> Evaluation:
    """What becomes of this node with an event of these attributes."""
    match node:
        case Text(value) | Number(value) | Truth(value):
            return Evaluation(node, value)
        case Attribute(name):
            return _attribute(node, name, attributes)
        case Exists(name):
            return Evaluation(node, exists(name, attributes))
        case Logic("XOR") | Not() | Minus() | Comparison() | Arithmetic() | Like() | Call():
            return _operation(node, tuple(evaluation(child, attributes) for child in children(node)))
        case Logic(word, operands):
            return _until(node, word == "OR", operands, attributes)
        case _:
            return _in(node, attributes)


def exists(name: str, attributes: Attributes) -> bool:
    """Whether an attribute is there; the required ones always are, and data is none (§3.4.4)."""
    return name in REQUIRED or (name != "data" and attributes.get(name) is not None)


def _attribute(node: Node, name: str, attributes: Attributes) -> Evaluation:
    value = attributes.get(name) if name != "data" else None
    if value is None:
        return _failed(node, (), Failed(Kind.MISSING_ATTRIBUTE, f"the event has no attribute {name}"))
    if isinstance(value, str | bool) or (isinstance(value, int) and LEAST <= value <= MOST):
        return Evaluation(node, value)
    what = f"the value of {name} is no String, Integer of 32 bits or Boolean"
    return _failed(node, (), Failed(Kind.GENERIC, what))


def _failed(node: Node, parts: tuple[Evaluation, ...], failure: Failed, at: Node | None = None) -> Evaluation:
    value = ZERO[returns(node)] if failure.value is None else failure.value
    position = (at or node).span[0]
    return Evaluation(node, value, parts, (Error(failure.kind, failure.message, position),), failed=True)


class _CastFailed(Exception):
    def __init__(self, part: Evaluation, failure: Failed) -> None:
        super().__init__(part, failure)
        self.part = part
        self.failure = failure


def _cast(part: Evaluation, target: Type) -> Value:
    assert part.value is not None  # it was evaluated
    try:
        return cast(part.value, target)
    except Failed as failure:
        raise _CastFailed(part, failure) from None


def _operation(node: Node, parts: tuple[Evaluation, ...]) -> Evaluation:
    """A node whose parts are all evaluated, and whose value follows from theirs."""
    if isinstance(node, Call) and functions.find(node.name, len(parts)) is None:
        return _failed(node, parts, missing(node.name, len(parts)))
    if any(part.failed for part in parts):
        return Evaluation(node, ZERO[returns(node)], parts, failed=True)
    try:
        return Evaluation(node, _value(node, parts), parts)
    except _CastFailed as wrong:
        return _failed(node, parts, wrong.failure, wrong.part.node)
    except Failed as failure:
        return _failed(node, parts, failure)


def _value(node: Node, parts: tuple[Evaluation, ...]) -> Value:
    match node:
        case Not():
            return not _cast(parts[0], Type.BOOLEAN)
        case Minus():
            return negative(as_integer(_cast(parts[0], Type.INTEGER)))
        case Like(_, pattern, negated):
            return matcher(pattern)(text_of(_cast(parts[0], Type.STRING))) != negated
        case Comparison(operator):
            return COMPARISONS[operator](*_alike(operator, *parts))
        case Arithmetic(operator):
            left, right = (as_integer(_cast(part, Type.INTEGER)) for part in parts)
            return OPERATIONS[operator](left, right)
        case Call(name):
            function = functions.find(name, len(parts))
            assert function is not None  # see above
            return function.body(*(_cast(part, function.type_at(index)) for index, part in enumerate(parts)))
        case _:  # XOR
            return sum(as_boolean(_cast(part, Type.BOOLEAN)) for part in parts) % 2 == 1


def _alike(operator: str, left: Evaluation, right: Evaluation) -> tuple[Value, Value]:
    """Both sides of a comparison in one type: Integers for an order, else the right one's (§3.7)."""
    assert right.value is not None  # it was evaluated
    target = type_of(right.value) if operator in ("=", "!=") else Type.INTEGER
    return _cast(left, target), _cast(right, target)


def missing(name: str, arguments: int) -> Failed:
    """A function that is not there, or not with so many arguments."""
    what = f"there is no function {name}"
    if name in functions.NAMES:
        what = f"{name} does not take {arguments} argument{'s' * (arguments != 1)}"
    return Failed(Kind.MISSING_FUNCTION, what)


def _until(node: Node, end: bool, operands: tuple[Node, ...], attributes: Attributes) -> Evaluation:
    """AND and OR: operand by operand, until one is `end`.  One that failed is false."""
    parts: list[Evaluation] = []
    raised: list[Error] = []
    failed = False
    found = not end
    for index, operand in enumerate(operands):
        part = evaluation(operand, attributes)
        parts.append(part)
        try:
            value = False if part.failed else _cast(part, Type.BOOLEAN)
        except _CastFailed as wrong:
            value = False
            raised.append(Error(wrong.failure.kind, wrong.failure.message, operand.span[0]))
        failed = failed or part.failed or bool(raised)
        if value is end:
            found = end
            parts += (Evaluation(skipped, None) for skipped in operands[index + 1 :])
            break
    return Evaluation(node, found and not failed, tuple(parts), tuple(raised), failed)


def _in(node: In, attributes: Attributes) -> Evaluation:
    """IN: element by element, each cast to the left operand's type, until one is equal."""
    subject = evaluation(node.operand, attributes)
    if subject.failed:
        skipped = (Evaluation(element, None) for element in node.elements)
        return Evaluation(node, False, (subject, *skipped), failed=True)
    assert subject.value is not None  # it was evaluated
    target = type_of(subject.value)
    parts = [subject]
    raised: list[Error] = []
    found = failed = False
    for element in node.elements:
        if found:
            parts.append(Evaluation(element, None))
            continue
        part = evaluation(element, attributes)
        parts.append(part)
        try:
            found = not part.failed and _cast(part, target) == subject.value
        except _CastFailed as wrong:
            raised.append(Error(wrong.failure.kind, wrong.failure.message, element.span[0]))
        failed = failed or part.failed or bool(raised)
    return Evaluation(node, found != node.negated and not failed, tuple(parts), tuple(raised), failed)

"""An expression as others use it: read once, evaluated often."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tradewind.errors import Fault, InvalidExpression
from tradewind.events.model import Event
from tradewind.filters.cesql import compiler, functions, interpreter
from tradewind.filters.cesql.folding import equalities, folded
from tradewind.filters.cesql.interpreter import Attributes, Evaluation
from tradewind.filters.cesql.parser import parsed
from tradewind.filters.cesql.tree import Attribute, Call, Literal, Node, children
from tradewind.filters.cesql.values import Error, Kind, Type, Value

Result = tuple[Value, tuple[Error, ...]]
"""A value, and everything that went wrong on the way to it."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What one part of an expression came to with one event."""

    text: str
    """The part, as it was written."""
    span: tuple[int, int]
    """Where it stands in the expression: its first character, and the one behind its last."""
    value: Value | None
    """What it yields, the zero value of its type if it failed; None where it was not evaluated, as AND, OR or IN knew
    enough before."""
    raised: tuple[Error, ...]
    """What went wrong here, and not in one of its parts."""
    failed: bool
    """Whether something went wrong here or in one of its parts."""
    parts: tuple["Explained", ...]
    """The operands, elements or arguments it is made of; none where it was not evaluated."""
    literal: bool
    """Whether it is a literal."""

    @property
    def matches(self) -> bool:
        """Whether an event passes: the value is TRUE, and nothing went wrong."""
        return self.value is True and not self.failed


@dataclass(frozen=True, slots=True)
class Expression:
    """A valid expression.  `parse` makes it; equal trees are equal expressions."""

    tree: Node
    text: str = field(compare=False)
    """As it was written."""
    depth: int = field(compare=False)
    """Levels of the tree, at most MAX_DEPTH; a literal or an attribute alone has one."""
    faults: tuple[Fault, ...] = field(compare=False)
    """Why it can never match: functions that are not there.  It is valid, but should be refused as a filter."""
    doubts: tuple[Fault, ...] = field(compare=False)
    """Where it may mean something else than its author thinks; a warning."""
    equalities: Mapping[str, str] = field(compare=False)
    """What attributes must equal for a match: the terms an index may use."""
    matches: compiler.Predicate = field(compare=False, repr=False)
    """Whether an event with these attributes, canonical strings all of them, passes: it yields TRUE and no error."""

    def evaluate(self, event: Event | Attributes) -> Result:
        """The value, and all errors.

        An Event's attributes are canonical strings; those of a mapping are the Strings, Integers and Booleans that
        they are, so that `flag` alone is true of `{"flag": True}` and of no Event.
        """
        found = interpreter.evaluation(self.tree, _attributes(event))
        return _value(found), found.errors

    def explain(self, event: Event | Attributes) -> Explained:
        """What each part came to."""
        return self._explained(interpreter.evaluation(self.tree, _attributes(event)))

    def _explained(self, found: Evaluation) -> Explained:
        start, end = span = found.node.span
        parts = tuple(self._explained(part) for part in found.parts)
        literal = isinstance(found.node, Literal)
        return Explained(self.text[start:end], span, found.value, found.raised, found.failed, parts, literal)


def parse(text: str) -> Expression:
    """Read an expression; raises InvalidExpression, which names the first fault and its position.

    What it costs to read, compile and evaluate one is bounded (`bounds.py`): to pass a bound is such a fault.
    """
    read = parsed(text)
    smaller = folded(read.tree)
    return Expression(
        read.tree,
        text,
        read.depth,
        tuple(_missing(read.tree)),
        (*read.doubts, *_no_boolean(read.tree)),
        equalities(smaller),
        compiler.predicate(smaller),
    )


def _missing(tree: Node) -> Iterator[Fault]:
    if isinstance(tree, Call) and functions.find(tree.name, len(tree.arguments)) is None:
        where = f"character {tree.span[0] + 1}"
        if tree.name in functions.NAMES:
            count = len(tree.arguments)
            found = f"{tree.name} with {count} argument{'s' * (count != 1)}"
            yield Fault(where, found, "as many as it takes", "CESQL 3.5")
        else:
            yield Fault(where, f"{tree.name}(…)", f"one of {', '.join(sorted(functions.NAMES))}", "CESQL 3.5")
    for child in children(tree):
        yield from _missing(child)


def _no_boolean(tree: Node) -> Iterator[Fault]:
    type_ = Type.STRING if isinstance(tree, Attribute) else interpreter.returns(tree)
    if type_ is not Type.BOOLEAN:
        yield Fault(
            "character 1", f"{type_} as the type of the whole", "Boolean: nothing else lets an event pass", "CESQL 1.2"
        )


def evaluate(expression: Expression | str, event: Event | Attributes) -> Result:
    """The value of an expression, and all errors; a text that is none is false, with a ParseError (§3.3)."""
    if isinstance(expression, Expression):
        return expression.evaluate(event)
    try:
        tree = parsed(expression).tree
    except InvalidExpression as invalid:
        return False, (Error(Kind.PARSE, str(invalid), invalid.position),)
    found = interpreter.evaluation(tree, _attributes(event))
    return _value(found), found.errors


def _value(found: Evaluation) -> Value:
    assert found.value is not None  # only parts are left out
    return found.value


def _attributes(event: Event | Attributes) -> Attributes:
    return event.attributes if isinstance(event, Event) else event

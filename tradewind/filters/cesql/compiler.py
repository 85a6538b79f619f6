"""A tree → a Python function that says whether an event matches, and gives up at the first error (§4.1, fail fast).

As a filter an expression sees canonical strings only, so that the type of every node but a literal's is known before:
every cast is known, too, and most are none.  `type = 'x' AND subject LIKE 'a%'` becomes

    def make(k0, k1, k2, k3):
        def matches(a):
            try:
                return (a[k0] == k1) and a[k2].startswith(k3)
            except failures:
                return False
        return matches

Nothing that somebody wrote enters this source: it is made of operators and of the names k0, k1, …, to which names of
attributes, literals and functions are bound.  Expressions of one shape share one source, which is compiled once.
"""

import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tradewind.events.attributes import REQUIRED
from tradewind.filters.cesql import functions
from tradewind.filters.cesql.arithmetic import OPERATIONS, negative
from tradewind.filters.cesql.like import SHORT, matcher, pieces
from tradewind.filters.cesql.tree import (
    Arithmetic,
    Attribute,
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
)
from tradewind.filters.cesql.values import Failed, Kind, Type, boolean, cast, integer, text_of, type_of

Predicate = Callable[[Mapping[str, str]], bool]
"""Whether an event with these attributes matches."""

FAILURES = (KeyError, Failed)
"""What an error is, within a predicate: a missing attribute is a KeyError of the mapping."""

_CASTS: dict[tuple[Type, Type], Callable[..., object]] = {
    (Type.STRING, Type.INTEGER): integer,
    (Type.STRING, Type.BOOLEAN): boolean,
    (Type.INTEGER, Type.STRING): str,
    (Type.INTEGER, Type.BOOLEAN): bool,
    (Type.BOOLEAN, Type.STRING): text_of,
    (Type.BOOLEAN, Type.INTEGER): int,
}
_SIGNS = {"=": "=="}
"""Operators that are written otherwise in Python."""


def predicate(tree: Node) -> Predicate:
    """What says whether an event matches this tree, folded or not."""
    writer = _Writer()
    code = writer.code(tree)
    if code.type is not Type.BOOLEAN:
        return never
    return _maker(code.text, len(writer.constants))(*writer.constants)


def never(attributes: Mapping[str, str]) -> bool:
    """The predicate of what yields no Boolean: nothing passes (§1.2)."""
    return False


@lru_cache(maxsize=1024)
def _maker(text: str, constants: int) -> Callable[..., Predicate]:
    names = ", ".join(f"k{index}" for index in range(constants))
    source = (
        f"def make({names}):\n"
        f" def matches(a):\n"
        f"  try:\n"
        f"   return {text}\n"
        f"  except failures:\n"
        f"   return False\n"
        f" return matches\n"
    )
    names_there: dict[str, object] = {"__builtins__": {}, "failures": FAILURES}
    builtins.exec(compile(source, "<cesql>", "exec"), names_there)
    return names_there["make"]  # type: ignore[return-value]  # as the source says


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression, and the type of what it yields."""

    text: str
    type: Type


class _Writer:
    def __init__(self) -> None:
        self.constants: list[object] = []
        self._names: dict[tuple[type, object], str] = {}
        self._subjects = 0

    def bound(self, constant: object) -> str:
        """The name of a constant; an equal one of the same type has the same."""
        key = (type(constant), constant)
        if key not in self._names:
            self._names[key] = f"k{len(self.constants)}"
            self.constants.append(constant)
        return self._names[key]

    def code(self, node: Node) -> Code:
        """A node as Python."""
        match node:
            case Text(value) | Number(value) | Truth(value):
                return Code(self.bound(value), type_of(value))
            case Attribute("data"):  # data is no attribute, whatever the mapping holds
                return Code(f"{self.bound(_fail)}()", Type.STRING)
            case Attribute(name):
                return Code(f"a[{self.bound(name)}]", Type.STRING)
            case Exists(name):
                there = name not in REQUIRED and name != "data"
                return Code(f"({self.bound(name)} in a)" if there else self.bound(name in REQUIRED), Type.BOOLEAN)
            case Not(operand):
                return Code(f"(not {self._as(Type.BOOLEAN, operand)})", Type.BOOLEAN)
            case Minus(operand):
                return Code(f"{self.bound(negative)}({self._as(Type.INTEGER, operand)})", Type.INTEGER)
            case Logic(word, operands):
                return Code(self._logic(word, [self._as(Type.BOOLEAN, operand) for operand in operands]), Type.BOOLEAN)
            case Comparison(operator, left, right):
                return self._comparison(operator, left, right)
            case Arithmetic(operator, left, right):
                operation = self.bound(OPERATIONS[operator])
                sides = f"{self._as(Type.INTEGER, left)}, {self._as(Type.INTEGER, right)}"
                return Code(f"{operation}({sides})", Type.INTEGER)
            case Like(operand, pattern, negated):
                return self._negated(negated, self._like(self._as(Type.STRING, operand), pattern))
            case In(operand, elements, negated):
                return self._negated(negated, self._in(operand, elements))
            case _:
                return self._call(node.name, node.arguments)

    def _as(self, target: Type, node: Node) -> str:
        return self._cast(target, self.code(node))

    def _cast(self, target: Type, code: Code) -> str:
        if code.type is target:
            return code.text
        return f"{self.bound(_CASTS[code.type, target])}({code.text})"

    @staticmethod
    def _negated(negated: bool, text: str) -> Code:
        return Code(f"(not {text})" if negated else text, Type.BOOLEAN)

    def _logic(self, word: str, operands: list[str]) -> str:
        if word == "XOR":  # a flat call: CPython goes down one level for each ^
            return f"{self.bound(_odd)}({', '.join(operands)})"
        return f"({f' {word.lower()} '.join(operands)})"

    def _comparison(self, operator: str, left: Node, right: Node) -> Code:
        sides = self.code(left), self.code(right)
        target = sides[1].type if operator in ("=", "!=") else Type.INTEGER
        x, y = (self._cast(target, side) for side in sides)
        return Code(f"({x} {_SIGNS.get(operator, operator)} {y})", Type.BOOLEAN)

    def _like(self, operand: str, pattern: str) -> str:
        """What nearly all patterns are costs one call that runs in C."""
        found = pieces(pattern)
        if any(piece.underscores for piece in found):
            return f"{self.bound(matcher(pattern))}({operand})"
        texts = [piece.runs[0][1] if piece.runs else "" for piece in found]
        match texts:
            case [whole]:
                return f"({operand} == {self.bound(whole)})"
            case [start, ""]:
                return f"{operand}.startswith({self.bound(start)})"
            case ["", end]:
                return f"{operand}.endswith({self.bound(end)})"
            case ["", part, ""] if len(part) <= SHORT:
                return f"({self.bound(part)} in {operand})"
            case _:
                return f"{self.bound(matcher(pattern))}({operand})"

    def _in(self, operand: Node, elements: tuple[Node, ...]) -> str:
        subject = self.code(operand)
        if all(isinstance(element, Literal) for element in elements):
            values = _cast_all(elements, subject.type)
            if values is not None:
                return f"({subject.text} in {self.bound(values)})"
        name = f"s{self._subjects}"
        self._subjects += 1
        first, *others = (self._as(subject.type, element) for element in elements)
        tests = [f"({name} := {subject.text}) == {first}", *(f"{name} == {other}" for other in others)]
        return f"({' or '.join(tests)})"

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Code:
        function = functions.find(name, len(arguments))
        if function is None:
            return Code(f"{self.bound(_fail)}()", Type.BOOLEAN)
        given = (self._as(function.type_at(index), argument) for index, argument in enumerate(arguments))
        return Code(f"{self.bound(function.body)}({', '.join(given)})", function.returns)


def _cast_all(elements: tuple[Node, ...], target: Type) -> frozenset[object] | None:
    try:
        return frozenset(cast(e.value, target) for e in elements if isinstance(e, Literal))
    except Failed:
        return None  # the error comes up where the element's turn comes


def _fail() -> bool:
    raise Failed(Kind.GENERIC, "")  # as a filter it does not match, whatever the words


def _odd(*operands: bool) -> bool:
    return sum(operands) % 2 == 1

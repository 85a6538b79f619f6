"""The door to cel-expr-python, which nothing else imports.  What passes it was bounded before.

It evaluates 10,000 iterations at most, nests 32 levels at most, and reports what went wrong as a value or a
RuntimeError.  Measured: 8 µs for an activation and an expression, 2 µs for each further expression.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from tradewind.errors import Fault, InvalidCel

MISSING = 'No value with name "data"'
"""What it says of a variable that an activation does not hold."""

EVENT = ("event", "data")
"""Variables of a filter: an event's attributes, and its data."""

REQUEST = ("body", "headers", "query")
"""Variables of an attribute's expression: a request's body, its header fields, and the parameters of its URL."""

_OPEN = frozenset({"data", "body"})
"""Variables that hold whatever JSON holds; any other is a map of strings."""

ERROR = "ERROR"
"""The type of what failed."""

_ERROR = re.compile(r"ERROR: <input>:(?P<line>-?[0-9]+):(?P<column>-?[0-9]+): (?P<what>[^\n]*)")
_SHOWN = 300
"""Characters of what the library says that are passed on: it quotes texts."""
EXPECTED = "a CEL expression of {}"


class Type(Protocol):
    """A type of CEL."""

    def name(self) -> str:
        """Its name: `BOOL`, `DYN`."""


class Value(Protocol):
    """What an evaluation came to."""

    def type(self) -> Type:
        """Its type, `ERROR` where it failed."""

    def value(self) -> object:
        """It, in Python; what went wrong, where it failed."""


class Program(Protocol):
    """A compiled expression."""

    def eval(self, activation: object) -> Value:
        """Evaluate it."""

    def return_type(self) -> Type:
        """What the checker says of its value."""


@lru_cache(2)
def _library(variables: tuple[str, ...] = EVENT) -> Any:  # it has no types
    try:
        from cel_expr_python import cel
    except ImportError:
        return None
    texts = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
    return cel.NewEnv(variables={name: cel.Type.DYN if name in _OPEN else texts for name in variables})


def installed() -> bool:
    """Whether the extra is there."""
    return _library() is not None


def activation(values: Mapping[str, object], variables: tuple[str, ...] = EVENT) -> object:
    """What expressions of these variables are evaluated with."""
    return _library(variables).Activation(values)


def compiled(text: str) -> Program:
    """A filter.  Raises InvalidCel with every fault that the library finds."""
    program = checked(text, EVENT)
    if (name := program.return_type().name()) not in ("BOOL", "DYN"):
        expected = "one of type BOOL: it says whether an event passes"
        raise InvalidCel([Fault("line 1", f"a value of type {name}", expected)])
    return program


def checked(text: str, variables: tuple[str, ...]) -> Program:
    """An expression of these variables, of any type.  Raises InvalidCel with every fault that the library finds."""
    try:
        program: Program = _library(variables).compile(text)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InvalidCel(_faults(str(error), EXPECTED.format(_listed(variables)))) from None
    return program


def answer(program: Program, activation: object) -> bool | str:
    """Whether it is true; what went wrong, where something did."""
    kind, value = evaluated(program, activation)
    if isinstance(value, bool):
        return value
    return str(value) if kind == ERROR else f"a value of type {kind}, where BOOL says whether an event passes"


def evaluated(program: Program, activation: object) -> tuple[str, object]:
    """The type and the value of what an expression comes to; ERROR, and what went wrong, where something did."""
    try:
        found = program.eval(activation)
        kind, value = found.type().name(), found.value()
    except (RuntimeError, MemoryError, TypeError, ValueError) as error:
        return ERROR, _plain(str(error) or type(error).__name__)
    return (kind, _plain(str(value))) if kind == ERROR else (kind, value)


def _listed(variables: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in variables]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _faults(said: str, expected: str) -> list[Fault]:
    faults = [
        Fault(_place(int(one["line"]), int(one["column"])), _plain(one["what"]).removeprefix("found "), expected)
        for one in _ERROR.finditer(said)
    ]
    return list(dict.fromkeys(faults)) or [Fault("line 1", _plain(said), expected)]


def _place(line: int, column: int) -> str:
    return f"line {line}, character {column}" if line > 0 else "line 1"


def _plain(text: str) -> str:
    """Its first line, cut."""
    return text.partition("\n")[0][:_SHOWN]

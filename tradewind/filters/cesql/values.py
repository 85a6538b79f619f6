"""Types, values, errors and casts of CESQL (§3.1, §3.3, §3.7).

Every operation yields a value or raises `Failed`.  The interpreter turns that into an `Error` beside a value; the
compiled predicate into "no match".
"""

from dataclasses import dataclass
from enum import StrEnum

Value = str | int | bool
"""What an expression evaluates to.  A bool is no int here."""

LEAST, MOST = -(2**31), 2**31 - 1
"""The range of an Integer: 32 bits, two's complement."""


class Type(StrEnum):
    """The primitive types.  URI, URI-reference, Timestamp and Binary are Strings."""

    STRING = "String"
    INTEGER = "Integer"
    BOOLEAN = "Boolean"


class Kind(StrEnum):
    """What kind of error it was, in the specification's words (§3.3)."""

    PARSE = "ParseError"
    MATH = "MathError"
    CAST = "CastError"
    MISSING_ATTRIBUTE = "MissingAttributeError"
    MISSING_FUNCTION = "MissingFunctionError"
    FUNCTION_EVALUATION = "FunctionEvaluationError"
    GENERIC = "GenericError"


@dataclass(frozen=True, slots=True)
class Error:
    """One thing that went wrong while an expression was evaluated."""

    kind: Kind
    message: str
    position: int
    """Where in the expression, in characters from 0."""

    def __str__(self) -> str:
        return f"character {self.position + 1}: {self.kind}: {self.message}"


class Failed(Exception):
    """An operation has no right value.  `value` is what it yields all the same, None for the zero value of its type."""

    def __init__(self, kind: Kind, message: str, subject: Value = "", value: Value | None = None) -> None:
        super().__init__(kind)  # the words are put together by who wants them: compiled predicates do not
        self.kind = kind
        self.value = value
        self._message = message
        self._subject = subject

    @property
    def message(self) -> str:
        """What was wrong, with the value it was wrong with."""
        return self._message.format(shown(self._subject))


ZERO: dict[Type, Value] = {Type.STRING: "", Type.INTEGER: 0, Type.BOOLEAN: False}
"""What an expression of each type yields where it cannot be evaluated."""


def shown(value: Value) -> str:
    """A value as an expression would write it, cut."""
    if isinstance(value, str):
        cut = value if len(value) <= 60 else value[:60] + "…"
        return "'" + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut) + "'"
    return text_of(value)


def type_of(value: Value) -> Type:
    """The type of a value."""
    if isinstance(value, bool):
        return Type.BOOLEAN
    return Type.INTEGER if isinstance(value, int) else Type.STRING


def integer(text: str) -> int:
    """A String as an Integer: a sign or none, digits, nothing else, within 32 bits; leading zeros count for nothing.

    `int` itself takes `1_000`, ` 5` and `٣`, and raises another error above 4,300 digits.
    """
    if len(text) < 10 and text.isascii() and text.isdigit():  # what nearly all are
        return int(text)
    digits = text[1:] if text.startswith(("+", "-")) else text
    if digits.isascii() and digits.isdigit():
        significant = digits.lstrip("0")
        if len(significant) <= 10:
            number = int(significant or "0")
            number = -number if text[0] == "-" else number
            if LEAST <= number <= MOST:
                return number
    raise Failed(Kind.CAST, "{} is no Integer of 32 bits", text)


def boolean(text: str) -> bool:
    """A String as a Boolean: `true` or `false` in any case."""
    if len(text) <= 5:
        lower = text.lower()
        if lower == "true":
            return True
        if lower == "false":
            return False
    raise Failed(Kind.CAST, "{} is no Boolean", text)


def text_of(value: Value) -> str:
    """Any value as a String: `true`, `false`, or the digits in base 10."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def as_integer(value: Value) -> int:
    """Any value as an Integer."""
    return integer(value) if isinstance(value, str) else int(value)


def as_boolean(value: Value) -> bool:
    """Any value as a Boolean; of the Integers 0 alone is false."""
    return boolean(value) if isinstance(value, str) else value != 0


def cast(value: Value, target: Type) -> Value:
    """This value as one of that type."""
    match target:
        case Type.STRING:
            return text_of(value)
        case Type.INTEGER:
            return as_integer(value)
        case _:
            return as_boolean(value)

"""The built-in functions (§3.5).  A function is known by its name and by how many arguments it takes."""

from collections.abc import Callable
from dataclasses import dataclass

from tradewind.filters.cesql.bounds import MAX_BUILT_CHARACTERS
from tradewind.filters.cesql.values import LEAST, MOST, Failed, Kind, Type, Value

Body = Callable[..., Value]
"""What computes a function; its arguments have been cast to the types of its parameters, which differ."""


@dataclass(frozen=True, slots=True)
class Function:
    """One of the functions under a name."""

    name: str
    parameters: tuple[Type, ...]
    returns: Type
    body: Body
    rest: Type | None = None
    """The type of any further arguments, where there may be some."""

    def takes(self, arguments: int) -> bool:
        """Whether it is called with so many."""
        fixed = len(self.parameters)
        return arguments == fixed or (self.rest is not None and arguments > fixed)

    def type_at(self, index: int) -> Type:
        """What the argument at this place is cast to."""
        return self.parameters[index] if index < len(self.parameters) else self.rest or Type.STRING


def _short(text: str) -> str:
    if len(text) > MAX_BUILT_CHARACTERS:
        raise _too_long()
    return text


def _too_long() -> Failed:
    return Failed(Kind.FUNCTION_EVALUATION, f"a string of more than {MAX_BUILT_CHARACTERS:,} characters is not built")


def concat(*parts: str) -> str:
    """CONCAT."""
    return concat_ws("", *parts)


def concat_ws(delimiter: str, *parts: str) -> str:
    """CONCAT_WS: the parts with the delimiter between each two of them."""
    if sum(map(len, parts)) + len(delimiter) * (len(parts) - 1) > MAX_BUILT_CHARACTERS:
        raise _too_long()
    return delimiter.join(parts)


def lower(text: str) -> str:
    """LOWER."""
    return _short(text.lower())


def upper(text: str) -> str:
    """UPPER; one character may become three."""
    return _short(text.upper())


def left(text: str, count: int) -> str:
    """LEFT: the first characters."""
    if count < 0:
        raise Failed(Kind.FUNCTION_EVALUATION, "LEFT takes {} characters", count, text)
    return text[:count]


def right(text: str, count: int) -> str:
    """RIGHT: the last characters."""
    if count < 0:
        raise Failed(Kind.FUNCTION_EVALUATION, "RIGHT takes {} characters", count, text)
    return text[max(len(text) - count, 0) :]


def substring(text: str, position: int, length: int = MOST) -> str:
    """SUBSTRING: from a position counted from 1, or backwards from the end; position 0 gives nothing."""
    if abs(position) > len(text):
        raise Failed(Kind.FUNCTION_EVALUATION, f"SUBSTRING of {len(text):,} characters begins at {{}}", position)
    if length < 0:
        raise Failed(Kind.FUNCTION_EVALUATION, "SUBSTRING takes {} characters", length)
    if position == 0:
        return ""
    start = position - 1 if position > 0 else len(text) + position
    return text[start : start + length]


def absolute(number: int) -> int:
    """ABS."""
    if number == LEAST:
        raise Failed(Kind.MATH, f"ABS of {{}} is beyond {MOST}", number, MOST)
    return abs(number)


def _same(value: Value) -> Value:
    return value


_S, _I, _B = Type.STRING, Type.INTEGER, Type.BOOLEAN

FUNCTIONS = (
    Function("LENGTH", (_S,), _I, len),
    Function("CONCAT", (), _S, concat, rest=_S),
    Function("CONCAT_WS", (_S,), _S, concat_ws, rest=_S),
    Function("LOWER", (_S,), _S, lower),
    Function("UPPER", (_S,), _S, upper),
    Function("TRIM", (_S,), _S, str.strip),
    Function("LEFT", (_S, _I), _S, left),
    Function("RIGHT", (_S, _I), _S, right),
    Function("SUBSTRING", (_S, _I), _S, substring),
    Function("SUBSTRING", (_S, _I, _I), _S, substring),
    Function("ABS", (_I,), _I, absolute),
    Function("INT", (_I,), _I, _same),
    Function("BOOL", (_B,), _B, _same),
    Function("STRING", (_S,), _S, _same),
)

NAMES = frozenset(function.name for function in FUNCTIONS)

_BY_NAME = {name: tuple(f for f in FUNCTIONS if f.name == name) for name in NAMES}


def find(name: str, arguments: int) -> Function | None:
    """The function of this name, in upper case, that takes so many arguments."""
    return next((f for f in _BY_NAME.get(name, ()) if f.takes(arguments)), None)

"""Integer arithmetic in 32 bits (§3.4.2).  What does not fit is a MathError: the specification says nothing of it."""

from collections.abc import Callable

from tradewind.filters.cesql.values import LEAST, MOST, Failed, Kind


def fitting(number: int) -> int:
    """This number where it is an Integer."""
    if LEAST <= number <= MOST:
        return number
    raise Failed(Kind.MATH, "{} is beyond 32 bits", str(number))


def negative(x: int) -> int:
    """`-x`."""
    return fitting(-x)


def sum_(x: int, y: int) -> int:
    """`x + y`."""
    return fitting(x + y)


def difference(x: int, y: int) -> int:
    """`x - y`."""
    return fitting(x - y)


def product(x: int, y: int) -> int:
    """`x * y`."""
    return fitting(x * y)


def quotient(x: int, y: int) -> int:
    """`x / y`, rounded towards zero."""
    if y == 0:
        raise Failed(Kind.MATH, "{} is divided by zero", x)
    return fitting(-(-x // y) if (x < 0) != (y < 0) else x // y)


def remainder(x: int, y: int) -> int:
    """`x % y`, with the sign of x."""
    if y == 0:
        raise Failed(Kind.MATH, "{} is divided by zero", x)
    return -(-x % abs(y)) if x < 0 else x % abs(y)


OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": sum_,
    "-": difference,
    "*": product,
    "/": quotient,
    "%": remainder,
}
"""By their operators."""

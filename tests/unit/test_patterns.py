"""Regular expressions match alike on every Python that Tradewind runs on."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]  # what a pattern is parsed into has no public name
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

import tradewind

POSSESSIVE = codes.POSSESSIVE_REPEAT
OF_ONE = (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY)


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """Those that modules hold, by name."""
    for found in pkgutil.walk_packages(tradewind.__path__, "tradewind."):
        for name, value in vars(importlib.import_module(found.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{found.name}.{name}", value


def repeats_groups(parsed: object) -> bool:
    """Whether somewhere in it more than a character is repeated possessively."""
    if isinstance(parsed, parser.SubPattern):
        return any(repeats_groups(each) for each in parsed.data)
    if isinstance(parsed, list):
        return any(repeats_groups(each) for each in parsed)
    if not isinstance(parsed, tuple):
        return False
    if parsed and parsed[0] is POSSESSIVE:
        repeated = parsed[1][2]
        if len(repeated) != 1 or repeated[0][0] not in OF_ONE:
            return True
    return any(repeats_groups(each) for each in parsed)


@pytest.mark.parametrize(
    ("pattern", "found"), [("a*+", False), ("[ab]*+c++", False), ("(?:ab)*+", True), ("x(a|(?:b*+c)?+)", True)]
)
def test_the_check(pattern: str, found: bool) -> None:
    assert repeats_groups(parser.parse(pattern)) is found


def test_no_group_is_repeated_possessively() -> None:
    """Python 3.11.2, which Debian 12 has, took `a"b` for a value whose quotes are closed."""
    every = list(patterns())
    assert len(every) > 20
    assert [name for name, pattern in every if repeats_groups(parser.parse(pattern.pattern, pattern.flags))] == []

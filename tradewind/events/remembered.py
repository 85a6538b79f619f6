"""Remembering what a pure function says of a name: the names that senders use are few, and come again and again.

Long names are asked anew each time, and so many are remembered and no more, so that made-up ones pin no memory.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

REMEMBERED = 64
"""Bytes or characters of a name up to which it is remembered."""

MOST = 1024
"""Names that are remembered of one function; with one more all are forgotten, and it begins anew."""

Name = TypeVar("Name", str, bytes)
Said = TypeVar("Said")


TOGETHER = 512
"""Characters of names that are remembered together: those of one message's headers."""


class _Known(dict[Name, Said]):
    """What was said of each name.  A dict, since that answers in a tenth of the time of a call."""

    def __init__(self, function: Callable[[Name], Said]) -> None:
        self._function: Callable[[Name], Said] = function

    def __missing__(self, name: Name) -> Said:
        said = self._function(name)
        if len(name) <= REMEMBERED:
            if len(self) >= MOST:
                self.clear()
            self[name] = said
        return said


def remembered(function: Callable[[Name], Said]) -> Callable[[Name], Said]:
    """The same function, which looks once at each short name."""
    return _Known(function).__getitem__


def remembered_together(function: Callable[[tuple[str, ...]], Said]) -> Callable[[tuple[str, ...]], Said]:
    """The same function of several names, which looks once at those that are short together."""
    known: dict[tuple[str, ...], Said] = {}

    @wraps(function)
    def ask(names: tuple[str, ...]) -> Said:
        if names in known:
            return known[names]
        said = function(names)
        if sum(map(len, names)) <= TOGETHER:
            if len(known) >= MOST:
                known.clear()
            known[names] = said
        return said

    return ask

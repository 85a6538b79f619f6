"""Remembering what a pure function says of a name: the names that senders use are few, and come again and again.

Long names are asked anew each time, and so many are remembered and no more, so that made-up ones pin no memory.
"""

from collections.abc import Callable
from typing import TypeVar

REMEMBERED = 64
"""Bytes or characters of a name up to which it is remembered."""

TOGETHER = 512
"""Names, and characters of them, that are remembered together: those of one message's headers."""

MOST = 1024
"""Names that are remembered of one function; with one more all are forgotten, and it begins anew."""

Name = TypeVar("Name", str, bytes, tuple[str, ...])
Said = TypeVar("Said")


class _Known(dict[Name, Said]):
    """What was said of each name.  A dict, since that answers in a tenth of the time of a call."""

    def __init__(self, function: Callable[[Name], Said], *, size: Callable[[Name], int], most: int) -> None:
        self._function: Callable[[Name], Said] = function
        self._size: Callable[[Name], int] = size
        self._most = most

    def __missing__(self, name: Name) -> Said:
        said = self._function(name)
        if self._size(name) <= self._most:
            if len(self) >= MOST:
                self.clear()
            self[name] = said
        return said


def remembered(function: Callable[[Name], Said]) -> Callable[[Name], Said]:
    """The same function, which looks once at each short name."""
    return _Known(function, size=len, most=REMEMBERED).__getitem__


def remembered_together(function: Callable[[tuple[str, ...]], Said]) -> Callable[[tuple[str, ...]], Said]:
    """The same function of several names, which looks once at those that are short together."""
    return _Known(function, size=_letters, most=TOGETHER).__getitem__


def _letters(names: tuple[str, ...]) -> int:
    return len(names) + sum(map(len, names))

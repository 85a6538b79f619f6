"""Remembering what a pure function says of a name: the names that senders use are few, and come again and again.

Long names are asked anew each time, and so many are remembered and no more, so that made-up ones pin no memory.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

REMEMBERED = 64
"""Bytes or characters of a name up to which it is remembered."""

MOST = 1024
"""Names that are remembered of one function, the latest used."""

Name = TypeVar("Name", str, bytes)
Said = TypeVar("Said")


TOGETHER = 512
"""Characters of names that are remembered together: those of one message's headers."""


def remembered(function: Callable[[Name], Said]) -> Callable[[Name], Said]:
    """The same function, which looks once at each short name."""
    known = lru_cache(MOST)(function)

    @wraps(function)
    def ask(name: Name) -> Said:
        return known(name) if len(name) <= REMEMBERED else function(name)

    return ask


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

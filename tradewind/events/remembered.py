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


def remembered(function: Callable[[Name], Said]) -> Callable[[Name], Said]:
    """The same function, which looks once at each short name."""
    known = lru_cache(MOST)(function)

    @wraps(function)
    def ask(name: Name) -> Said:
        return known(name) if len(name) <= REMEMBERED else function(name)

    return ask

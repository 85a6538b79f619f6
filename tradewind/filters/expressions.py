"""CESQL expressions by their text: each is read and compiled once, however many trees, Plans and indexes hold it."""

from functools import lru_cache

from tradewind.filters import cesql

KEPT = 10_000
"""Expressions that are kept: as many as Triggers of one dispatcher."""


@lru_cache(KEPT)
def expression(text: str) -> cesql.Expression:
    """The expression of a text.  Raises InvalidExpression."""
    return cesql.parse(text)

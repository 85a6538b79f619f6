"""CEL expressions by their text: each is checked and compiled once, however many trees, Plans and indexes hold it."""

from dataclasses import dataclass
from functools import lru_cache

from tradewind.errors import InvalidCel
from tradewind.filters.cel import bounds, library
from tradewind.filters.cel.activation import Activation

KEPT = 10_000
"""Expressions that are kept: as many as Triggers of one dispatcher."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that may run."""

    text: str
    program: library.Program

    def matches(self, activation: Activation) -> bool:
        """Whether the event of this activation passes.  Never raises."""
        return activation.ask(self.text, self.program)


@lru_cache(KEPT)
def expression(text: str) -> Expression:
    """The expression of a text.  Raises InvalidCel with every fault; the extra must be there (`installed`)."""
    if faults := list(bounds.faults(text)):
        raise InvalidCel(faults)
    return Expression(text, library.compiled(text))

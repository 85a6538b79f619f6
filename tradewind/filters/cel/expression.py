"""CEL expressions by their text: each is checked and compiled once, however many trees, Plans and indexes hold it."""

from dataclasses import dataclass
from functools import lru_cache

from tradewind.errors import InvalidCel
from tradewind.filters.cel import library
from tradewind.filters.cel.activation import Activation
from tradewind.filters.cel.bounds import Bounds, bounds

KEPT = 10_000
"""Expressions that are kept: as many as Triggers of one dispatcher."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that may run."""

    text: str
    program: library.Program
    known: Bounds
    """Of which events it may be asked."""

    def matches(self, activation: Activation) -> bool:
        """Whether the event of this activation passes.  Never raises."""
        return activation.ask(self.text, self.program, self.known)


@lru_cache(KEPT)
def expression(text: str) -> Expression:
    """The expression of a text.  Raises InvalidCel with every fault; the extra must be there (`installed`)."""
    known = bounds(text)
    if known.faults:
        raise InvalidCel(known.faults)
    return Expression(text, library.compiled(text), known)

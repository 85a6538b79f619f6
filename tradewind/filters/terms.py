"""What an index may use of a filter: `attribute = literal` terms, one of which every event that matches has.

Only equality with a string literal is a term: CESQL's `n = 5` is true of '05', too, so it is none.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.expressions import expression
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Compared, Filter, How, members

SELECTIVE = ("id", "type", "source", "subject")
"""Attributes whose values tell events apart best, best first; others come after them."""

Term = tuple[str, str]
"""An attribute's name and the value it must have."""


class Terms(NamedTuple):
    """Terms of which an event must have one to match."""

    one_of: frozenset[Term]
    enough: bool
    """An event that has one of them matches: the filter need not be asked."""


def terms(wanted: Filter) -> Terms | None:
    """The best terms of a filter; None where a match has none."""
    match wanted:
        case AttributesFilter():
            return _best(((n, v) for n, v in wanted.wanted.items() if v), enough=len(wanted.wanted) == 1)
        case Compared(how=How.EXACT):
            return _best(wanted.wanted, enough=len(wanted.wanted) == 1)
        case Cesql():
            return _best(expression(wanted.text).equalities.items(), enough=False)
        case AllOf():
            parts = list(members(wanted))
            found = [one for one in map(terms, parts) if one is not None]
            best = min(found, key=_rank, default=None)
            return best and Terms(best.one_of, best.enough and len(parts) == 1)
        case AnyOf():
            sides = [terms(one) for one in members(wanted)]
            there = [one for one in sides if one is not None]
            if len(there) < len(sides):
                return None
            return Terms(frozenset().union(*(one.one_of for one in there)), all(one.enough for one in there))
        case _:
            return None


def _best(candidates: Iterable[Term], *, enough: bool) -> Terms | None:
    ranked = sorted(candidates, key=lambda term: (_selectivity(term), term))
    return Terms(frozenset(ranked[:1]), enough) if ranked else None


def _rank(found: Terms) -> tuple[int, int]:
    """Few terms first, then those that tell events apart best."""
    return len(found.one_of), max(map(_selectivity, found.one_of), default=0)


def _selectivity(term: Term) -> int:
    return SELECTIVE.index(term[0]) if term[0] in SELECTIVE else len(SELECTIVE)

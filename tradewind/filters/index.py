"""Which Triggers an event matches, without asking each of them (DESIGN §5: cost follows events, not Triggers).

Each filter that demands `attribute = literal` lies under one such term; an event asks only the filters under its own
values, and those that demand no equality.  The filter itself decides; the index only leaves out what cannot match.
"""

from collections.abc import Hashable, Mapping
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)

SELECTIVE = ("type", "source", "subject")
"""Attributes whose values tell events apart best, tried first as the term to lie under."""


class Filter(Protocol):
    """What the index needs of a filter."""

    @property
    def equalities(self) -> Mapping[str, str]:
        """What an event's attributes must equal for a match."""

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether an event with these attributes passes."""


class Index(Generic[Key]):
    """Filters by key; made anew when one of them changes."""

    def __init__(self, filters: Mapping[Key, Filter]) -> None:
        self._terms: dict[str, dict[str, list[tuple[Key, Filter]]]] = {}
        self._others: list[tuple[Key, Filter]] = []
        for key, wanted in filters.items():
            equalities = wanted.equalities
            if equalities:
                name = next((n for n in SELECTIVE if n in equalities), min(equalities))
                self._terms.setdefault(name, {}).setdefault(equalities[name], []).append((key, wanted))
            else:
                self._others.append((key, wanted))

    def match(self, attributes: Mapping[str, str]) -> list[Key]:
        """The keys of every filter that an event with these attributes passes."""
        found = [key for key, wanted in self._others if wanted.matches(attributes)]
        for name, values in self._terms.items():
            value = attributes.get(name)
            if value is not None and value in values:
                found += [key for key, wanted in values[value] if wanted.matches(attributes)]
        return found

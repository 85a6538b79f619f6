"""Which Triggers an event matches, without asking each of them (DESIGN §5: cost follows events, not Triggers).

    filter ──terms──► lies under each `attribute = literal` of which a match must have one
           ──none───► is asked of every event

An event asks only the filters that lie under its own values, and those that lie nowhere.  Where a term says all that a
filter says, nothing is asked at all.  Keys of one and the same filter are asked once.
"""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from tradewind.filters.compiling import Matches, compiled
from tradewind.filters.terms import terms
from tradewind.filters.tree import Filter

Key = TypeVar("Key", bound=Hashable)


class _Place(Generic[Key]):
    """What lies under one term."""

    __slots__ = ("asked", "certain")

    def __init__(self) -> None:
        self.certain: list[Key] = []
        """Keys of filters that say no more than the term."""
        self.asked: list[tuple[list[Key], Matches]] = []


class Index(Generic[Key]):
    """Filters by key; made anew when one of them changes."""

    def __init__(self, filters: Mapping[Key, Filter]) -> None:
        self._places: dict[str, dict[str, _Place[Key]]] = {}
        """By attribute and value."""
        self._others: list[tuple[list[Key], Matches]] = []
        self._repeats = False
        """An event may meet a filter under two of its values."""
        keys: dict[Filter, list[Key]] = {}
        for key, wanted in filters.items():
            keys.setdefault(wanted, []).append(key)
        for wanted, same in keys.items():
            self._add(wanted, same)

    def _add(self, wanted: Filter, keys: list[Key]) -> None:
        found = terms(wanted)
        if found is None:
            self._others.append((keys, compiled(wanted)))
            return
        for name, value in found.one_of:
            place = self._places.setdefault(name, {}).setdefault(value, _Place())
            if found.enough:
                place.certain += keys
            else:
                place.asked.append((keys, compiled(wanted)))
        self._repeats |= len({name for name, _ in found.one_of}) > 1

    def match(self, attributes: Mapping[str, str]) -> list[Key]:
        """The keys of every filter that an event with these attributes passes, each once, in no order that counts."""
        found: list[Key] = []
        for name, values in self._places.items():
            place = values.get(attributes.get(name))  # type: ignore[arg-type]  # an absent one lies nowhere
            if place is not None:
                found += place.certain
                for keys, matches in place.asked:
                    if matches(attributes):
                        found += keys
        for keys, matches in self._others:
            if matches(attributes):
                found += keys
        return list(dict.fromkeys(found)) if self._repeats else found

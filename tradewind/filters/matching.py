"""Which filters an event passes: the index says by its attributes, and where filters look at data, they say the rest.

    event ──attributes──► index ──► passes                               no filter of these looks at data
                            └─────► may pass ──Activation──► passes      those that do: the data are read once for all

What a filter meets that looks at data, is told to `failed`: an error is no match.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from tradewind.events.model import Event
from tradewind.filters import cel
from tradewind.filters.compiling import compiled_with_data
from tradewind.filters.index import Index
from tradewind.filters.tree import Filter, by_attributes, sees_data

Key = TypeVar("Key", bound=Hashable)


def _nobody(_key: object, _error: str) -> None:
    """Whom errors are told to where nobody asks."""


class Matching(Generic[Key]):
    """Filters by key; made anew when one of them changes."""

    def __init__(
        self, filters: Mapping[Key, Filter], *, max_data_bytes: int, failed: Callable[[Key, str], None] = _nobody
    ) -> None:
        self._index = Index({key: by_attributes(wanted) for key, wanted in filters.items()})
        self._with_data = {key: compiled_with_data(one) for key, one in filters.items() if sees_data(one)}
        self._max_data_bytes = max_data_bytes
        self._failed = failed

    def match(self, event: Event) -> list[Key]:
        """The keys of every filter that this event passes, each once, in no order that counts."""
        found = self._index.match(event.attributes)
        return self._passing(found, event) if found and self._with_data else found

    def _passing(self, found: list[Key], event: Event) -> list[Key]:
        activation = cel.Activation(event.attributes, event.data, max_data_bytes=self._max_data_bytes)
        passing = []
        for key in found:
            matches = self._with_data.get(key)
            if matches is None or matches(event.attributes, activation):
                passing.append(key)
            if activation.errors:
                self._tell(key, activation)
        return passing

    def _tell(self, key: Key, activation: cel.Activation) -> None:
        for error in activation.errors.values():
            self._failed(key, error)
        activation.errors.clear()

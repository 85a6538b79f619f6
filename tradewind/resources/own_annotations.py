"""Annotations of our own that mean nothing where they stand: misspelt, or on another kind.  Nothing else says so."""

from collections.abc import Iterator, Mapping

from tradewind.errors import Fault
from tradewind.resources.model import EVENT_TYPES, MAX_IN_FLIGHT, RATE, START

OURS = "tradewind.dev/"
"""What the names of all of them begin with."""

KNOWN = {"Broker": (EVENT_TYPES,), "Trigger": (MAX_IN_FLIGHT, RATE, START)}
"""Those that mean something, for each kind that is looked at."""


def doubts(kind: str, annotations: Mapping[str, str], path: str) -> Iterator[Fault]:
    """To be told, refusing nothing; `path` is that of the annotations."""
    known = KNOWN[kind]
    for name in annotations:
        if name.startswith(OURS) and name not in known:
            yield Fault(f"{path}.{name}", "an annotation that means nothing here", f"one of {', '.join(known)}")

"""What a package needs that brings a kind of source: `docs/writing-a-source.md` shows one whole.

entry point of the group `tradewind.sources` ──► SourceKind ──► manifests of its kind are read, and run
"""

from collections.abc import Callable
from dataclasses import dataclass

from tradewind.events.model import Event
from tradewind.resources.model import PluginSource
from tradewind.resources.schema import Schema, listing, mapping, obj, text
from tradewind.sources.emission import Emission, Emissions, Given, Mark, NoEvent

__all__ = [
    "Emission",
    "Emissions",
    "Event",
    "Given",
    "Mark",
    "NoEvent",
    "PluginSource",
    "Run",
    "Schema",
    "SourceKind",
    "listing",
    "mapping",
    "obj",
    "text",
]

Run = Callable[[PluginSource, Given], Emissions]
"""Makes the generator of a source's events (`emission.py` says all of it)."""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source that manifests may declare.  Its entry point has the name of its kind."""

    api_version: str
    """`group/version`, of a group of your own."""
    kind: str
    spec: Schema
    """An object; `sink` and `ceOverrides` are added to it."""
    run: Run

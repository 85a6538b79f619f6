"""Kinds of sources that installed packages bring: entry points of the group `tradewind.sources`, named as the kinds."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from tradewind.resources import plugins

if TYPE_CHECKING:
    from tradewind.sources.plugin import Run

GROUP = "tradewind.sources"


@cache
def loaded() -> "Mapping[str, Run]":
    """How each of these runs, by its kind.  From the first call on manifests may name them.

    A package that cannot be used harms nothing but manifests that ask for its kind: these are told why.
    """
    found: dict[str, Run] = {}
    for entry in entry_points(group=GROUP):
        from tradewind.sources.plugin import SourceKind

        try:
            brought = entry.load()
            if not isinstance(brought, SourceKind) or brought.kind != entry.name:
                raise TypeError(f"{entry.value} is {brought!r}, not the SourceKind of {entry.name}")
            plugins.bring(brought.api_version, brought.kind, brought.spec)
        except (Exception, SystemExit) as error:  # whatever the code of others does when it is loaded
            package = entry.dist.name if entry.dist is not None else entry.value
            plugins.refuse(entry.name, f"the package {package} cannot be used: {type(error).__name__}: {error}")
        else:
            found[brought.kind] = brought.run
    return found

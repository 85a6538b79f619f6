"""`filter.attributes`: every named attribute must be there and equal; an empty value asks only that it be there."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AttributesFilter:
    """Exact match on canonical strings, case-sensitive (knative-eventing §2.4); no wanted attribute matches all."""

    wanted: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(frozenset(self.wanted.items()))

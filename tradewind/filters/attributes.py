"""`filter.attributes`: every named attribute must be there and equal; an empty value asks only that it be there."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AttributesFilter:
    """Exact match on canonical strings, case-sensitive (knative-eventing §2.4); no wanted attribute matches all."""

    wanted: Mapping[str, str] = field(default_factory=dict)

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether an event with these attributes passes."""
        for name, value in self.wanted.items():
            found = attributes.get(name)
            if found is None or (value and value != found):
                return False
        return True

    @property
    def equalities(self) -> Mapping[str, str]:
        """What an event's attributes must equal for a match: the terms an index may use."""
        return {name: value for name, value in self.wanted.items() if value}

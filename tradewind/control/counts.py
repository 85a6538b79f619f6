"""What a controller counts, in plain numbers; `readings` names them when somebody asks."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.observe import metrics
from tradewind.observe.metrics import Reading
from tradewind.resources.model import NamespacedName


class Ended(StrEnum):
    """How one reconcile ended."""

    DONE = "done"
    CONFLICT = "conflict"
    """Another wrote the object meanwhile."""
    UNAVAILABLE = "unavailable"
    """API server or Kafka did not answer."""
    ERROR = "error"


@dataclass(slots=True)
class Counts:
    """Since the process began."""

    reconciles: Counter[tuple[str, Ended]] = field(default_factory=Counter)
    """By resource and end."""
    api_writes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By resource (with its subresource) and verb."""
    orphans: Counter[NamespacedName] = field(default_factory=Counter)
    """Topics left behind, by the Broker that is gone."""
    types_left_out: Mapping[NamespacedName, Collection[NamespacedName]] = field(default_factory=dict)
    """EventTypes that are not made as their Broker has too many: as they are now (`catalogue`)."""

    def readings(self, *, queue: int, leading: bool) -> Iterator[Reading]:
        """All of it, with what is known elsewhere."""
        for (resource, ended), count in self.reconciles.items():
            yield Reading(metrics.CONTROLLER_RECONCILES, (resource, ended), count)
        for (resource, verb), count in self.api_writes.items():
            yield Reading(metrics.CONTROLLER_API_WRITES, (resource, verb), count)
        for broker, count in self.orphans.items():
            yield Reading(metrics.CONTROLLER_ORPHANS, tuple(broker), count)
        for broker, left_out in self.types_left_out.items():
            yield Reading(metrics.CONTROLLER_TYPES_LEFT_OUT, tuple(broker), len(left_out))
        yield Reading(metrics.CONTROLLER_QUEUE, (), queue)
        yield Reading(metrics.CONTROLLER_LEADING, (), int(leading))

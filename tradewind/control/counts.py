"""What a controller counts, in plain numbers; `readings` names them when somebody asks."""

from collections import Counter
from collections.abc import Iterator
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

    def readings(self, *, queue: int, leading: bool) -> Iterator[Reading]:
        """All of it, with what is known elsewhere."""
        for (resource, ended), count in self.reconciles.items():
            yield Reading(metrics.CONTROLLER_RECONCILES, (resource, ended), count)
        for (resource, verb), count in self.api_writes.items():
            yield Reading(metrics.CONTROLLER_API_WRITES, (resource, verb), count)
        for broker, count in self.orphans.items():
            yield Reading(metrics.CONTROLLER_ORPHANS, tuple(broker), count)
        yield Reading(metrics.CONTROLLER_QUEUE, (), queue)
        yield Reading(metrics.CONTROLLER_LEADING, (), int(leading))

"""Resources → Plan: what runs.  Each process computes the same Plan from the same resources (DESIGN §6).

    resources ──compute──► Plan ──diff(old, new)──► Start | Stop | Adjust, for each thing that differs

The Plan is data only.  Addresses are resolved while it is computed; one that cannot be resolved stays in the Plan with
the reason, because what is owed to it must not be forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tradewind.delivery.schedule import Delivery
from tradewind.errors import Fault
from tradewind.filters.attributes import AttributesFilter
from tradewind.resources.model import Destination, NamespacedName, Order, PingSource


@dataclass(frozen=True, slots=True)
class Target:
    """Where a Destination leads: `url`, or None and `why` not."""

    url: str | None
    why: str = ""


Resolve = Callable[[Destination], Target]
"""Finds the address of a Destination; never fails, says why not instead.  Any Broker that it names it resolves, too."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A Broker's topic: how it is made when it is missing.  None leaves a number to the cluster or the settings."""

    name: str
    external: bool = False
    """The topic is the user's own (`external.topic`): never made, never deleted."""
    partitions: int | None = None
    replication: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    """Kafka's own names, from the ConfigMap's `default.topic.config.<name>`."""


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """A Broker that takes events at `/{namespace}/{name}`."""

    name: NamespacedName
    topic: TopicPlan
    dead_letter_topic: str


@dataclass(frozen=True, slots=True)
class TriggerPlan:
    """A Trigger that delivers."""

    name: NamespacedName
    uid: str
    broker: NamespacedName
    topic: str
    dead_letter_topic: str
    group: str
    """The consumer group that mirrors its cursors for Kafka's tools."""
    filter: AttributesFilter
    subscriber: Target
    dead_letter_sink: Target | None
    delivery: Delivery
    order: Order
    generation: str
    """A short hash of everything above that decides a delivery: which state of the Trigger decided a match."""


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source that runs, and where its events go: a Broker's topic directly, or a URL."""

    source: PingSource
    broker: NamespacedName | None
    sink: Target


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that runs.  `problems` are what users should know of and what stops nothing: an address that cannot
    be resolved, a Trigger whose Broker is missing."""

    brokers: Mapping[NamespacedName, BrokerPlan] = field(default_factory=dict)
    triggers: Mapping[NamespacedName, TriggerPlan] = field(default_factory=dict)
    sources: Mapping[tuple[str, NamespacedName], SourcePlan] = field(default_factory=dict)
    """By kind and name."""
    problems: tuple[Fault, ...] = ()

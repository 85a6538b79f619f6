"""The resources Tradewind understands, typed.  Field names are Knative's, in Python's spelling; times are seconds.

`tradewind.resources.manifests` reads YAML documents into these and names every fault; nothing else builds them from
text.  ConfigMap, Secret and Service are core kinds that the file store understands so that references and
credentials are written exactly as for Kubernetes (DESIGN §6).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.tree import AllOf, Filter
from tradewind.resources.containers import Container, Subject
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth
from tradewind.resources.webhooks import SecretRef, Webhook

BROKER_CLASS = "eventing.knative.dev/broker.class"
EXTERNAL_TOPIC = "kafka.eventing.knative.dev/external.topic"
EVENT_TYPES = "tradewind.dev/eventTypes"
"""Annotation of a Broker: whether EventTypes are made from what flows (`resources/event_types.py`)."""
DELIVERY_ORDER = "kafka.eventing.knative.dev/delivery.order"
MAX_IN_FLIGHT = "tradewind.dev/maxInFlight"
RATE = "tradewind.dev/rate"
START = "tradewind.dev/start"
"""Where a new Trigger starts (`resources/starts.py`)."""
KEY_TYPE = "kafkasources.sources.knative.dev/key-type"
"""Label of a KafkaSource: what the keys of its records are."""
MISSED = "tradewind.dev/missed"
"""Annotation of a PingSource: what becomes of instants at which nobody could fire (`Missed`)."""


class NamespacedName(NamedTuple):
    """`namespace/name`, which identifies an object of a kind; a tuple, as it is looked up for every event."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of `metadata` that decides anything here."""

    name: NamespacedName
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    uid: str = ""
    """Kubernetes' uid; empty in the file store, where the name is the identity."""
    origin: str = ""
    """Where it was read, for messages: `hello.yaml, document 2`."""
    generation: int = 0
    """Kubernetes' count of the states of `spec`; 0 in the file store."""


@dataclass(frozen=True, slots=True)
class KReference:
    """Knative's reference to an object; `namespace` is defaulted to the referrer's when it is read."""

    api_version: str
    kind: str
    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go: `ref`, `uri`, or a `uri` relative to the address of `ref`."""

    ref: KReference | None = None
    uri: str | None = None


def broker_of(destination: Destination) -> NamespacedName | None:
    """The Broker that a Destination is, whose topic may stand for its address; None where it is anything else."""
    ref = destination.ref
    if ref is None or destination.uri or ref.kind != "Broker" or not ref.api_version.startswith(_EVENTING):
        return None
    return NamespacedName(ref.namespace, ref.name)


_EVENTING = "eventing.knative.dev/"


class BackoffPolicy(StrEnum):
    """How the wait before a retry grows: d·n or d·2ⁿ."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"


class Order(StrEnum):
    """`kafka.eventing.knative.dev/delivery.order`: per key, or any order."""

    ORDERED = "ordered"
    UNORDERED = "unordered"


class Missed(StrEnum):
    """`tradewind.dev/missed`: which of the instants that passed while nobody could fire are fired afterwards."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class DeliverySpec:
    """`delivery` as written; None means not written, so that a Trigger's is merged over its Broker's field by field."""

    dead_letter_sink: Destination | None = None
    retry: int | None = None
    timeout: float | None = None
    """Seconds for one attempt."""
    backoff_policy: BackoffPolicy | None = None
    backoff_delay: float | None = None
    """Seconds; d in d·n and d·2ⁿ."""
    retry_after_max: float | None = None
    """Seconds that a Retry-After header may ask for at most; 0 ignores the header."""
    format: str | None = None
    """`binary` or `json`: the content mode of a delivery."""


@dataclass(frozen=True, slots=True)
class Broker:
    """eventing.knative.dev/v1 Broker."""

    metadata: Metadata
    config: KReference | None = None
    delivery: DeliverySpec = field(default_factory=DeliverySpec)
    topic: str = ""
    """The topic that the controller fixed when it took the Broker; empty where there is no controller."""
    waits: str = ""
    """Why it cannot be served yet; empty where it can."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """eventing.knative.dev/v1 Trigger."""

    metadata: Metadata
    broker: str
    """Name of a Broker in the Trigger's namespace."""
    subscriber: Destination
    filter_attributes: Mapping[str, str] = field(default_factory=dict)
    """`filter.attributes`; what it says does not count where there are `filters`."""
    delivery: DeliverySpec = field(default_factory=DeliverySpec)
    filters: AllOf | None = None
    """`filters`; None where there are none, or an empty list."""
    waits: str = ""
    """Why nothing can be delivered yet, while its place is kept; empty where it can."""

    @property
    def filter(self) -> Filter:
        """Which events it wants (knative-eventing §2.4)."""
        return AttributesFilter(self.filter_attributes) if self.filters is None else self.filters


@dataclass(frozen=True, slots=True)
class EventType:
    """eventing.knative.dev/v1beta2 EventType: a declaration for people; it starts nothing."""

    metadata: Metadata
    type: str
    source: str | None = None
    schema: str | None = None
    description: str | None = None
    reference: KReference | None = None


@dataclass(frozen=True, slots=True)
class PingSource:
    """sources.knative.dev/v1 PingSource: an event on a cron schedule."""

    metadata: Metadata
    sink: Destination
    schedule: str = "* * * * *"
    timezone: str | None = None
    content_type: str | None = None
    data: bytes | None = None
    """`data` encoded in UTF-8, or `dataBase64` decoded; None where neither is given."""
    ce_overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def missed(self) -> Missed:
        """What its annotation says.  Without one it is `once`: a night's job whose instant fell into a restart is done,
        and an outage of any length ends in one event.  (Knative has no word for it, and skips.)"""
        text = self.metadata.annotations.get(MISSED, Missed.ONCE).lower()
        return Missed(text) if text in tuple(Missed) else Missed.ONCE


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """sources.tradewind.dev/v1alpha1 WebhookSource: an event for each request at `/webhooks/{namespace}/{name}`.

    The group is ours, since Knative has no such kind, and one of Knative's groups is Knative's to add kinds to.
    """

    metadata: Metadata
    sink: Destination
    webhook: Webhook
    ce_overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GitHubSource(WebhookSource):
    """sources.knative.dev/v1alpha1 GitHubSource: Knative's words for the preset github."""


@dataclass(frozen=True, slots=True)
class GitLabSource(WebhookSource):
    """sources.knative.dev/v1alpha1 GitLabSource: Knative's words for the preset gitlab."""


class KeyType(StrEnum):
    """What the keys of a KafkaSource's records are."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BYTE_ARRAY = "byte-array"


class InitialOffset(StrEnum):
    """Where a consumer group that nobody has seen yet begins."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class KafkaNet:
    """`net` of a KafkaSource: how its Kafka lets one in."""

    sasl: bool = False
    tls: bool = False
    refs: Mapping[str, SecretRef] = field(default_factory=dict)
    """What Secrets say, by its place in `net` (`sasl.user`)."""


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """sources.knative.dev/v1 KafkaSource: an event for each record of some topics."""

    metadata: Metadata
    sink: Destination
    bootstrap_servers: tuple[str, ...]
    topics: tuple[str, ...]
    consumer_group: str
    consumers: int = 1
    """Most consumers of all sources processes together."""
    initial_offset: InitialOffset = InitialOffset.LATEST
    ordering: Order = Order.ORDERED
    key_type: KeyType = KeyType.STRING
    net: KafkaNet = field(default_factory=KafkaNet)
    delivery: DeliverySpec = field(default_factory=DeliverySpec)
    ce_overrides: Mapping[str, str] = field(default_factory=dict)
    auth: KafkaAuth = PLAINTEXT
    """What `net` comes to once the Secrets are known (`kafka_sources.admitted`)."""
    waits: str = ""
    """Why it cannot read yet; empty where it can."""


@dataclass(frozen=True, slots=True)
class ContainerSource:
    """sources.knative.dev/v1 ContainerSource: containers that POST events to K_SINK by themselves."""

    metadata: Metadata
    sink: Destination
    template: Mapping[str, Any]  # Kubernetes' pod template, of which Kubernetes is the judge
    """As it is written, but that each container has a name."""
    containers: tuple[Container, ...]
    """The same, as far as it is understood here."""
    ce_overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SinkBinding:
    """sources.knative.dev/v1 SinkBinding: tells the containers of a workload where the sink is.  On Kubernetes only."""

    metadata: Metadata
    sink: Destination
    subject: Subject
    ce_overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """core/v1 ConfigMap."""

    metadata: Metadata
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Secret:
    """core/v1 Secret; `data` is decoded."""

    metadata: Metadata
    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Service:
    """core/v1 Service.  With `externalName` and a port it maps a name to an address on the laptop."""

    metadata: Metadata
    external_name: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class PluginSource:
    """A source of a kind that another package brings (`resources/plugins.py`)."""

    metadata: Metadata
    sink: Destination
    kind: str
    spec: Mapping[str, Any]  # whatever JSON that kind's schema allows
    """As declared and checked, but for `sink` and `ceOverrides`."""
    ce_overrides: Mapping[str, str] = field(default_factory=dict)


AnySource = PingSource | KafkaSource | WebhookSource | ContainerSource | PluginSource
"""Every kind of source.  Each has `metadata`, `sink` and `ce_overrides`."""


@dataclass(frozen=True, slots=True)
class HeldSource:
    """A source on Kubernetes that is there and cannot run: its place is kept, and it is not taken for deleted."""

    kind: str
    metadata: Metadata
    why: str
    """And what to do."""


Resource = Broker | Trigger | EventType | AnySource | HeldSource | SinkBinding | ConfigMap | Secret | Service


def kind_of(resource: Resource) -> str:
    """The word after `kind:` in its manifest."""
    return resource.kind if isinstance(resource, PluginSource | HeldSource) else type(resource).__name__

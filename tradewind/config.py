"""Every setting: a field, its unit, its default with the reason, its environment name and its flag.

Each field's name gives both: `kafka_patience` is `TRADEWIND_KAFKA_PATIENCE` and `--kafka-patience`.  A flag counts
before the environment, the environment before the default; `tradewind config` prints what is in force and where it
came from.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process of Tradewind may be told."""

    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, `host:port`, several with commas.  Kafka's own default port."""

    manifests: str = "."
    """Folder (or file) of YAML that declares the resources."""

    services: str = ""
    """Addresses of Services that the manifests do not hold: `namespace/name=host:port`, several with commas."""

    host: str = "127.0.0.1"
    """Address the ingress listens on.  Loopback, so that a laptop is not open to its network; images set 0.0.0.0."""

    port: int = 8080
    """Port of the ingress.  Knative's receiver has the same."""

    ingress_url: str = ""
    """Base URL at which others reach this deployment's ingress, for `ref`s to Brokers; empty: host and port."""

    health_port: int = 0
    """Port for `/healthz` and `/readyz` of dispatcher and sources; 0 opens none.  The ingress uses its own port."""

    slot: str = "dispatcher-0"
    """This dispatcher's slot: its `group.instance.id`.  On Kubernetes the StatefulSet pod's name."""

    dispatcher_group: str = "tradewind-dispatchers"
    """Kafka group that the dispatchers of one deployment share."""

    cursors_topic: str = "tradewind.cursors"
    """Compacted topic that holds every cursor."""

    partitions: int = 10
    """Partitions of a Broker's topic where its ConfigMap does not say.  Knative's default."""

    retention: float = 7 * 86400.0
    """Seconds a Broker's topic keeps events where its ConfigMap does not say.  Kafka's default, stated."""

    max_event_bytes: int = 1000 * KIB
    """Bytes of data and attributes that the ingress takes; above it 413.  Fits Kafka's default record of 1 MiB."""

    max_header_bytes: int = 128 * KIB
    """Bytes of one request's head; above it 431.  The specification's 64 KiB event may lie wholly in headers."""

    queue_bytes: int = 64 * MIB
    """Bytes that may wait for Kafka in one process; above it 503.  About a second of a full disk's writing."""

    kafka_patience: float = 5.0
    """Seconds an event may wait for Kafka before its sender gets 503.  Above a leader election, below clients'."""

    max_in_flight: int = 100
    """Deliveries of one Trigger that may run at once.  Twice Knative's 50 a consumer: one process serves all."""

    backlog: int = 1000
    """Matched events a Trigger may hold on one partition before it leaves the shared reader and catches up later."""

    waiting: int = 10_000
    """Retries a Trigger may have waiting on one partition, besides its backlog.  Each is one small record."""

    max_backoff: float = 600.0
    """Seconds; the longest wait before a retry, whatever the policy says.  Knative has no cap."""

    backoff_jitter: float = 0.2
    """Share of a wait that is spread at random, so that a thousand failures do not return in one instant."""

    cursor_interval: float = 1.0
    """Seconds between writes of the cursors; what a kill -9 repeats is at most what moved in this time."""

    mirror_interval: float = 5.0
    """Seconds between writes of the Triggers' group offsets for Kafka's tools."""

    grace: float = 10.0
    """Seconds an ordered stop may take before it is cut short."""

    disk_floor: int = 1024 * MIB
    """Free bytes of the embedded Kafka's disk below which the ingress answers 503, before Kafka dies of it."""

"""Every setting: a field, its unit, its default with the reason, its environment name and its flag.

Each field's name gives both: `kafka_patience` is `TRADEWIND_KAFKA_PATIENCE` and `--kafka-patience` (`services` alone
has a flag in the singular, which may be given several times).  A flag counts
before the environment, the environment before the default; `tradewind config` prints what is in force and where it
came from.  Values are plain numbers in the unit that the field's type names.
"""

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import get_type_hints

from tradewind.errors import Fault, InvalidSettings
from tradewind.setting_kinds import (
    Addresses,
    Bytes,
    Count,
    EventBytes,
    Folder,
    Host,
    Kind,
    OptionalBytes,
    OptionalFolder,
    OptionalLabel,
    OptionalPort,
    OptionalUrl,
    OptionalWord,
    Port,
    Seconds,
    Services,
    Share,
    SourceKinds,
    Switch,
    Word,
    Words,
)

KIB = 1024
MIB = 1024 * KIB

PREFIX = "TRADEWIND_"
NOT_SETTINGS = frozenset(
    {"TRADEWIND_READY_FD", "TRADEWIND_SUPERVISED", "TRADEWIND_WORKER", "TRADEWIND_COMMANDS", "TRADEWIND_MAVEN_URL"}
)
"""Variables of ours that are no settings: what a supervisor tells its children, and the mirror of Kafka's jars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process of Tradewind may be told.  A field's type is one of the kinds above, which checks its text."""

    kafka: Addresses = "127.0.0.1:9092"
    """Bootstrap servers, `host:port`, several with commas.  Kafka's own default port."""

    kafka_auth: OptionalFolder = ""
    """Folder with the keys of an auth Secret, a file each (`protocol`, `sasl.mechanism`, `user`, `password`, `ca.crt`,
    `user.crt`, `user.key`), which let every process in.  None, or one that is empty: a Kafka of one's own asks for
    nothing (PLAINTEXT)."""

    manifests: Folder = "."
    """Folder (or file) of YAML that declares the resources."""

    portable: Switch = False
    """Whether to refuse what Knative on Kubernetes does not take: the dialect `cel`.  Off: it is opt-in anyway, by the
    extra that it needs."""

    kubernetes: Switch = False
    """Whether resources are read from a Kubernetes API server, in place of `manifests`: in a Pod from its own
    cluster, else from that of the kubeconfig's current context."""

    broker_classes: Words = "Tradewind"
    """Classes of Brokers that are served on Kubernetes (`eventing.knative.dev/broker.class`), several with commas.
    Only its own, so that Knative's are left alone.  Of a folder of manifests all are served."""

    default_broker_class: OptionalWord = "Tradewind"
    """Class that the webhook gives a Broker which names none, if it is served here; empty: none is given.  Where
    Knative is installed its own default comes first."""

    source_kinds: SourceKinds = ""
    """Kinds of sources that are served on Kubernetes, several with commas; empty: every kind that is.  Where another
    controller serves one (Knative Eventing: PingSource), leave it out, or each of its sources runs twice."""

    system_namespace: OptionalLabel = ""
    """Namespace of this installation on Kubernetes; empty: the Pod's own, else `tradewind-system`."""

    installation: OptionalWord = ""
    """What tells installations that share a Kafka apart, on Kubernetes: part of the names of group and cursors, and
    owner of topics.  Empty: by the uid of the cluster's kube-system and the name of the installation's namespace."""

    cluster_domain: Host = "cluster.local"
    """DNS domain of the Kubernetes cluster; its own default."""

    services: Services = ""
    """Addresses of Services that the manifests do not hold: `namespace/name=host:port`, or an http(s) URL in place of
    host:port; several with commas or the flag several times."""

    host: Host = "127.0.0.1"
    """Address the ingress listens on.  Loopback, so that a laptop is not open to its network; images set 0.0.0.0."""

    port: Port = 8080
    """Port of the ingress.  Knative's receiver has the same."""

    webhook_port: Port = 8443
    """Port of the admission webhook (TLS).  Knative's have the same."""

    workers: Count = 1
    """Processes of the ingress, which share its port (SO_REUSEPORT).  One fills one core."""

    ingress_url: OptionalUrl = ""
    """Base URL at which others reach this deployment's ingress, for `ref`s to Brokers; empty: host and port."""

    health_port: OptionalPort = 0
    """Port for `/healthz`, `/readyz` and `/metrics` of dispatcher, sources and webhook; 0 opens none.  The ingress uses
    its own port; with --workers, each has one besides, from this one on.  Under `up` the dispatcher has this one, the
    sources the next, workers those after it."""

    slot: Word = "dispatcher-0"
    """This dispatcher's slot: its `group.instance.id`, which no other may have at the same time.  On Kubernetes the
    StatefulSet pod's name; `up --kafka` takes one from its host's name and port."""

    dispatcher_group: Word = "tradewind-dispatchers"
    """Kafka group that the dispatchers of one deployment share.  Each delivers a part: all need the same manifests."""

    cursors_topic: Word = "tradewind.cursors"
    """Compacted topic that holds every cursor."""

    sources_slot: OptionalWord = ""
    """This sources process's slot: its `group.instance.id`, which no other may have at the same time.  Empty: from the
    name of its host, so that containers (`--scale sources=2`) have different ones; `up --kafka` adds the port."""

    sources_group: Word = "tradewind-sources"
    """Kafka group that the sources processes of one deployment share.  Each runs some: all need the same manifests."""

    sources_topic: Word = "tradewind.sources"
    """Compacted topic of every source's position and status.  Its partitions decide which process runs what."""

    sources_dead_letter_topic: Word = "tradewind.sources.dead"
    """Topic of what a source could not deliver where its sink is no Broker, which has dead letters of its own."""

    sources_url: OptionalUrl = ""
    """Base URL at which the requests of WebhookSources come in, as senders reach it; on Kubernetes it stands in the
    status of each.  Empty: there, the Service in the cluster."""

    sources_port: Port = 8090
    """Port of the sources process that takes the requests of WebhookSources, at `/webhooks/{namespace}/{name}`, on
    `host`.  Never the ingress': whoever may send a webhook need not reach Brokers.  It is opened once there is one."""

    source_in_flight: Count = 1000
    """Events of one source that may be on their way to its sink.  Keeps Kafka's batches full at 50,000 a second."""

    source_bytes: Bytes = 4 * MIB
    """Bytes of these, besides the one event that may always be: a sixteenth of what may wait for Kafka in a process, so
    that a source that floods leaves room for the others."""

    partitions: Count = 10
    """Partitions of a Broker's topic where its ConfigMap does not say.  Knative's default."""

    retention: Seconds = 7 * 86400.0
    """Seconds a Broker's topic keeps events where its ConfigMap does not say.  Kafka's default, stated."""

    max_event_bytes: EventBytes = 1000 * KIB
    """Bytes of data and attributes that the ingress takes; above it 413.  Fits Kafka's default record of 1 MiB."""

    max_header_bytes: Bytes = 128 * KIB
    """Bytes of one request's head; above it 431.  The specification's 64 KiB event may lie wholly in headers."""

    strict_uris: Switch = False
    """Whether `source` and `dataschema` must be URIs by their syntax.  Off: many senders do not percent-encode."""

    queue_bytes: Bytes = 64 * MIB
    """Bytes that may wait for Kafka in one process; above it 503.  About a second of a full disk's writing."""

    kafka_patience: Seconds = 5.0
    """Seconds an event may wait for Kafka before its sender gets 503.  Above a leader election, below clients'."""

    max_data_bytes: Bytes = 256 * KIB
    """Bytes of an event's data at which `cel` filters look; where there are more, what needs them does not match.  What
    an expression may cost, in time on the dispatcher's loop, grows with this."""

    max_in_flight: Count = 100
    """Deliveries of one Trigger that may run at once to its subscriber, and as many to its dead-letter sink, where its
    annotation does not say.  Twice Knative's 50 a consumer: one process serves all."""

    circuit_failures: Count = 20
    """Different events that must fail one after another, none taken in between, for a subscriber to be taken for down.
    One that fails every second event does so once in a million."""

    circuit_pause: Seconds = 30.0
    """Seconds; the longest pause between single events that ask whether a subscriber that is down is well again.  The
    first is 1 s, each is twice the one before.  What a recovery may be noticed late."""

    backlog: Count = 1000
    """Matched events a Trigger may hold on one partition before it leaves the shared reader and catches up later."""

    window_bytes: Bytes = 16 * MIB
    """Bytes of payload a Trigger may hold, besides the one event it may always hold.  A hundred of 160 KiB."""

    dispatch_bytes: Bytes = 64 * MIB
    """Bytes of events that a dispatcher may hold for all Triggers together, besides the one event that each may always
    hold, and besides what its readers' queues hold.  Keeps a process whose subscribers are all down under 200 MB."""

    behind: Count = 10_000
    """Events an ordered Trigger may hold on one partition behind keys that wait for a retry, besides its backlog.  Each
    costs some ten bytes of its cursor's record, which is written every second."""

    waiting: Count = 10_000
    """Retries a Trigger may have waiting on one partition, besides its backlog.  Each is one small record."""

    max_backoff: Seconds = 600.0
    """Seconds; the longest wait before a retry, whatever the policy says.  Knative has no cap."""

    backoff_jitter: Share = 0.2
    """Share of a wait that is spread at random, so that a thousand failures do not return in one instant."""

    cursor_interval: Seconds = 1.0
    """Seconds between writes of the cursors; what a kill -9 repeats is at most what moved in this time."""

    retention_margin: Seconds = 3600.0
    """Seconds before Kafka may delete an owed event for its age at which it goes to the dead letters instead; at most a
    quarter of the topic's retention.  An hour outlasts an outage of Kafka, in which nothing can be saved, and clocks
    that differ."""

    mirror_interval: Seconds = 5.0
    """Seconds between writes of the Triggers' group offsets for Kafka's tools; more where there are many of them: after
    each few there is a pause four times as long as these took, 5 s at the most."""

    deletion_patience: Seconds = 600.0
    """Seconds that a Broker's deletion on Kubernetes waits for Kafka, or for the Secret that opens it, until the Broker
    is let go and its topic left behind.  A restart of Kafka fits in; a namespace's deletion must come to an end."""

    grace: Seconds = 10.0
    """Seconds an ordered stop may take before it is cut short."""

    data: OptionalFolder = ""
    """Folder of the embedded Kafka on this machine; `tradewind up` has a default of its own.  The ingress watches how
    full its disk is."""

    disk_floor: OptionalBytes = 1024 * MIB
    """Free bytes of the embedded Kafka's disk below which the ingress answers 503, before Kafka dies of it."""

    @property
    def classes(self) -> frozenset[str]:
        """Each of `broker_classes`."""
        return frozenset(self.broker_classes.split(","))

    def serves_source(self, kind: str) -> bool:
        """Whether sources of this kind are served on Kubernetes (`source_kinds`)."""
        return not self.source_kinds or kind in self.source_kinds.split(",")

    @property
    def stop_deadline(self) -> float:
        """Seconds after which a process that was asked to stop is killed: its grace, then what Kafka may need to store
        what was accepted, or to be given up."""
        return self.grace + 2 * self.kafka_patience + 1


class Origin(StrEnum):
    """Where a value came from."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force."""

    settings: Settings
    origins: Mapping[str, Origin]
    """Where each field's value came from."""
    unknown: tuple[str, ...] = ()
    """What to warn of: variables that look like settings and are none, a sentence each."""


_SINGULAR = {"services": "--service"}
"""Flags that name one of what their field holds."""


def flag(name: str) -> str:
    """The flag of a field."""
    return _SINGULAR.get(name) or "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()


def ingress_base(settings: Settings) -> str:
    """Base URL of this deployment's ingress: as it is set, else where this machine reaches it."""
    return settings.ingress_url or _base(settings.host, settings.port)


def sources_base(settings: Settings) -> str:
    """Base URL of the port where webhooks are taken, where this machine reaches it."""
    return _base(settings.host, settings.sources_port)


def _base(listens: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listens, listens)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


INSTALLATION_DIGITS = 8
"""Hexadecimal digits: 32 bits tell the few clusters apart that share a Kafka."""


def installation_of(cluster: str, namespace: str) -> str:
    """The id of an installation that is given none, by the cluster's id and its namespace.

    It is the same whenever it is taken away and installed again: topics, cursors and Brokers that were kept are known
    by it.
    """
    return hashlib.sha256(f"{cluster}/{namespace}".encode()).hexdigest()[:INSTALLATION_DIGITS]


def of_installation(settings: Settings, installation: str) -> Settings:
    """The settings of an installation on Kubernetes: its group and cursors are its own on a Kafka that others share."""
    return replace(
        settings,
        installation=installation,
        dispatcher_group=f"{settings.dispatcher_group}.{installation}",
        cursors_topic=f"{settings.cursors_topic}.{installation}",
        sources_group=f"{settings.sources_group}.{installation}",
        sources_topic=f"{settings.sources_topic}.{installation}",
        sources_dead_letter_topic=f"{settings.sources_dead_letter_topic}.{installation}",
    )


def kinds() -> Mapping[str, Kind]:
    """What each field's text may be, in the order of the fields."""
    hints = get_type_hints(Settings, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(Settings)}


def load(flags: Mapping[str, str], env: Mapping[str, str]) -> Loaded:
    """Settings from flags (by field name, only those given) and environment; an empty variable counts as not set.

    Raises InvalidSettings naming every value that is not accepted.
    """
    values: dict[str, str | int | float] = {}
    origins: dict[str, Origin] = {}
    faults: list[Fault] = []
    for name, kind in kinds().items():
        origins[name], where, text = _found(name, flags, env)
        if origins[name] is Origin.DEFAULT:
            continue
        value = kind.read(text)
        if value is None:
            faults.append(Fault(where, repr(text[:80]), kind.expected))
        else:
            values[name] = value
    settings = Settings(**values)  # type: ignore[arg-type]  # each read by its own kind
    if settings.queue_bytes < settings.max_event_bytes and not any(fault.path.endswith("bytes") for fault in faults):
        expected = f"at least --max-event-bytes, {settings.max_event_bytes}: no event of that size could ever wait"
        faults.append(Fault(flag("queue_bytes"), str(settings.queue_bytes), expected))
    if faults:
        raise InvalidSettings(faults)
    return Loaded(settings, origins, _unknown(env))


def _found(name: str, flags: Mapping[str, str], env: Mapping[str, str]) -> tuple[Origin, str, str]:
    """Where a field's text comes from: its kind of origin, the name to use in a message, the text."""
    if name in flags:
        return Origin.FLAG, flag(name), flags[name]
    if env.get(variable(name)):
        return Origin.ENVIRONMENT, variable(name), env[variable(name)]
    return Origin.DEFAULT, "", ""


def _unknown(env: Iterable[str]) -> tuple[str, ...]:
    known = {variable(name) for name in kinds()} | NOT_SETTINGS
    sentences = []
    for name in sorted(env):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            sentences.append(f"{name} is no setting" + (f"; is {near[0]} meant?" if near else ""))
    return tuple(sentences)

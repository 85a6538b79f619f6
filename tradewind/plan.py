"""Resources → Plan: what runs.  Each process computes the same Plan from the same resources (DESIGN §6).

    resources ──compute──► Plan ──steps.diff(old, new)──► Start | Stop | Adjust, for each thing that differs

The Plan is data only.  Addresses are resolved while it is computed; one that cannot be resolved stays in the Plan with
the reason, because what is owed to it must not be forgotten.
"""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from tradewind.delivery.schedule import Delivery, backoff
from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.filters.tree import AllOf, Filter, written
from tradewind.resources import (
    container_values,
    dialects,
    event_types,
    formats,
    kafka_sources,
    merging,
    names,
    own_annotations,
    starts,
    topic_config,
    widths,
)
from tradewind.resources.containers import ConfigMapRef
from tradewind.resources.model import (
    DELIVERY_ORDER,
    EXTERNAL_TOPIC,
    MAX_IN_FLIGHT,
    RATE,
    START,
    AnySource,
    Broker,
    ConfigMap,
    ContainerSource,
    Destination,
    HeldSource,
    KafkaSource,
    KReference,
    Metadata,
    NamespacedName,
    Order,
    Resource,
    Secret,
    SinkBinding,
    Trigger,
    WebhookSource,
    broker_of,
    kind_of,
)
from tradewind.resources.webhooks import SecretRef

GENERATION_DIGITS = 16
"""Hexadecimal digits of a Trigger's generation: 64 bits, short enough for every cursor record."""


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
    waits: str = ""
    """Why it takes no events yet, while its topic may not even be its own; empty where it does."""
    uid: str = ""
    """Kubernetes' uid; empty in the file store."""
    event_types: bool = False
    """Whether what flows is noted, so that EventTypes are made of it."""


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
    filter: Filter
    subscriber: Target
    dead_letter_sink: Target | None
    delivery: Delivery
    order: Order
    generation: str
    """A short hash of everything else here that decides a delivery: which state of the Trigger decided a match."""
    max_in_flight: int | None = None
    """Deliveries that may run at once; None leaves it to the settings."""
    rate: float | None = None
    """Deliveries a second at most; None sets no bound."""
    start: str = ""
    """Where it starts when it is new (`resources/starts.py`, canonical); empty where the manifest does not say."""

    @property
    def identity(self) -> tuple[str, str, Order]:
        """What stays while it is changed: its Kubernetes object, its events, their order.  Else it is another one."""
        return self.uid, self.topic, self.order

    @property
    def bounded(self) -> bool:
        """Whether its own annotations say how much is sent at once or in a second."""
        return not (self.max_in_flight is None and self.rate is None)


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source that runs, and where its events go: a Broker's topic directly, or a URL."""

    source: AnySource
    broker: NamespacedName | None
    sink: Target
    secrets: Mapping[SecretRef, bytes] = field(default_factory=dict, repr=False)
    """What the Secrets hold that the source names; those that are not there, or empty, are left out."""
    delivery: Delivery = field(default_factory=Delivery)
    """How a URL gets them."""
    texts: Mapping[ConfigMapRef, str] = field(default_factory=dict)
    """What the ConfigMaps hold that the source names."""


Planned = BrokerPlan | TriggerPlan | SourcePlan
"""Anything that runs."""


MOST_WAIT = 1e8
"""Seconds that are told as they are: three years."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that runs.  `problems` are what users should know of and what stops nothing: an address that cannot
    be resolved, a Trigger whose Broker is missing."""

    brokers: Mapping[NamespacedName, BrokerPlan] = field(default_factory=dict)
    triggers: Mapping[NamespacedName, TriggerPlan] = field(default_factory=dict)
    sources: Mapping[tuple[str, NamespacedName], SourcePlan] = field(default_factory=dict)
    """By kind and name."""
    problems: tuple[Fault, ...] = ()
    held: Mapping[tuple[str, NamespacedName], str] = field(default_factory=dict)
    """Sources that are there and cannot run, and why: what is known of them stays (`model.HeldSource`)."""

    @property
    def served(self) -> tuple[BrokerPlan, ...]:
        """Brokers that take events, and whose topics are read."""
        return tuple(broker for broker in self.brokers.values() if not broker.waits)


def compute(resources: Iterable[Resource], *, resolve: Resolve, longest: float = math.inf) -> Plan:
    """What runs.  Nothing is refused here: what is wrong becomes a problem, and the rest runs.

    A Trigger that waits, or whose Broker does, is there without addresses: it delivers nothing, and keeps its place.
    Where its Broker has no topic yet, it has no place, and is not there.  `longest` are the seconds to which waits
    before retries are cut.
    """
    resources = tuple(resources)
    problems: list[Fault] = []
    configs = {one.metadata.name: one for one in resources if isinstance(one, ConfigMap)}
    secrets = {one.metadata.name: one for one in resources if isinstance(one, Secret)}
    declared = {one.metadata.name: one for one in resources if isinstance(one, Broker)}
    brokers = {name: _broker(broker, configs, problems) for name, broker in declared.items()}
    problems += (each for broker in declared.values() for each in _strange("Broker", broker))
    triggers: dict[NamespacedName, TriggerPlan] = {}
    sources: dict[tuple[str, NamespacedName], SourcePlan] = {}
    held: dict[tuple[str, NamespacedName], str] = {}
    for resource in resources:
        match resource:
            case Trigger(metadata=Metadata(name=name), broker=wanted):
                broker = declared.get(NamespacedName(name.namespace, wanted))
                if broker is None:
                    problems.append(_no_broker(names.path(resource, "spec.broker"), name.namespace, wanted))
                elif broker.topic or not broker.waits:
                    plan = brokers[broker.metadata.name]
                    why = resource.waits or plan.waits
                    known = _Reporting(resolve, problems) if not why else partial(_held, why)
                    triggers[name] = _trigger(resource, broker, plan, known)
                    problems += dialects.doubts(resource.filter, names.path(resource, "spec.filters"))
                    problems += _strange("Trigger", resource)
                    problems += _cut(resource, broker, longest)
            case _ if isinstance(resource, AnySource):
                key = kind_of(resource), resource.metadata.name
                delivery = Delivery()
                if isinstance(resource, KafkaSource):
                    resource, faults = kafka_sources.admitted(resource, secrets)
                    problems += [*faults, *kafka_sources.doubts(resource)]
                    delivery = kafka_sources.delivery(resource)
                planned = _source(resource, declared, _Reporting(resolve, problems), secrets, configs)
                sources[key] = replace(planned, delivery=delivery)
            case HeldSource(kind, Metadata(name=name), why):
                held[kind, name] = why
            case SinkBinding():
                problems.append(_bound(resource, resolve(resource.sink)))
    once = tuple(dict.fromkeys(problems))  # what a Broker declares is found for each of its Triggers
    return Plan(brokers, triggers, sources, once, held)


def stamped(destination: Destination) -> Target:
    """A Resolve that looks nothing up: of resources whose addresses the controller stamped (`resources.stamps`)."""
    if destination.ref is not None:
        why = "the controller has not resolved it yet: the object's conditions say more"
        return Target(None, f"{_shown(destination)}: {why}")
    url = destination.uri or ""
    if formats.uri(url) is None and formats.is_absolute(url):
        return Target(url)
    return Target(None, f"{shown(url)} is no http:// or https:// URL")


@dataclass(frozen=True, slots=True)
class _Reporting:
    """A Resolve that notes what it did not find."""

    resolve: Resolve
    problems: list[Fault]

    def __call__(self, destination: Destination, path: str) -> Target:
        target = self.resolve(destination)
        if target.url is None:
            found = f"no address for {_shown(destination)} ({target.why})"
            self.problems.append(Fault(path, found, _remedy(destination)))
        return target


def _held(why: str, _destination: Destination, _path: str) -> Target:
    return Target(None, why)


def _shown(destination: Destination) -> str:
    ref = destination.ref
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref else f"the URI {destination.uri}"


def _remedy(destination: Destination) -> str:
    ref = destination.ref
    match ref:
        case None:
            return "an absolute http:// or https:// URL"
        case KReference(kind="Broker"):
            return f"a Broker {ref.namespace}/{ref.name} in the manifests"
        case KReference(kind="Service"):
            flag = f"`--service {ref.namespace}/{ref.name}=host:port`"
            return f"{flag}, or a Service of type ExternalName with a port in the manifests"
        case _:
            return "a `ref` to a Service or a Broker, or a `uri`"


def _no_broker(path: str, namespace: str, name: str) -> Fault:
    return Fault(path, f"no Broker {namespace}/{name}", f"a Broker {name} in the namespace {namespace}")


def _strange(kind: str, resource: Broker | Trigger) -> Iterator[Fault]:
    path = names.path(resource, "metadata.annotations")
    return own_annotations.doubts(kind, resource.metadata.annotations, path)


def _cut(trigger: Trigger, broker: Broker, longest: float) -> Iterator[Fault]:
    """Waits before retries that are longer than any wait here."""
    delivery, own = merging.in_force(merging.merged(trigger.delivery, broker.delivery)), trigger.delivery
    wait = backoff(delivery, delivery.retry, cap=math.inf, jitter=0.0, chance=0.0) if delivery.retry else 0.0
    if wait > longest:
        declares = (own.retry, own.backoff_delay, own.backoff_policy) != (None, None, None)
        said = f"{wait:.15g} s" if wait < MOST_WAIT else f"more than {MOST_WAIT:g} s"
        expected = f"at most {longest:g} s, to which each is cut (--max-backoff)"
        path = names.path(trigger if declares else broker, "spec.delivery")
        yield Fault(path, f"waits of up to {said} between retries", expected)


def _broker(broker: Broker, configs: Mapping[NamespacedName, ConfigMap], problems: list[Fault]) -> BrokerPlan:
    name, topic = broker.metadata.name, _topic(broker, configs, problems)
    return BrokerPlan(
        name,
        topic,
        names.dead_letter_topic(name),
        broker.waits,
        uid=broker.metadata.uid,
        event_types=event_types.enabled(broker.metadata.annotations),
    )


def _topic(broker: Broker, configs: Mapping[NamespacedName, ConfigMap], problems: list[Fault]) -> TopicPlan:
    if broker.topic or broker.waits:  # a controller reads the ConfigMap, and makes the topic
        held = names.topic_of(broker)
        return TopicPlan(held, held != names.broker_topic(broker.metadata.name))
    said = _topic_config(broker, configs, problems)
    external = broker.metadata.annotations.get(EXTERNAL_TOPIC)
    return TopicPlan(names.topic_of(broker), bool(external), said.partitions, said.replication, said.config)


def _topic_config(
    broker: Broker, configs: Mapping[NamespacedName, ConfigMap], problems: list[Fault]
) -> topic_config.TopicConfig:
    ref = broker.config
    if ref is None:
        return topic_config.TopicConfig()
    config = configs.get(NamespacedName(ref.namespace, ref.name)) if ref.kind == "ConfigMap" else None
    if config is None:
        found = f"no {ref.kind} {ref.namespace}/{ref.name}"
        expected = "a ConfigMap that is there; until then the topic is made with the defaults"
        problems.append(Fault(names.path(broker, "spec.config"), found, expected))
        return topic_config.TopicConfig()
    said, faults = topic_config.read(config.data, names.path(config, ""))
    problems += [fault for fault in faults if fault not in problems]
    return said


def _trigger(
    trigger: Trigger, broker: Broker, plan: BrokerPlan, resolve: Callable[[Destination, str], Target]
) -> TriggerPlan:
    name = trigger.metadata.name
    spec = merging.merged(trigger.delivery, broker.delivery)
    owner = trigger if trigger.delivery.dead_letter_sink is not None else broker
    sink = spec.dead_letter_sink
    annotations = trigger.metadata.annotations
    order = annotations.get(DELIVERY_ORDER, Order.UNORDERED).lower()
    planned = TriggerPlan(
        name=name,
        uid=trigger.metadata.uid,
        broker=plan.name,
        topic=plan.topic.name,
        dead_letter_topic=plan.dead_letter_topic,
        group=names.trigger_group(name),
        filter=trigger.filter,
        subscriber=resolve(trigger.subscriber, names.path(trigger, "spec.subscriber")),
        dead_letter_sink=None if sink is None else resolve(sink, names.path(owner, "spec.delivery.deadLetterSink")),
        delivery=merging.in_force(spec),
        order=Order.ORDERED if order == Order.ORDERED else Order.UNORDERED,
        generation="",
        max_in_flight=widths.max_in_flight(annotations[MAX_IN_FLIGHT]) if MAX_IN_FLIGHT in annotations else None,
        rate=widths.rate(annotations[RATE]) if RATE in annotations else None,
        start=starts.canonical(trigger.metadata.annotations.get(START, "")),
    )
    return replace(planned, generation=_generation(planned))


def _bound(binding: SinkBinding, sink: Target) -> Fault:
    """It is no fault: the same manifests are right on a cluster.  Here nobody has the workload's processes in hand."""
    subject = binding.subject
    found = f"a {subject.kind}{f' {subject.namespace}/{subject.name}' if subject.name else ''}"
    told = f"; start your own process with K_SINK={sink.url}" if sink.url else ""
    path = names.path(binding, "spec.subject")
    return Fault(path, found, f"nothing: a SinkBinding binds workloads of Kubernetes, and does nothing here{told}")


def _source(
    source: AnySource,
    brokers: Collection[NamespacedName],
    resolve: _Reporting,
    secrets: Mapping[NamespacedName, Secret],
    configs: Mapping[NamespacedName, ConfigMap],
) -> SourcePlan:
    """A source whose sink is a Broker that is served here writes to the Broker's topic; any other POSTs."""
    broker = broker_of(source.sink)
    direct = broker in brokers
    target = resolve.resolve(source.sink) if direct else resolve(source.sink, names.path(source, "spec.sink"))
    texts: Mapping[ConfigMapRef, str] = {}
    if isinstance(source, ContainerSource):
        held, texts, missing = container_values.values(source, secrets, configs)
        resolve.problems.extend(Fault(names.path(source, "spec.template"), *one) for one in missing)
    else:
        held = _secrets(source, secrets, resolve.problems)
    source = replace(source, metadata=replace(source.metadata, origin=""))  # a source that only moved is the same
    return SourcePlan(source, broker if direct else None, target, held, texts=texts)


def secret_refs(source: AnySource) -> Collection[SecretRef]:
    """What of Secrets in its namespace a source needs."""
    match source:
        case WebhookSource():
            return source.webhook.secrets
        case KafkaSource():
            return kafka_sources.secret_refs(source.net)
        case _:
            return ()


def _secrets(
    source: AnySource, secrets: Mapping[NamespacedName, Secret], problems: list[Fault]
) -> Mapping[SecretRef, bytes]:
    held: dict[SecretRef, bytes] = {}
    for ref in source.webhook.secrets if isinstance(source, WebhookSource) else ():
        secret = secrets.get(NamespacedName(source.metadata.name.namespace, ref.name))
        if secret is not None and (value := secret.data.get(ref.key)):
            held[ref] = value
        else:
            found = "no such key, or nothing in it" if secret is not None else f"no Secret {ref.name}"
            problems.append(Fault(names.path(source, "spec"), found, f"the {ref}, in the source's namespace"))
    return held


def _generation(trigger: TriggerPlan) -> str:
    """The same in every process and at every start: it lies in cursors and in `force` records."""
    decisive = {name: held for name, held in asdict(trigger).items() if name != "start"}
    if isinstance(trigger.filter, AllOf):  # its fields alone do not tell a prefix from a suffix
        decisive["filter"] = written(trigger.filter)
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:GENERATION_DIGITS]

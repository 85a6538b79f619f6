"""What a Broker's status says: conditions, address and marks, by what was found (knative-eventing §1.3).

    ConfigParsed · TopicReady · Addressable · DeadLetterSinkResolved · EventPoliciesReady ──► Ready

The marks (`resources/stamps.py`) let the data plane serve it, and hold what its deletion needs.  They come once the
topic is there, and what they say of it stays.  A moment's outage of Kafka takes nothing back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradewind.api_server import Object
from tradewind.control.broker_config import CONFIG_PARSED, BrokerConfig
from tradewind.control.claims import Owner
from tradewind.control.conditions import Condition, Status, false, held, listed, true, unknown
from tradewind.control.stamping import annotation
from tradewind.errors import Fault
from tradewind.ports import TopicInfo
from tradewind.resources import names, stamps
from tradewind.resources.model import EXTERNAL_TOPIC, NamespacedName

TOPIC_READY = "TopicReady"
ADDRESSABLE = "Addressable"
SINK_RESOLVED = "DeadLetterSinkResolved"
POLICIES_READY = "EventPoliciesReady"

POLICIES = true(
    POLICIES_READY, "EventPoliciesNotSupported", "Tradewind has no EventPolicies: whoever reaches the address may send"
)
SAFE_COPIES = 3
"""Copies of a partition from which on two must have an event before it is answered."""


@dataclass(frozen=True, slots=True)
class There:
    """The topic is there, and ours to serve."""

    info: TopicInfo
    external: bool
    asked_partitions: int | None = None
    """As the ConfigMap asks for; None where it does not, or the topic is external."""
    min_insync: int | None = None
    """None where Kafka does not tell."""


@dataclass(frozen=True, slots=True)
class NotThere:
    """An external topic that does not exist."""

    name: str


@dataclass(frozen=True, slots=True)
class Others:
    """The topic belongs to another Broker or installation."""

    name: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class Away:
    """Kafka did not say."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Kafka will not have the topic as it is asked for."""

    name: str
    why: str


Topic = There | NotThere | Others | Away | Refused
"""What was found of a Broker's topic."""


@dataclass(frozen=True, slots=True)
class Sink:
    """What was found of its dead-letter sink."""

    condition: Condition
    url: str | None = None
    stamp: str | None = None
    """The text of the annotation `stamps.RESOLVED`."""


NO_SINK = Sink(true(SINK_RESOLVED, "DeadLetterSinkNotConfigured", "dead letters stay in the Broker's own topic"))


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that the status of a Broker is to say."""

    conditions: Sequence[Condition]
    fields: Mapping[str, Any]  # JSON


def mark(broker: Object, name: str) -> str:
    """What a status annotation of a Broker says; empty where there is none."""
    return annotation(broker, name) or ""


def external(broker: Object, name: NamespacedName) -> bool:
    """Whether its topic is the user's own: never made and never deleted.  What it was when it was taken counts, too."""
    annotated = (broker["metadata"].get("annotations") or {}).get(EXTERNAL_TOPIC)
    fixed = mark(broker, stamps.TOPIC)
    return bool(annotated) or fixed not in ("", names.broker_topic(name))


def invalid(broker: Object, faults: Sequence[Fault]) -> Told:
    """Of one that is not served for its faults.  Its marks stay: what it once got must be found when it is deleted."""
    said = listed(faults)
    waits = "the Broker has faults"
    conditions = (
        false(CONFIG_PARSED, "InvalidBroker", said),
        held(broker, TOPIC_READY) or unknown(TOPIC_READY, "InvalidBroker", waits),
        held(broker, ADDRESSABLE) or unknown(ADDRESSABLE, "InvalidBroker", waits),
        held(broker, SINK_RESOLVED) or unknown(SINK_RESOLVED, "InvalidBroker", waits),
        POLICIES,
    )
    return Told(conditions, {})


def told(
    broker: Object, config: BrokerConfig, topic: Topic | None, sink: Sink, *, url: str, installation: str, kafka: str
) -> Told:
    """Of one without faults.  `topic` is None where nothing was asked of Kafka, for the config's sake."""
    ready = _topic_ready(broker, topic)
    fields: dict[str, Any] = {"deadLetterSinkUri": sink.url}  # JSON
    annotations: dict[str, str | None] = {stamps.RESOLVED: sink.stamp}
    if isinstance(topic, There):
        annotations |= _marks(broker, topic.info, config, installation, kafka)
    elif isinstance(topic, Others):
        annotations[stamps.INSTALLATION] = None
    taken = isinstance(topic, There) or (bool(mark(broker, stamps.TOPIC)) and not isinstance(topic, Others))
    if taken:
        address = {"name": "http", "url": url}
        fields |= {"address": address, "addresses": [address]}
    else:
        fields |= {"address": None, "addresses": None}
    addressable = true(ADDRESSABLE) if taken else _as(ADDRESSABLE, ready)
    return Told(
        (config.condition, ready, addressable, sink.condition, POLICIES), {**fields, "annotations": annotations}
    )


def _as(type: str, cause: Condition) -> Condition:
    return Condition(type, Status.UNKNOWN, cause.reason, cause.message)


def _marks(
    broker: Object, info: TopicInfo, config: BrokerConfig, installation: str, kafka: str
) -> dict[str, str | None]:
    secret = config.secret
    return {
        stamps.INSTALLATION: installation,
        stamps.TOPIC: mark(broker, stamps.TOPIC) or info.name,
        stamps.PARTITIONS: str(info.partitions),
        stamps.REPLICATION: str(info.replication),
        stamps.BOOTSTRAP: kafka,
        stamps.SECRET: secret.name if secret else None,
        stamps.SECRET_NAMESPACE: secret.namespace if secret else None,
    }


def marked_secret(broker: Object, system: str) -> NamespacedName | None:
    """The Secret that a Broker's marks name, where it lies with the Broker or in the installation's namespace.

    Who may write a status may not write any Secret's name there and have the controller read it.
    """
    name, namespace = mark(broker, stamps.SECRET), mark(broker, stamps.SECRET_NAMESPACE)
    own = broker["metadata"].get("namespace")
    return NamespacedName(namespace, name) if name and namespace in (own, system) else None


def _topic_ready(broker: Object, topic: Topic | None) -> Condition:
    match topic:
        case There():
            return true(TOPIC_READY, *_there(topic))
        case NotThere(name=name):
            said = f"the topic {name} of {EXTERNAL_TOPIC} is not there: create it, Tradewind never does"
            return false(TOPIC_READY, "ExternalTopicNotFound", said)
        case Others(name=name, owner=owner):
            said = (
                f"topic {name} (owner {owner}): another name for the Broker gives it a topic of its own; where that "
                "installation is gone for good, its id in TRADEWIND_INSTALLATION gives all of its topics to this one"
            )
            return false(TOPIC_READY, "TopicOwnedByAnother", said)
        case Refused(name=name, why=why):
            return false(TOPIC_READY, "TopicRefused", f"failed to create topic: {name}: {why}")
        case Away(why=why):
            return _kept(broker) or unknown(TOPIC_READY, "KafkaUnavailable", f"Kafka does not answer: {why}")
        case _:  # nothing was asked of it
            return _kept(broker) or unknown(TOPIC_READY, "ConfigNotParsed", "the topic waits for spec.config")


def _kept(broker: Object) -> Condition | None:
    """TopicReady as it is, where it was True: only Kafka's word about the topic takes that back."""
    before = held(broker, TOPIC_READY)
    return before if before is not None and before.status is Status.TRUE else None


def _there(topic: There) -> tuple[str, str]:
    """Reason and message of a topic that is there."""
    info, asked = topic.info, topic.asked_partitions
    said = [f"topic {info.name} with {info.partitions} partitions, replication {info.replication}"]
    if asked is not None and asked != info.partitions:
        said.append(
            f"the ConfigMap asks for {asked} partitions, and a topic that is there stays as it is: events of one key "
            "would change their partition"
        )
    if topic.min_insync is not None and info.replication >= SAFE_COPIES and topic.min_insync < 2:
        said.append(
            f"warning: min.insync.replicas is {topic.min_insync}, so an event may be answered when one broker has it: "
            "set 2 or more (default.topic.config.min.insync.replicas for new topics)"
        )
    return ("ExternalTopic" if topic.external else "TopicCreated"), "; ".join(said)

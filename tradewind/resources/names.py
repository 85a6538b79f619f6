"""The names in Kafka that follow from resources' names, and who may own them (knative-eventing §1.5).

Knative's templates are not one-to-one: `a/b-c` and `a-b/c` make one topic.  A second owner of a name is refused.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources import formats
from tradewind.resources.model import EXTERNAL_TOPIC, Broker, Metadata, NamespacedName, Resource, kind_of


def broker_topic(broker: NamespacedName) -> str:
    """The topic that holds a Broker's events, unless `external.topic` names another."""
    return f"knative-broker-{broker.namespace}-{broker.name}"


def dead_letter_topic(broker: NamespacedName) -> str:
    """The topic that holds what could not be delivered and has no other sink."""
    return f"{broker_topic(broker)}.dead-letters"


def trigger_group(trigger: NamespacedName) -> str:
    """The consumer group that mirrors a Trigger's cursors."""
    return f"knative-trigger-{trigger.namespace}-{trigger.name}"


def topic_of(broker: Broker) -> str:
    """The topic that holds this Broker's events: the one that it got when a controller took it, whatever its
    annotation says by now."""
    return broker.topic or _topic(broker.metadata)


def _topic(broker: Metadata) -> str:
    return broker.annotations.get(EXTERNAL_TOPIC) or broker_topic(broker.name)


_PATH = "path"


def webhook_path(source: NamespacedName) -> str:
    """Where a WebhookSource takes requests, on the port of the sources."""
    return f"/webhooks/{source.namespace}/{source.name}"


class Derived(NamedTuple):
    """A name in Kafka, or the path of requests, that follows from an object."""

    what: str
    """Its kind: `topic`, `consumer group`, `path`."""
    name: str
    owner: str
    """Whose it is, in words."""
    place: str
    """The path of what it follows from."""


def collisions(objects: Iterable[tuple[str, Metadata]]) -> list[Fault]:
    """Every name in Kafka that cannot be, or that two objects, each its kind and metadata, would own."""
    return [fault for _, fault in disputes(derived(kind, metadata) for kind, metadata in objects)]


def disputes(owned: Iterable[Iterable[Derived]]) -> Iterator[tuple[int, Fault]]:
    """As `collisions`, of the names of each object, with which of them the fault is: the first to own a name has it."""
    owners: dict[tuple[str, str], str] = {}
    for number, names in enumerate(owned):
        for what, name, owner, place in names:
            if what != _PATH and (expected := formats.topic_name(name)):
                yield number, Fault(place, f"a {what} of {len(name)} characters", f"{expected}: a shorter name")
            elif (first := owners.setdefault((what, name), owner)) != owner:
                found = f"the {what} {shown(name)}, which belongs to {first}"
                yield number, Fault(place, found, f"another name: {owner} and {first} cannot share it")


def derived(kind: str, metadata: Metadata) -> tuple[Derived, ...]:
    """The names of an object.

    Dead-letter topics are topics: that of Broker `a` is the topic of a Broker `a.dead-letters`.
    """
    name, owner, named = metadata.name, f"{kind} {metadata.name}", object_path(kind, metadata, "metadata.name")
    match kind:
        case "Broker":
            at = object_path(kind, metadata, f"metadata.annotations.{EXTERNAL_TOPIC}")
            return (
                Derived("topic", _topic(metadata), owner, at if EXTERNAL_TOPIC in metadata.annotations else named),
                Derived("topic", dead_letter_topic(name), f"the dead letters of {owner}", named),
            )
        case "Trigger":
            return (Derived("consumer group", trigger_group(name), owner, named),)
        case "WebhookSource" | "GitHubSource" | "GitLabSource":
            return (Derived(_PATH, webhook_path(name), owner, named),)
        case _:
            return ()


def path(resource: Resource, at: str) -> str:
    """Where in the manifests: `hello.yaml: Trigger default/a: spec.broker`."""
    return object_path(kind_of(resource), resource.metadata, at)


def object_path(kind: str, metadata: Metadata, at: str) -> str:
    """As `path`, of an object that may have faults."""
    return f"{place(metadata.origin)}{kind} {metadata.name}: {at}"


def place(origin: str) -> str:
    """The beginning of a path: the file.  An object's name tells which of its documents."""
    file = origin.partition(", document ")[0]
    return f"{file}: " if file else ""

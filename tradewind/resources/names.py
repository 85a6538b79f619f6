"""The names in Kafka that follow from resources' names, and who may own them (knative-eventing §1.5).

Knative's templates are not one-to-one: `a/b-c` and `a-b/c` make one topic.  A second owner of a name is refused.
"""

from collections.abc import Iterable, Iterator

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources import formats
from tradewind.resources.model import EXTERNAL_TOPIC, Broker, NamespacedName, Resource, Trigger


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
    """The topic that holds this Broker's events."""
    return broker.metadata.annotations.get(EXTERNAL_TOPIC) or broker_topic(broker.metadata.name)


def collisions(resources: Iterable[Resource]) -> list[Fault]:
    """Every name in Kafka that cannot be, or that two resources would own."""
    owners: dict[tuple[str, str], str] = {}
    faults: list[Fault] = []
    for what, name, owner, place in _derived(resources):
        if expected := formats.topic_name(name):
            faults.append(Fault(place, f"a {what} of {len(name)} characters", f"{expected}: a shorter name"))
        elif (first := owners.setdefault((what, name), owner)) != owner:
            found = f"the {what} {shown(name)}, which belongs to {first}"
            faults.append(Fault(place, found, f"another name: {owner} and {first} cannot share it"))
    return faults


def _derived(resources: Iterable[Resource]) -> Iterator[tuple[str, str, str, str]]:
    """Kind of name, name, owner, and the path of what it follows from.

    Dead-letter topics are topics: that of Broker `a` is the topic of a Broker `a.dead-letters`.
    """
    for resource in resources:
        name = resource.metadata.name
        match resource:
            case Broker():
                owner = f"Broker {name}"
                named = f"metadata.annotations.{EXTERNAL_TOPIC}"
                at = named if EXTERNAL_TOPIC in resource.metadata.annotations else "metadata.name"
                yield "topic", topic_of(resource), owner, path(resource, at)
                letters = f"the dead letters of {owner}"
                yield "topic", dead_letter_topic(name), letters, path(resource, "metadata.name")
            case Trigger():
                yield "consumer group", trigger_group(name), f"Trigger {name}", path(resource, "metadata.name")


def path(resource: Resource, at: str) -> str:
    """Where in the manifests: `hello.yaml: Trigger default/a: spec.broker`."""
    return f"{place(resource.metadata.origin)}{type(resource).__name__} {resource.metadata.name}: {at}"


def place(origin: str) -> str:
    """The beginning of a path: the file.  An object's name tells which of its documents."""
    file = origin.partition(", document ")[0]
    return f"{file}: " if file else ""

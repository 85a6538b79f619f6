"""The objects around a Trigger decide about it as all objects do."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from tests import api_objects
from tests.api_objects import Object
from tradewind.api_server import Change
from tradewind.control.neighbours import Neighbours
from tradewind.resources import objects
from tradewind.resources.model import NamespacedName, Resource, Trigger

CLASSES = ("Tradewind",)


def any_object(random: Random) -> Object:
    """A Broker or Trigger of a world so small that they meet, and want one name in Kafka."""
    name, namespace = random.choice(["a", "b-a", "a-b", "b"]), random.choice(["a", "a-b", "b"])
    created = f"2026-11-0{random.randint(1, 9)}T00:00:00Z"
    made: Object
    if random.random() < 0.5:
        annotations: dict[str, str] = {}
        if random.random() < 0.3:
            annotations["eventing.knative.dev/broker.class"] = "Kafka"
        if random.random() < 0.3:
            annotations["kafka.eventing.knative.dev/external.topic"] = random.choice(["t", "knative-broker-a-b-a"])
        made = api_objects.broker(name, created=created, annotations=annotations)
        if random.random() < 0.4:
            made = api_objects.taken(made, topic=random.choice(["", "t", "knative-broker-a-b"]))
    else:
        made = api_objects.trigger(name, of=random.choice(["a", "b-a", "a-b", "b", ""]), created=created)
        if random.random() < 0.4:
            made = api_objects.stamped(made, {})
        if random.random() < 0.2:
            made = api_objects.deleting(made)
    made["metadata"] |= {"namespace": namespace, "uid": str(random.random()), "resourceVersion": str(random.random())}
    return made


def run_by(found: Iterable[Object]) -> dict[tuple[str, NamespacedName], Resource]:
    """What the data plane runs of these objects, by kind and name."""
    resources = objects.in_force(found, classes=CLASSES, installation="here")
    return {(type(one).__name__, one.metadata.name): one for one in resources}


@pytest.mark.parametrize("seed", range(20))
def test_those_around_a_trigger_decide_as_all_do(seed: int) -> None:
    random = Random(seed)
    neighbours, world = Neighbours(), dict[tuple[str, NamespacedName], Object]()
    verdicts: dict[NamespacedName, Any] = {}
    for _ in range(30):
        made = any_object(random)
        where = (made["kind"], NamespacedName(made["metadata"]["namespace"], made["metadata"]["name"]))
        old = world.get(where)
        new = None if old is not None and random.random() < 0.4 else made
        concerned = neighbours.changed(Change(old, new))
        if new is None:
            del world[where]
        else:
            world[where] = new
        judged = objects.judge(world.values(), classes=CLASSES)
        running = run_by(world.values())
        for kind, name in world:
            if kind != "Trigger":
                continue
            around = neighbours.around(name)
            assert around[0] is world[kind, name] is neighbours.trigger(name)
            verdict = objects.judge(around, classes=CLASSES, memory=neighbours.memory).get((kind, name))
            assert verdict == judged.get((kind, name))
            trigger = running.get((kind, name))
            assert run_by(around).get((kind, name)) == trigger
            if isinstance(trigger, Trigger):
                broker = "Broker", NamespacedName(name.namespace, trigger.broker)
                assert run_by(around)[broker] == running[broker]
            before, verdicts[name] = verdicts.get(name), verdict
            assert verdict == before or name in concerned, "a verdict changed, and nobody was told"


def test_what_is_not_there() -> None:
    neighbours, nobody = Neighbours(), NamespacedName("a", "a")
    assert neighbours.changed(Change(None, None)) == frozenset()
    assert neighbours.trigger(nobody) is None
    assert neighbours.broker_of(nobody) is None
    assert neighbours.changed(Change(api_objects.broker(), None)) == frozenset()


def test_what_a_trigger_says_by_itself() -> None:
    neighbours, name = Neighbours(), NamespacedName("default", "a")
    assert neighbours.changed(Change(None, api_objects.trigger())) == {name}
    assert neighbours.examined(name).name == name
    assert neighbours.broker_of(name) is None
    broker = api_objects.broker()
    assert neighbours.changed(Change(None, broker)) == {name}
    assert neighbours.broker_of(name) is broker
    assert neighbours.changed(Change(api_objects.trigger(), None)) == {name}


def test_an_object_that_is_not_there_yet_is_examined_by_itself() -> None:
    neighbours = Neighbours()
    for made in (api_objects.taken(api_objects.broker()), api_objects.trigger()):
        neighbours.changed(Change(None, made))
    own, broker = neighbours.around(NamespacedName("default", "a"))
    changed = api_objects.stamped(own, {api_objects.DISPLAY: "http://display"})
    *_, trigger = objects.in_force([changed, broker], classes=CLASSES, installation="here", memory=neighbours.memory)
    assert isinstance(trigger, Trigger)
    assert trigger.subscriber.uri == "http://display"


def test_nothing_is_kept_of_what_is_gone() -> None:
    neighbours = Neighbours()
    for made in (api_objects.broker(), api_objects.trigger()):
        neighbours.changed(Change(None, made))
    for made in (api_objects.broker(), api_objects.trigger()):
        neighbours.changed(Change(made, None))
    assert not any((neighbours._objects, neighbours._examined, neighbours._wanting, neighbours._naming))

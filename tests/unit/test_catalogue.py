"""Which EventTypes are made of what flows, and which are not."""

from typing import Any

import pytest

from tests import api_objects
from tests.api_objects import Object, deleting, taken
from tradewind.api_server import Change
from tradewind.control import catalogue
from tradewind.control.catalogue import MOST, REST, Catalogue, Forget, LeftOut, Make, Refuse, Rest
from tradewind.resources import event_types
from tradewind.resources.event_types import FlowingType
from tradewind.resources.model import EVENT_TYPES, NamespacedName

BROKER = NamespacedName("default", "hello")


def flowing(type: str = "a", source: str = "/s", uid: str = "b") -> FlowingType:
    return FlowingType(type, source, uid=uid)


def name_of(one: FlowingType) -> NamespacedName:
    return event_types.name_of(BROKER, event_types.digest(BROKER, one.type, one.source))


A = name_of(flowing())


def broker(*, on: str = "enabled", uid: str = "b", installation: str = "here", **annotations: str) -> Object:
    made = api_objects.broker(uid=uid, annotations={EVENT_TYPES: on, **annotations})
    return taken(made, installation=installation) if installation else made


def made(one: FlowingType) -> Object:
    """As the API server has it."""
    held = event_types.made(BROKER, one)
    return {**held, "metadata": {**held["metadata"], "uid": one.type, "resourceVersion": "1", "generation": 1}}


class Seen:
    """A Catalogue, and what it is told in one word each."""

    def __init__(self, *brokers: Object) -> None:
        self.catalogue = Catalogue(classes=("Tradewind",), installation="here")
        self.held: dict[str, Object] = {}
        for one in brokers:
            self.broker(one)

    def broker(self, new: Object | None) -> set[NamespacedName]:
        old = self.held.get("broker")
        concerned = self.catalogue.broker_changed(Change(old, new))
        self.held = {} if new is None else {"broker": new}
        return set(concerned)

    def flows(self, *types: FlowingType) -> list[NamespacedName]:
        return list(self.catalogue.flows(BROKER, types))

    def there(self, one: FlowingType) -> set[NamespacedName]:
        return set(self.catalogue.event_type_changed(Change(None, made(one)), now=0.0))

    def deleted(self, one: FlowingType, *, now: float = 0.0) -> set[NamespacedName]:
        return set(self.catalogue.event_type_changed(Change(made(one), None), now=now))

    def decide(self, one: FlowingType | None = None, *, now: float = 0.0) -> catalogue.Decision:
        return self.catalogue.decide(name_of(one or flowing()), now=now)

    def make(self, one: FlowingType) -> None:
        decided = self.decide(one)
        assert isinstance(decided, Make)
        self.catalogue.ended(decided.made, created=True)
        self.there(one)


def test_what_flows_through_a_broker_that_is_switched_on_is_made_once() -> None:
    seen = Seen(broker())
    assert seen.flows(flowing()) == [A]
    assert seen.decide() == Make(event_types.made(BROKER, flowing()))
    assert seen.there(flowing()) == {A}
    assert seen.decide() is None
    assert seen.catalogue.referred(A) == BROKER
    assert seen.flows(flowing(), flowing("other")) == [name_of(flowing("other"))]


@pytest.mark.parametrize(
    "held",
    [
        broker(on="disabled"),
        broker(on="perhaps"),
        broker(installation=""),
        broker(installation="there"),
        broker(uid="made-again"),
        broker(**{"eventing.knative.dev/broker.class": "Other"}),
        deleting(broker()),
    ],
)
def test_nothing_is_made_for_any_other(held: Object) -> None:
    seen = Seen(held)
    seen.flows(flowing())
    assert seen.decide() is None


def test_nothing_is_made_without_a_broker_or_of_what_does_not_flow() -> None:
    seen = Seen()
    seen.flows(flowing())
    assert seen.decide() is None
    assert seen.decide(flowing("nothing")) is None


def test_a_switch_concerns_what_flows_and_what_is_there() -> None:
    seen = Seen(broker(on="disabled"))
    seen.flows(flowing())
    elsewhere = made(flowing("declared"))
    elsewhere["metadata"] |= {"namespace": "other", "name": "declared", "ownerReferences": None}
    seen.catalogue.event_type_changed(Change(None, elsewhere), now=0.0)
    assert seen.broker(broker()) == {A, NamespacedName("other", "declared")}
    assert seen.broker(broker()) == set()
    assert seen.broker(broker(on="disabled")) == {A, NamespacedName("other", "declared")}
    seen.catalogue.event_type_changed(Change(elsewhere, None), now=0.0)
    assert seen.broker(None) == {A}
    assert seen.catalogue.broker(BROKER) is None


def test_what_flows_no_more_is_not_made() -> None:
    seen = Seen(broker())
    seen.flows(flowing(), flowing("other"))
    assert seen.flows(flowing("other")) == [name_of(flowing("other"))]
    assert seen.decide() is None
    assert seen.flows() == []
    assert seen.decide(flowing("other")) is None


def test_no_more_are_made_than_a_bound() -> None:
    seen = Seen(broker())
    types = [flowing(f"t{number}") for number in range(MOST + 2)]
    assert len(seen.flows(*types)) == MOST + 2
    for one in types[:MOST]:
        seen.make(one)
    assert seen.decide(types[MOST]) == LeftOut(BROKER, first=True)
    assert seen.decide(types[MOST]) == LeftOut(BROKER, first=False)
    assert seen.decide(types[MOST + 1]) == LeftOut(BROKER, first=False)
    assert {name: len(left) for name, left in seen.catalogue.left_out.items()} == {BROKER: 2}
    seen.flows(*types[:-1])
    assert {name: len(left) for name, left in seen.catalogue.left_out.items()} == {BROKER: 1}
    assert name_of(types[MOST]) in seen.deleted(types[0])
    assert isinstance(seen.decide(types[MOST]), Make)
    assert not seen.catalogue.left_out.get(BROKER)


def test_what_is_on_its_way_counts() -> None:
    seen = Seen(broker())
    types = [flowing(f"t{number}") for number in range(MOST + 1)]
    seen.flows(*types)
    decided = [seen.decide(one) for one in types]
    assert [type(one) for one in decided] == [Make] * MOST + [LeftOut]
    assert isinstance(seen.decide(types[0]), Make)  # tried again
    assert isinstance(decided[0], Make)
    seen.catalogue.ended(decided[0].made, created=False)
    assert isinstance(seen.decide(types[MOST]), Make)


def test_what_was_made_by_others_under_the_name_stays_theirs() -> None:
    seen = Seen(broker())
    seen.flows(flowing())
    decided = seen.decide()
    assert isinstance(decided, Make)
    others = made(flowing())
    del others["metadata"]["ownerReferences"]
    seen.catalogue.event_type_changed(Change(None, others), now=0.0)
    seen.catalogue.ended(decided.made, created=False)
    assert seen.decide() is None
    seen.catalogue.event_type_changed(Change(others, None), now=0.0)
    assert isinstance(seen.decide(), Make)  # it was nobody's EventType of ours that was deleted


def test_what_the_api_server_refuses_is_not_asked_for_again() -> None:
    seen = Seen(broker())
    seen.flows(flowing())
    decided = seen.decide()
    assert isinstance(decided, Make)
    seen.catalogue.ended(decided.made, created=False, refused=True)
    assert seen.decide() is None
    seen.broker(broker(on="disabled"))
    seen.broker(broker())
    assert seen.decide() is None
    seen.broker(broker(uid="again"))
    seen.flows(flowing(uid="again"))
    assert isinstance(seen.decide(), Make)


@pytest.mark.parametrize("source", ["a b", "a\x7fb", ""])
def test_what_cannot_stand_in_an_event_type_is_refused_once(source: str) -> None:
    seen = Seen(broker())
    one = flowing(source=source)._replace(type="" if not source else "a")
    seen.flows(one)
    refused = seen.decide(one)
    assert isinstance(refused, Refuse)
    assert "spec." in refused.why
    assert seen.decide(one) is None


def test_one_that_was_deleted_is_forgotten_and_comes_back_when_it_flows_again() -> None:
    seen = Seen(broker())
    seen.flows(flowing())
    seen.make(flowing())
    assert A in seen.deleted(flowing(), now=100.0)
    assert seen.decide(now=100.0) == Forget(BROKER, flowing())
    assert seen.decide(now=100.0) == Forget(BROKER, flowing())  # where it was not stored
    seen.catalogue.forgotten(A)
    assert seen.decide(now=101.0) == Rest(REST - 1)
    seen.flows()
    assert seen.decide(now=100.0 + REST) is None
    seen.flows(flowing())
    assert seen.decide(now=200.0) == Rest(REST - 100)
    assert isinstance(seen.decide(now=100.0 + REST), Make)
    seen.there(flowing())
    seen.deleted(flowing(), now=2000.0)
    assert seen.decide(now=2000.0) == Forget(BROKER, flowing())


def test_one_that_went_with_its_broker_was_not_deleted() -> None:
    seen = Seen(broker())
    seen.flows(flowing())
    seen.make(flowing())
    seen.deleted(flowing(), now=0.0)
    seen.broker(broker(uid="again"))
    seen.flows(flowing(uid="again"))
    assert isinstance(seen.decide(), Make)
    seen.catalogue.forgotten(A)  # said too late: nothing happens
    seen.broker(None)
    assert seen.deleted(flowing(uid="again")) == {A}
    seen.broker(broker(uid="third"))
    seen.flows(flowing(uid="third"))
    assert isinstance(seen.decide(), Make)


@pytest.mark.parametrize("reference", [None, {"apiVersion": "v1", "kind": "Service", "name": "x"}])
def test_an_event_type_of_nothing_concerns_nobody_else(reference: Any) -> None:
    seen = Seen(broker())
    one = api_objects.event_type(reference=reference)
    assert set(seen.catalogue.event_type_changed(Change(None, one), now=0.0)) == {NamespacedName("default", "seen")}
    assert set(seen.catalogue.event_type_changed(Change(one, one), now=0.0)) == {NamespacedName("default", "seen")}
    assert seen.catalogue.referred(NamespacedName("default", "seen")) is None

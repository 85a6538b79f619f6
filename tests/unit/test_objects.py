"""Objects of the API server → what is ours of them, and what the data plane runs."""

from typing import Any

import pytest

from tests.api_objects import DISPLAY, Object, broker, deleting, event_type, stamped, taken, trigger
from tradewind.filters.attributes import AttributesFilter
from tradewind.resources import objects
from tradewind.resources.examined import Memory
from tradewind.resources.model import (
    DELIVERY_ORDER,
    EXTERNAL_TOPIC,
    Broker,
    Destination,
    KReference,
    NamespacedName,
    Trigger,
)

CLASSES = frozenset({"Tradewind"})
HELLO = NamespacedName("default", "hello")
A = NamespacedName("default", "a")
LETTERS = Destination(KReference("v1", "Service", "letters", "default"))
OURS = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "hello"}


def judged(*given: Object) -> dict[str, objects.Judged]:
    """By `Kind name`."""
    found = objects.judge(given, classes=CLASSES)
    return {f"{kind} {name.name}": one for (kind, name), one in found.items()}


def in_force(*given: Object) -> tuple[list[Broker], list[Trigger]]:
    found = objects.in_force(given, classes=CLASSES, installation="here")
    return (
        [one for one in found if isinstance(one, Broker)],
        [one for one in found if isinstance(one, Trigger)],
    )


# --- what is ours


@pytest.mark.parametrize(
    ("annotations", "ours"),
    [
        ({}, True),
        ({"eventing.knative.dev/broker.class": "Kafka"}, False),
        ({"eventing.knative.dev/broker.class": "tradewind"}, False),
    ],
)
def test_a_broker_is_ours_by_its_class_and_so_are_its_triggers(annotations: Object, ours: bool) -> None:
    given = (broker(annotations=annotations), trigger(), event_type(reference=OURS))
    assert set(judged(*given)) == ({"Broker hello", "Trigger a", "EventType seen"} if ours else set())
    assert in_force(*given)[1] == ([judged(*given)["Trigger a"].resource] if ours else [])


def test_a_broker_without_a_class_has_ours() -> None:
    one = broker()
    del one["metadata"]["annotations"]
    assert set(judged(one)) == {"Broker hello"}


@pytest.mark.parametrize(
    "reference",
    [
        None,
        {**OURS, "kind": "Channel"},
        {**OURS, "apiVersion": "v1"},
        {**OURS, "name": "other"},
        {**OURS, "namespace": "b"},
    ],
)
def test_an_event_type_of_no_broker_of_ours_is_not_ours(reference: Object | None) -> None:
    assert set(judged(broker(), event_type(reference=reference))) == {"Broker hello"}


def test_a_trigger_without_its_broker_is_seen_where_it_was_ours() -> None:
    assert judged(trigger()) == {}
    found = judged(stamped(trigger(), {}))
    assert found["Trigger a"].orphan
    assert in_force(stamped(trigger(), {})) == ([], [])


def test_a_trigger_that_was_ours_is_not_while_its_broker_is_anothers() -> None:
    assert judged(broker(annotations={"eventing.knative.dev/broker.class": "Kafka"}), stamped(trigger(), {})) == {}


def test_other_kinds_are_passed_over() -> None:
    assert judged({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hello"}}) == {}


@pytest.mark.parametrize("spec", [None, {}, {"broker": 1}, []])
def test_a_trigger_of_no_broker_is_nobodys(spec: object) -> None:
    assert set(judged(broker(), {**trigger(), "spec": spec})) == {"Broker hello"}


# --- faults


@pytest.mark.parametrize(
    ("namespace", "ours"), [({}, True), ({"namespace": "default"}, True), ({"namespace": "b"}, False)]
)
def test_a_trigger_that_names_its_broker_by_reference_is_told_so(namespace: Object, ours: bool) -> None:
    spec = {key: held for key, held in trigger()["spec"].items() if key != "broker"}
    ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "hello", **namespace}
    found = judged(broker(), {**trigger(), "spec": {**spec, "brokerRef": ref}})
    faults = [str(fault) for name, one in found.items() if name.startswith("Trigger") for fault in one.faults]
    assert ["`brokerRef` is not served" in fault for fault in faults] == [True] * ours


def test_a_fault_harms_no_other_object() -> None:
    wrong, right = trigger("a", uid="1", delivery={"retry": -1}), trigger("b", uid="2")
    found = judged(broker(), wrong, right)
    assert found["Trigger a"].resource is None
    (fault,) = found["Trigger a"].faults
    assert (fault.path, fault.found) == ("Trigger default/a: spec.delivery.retry", "-1 (a number)")
    assert found["Trigger b"].faults == ()
    assert [one.metadata.name.name for one in in_force(broker(), wrong, right)[1]] == ["b"]


def test_what_was_judged_says_which_state_of_which_object() -> None:
    one = judged(broker(uid="u"))["Broker hello"]
    assert (one.kind, one.name, one.uid, one.generation) == ("Broker", HELLO, "u", 1)
    assert isinstance(one.resource, Broker)
    assert (
        judged({**broker(), "metadata": {**broker()["metadata"], "generation": None}})["Broker hello"].generation == 0
    )


def clash(old: Object, new: Object) -> dict[str, objects.Judged]:
    """Listed with the younger one first, which decides nothing."""
    return judged(new, old)


def test_of_two_that_would_own_one_topic_the_older_has_it() -> None:
    old = broker("b-c", uid="9", created="2026-11-01T00:00:00Z")
    new = broker(
        "x", uid="1", created="2026-11-01T00:00:01Z", annotations={EXTERNAL_TOPIC: "knative-broker-default-b-c"}
    )
    found = clash(old, new)
    assert found["Broker b-c"].faults == ()
    (fault,) = found["Broker x"].faults
    assert "which belongs to Broker default/b-c" in str(fault)
    assert found["Broker x"].resource is None


def test_of_two_of_one_age_the_smaller_uid_has_it() -> None:
    one, two = (broker(name, uid=name, annotations={EXTERNAL_TOPIC: "mine"}) for name in "ab")
    found = judged(two, one)
    assert (len(found["Broker a"].faults), len(found["Broker b"].faults)) == (0, 1)


def test_a_broker_that_was_taken_keeps_its_topic_from_an_older_one() -> None:
    old = broker("a", uid="1", created="2026-11-01T00:00:00Z", annotations={EXTERNAL_TOPIC: "mine"})
    new = taken(
        broker("b", uid="2", created="2026-11-02T00:00:00Z", annotations={EXTERNAL_TOPIC: "mine"}), topic="mine"
    )
    found = judged(old, new)
    assert (len(found["Broker a"].faults), len(found["Broker b"].faults)) == (1, 0)


def test_a_topic_that_was_given_is_owned_whatever_the_annotation_says_now() -> None:
    moved = taken(broker("a", uid="1", annotations={EXTERNAL_TOPIC: "new"}), topic="old")
    other = broker("b", uid="2", annotations={EXTERNAL_TOPIC: "old"})
    free = broker("c", uid="3", annotations={EXTERNAL_TOPIC: "new"})
    found = judged(moved, other, free)
    assert [len(found[f"Broker {name}"].faults) for name in "abc"] == [0, 1, 0]


def test_a_topic_that_cannot_be_is_one_fault() -> None:
    (fault,) = judged(broker(annotations={EXTERNAL_TOPIC: "a b"}))["Broker hello"].faults
    assert fault.path.endswith(EXTERNAL_TOPIC)


def test_one_that_is_being_deleted_owns_its_name_still() -> None:
    old = deleting(broker("a", uid="1", annotations={EXTERNAL_TOPIC: "mine"}))
    new = broker("b", uid="2", annotations={EXTERNAL_TOPIC: "mine"})
    found = judged(old, new)
    assert found["Broker a"].deleting
    assert len(found["Broker b"].faults) == 1


# --- what runs


def test_a_broker_waits_until_this_installation_took_it() -> None:
    (waiting,), _ = in_force(broker())
    assert "no controller has made the topic of Broker default/hello yet" in waiting.waits
    assert "kubectl describe broker hello -n default" in waiting.waits
    (ready,), _ = in_force(taken(broker()))
    assert (ready.waits, ready.topic) == ("", "knative-broker-default-hello")


def test_a_broker_of_another_installation_waits_here() -> None:
    (waiting,), _ = in_force(taken(broker(), installation="there", topic="theirs"))
    assert "belongs to the installation there" in waiting.waits
    assert waiting.topic == ""  # what the other made is not ours to read


@pytest.mark.parametrize("annotations", [{"default.topic": "t"}, {"tradewind.dev/installation": "here"}, None, []])
def test_half_a_mark_is_none(annotations: Any) -> None:  # whatever an API server may hold
    (waiting,), _ = in_force({**broker(), "status": {"annotations": annotations}})
    assert waiting.waits


def test_a_broker_stays_on_the_topic_that_it_got() -> None:
    (one,), _ = in_force(taken(broker(annotations={EXTERNAL_TOPIC: "new"}), topic="old"))
    assert one.topic == "old"


def test_a_broker_with_faults_is_there_and_says_them() -> None:
    spec = {"delivery": {"retry": -1, "timeout": "x", "backoffDelay": "x"}}
    (one,), (held,) = in_force(taken({**broker(), "spec": spec}), trigger())
    assert "has faults: Broker default/hello: spec.delivery" in one.waits
    assert ", and 1 more" in one.waits
    assert (one.metadata.name, one.metadata.uid, one.topic) == (HELLO, "b", "knative-broker-default-hello")
    assert held.metadata.name == A


def test_a_trigger_that_had_no_faults_once_keeps_its_place() -> None:
    ordered = trigger(delivery={"retry": -1})
    ordered["metadata"]["annotations"] = {DELIVERY_ORDER: "ordered"}
    _, (held,) = in_force(taken(broker()), stamped(ordered, {}))
    assert "Trigger default/a has faults: Trigger default/a: spec.delivery.retry" in held.waits
    assert (held.metadata.uid, held.broker, held.filter) == ("t", "hello", AttributesFilter())
    assert held.metadata.annotations == {DELIVERY_ORDER: "ordered"}


def test_a_trigger_that_never_was_without_faults_is_not_there() -> None:
    assert in_force(taken(broker()), trigger(delivery={"retry": -1}))[1] == []


def test_a_trigger_with_faults_of_no_broker_is_not_there() -> None:
    assert in_force(taken(broker()), stamped(trigger(of="other", delivery={"retry": -1}), {}))[1] == []


def test_what_is_being_deleted_is_gone() -> None:
    assert in_force(deleting(taken(broker())), trigger()) == ([], [])
    assert in_force(taken(broker()), deleting(trigger()))[1] == []


def test_a_destination_has_the_address_of_its_stamp() -> None:
    delivery = {"deadLetterSink": {"ref": {"apiVersion": "v1", "kind": "Service", "name": "letters"}}}
    one = stamped(trigger(delivery=delivery), {DISPLAY: "http://display", LETTERS: "http://letters"})
    of = stamped(taken({**broker(), "spec": {"delivery": delivery}}), {LETTERS: "http://others"})
    (owner,), (held,) = in_force(of, one)
    assert held.subscriber == Destination(uri="http://display")
    assert held.delivery.dead_letter_sink == Destination(uri="http://letters")
    assert owner.delivery.dead_letter_sink == Destination(uri="http://others")


def test_a_stamp_counts_for_its_object_alone() -> None:
    _, (held,) = in_force(taken(broker()), stamped(trigger(), {DISPLAY: "http://display"}, uid="another"))
    assert held.subscriber == DISPLAY


def test_a_stamp_counts_for_its_destination_alone() -> None:
    moved = trigger(subscriber={"ref": {"apiVersion": "v1", "kind": "Service", "name": "letters"}})
    _, (held,) = in_force(taken(broker()), stamped(moved, {DISPLAY: "http://display"}))
    assert held.subscriber == LETTERS


def test_the_order_of_the_objects_is_nothing() -> None:
    given = [taken(broker("x", uid="1")), taken(broker()), trigger("b", uid="2"), trigger()]
    assert in_force(*given) == in_force(*reversed(given))


# --- remembered


def test_an_object_is_examined_once_for_each_version() -> None:
    memory = Memory()
    first, again = (memory.examined([trigger()])[0] for _ in range(2))
    assert first is again
    changed = trigger()
    changed["metadata"]["resourceVersion"] = "2"
    assert memory.examined([changed])[0] is not first
    assert memory.examined([trigger()])[0] is not first  # forgotten


def test_what_has_no_version_is_not_remembered() -> None:
    memory, one = Memory(), trigger()
    del one["metadata"]["resourceVersion"]
    memory.examined([one])
    one["spec"]["broker"] = "other"
    assert memory.examined([one])[0].broker == NamespacedName("default", "other")


def test_judging_by_memory_is_judging() -> None:
    memory, given = Memory(), [taken(broker()), trigger()]
    for _ in range(2):
        assert objects.judge(given, classes=CLASSES, memory=memory) == objects.judge(given, classes=CLASSES)
        held = objects.in_force(given, classes=CLASSES, installation="here", memory=memory)
        assert held == objects.in_force(given, classes=CLASSES, installation="here")

"""What is said to a Broker or Trigger that somebody wants stored."""

from typing import Any

import pytest

from tests import reviewing
from tests.reviewing import RULES, broker, defaulted, known, patched, trigger, validated
from tradewind.control.webhook import admission
from tradewind.control.webhook.admission import MAX_VALUES, UNREAD, Known, Rules
from tradewind.control.webhook.reviews import Request, Verdict
from tradewind.resources.model import BROKER_CLASS, EXTERNAL_TOPIC, NamespacedName
from tradewind.resources.untyped import Object

WRONG: dict[str, Any] = {"delivery": {"retry": -1, "backoffDelay": "2 seconds"}}
DOUBTED = [{"cesql": "a = 'x' OR id = 'b'"}]


def objections(verdict: Verdict) -> list[str]:
    return [f"{one.field}: {one.message}" for one in verdict.objections]


def with_metadata(one: Object, **metadata: Any) -> Object:
    return {**one, "metadata": {**one["metadata"], **metadata}}


# --- all of it is judged, in both webhooks


@pytest.mark.parametrize("say", [validated, defaulted])
def test_every_fault_of_a_broker_is_told_with_its_path(say: Any) -> None:
    verdict = say(broker(**WRONG, config={"name": "c"}))
    assert [one.field for one in verdict.objections] == [
        "spec.delivery.retry",
        "spec.delivery.backoffDelay",
        "spec.config.apiVersion",
        "spec.config.kind",
    ]
    assert objections(verdict)[1].startswith('spec.delivery.backoffDelay: found "2 seconds", expected ')
    assert verdict.patch == () == verdict.warnings


@pytest.mark.parametrize("say", [validated, defaulted])
def test_every_fault_of_a_trigger_is_told_with_its_path(say: Any) -> None:
    one = trigger(
        filters=[{}, {"exact": {"type": "t"}, "prefix": {"type": "t"}}], subscriber={}, delivery=WRONG["delivery"]
    )
    verdict = say(with_metadata(one, annotations={"knative.dev/dependency": "x", "tradewind.dev/rate": "fast"}))
    assert [one.field for one in verdict.objections] == [
        "metadata.annotations.tradewind.dev/rate",
        "spec.subscriber",
        "spec.filters[0]",
        "spec.filters[1]",
        "spec.delivery.retry",
        "spec.delivery.backoffDelay",
        "metadata.annotations.knative.dev/dependency",
    ]


def test_a_dialect_that_was_misspelt_and_pruned_is_a_fault() -> None:
    (one,) = objections(validated(trigger(filters=[{}])))
    assert one.startswith("spec.filters[0]: found no dialect, expected exactly one of exact, prefix, suffix")


@pytest.mark.parametrize("make", [broker, trigger])
def test_an_annotation_of_ours_that_means_nothing_is_a_warning(make: Any) -> None:
    annotations = {**make().get("metadata", {}).get("annotations", {}), "tradewind.dev/maxinflight": "7"}
    verdict = validated(with_metadata(make(), annotations=annotations))
    assert verdict.objections == ()
    (warning,) = verdict.warnings
    assert warning.startswith("metadata.annotations.tradewind.dev/maxinflight: found an annotation that means nothing")


def test_what_is_right_is_allowed() -> None:
    assert validated(broker(delivery={"retry": 3})) == Verdict()
    assert validated(trigger(filters=[{"exact": {"type": "t"}}])) == Verdict()


def test_defaults_come_with_the_permission() -> None:
    verdict = defaulted(broker(served=None))
    assert patched(broker(served=None), verdict.patch) == broker()
    assert defaulted(broker()) == Verdict()
    assert patched(trigger(), defaulted(trigger()).patch)["spec"]["filter"] == {}


def test_expressions_that_may_mean_something_else_are_a_warning() -> None:
    verdict = validated(trigger(filters=DOUBTED))
    assert verdict.objections == () and len(verdict.warnings) == 1
    assert verdict.warnings[0].startswith("spec.filters[0].cesql, character ")


# --- whose it is


def test_a_broker_of_another_class_is_left_alone() -> None:
    theirs = broker(served="MTChannelBasedBroker", **WRONG)
    assert defaulted(theirs) == validated(theirs) == Verdict()
    assert defaulted(theirs, theirs) == validated(theirs, theirs) == Verdict()


def test_a_trigger_of_another_classes_broker_is_left_alone() -> None:
    there = known(broker(served="Kafka"))
    wrong = trigger(filters=[{}])
    assert defaulted(wrong, there=there) == validated(wrong, there=there) == Verdict()


def test_a_trigger_of_a_broker_that_is_not_there_is_left_alone() -> None:
    wrong = trigger(of="later", filters=[{}])
    assert defaulted(wrong) == validated(wrong) == Verdict()
    assert validated(trigger(namespace="elsewhere", filters=[{}])) == Verdict()
    assert validated({**trigger(), "spec": []}) == Verdict()


def test_several_classes_may_be_ours() -> None:
    rules = Rules(classes={"Tradewind", "Kafka"})
    assert objections(validated(broker(served="Kafka", **WRONG), rules=rules))


def test_no_class_is_given_where_the_setting_is_empty_or_names_one_that_is_not_served() -> None:
    for rules in (Rules(classes={"Tradewind"}), Rules(classes={"Tradewind"}, default_class="Kafka")):
        assert defaulted(broker(served=None, **WRONG), rules=rules) == Verdict()


def test_a_broker_that_nobody_gave_a_class_is_told_which_we_serve() -> None:
    (warning,) = validated(broker(served=None), rules=Rules(classes={"b", "a"})).warnings
    assert warning == (
        f"metadata.annotations.{BROKER_CLASS}: found nothing, expected the class of whoever is to serve it; "
        "Tradewind serves a, b"
    )


def test_a_broker_that_is_replaced_without_its_class_keeps_it() -> None:
    rules = Rules(classes={"Tradewind"})
    verdict = defaulted(broker(served=None), broker(), rules=rules)
    assert patched(broker(served=None), verdict.patch) == broker()
    assert defaulted(broker(served=None), broker(served="Kafka")) == Verdict()


# --- what does not ask us


@pytest.mark.parametrize(
    "asked",
    [
        reviewing.request(None, broker(**WRONG), operation="DELETE"),
        reviewing.request(broker(**WRONG), operation="CONNECT"),
        reviewing.request(broker(**WRONG), broker(), subresource="status"),
        reviewing.request(broker(**WRONG), kind=""),
        reviewing.request(broker(**WRONG), kind="EventType"),
        reviewing.request(None, broker(), operation="UPDATE"),
        reviewing.request(None, trigger(), operation="UPDATE"),
        reviewing.request(with_metadata(broker(**WRONG), deletionTimestamp="2026-01-01T00:00:00Z"), broker()),
        reviewing.request(broker(**WRONG), with_metadata(broker(), deletionTimestamp="2026-01-01T00:00:00Z")),
        reviewing.request(with_metadata(trigger(filters=[{}]), deletionTimestamp="2026-01-01T00:00:00Z"), trigger()),
    ],
)
def test_other_requests_and_what_is_being_deleted_pass_untouched(asked: Request) -> None:
    there = known(broker())
    assert admission.default(asked, there, RULES) == admission.validate(asked, there, RULES) == Verdict()


def test_a_trigger_needs_its_broker_to_be_known_the_old_one_too() -> None:
    asked = reviewing.request(trigger(of="b"), trigger(of="a"))
    assert admission.brokers_of(asked) == {NamespacedName("ns", "a"), NamespacedName("ns", "b")}
    for namespace, expected in (({}, "ns"), ({"namespace": "other"}, "other")):
        referring = {**trigger(), "spec": {"brokerRef": {"name": "a", **namespace}}}
        assert admission.brokers_of(reviewing.request(referring)) == {NamespacedName(expected, "a")}
    assert admission.brokers_of(reviewing.request({**trigger(), "spec": {"broker": 1}})) == set()
    assert admission.brokers_of(reviewing.request(broker())) == set()
    assert admission.brokers_of(reviewing.request(trigger(), operation="DELETE")) == set()


# --- changes


def test_what_is_immutable_is_refused_beside_every_fault() -> None:
    old, new = broker(), broker(served="Kafka", **WRONG)
    fields = [one.field for one in validated(new, old).objections]
    assert fields == [f"metadata.annotations.{BROKER_CLASS}", "spec.delivery.retry", "spec.delivery.backoffDelay"]


def test_a_trigger_may_not_go_to_another_broker_from_ours_or_to_ours() -> None:
    there = known(broker(), broker("theirs", served="Kafka"))
    for old, new in ((trigger(), trigger(of="theirs")), (trigger(of="theirs"), trigger())):
        assert [one.field for one in validated(new, old, there=there).objections] == ["spec.broker"]


def test_a_broker_may_not_become_ours() -> None:
    fields = [one.field for one in validated(broker(), broker(served="Kafka")).objections]
    assert fields == [f"metadata.annotations.{BROKER_CLASS}"]


def test_what_was_wrong_already_and_is_not_changed_is_a_warning() -> None:
    old = trigger(filters=[{}])
    new = with_metadata(trigger(filters=[{}], delivery=WRONG["delivery"]), labels={"a": "b"})
    verdict = validated(new, old)
    assert [one.field for one in verdict.objections] == ["spec.delivery.retry", "spec.delivery.backoffDelay"]
    only_labels = validated(with_metadata(old, labels={"a": "b"}), old)
    assert only_labels.objections == ()
    assert only_labels.warnings[0].startswith("spec.filters[0]: found no dialect")


def test_what_holds_too_many_values_is_not_looked_into() -> None:
    many: dict[str, Any] = {f"f{n}": [{}] for n in range(MAX_VALUES // 2)}
    said = "spec: found more than 10,000 values, expected at most 10,000"
    large = trigger(delivery=many)
    assert objections(validated(large)) == [said]
    assert validated(large, large) == Verdict(
        warnings=("spec: found more than 10,000 values, expected at most 10,000",)
    )
    assert validated(trigger(), large) == Verdict()
    assert len(validated(trigger(delivery={"f": [1] * 1000})).objections) == 1


# --- names in Kafka


def test_a_name_in_kafka_that_another_broker_has_is_refused() -> None:
    there = known(broker("c", namespace="a-b"), broker("x", namespace="a", served="Kafka"))
    topic, letters = objections(validated(broker("b-c", namespace="a"), there=there))
    assert topic == (
        'metadata.name: found the topic "knative-broker-a-b-c", which belongs to Broker a-b/c, expected another name: '
        "Broker a/b-c and Broker a-b/c cannot share it"
    )
    assert letters.startswith('metadata.name: found the topic "knative-broker-a-b-c.dead-letters"')
    assert validated(broker("x", namespace="a"), there=there) == Verdict()  # its own name, in another's class


def test_a_name_in_kafka_that_a_broker_of_another_class_would_have_is_free() -> None:
    there = known(broker("c", namespace="a-b", served="Kafka"))
    assert validated(broker("b-c", namespace="a"), there=there) == Verdict()


def test_an_external_topic_that_another_broker_has_is_refused() -> None:
    external = with_metadata(
        broker("e"), annotations={BROKER_CLASS: "Tradewind", EXTERNAL_TOPIC: "knative-broker-ns-default"}
    )
    (one,) = validated(external).objections
    assert one.field == f"metadata.annotations.{EXTERNAL_TOPIC}"


def test_others_collisions_are_not_told() -> None:
    there = known(broker("c", namespace="a-b"), broker("b-c", namespace="a"))
    assert validated(broker("new"), there=there) == Verdict()


def test_a_group_that_another_trigger_of_ours_has_is_refused() -> None:
    ours = known(
        broker(namespace="a"), broker(namespace="a-b"), trigger("c", namespace="a-b"), trigger("d", namespace="a")
    )
    (one,) = validated(trigger("b-c", namespace="a"), there=ours).objections
    assert one.field == "metadata.name" and "consumer group" in one.message
    theirs = known(broker(namespace="a"), broker(namespace="a-b", served="Kafka"), trigger("c", namespace="a-b"))
    assert validated(trigger("b-c", namespace="a"), there=theirs) == Verdict()
    assert validated(trigger("d", namespace="a"), there=ours) == Verdict()


def test_a_name_that_collides_already_stands_in_no_changes_way() -> None:
    there = known(broker("c", namespace="a-b"), broker("b-c", namespace="a"))
    old = broker("b-c", namespace="a")
    assert validated(broker("b-c", namespace="a", delivery={"retry": 1}), old, there=there) == Verdict()


def test_a_name_that_is_still_to_be_made_is_not_judged() -> None:
    one = trigger()
    one["metadata"] = {"generateName": "a-", "namespace": "ns"}
    assert validated(one) == Verdict()
    one["metadata"] = {"generateName": "A_", "namespace": "ns"}
    assert [each.field for each in validated(one).objections] == ["metadata.name"]
    one["metadata"] = {}
    assert [each.field for each in validated(one).objections] == ["metadata.name"]


# --- before everything is known


def test_what_follows_from_objects_that_are_not_known_yet_is_a_warning() -> None:
    nothing = known(complete=False)
    assert validated(broker(), there=nothing) == Verdict(warnings=(UNREAD,))
    assert validated(trigger(), there=nothing) == Verdict(warnings=(UNREAD,))
    assert validated(broker(served="Kafka"), there=nothing) == Verdict()
    assert validated(trigger(), there=known(broker(served="Kafka"), complete=False)) == Verdict()
    assert objections(validated(broker(**WRONG), there=nothing))
    assert defaulted(trigger(), there=nothing) == Verdict()


def test_an_object_without_a_namespace_lies_in_the_requests() -> None:
    bare = trigger()
    del bare["metadata"]["namespace"]
    asked = reviewing.request(bare, namespace="ns")
    assert admission.validate(asked, known(broker()), RULES) == Verdict()
    there = Known(brokers={NamespacedName("default", "default"): broker()}, triggers={})
    patch = admission.default(reviewing.request(bare, namespace=""), there, RULES).patch
    assert [one["path"] for one in patch] == ["/metadata/labels", "/spec/filter"]


@pytest.mark.parametrize("say", [validated, defaulted])
def test_a_trigger_that_names_a_broker_of_ours_by_reference_is_told_that_it_is_not_served(say: Any) -> None:
    one = trigger()
    spec = {key: held for key, held in one["spec"].items() if key != "broker"}
    ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": one["spec"]["broker"]}
    (told,) = objections(say({**one, "spec": {**spec, "brokerRef": ref}}))
    assert told.startswith("spec.brokerRef: ") and "`brokerRef` is not served by this version" in told

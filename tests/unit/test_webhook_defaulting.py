"""What a Broker or a Trigger leaves out."""

from typing import Any

import pytest

from tests.reviewing import broker, patched, trigger
from tradewind.control.webhook.defaulting import defaulted
from tradewind.resources.model import BROKER_CLASS
from tradewind.resources.untyped import Object

REF = {"apiVersion": "v1", "kind": "Service", "name": "s"}


def filled(one: Object, broker_class: str = "") -> Object:
    """The object with its defaults, which its patch makes of it as well."""
    found = defaulted(one["kind"], one, namespace="ns", broker_class=broker_class)
    assert patched(one, found.patch) == found.whole
    again = defaulted(one["kind"], found.whole, namespace="ns", broker_class=broker_class)
    assert again.patch == ()  # the API server may ask again
    return found.whole


def test_a_broker_that_names_no_class_gets_one_and_keeps_one_that_it_names() -> None:
    assert filled(broker(served=None), "Tradewind") == broker()
    assert filled(broker(served=""), "Tradewind") == broker()
    assert filled(broker(served="Kafka"), "Tradewind") == broker(served="Kafka")
    assert filled(broker(served=None)) == broker(served=None)


@pytest.mark.parametrize("metadata", [{"name": "default"}, {"name": "default", "annotations": None}])
def test_annotations_are_made_where_there_are_none(metadata: Object) -> None:
    one = {**broker(), "metadata": metadata}
    assert filled(one, "Tradewind")["metadata"]["annotations"] == {BROKER_CLASS: "Tradewind"}


def test_references_of_a_broker_get_its_namespace() -> None:
    one = broker(config={**REF, "kind": "ConfigMap"}, delivery={"deadLetterSink": {"ref": REF}, "retry": 0})
    spec = filled(one)["spec"]
    assert spec["config"] == {**REF, "kind": "ConfigMap", "namespace": "ns"}
    assert spec["delivery"] == {"deadLetterSink": {"ref": {**REF, "namespace": "ns"}}, "retry": 0}


def test_a_namespace_that_is_named_stays() -> None:
    one = broker(config={**REF, "namespace": "other"}, delivery={"deadLetterSink": {"ref": {**REF, "namespace": "o"}}})
    assert filled(one) == one


def test_a_trigger_gets_its_label_and_an_empty_filter() -> None:
    whole = filled(trigger())
    assert whole["metadata"]["labels"] == {"eventing.knative.dev/broker": "default"}
    assert whole["spec"]["filter"] == {}


def test_a_label_that_says_another_broker_is_corrected() -> None:
    one = trigger(filter={"attributes": {"type": "t"}})
    one["metadata"]["labels"] = {"eventing.knative.dev/broker": "other", "mine": "1"}
    whole = filled(one)
    assert whole["metadata"]["labels"] == {"eventing.knative.dev/broker": "default", "mine": "1"}
    assert whole["spec"]["filter"] == {"attributes": {"type": "t"}}


def test_references_of_a_trigger_get_its_namespace() -> None:
    spec = filled(trigger(subscriber={"ref": REF, "uri": "/p"}, delivery={"deadLetterSink": {"ref": REF}}))["spec"]
    assert spec["subscriber"] == {"ref": {**REF, "namespace": "ns"}, "uri": "/p"}
    assert spec["delivery"] == {"deadLetterSink": {"ref": {**REF, "namespace": "ns"}}}


@pytest.mark.parametrize("spec", [None, [], "x", {"broker": 1, "subscriber": {"ref": []}, "filter": {}}, {}])
def test_what_is_no_trigger_is_left_as_it_is(spec: Any) -> None:
    one = {**trigger(), "spec": spec}
    assert filled(one) == one


def test_the_object_that_was_asked_about_is_not_changed() -> None:
    one = trigger()
    defaulted("Trigger", one, namespace="ns")
    assert one == trigger()

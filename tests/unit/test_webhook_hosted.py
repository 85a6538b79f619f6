"""What is said to a source that a sources process runs, once somebody wants it stored."""

import json
from typing import Any

import pytest

from tradewind.control.webhook import admission, reviews
from tradewind.control.webhook.admission import Known, Rules
from tradewind.control.webhook.defaulting import defaulted
from tradewind.control.webhook.immutable import changes
from tradewind.control.webhook.reviews import Request, Verdict

Object = dict[str, Any]  # the JSON of an object
NOTHING = Known(brokers={}, triggers={})
RULES = Rules(classes={"Tradewind"})
SINK = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "a"}}
KAFKA = {"bootstrapServers": ["kafka:9092"], "topics": ["t"], "sink": SINK}


def source(kind: str = "PingSource", api: str = "sources.knative.dev/v1", /, **spec: object) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "tick", "namespace": "ns"}, "spec": spec}


def request(new: Object, old: Object | None = None) -> Request:
    operation = "CREATE" if old is None else "UPDATE"
    return Request("1", new["kind"], operation, "", "ns", "tick", new, old, new["apiVersion"], new["kind"])


def messages(verdict: Verdict) -> list[str]:
    return [f"{one.field}: {one.message}" for one in verdict.objections]


@pytest.mark.parametrize("decide", [admission.default, admission.validate])
def test_every_fault_is_a_line(decide: Any) -> None:
    wrong = source(schedule="61 * * * *", timezone="Mars/Base", data="a", dataBase64="!", sink={"uri": "relative"})
    found = messages(decide(request(wrong), NOTHING, RULES))
    for path in ("spec.schedule", "spec.timezone", "spec.dataBase64", "spec.sink"):
        assert any(one.startswith(path) for one in found), (path, found)
    hook = source("WebhookSource", "sources.tradewind.dev/v1alpha1", sink=SINK)
    assert "`verify`" in messages(decide(request(hook), NOTHING, RULES))[0]


def test_what_is_left_out_is_filled_in() -> None:
    whole = defaulted("PingSource", source(sink=SINK), namespace="ns").whole
    assert whole["spec"]["schedule"] == "* * * * *"
    assert whole["spec"]["sink"]["ref"]["namespace"] == "ns"
    kafka = defaulted("KafkaSource", source("KafkaSource", **KAFKA, initialOffset=""), namespace="ns").whole
    assert (kafka["spec"]["consumers"], kafka["spec"]["initialOffset"]) == (1, "latest")
    zero = defaulted("KafkaSource", source("KafkaSource", **KAFKA, consumers=0), namespace="ns").whole
    assert zero["spec"]["consumers"] == 0, "none is a number, too"
    assert defaulted("PingSource", source(), namespace="ns").patch == ()
    verdict = admission.default(request(source(sink=SINK)), NOTHING, RULES)
    assert {one["path"] for one in verdict.patch} == {"/spec/schedule", "/spec/sink/ref/namespace"}


def test_a_kind_that_is_not_served_is_left_alone() -> None:
    wrong, rules = (
        source(schedule="61 * * * *", sink=SINK),
        Rules(classes={"Tradewind"}, unserved={"PingSource"}),
    )
    assert admission.validate(request(wrong), NOTHING, rules) == Verdict()
    assert admission.default(request(wrong), NOTHING, rules) == Verdict()
    assert messages(admission.validate(request(wrong), NOTHING, RULES))


def test_the_group_of_a_kafka_source_stays() -> None:
    old, new = (source("KafkaSource", **KAFKA, consumerGroup=group) for group in ("a", "b"))
    (objection,) = changes("KafkaSource", old, new, namespace="ns")
    assert objection.field == "spec.consumerGroup"
    assert messages(admission.validate(request(new, old), NOTHING, RULES))
    assert changes("PingSource", source(sink=SINK), source(sink={"uri": "http://x"}), namespace="ns") == []


@pytest.mark.parametrize(("version", "kind"), [("v1", "PingSource"), ("v1beta2", "")])
def test_a_review_says_which_source_it_is_about(version: str, kind: str) -> None:
    asked = {
        "uid": "1",
        "kind": {"group": "sources.knative.dev", "version": version, "kind": "PingSource"},
        "operation": "CREATE",
        "namespace": "ns",
        "object": source(schedule="61 * * * *", sink=SINK),
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    found = reviews.read(json.dumps(review).encode())
    assert found.kind == kind
    answer = json.loads(reviews.answer(found, admission.validate(found, NOTHING, RULES)))["response"]
    assert answer["allowed"] is not bool(kind)
    if kind:
        assert answer["status"]["details"]["group"] == "sources.knative.dev"

"""Resources → Plan: addresses, merged delivery, names, and what is a problem instead of a stop."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tradewind.delivery.schedule import Delivery
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.tree import AllOf, Cesql, read
from tradewind.plan import Plan, Target, TopicPlan, compute
from tradewind.resources.model import (
    DELIVERY_ORDER,
    EXTERNAL_TOPIC,
    MAX_IN_FLIGHT,
    RATE,
    START,
    BackoffPolicy,
    Broker,
    ConfigMap,
    DeliverySpec,
    Destination,
    EventType,
    KReference,
    Metadata,
    NamespacedName,
    Order,
    PingSource,
    Resource,
    Trigger,
)

DEFAULT = NamespacedName("shop", "default")
A = NamespacedName("shop", "a")
SERVICE = Destination(KReference("v1", "Service", "s", "shop"))
TO_BROKER = Destination(KReference("eventing.knative.dev/v1", "Broker", "default", "shop"))


def metadata(name: str = "a", annotations: Mapping[str, str] | None = None, origin: str = "x.yaml") -> Metadata:
    return Metadata(NamespacedName("shop", name), annotations=annotations or {}, origin=origin)


def broker(delivery: DeliverySpec | None = None, annotations: Mapping[str, str] | None = None) -> Broker:
    return Broker(metadata("default", annotations), delivery=delivery or DeliverySpec())


def trigger(delivery: DeliverySpec | None = None) -> Trigger:
    return Trigger(metadata(), "default", SERVICE, {"type": "t"}, delivery or DeliverySpec())


def resolve(destination: Destination) -> Target:
    if destination.ref is None:
        return Target(destination.uri)
    if destination.ref.kind in ("Service", "Broker"):
        return Target(f"http://{destination.ref.kind.lower()}.{destination.ref.name}")
    return Target(None, "nobody knows")


def nowhere(destination: Destination) -> Target:
    return Target(None, "nobody knows")


def plan(*resources: Resource) -> Plan:
    return compute(resources, resolve=resolve)


def test_nothing_is_an_empty_plan() -> None:
    assert plan() == Plan()


def test_a_broker_and_its_topics() -> None:
    planned = plan(broker()).brokers[DEFAULT]
    assert planned.topic == TopicPlan("knative-broker-shop-default")
    assert planned.dead_letter_topic == "knative-broker-shop-default.dead-letters"


def test_a_topic_is_made_as_the_config_map_says() -> None:
    data = {
        "default.topic.partitions": "3",
        "default.topic.replication.factor": " 1 ",
        "default.topic.config.retention.ms": "1000",
        "bootstrap.servers": "elsewhere:9092",
    }
    config = ConfigMap(Metadata(NamespacedName("other", "c")), data)
    configured = replace(broker(), config=KReference("v1", "ConfigMap", "c", "other"))
    found = plan(config, configured)
    topic = TopicPlan("knative-broker-shop-default", False, 3, 1, {"retention.ms": "1000"})
    assert (found.brokers[DEFAULT].topic, found.problems) == (topic, ())


def test_an_external_topic_is_the_users_own() -> None:
    topic = plan(broker(annotations={EXTERNAL_TOPIC: "orders"}), trigger())
    assert topic.brokers[DEFAULT].topic == TopicPlan("orders", external=True)
    assert topic.triggers[A].topic == "orders"
    assert topic.triggers[A].dead_letter_topic == "knative-broker-shop-default.dead-letters"


@pytest.mark.parametrize(
    ("reference", "data", "problem"),
    [
        (KReference("v1", "ConfigMap", "c", "shop"), None, "spec.config: found no ConfigMap shop/c"),
        (KReference("v1", "Secret", "c", "shop"), {}, "spec.config: found no Secret shop/c"),
        (KReference("v1", "ConfigMap", "c", "shop"), {"default.topic.partitions": "0"}, 'partitions: found "0"'),
        (KReference("v1", "ConfigMap", "c", "shop"), {"default.topic.replication.factor": "³"}, "factor: found"),
    ],
)
def test_a_config_that_says_nothing_is_a_problem(
    reference: KReference, data: Mapping[str, str] | None, problem: str
) -> None:
    configs = [ConfigMap(metadata("c"), data)] if data is not None else []
    found = plan(*configs, replace(broker(), config=reference))
    assert found.brokers[DEFAULT].topic == TopicPlan("knative-broker-shop-default")
    assert [problem in str(one) for one in found.problems] == [True]


def test_a_wrong_config_map_of_two_brokers_is_one_problem() -> None:
    reference = KReference("v1", "ConfigMap", "c", "shop")
    config = ConfigMap(metadata("c"), {"default.topic.partitions": "x"})
    brokers = [Broker(metadata(name), reference) for name in ("default", "other")]
    assert len(plan(config, *brokers).problems) == 1


def test_a_trigger() -> None:
    found = plan(trigger(), broker())
    planned = found.triggers[A]
    assert found.problems == ()
    assert (planned.name, planned.broker, planned.topic) == (A, DEFAULT, "knative-broker-shop-default")
    assert (planned.group, planned.order) == ("knative-trigger-shop-a", Order.UNORDERED)
    assert planned.filter == AttributesFilter({"type": "t"})
    assert (planned.subscriber, planned.dead_letter_sink) == (Target("http://service.s"), None)
    assert planned.delivery == Delivery()


def test_order_is_read_in_any_case() -> None:
    ordered = replace(trigger(), metadata=metadata(annotations={DELIVERY_ORDER: "Ordered"}))
    assert plan(broker(), ordered).triggers[A].order is Order.ORDERED


@pytest.mark.parametrize(("text", "rate"), [("50", 50.0), ("0.5", 0.5), ("50/s", 50.0), ("-1", None)])
def test_width_and_rate_are_annotations(text: str, rate: float | None) -> None:
    wide = replace(trigger(), metadata=metadata(annotations={MAX_IN_FLIGHT: "7", RATE: text}))
    planned = plan(broker(), wide).triggers[A]
    assert (planned.max_in_flight, planned.rate) == (7, rate)


def test_an_annotation_of_ours_that_means_nothing_is_a_problem() -> None:
    """A misspelt bound is none: nothing else would ever say so."""
    wide = replace(trigger(), metadata=metadata(annotations={"tradewind.dev/maxinflight": "7", "example.com/x": "y"}))
    found = plan(broker(annotations={RATE: "5", "tradewind.dev/eventTypes": "enabled"}), wide)
    assert [str(problem) for problem in found.problems] == [
        "x.yaml: Broker shop/default: metadata.annotations.tradewind.dev/rate: found an annotation that means nothing"
        " here, expected one of tradewind.dev/eventTypes",
        "x.yaml: Trigger shop/a: metadata.annotations.tradewind.dev/maxinflight: found an annotation that means nothing"
        " here, expected one of tradewind.dev/maxInFlight, tradewind.dev/rate, tradewind.dev/start",
    ]
    assert (found.triggers[A].max_in_flight, found.triggers[A].rate) == (None, None)


@pytest.mark.parametrize(
    ("own", "brokers", "problem"),
    [
        (DeliverySpec(backoff_delay=3600.0, retry=3), DeliverySpec(), "Trigger shop/a: spec.delivery: found waits"),
        (DeliverySpec(retry=12), DeliverySpec(), "Trigger shop/a: spec.delivery: found waits of up to 819.2 s between"),
        (DeliverySpec(), DeliverySpec(retry=12), "Broker shop/default: spec.delivery: found waits of up to 819.2 s"),
        (DeliverySpec(timeout=1.0), DeliverySpec(retry=12), "Broker shop/default: spec.delivery: found waits of up to"),
        (DeliverySpec(retry=2000000), DeliverySpec(), "Trigger shop/a: spec.delivery: found waits of up to more than"),
        (DeliverySpec(retry=11), DeliverySpec(retry=12), ""),
        (DeliverySpec(backoff_delay=3600.0, retry=0), DeliverySpec(), ""),
        (DeliverySpec(), DeliverySpec(), ""),
    ],
)
def test_waits_that_are_cut_are_a_problem_of_whoever_declares_them(
    own: DeliverySpec, brokers: DeliverySpec, problem: str
) -> None:
    other = replace(trigger(own), metadata=metadata("b"))
    found = compute([broker(brokers), trigger(own), *[other][: own == DeliverySpec()]], resolve=resolve, longest=600.0)
    assert [str(one)[: len("x.yaml: " + problem)] for one in found.problems] == ["x.yaml: " + problem][: bool(problem)]
    assert compute([broker(brokers), trigger(own)], resolve=resolve).problems == ()


def test_a_trigger_without_its_broker_is_a_problem_and_does_not_run() -> None:
    elsewhere = Broker(Metadata(NamespacedName("other", "default")))
    found = plan(elsewhere, trigger())
    assert found.triggers == {}
    assert [str(problem) for problem in found.problems] == [
        "x.yaml: Trigger shop/a: spec.broker: found no Broker shop/default, "
        "expected a Broker default in the namespace shop"
    ]


@pytest.mark.parametrize(
    ("destination", "remedy"),
    [
        (SERVICE, "`--service shop/s=host:port`, or a Service of type ExternalName with a port"),
        (TO_BROKER, "a Broker shop/default in the manifests"),
        (Destination(uri="x"), "an absolute http:// or https:// URL"),
        (Destination(KReference("a/v1", "Channel", "c", "shop")), "a `ref` to a Service or a Broker, or a `uri`"),
    ],
)
def test_an_address_that_is_not_found_is_a_problem_with_its_remedy(destination: Destination, remedy: str) -> None:
    found = compute([broker(), replace(trigger(), subscriber=destination)], resolve=nowhere)
    assert found.triggers[A].subscriber == Target(None, "nobody knows")
    (problem,) = found.problems
    assert problem.path == "x.yaml: Trigger shop/a: spec.subscriber"
    assert "nobody knows" in problem.found
    assert remedy in problem.expected


FULL = DeliverySpec(Destination(uri="http://t"), 1, 2.0, BackoffPolicy.LINEAR, 3.0, 4.0, "json")
MERGED = Delivery(retry=1, exponential=False, delay=3.0, timeout=2.0, retry_after_max=4.0, structured=True)


@pytest.mark.parametrize(
    ("own", "brokers", "expected"),
    [
        (DeliverySpec(), DeliverySpec(), Delivery()),
        (FULL, DeliverySpec(retry=9, format="binary"), MERGED),
        (DeliverySpec(), FULL, MERGED),
        (DeliverySpec(timeout=7.0), FULL, replace(MERGED, timeout=7.0)),
        (
            DeliverySpec(retry=0, backoff_delay=0.0, retry_after_max=0.0),
            FULL,
            replace(MERGED, retry=0, delay=0.0, retry_after_max=0.0),
        ),
        (DeliverySpec(format="binary"), FULL, replace(MERGED, structured=False)),
        (DeliverySpec(backoff_policy=BackoffPolicy.EXPONENTIAL), FULL, replace(MERGED, exponential=True)),
        (DeliverySpec(timeout=7.0), DeliverySpec(), replace(Delivery(), timeout=7.0)),
    ],
)
def test_delivery_is_merged_field_by_field(own: DeliverySpec, brokers: DeliverySpec, expected: Delivery) -> None:
    assert plan(broker(brokers), trigger(own)).triggers[A].delivery == expected


@pytest.mark.parametrize(
    ("own", "brokers", "expected", "owner"),
    [
        ("t", "b", "http://t", "Trigger shop/a"),
        ("t", None, "http://t", "Trigger shop/a"),
        (None, "b", "http://b", "Broker shop/default"),
        (None, None, None, ""),
    ],
)
def test_the_dead_letter_sink_is_the_triggers_else_the_brokers(
    own: str | None, brokers: str | None, expected: str | None, owner: str
) -> None:
    def sink(host: str | None) -> DeliverySpec:
        return DeliverySpec(dead_letter_sink=Destination(uri=f"http://{host}") if host else None)

    resources: list[Resource] = [broker(sink(brokers)), trigger(sink(own))]
    found = compute(resources, resolve=resolve).triggers[A].dead_letter_sink
    assert found == (Target(expected) if expected else None)
    problems = compute(resources, resolve=nowhere).problems
    paths = [problem.path for problem in problems if "deadLetterSink" in problem.path]
    assert paths == ([f"x.yaml: {owner}: spec.delivery.deadLetterSink"] if owner else [])


def test_where_a_trigger_starts_is_no_part_of_its_generation() -> None:
    there = replace(trigger(), metadata=metadata(annotations={START: "2026-01-31T13:00:00+01:00"}))
    assert plan(broker(), there).triggers[A].start == "2026-01-31T12:00:00.000000Z"
    assert plan(broker(), trigger()).triggers[A].start == ""
    assert plan(broker(), there).triggers[A].generation == plan(broker(), trigger()).triggers[A].generation


def test_the_generation_is_the_same_wherever_it_is_computed() -> None:
    assert plan(broker(), trigger()).triggers[A].generation == "1a0350f825994377"


def test_the_generation_changes_with_what_decides_a_delivery_and_with_nothing_else() -> None:
    def generation(changed: Trigger, of: Broker | None = None, found: Target | None = None) -> str:
        given = resolve if found is None else lambda _: found
        return compute([of or broker(), changed], resolve=given).triggers[A].generation

    same = generation(trigger())
    moved = replace(trigger(), metadata=replace(metadata(origin="y.yaml"), labels={"a": "b"}))
    assert generation(moved) == same
    assert generation(replace(trigger(), delivery=DeliverySpec(retry=10))) == same
    others = {
        generation(replace(trigger(), filter_attributes={"type": "u"})),
        generation(replace(trigger(), metadata=replace(metadata(), uid="1"))),
        generation(replace(trigger(), metadata=metadata(annotations={DELIVERY_ORDER: "ordered"}))),
        generation(replace(trigger(), metadata=metadata(annotations={MAX_IN_FLIGHT: "7"}))),
        generation(replace(trigger(), metadata=metadata(annotations={RATE: "7"}))),
        generation(trigger(DeliverySpec(retry=11))),
        generation(trigger(), broker(DeliverySpec(retry=12))),
        generation(trigger(), broker(annotations={EXTERNAL_TOPIC: "x"})),
        generation(trigger(DeliverySpec(dead_letter_sink=Destination(uri="http://d")))),
        generation(trigger(), found=Target("http://elsewhere")),
        same,
    }
    assert len(others) == 11


def test_filters_go_before_filter_and_their_dialect_is_part_of_the_generation() -> None:
    dialects: list[dict[str, Any]] = [
        {"prefix": {"type": "a"}},
        {"suffix": {"type": "a"}},
        {"exact": {"type": "a"}},
        {"cesql": "type = 'a'"},
    ]
    trees = [read([one]) for one in dialects]
    trees += [read([{"not": one}]) for one in dialects] + [read([{"any": dialects}]), read([{"all": dialects}])]
    found = [plan(broker(), replace(trigger(), filters=tree)).triggers[A] for tree in trees]
    assert [one.filter for one in found] == trees
    assert len({one.generation for one in found}) == len(trees)
    again = replace(trigger(), filters=read([{"any": dialects}]))
    assert plan(broker(), again).triggers[A] == found[8]


def test_an_expression_that_may_be_meant_otherwise_is_a_problem() -> None:
    (problem,) = plan(broker(), replace(trigger(), filters=AllOf((Cesql("NOT type = 'a'"),)))).problems
    assert str(problem).startswith("x.yaml: Trigger shop/a: spec.filters[0].cesql, character 1: found NOT before")


def test_a_source_writes_to_its_brokers_topic_or_posts() -> None:
    direct = PingSource(metadata("direct"), TO_BROKER)
    below = PingSource(metadata("below"), replace(TO_BROKER, uri="/x"))
    posts = PingSource(metadata("posts"), Destination(uri="http://a"))
    lost = PingSource(metadata("lost"), Destination(KReference("a/v1", "Channel", "c", "shop")))
    found = plan(broker(), direct, below, posts, lost)
    by_name = {name.name: source for (_, name), source in found.sources.items()}
    assert {kind for kind, _ in found.sources} == {"PingSource"}
    assert by_name["direct"].broker == DEFAULT
    assert (by_name["below"].broker, by_name["below"].sink) == (None, Target("http://broker.default"))
    assert (by_name["posts"].broker, by_name["posts"].sink) == (None, Target("http://a"))
    assert by_name["lost"].sink == Target(None, "nobody knows")
    assert [problem.path for problem in found.problems] == ["x.yaml: PingSource shop/lost: spec.sink"]


def test_a_source_that_only_moved_is_the_same() -> None:
    source = PingSource(metadata("p"), TO_BROKER)
    moved = replace(source, metadata=metadata("p", origin="y.yaml, document 7"))
    assert plan(broker(), source).sources == plan(broker(), moved).sources


def test_an_event_type_starts_nothing() -> None:
    assert plan(EventType(metadata(), "t")) == Plan()

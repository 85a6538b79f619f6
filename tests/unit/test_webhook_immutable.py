"""What may not change once it is there."""

import pytest

from tests.reviewing import broker, trigger
from tradewind.control.webhook.immutable import LONGEST, changes
from tradewind.resources.model import BROKER_CLASS, EXTERNAL_TOPIC
from tradewind.resources.untyped import Object

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c"}


def said(old: Object, new: Object) -> list[str]:
    return [f"{one.field}: {one.message}" for one in changes(old["kind"], old, new, namespace="ns")]


def annotated(**annotations: str | None) -> Object:
    one = broker(served=None)
    names = {"served": BROKER_CLASS, "topic": EXTERNAL_TOPIC}
    one["metadata"]["annotations"] = {names[name]: held for name, held in annotations.items()}
    return one


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (broker(), broker()),
        (broker(), broker(delivery={"retry": 3})),
        (broker(delivery={"retry": 3}), broker()),
        (broker(), broker(config=None)),
        (broker(), {**broker(), "spec": None}),
        (broker(config=CONFIG), broker(config={**CONFIG, "namespace": "ns"})),
        (broker(config={**CONFIG, "namespace": ""}), broker(config={**CONFIG, "namespace": "ns"})),
        (broker(config={**CONFIG, "address": ""}), broker(config=CONFIG)),
        (broker(served=None), broker()),  # which nobody served
        (trigger(), trigger(subscriber={"uri": "http://other"}, filters=[{"exact": {"type": "t"}}])),
        ({**trigger(), "spec": None}, {**trigger(), "spec": {"broker": ""}}),
    ],
)
def test_what_means_the_same_or_may_change(old: Object, new: Object) -> None:
    assert said(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            annotated(served="Tradewind"),
            annotated(served="Kafka"),
            [f'metadata.annotations.{BROKER_CLASS}: Immutable annotations changed (-old +new): -"Tradewind" +"Kafka"'],
        ),
        (
            annotated(served="Tradewind"),
            annotated(),
            [f'metadata.annotations.{BROKER_CLASS}: Immutable annotations changed (-old +new): -"Tradewind"'],
        ),
        (
            annotated(served="Tradewind"),
            annotated(served="Tradewind", topic="t"),
            [f'metadata.annotations.{EXTERNAL_TOPIC}: Immutable annotations changed (-old +new): +"t"'],
        ),
        (
            annotated(topic="t"),
            annotated(topic=None),
            [f'metadata.annotations.{EXTERNAL_TOPIC}: Immutable annotations changed (-old +new): -"t"'],
        ),
        (
            broker(config=CONFIG),
            broker(config={**CONFIG, "name": "d", "namespace": "other"}),
            [
                'spec.config.name: Immutable fields changed (-old +new): -"c" +"d"',
                'spec.config.namespace: Immutable fields changed (-old +new): -"ns" +"other"',
            ],
        ),
        (
            broker(),
            broker(config={"name": "c"}),
            [
                'spec.config.name: Immutable fields changed (-old +new): +"c"',
                'spec.config.namespace: Immutable fields changed (-old +new): +"ns"',
            ],
        ),
        (broker(x=[1]), broker(x=[2, None]), ["spec.x: Immutable fields changed (-old +new): -[1] +[2, null]"]),
        (broker(x={"y": 1}), broker(x=[]), ["spec.x.y: Immutable fields changed (-old +new): -1"]),
        (trigger(), trigger(of="other"), ['spec.broker: Immutable fields changed (-old +new): -"default" +"other"']),
        (trigger(), trigger(of=""), ['spec.broker: Immutable fields changed (-old +new): -"default"']),
    ],
)
def test_what_may_not_change(old: Object, new: Object, expected: list[str]) -> None:
    assert said(old, new) == expected


def test_long_values_are_cut() -> None:
    (one,) = said(trigger(of="a"), trigger(of="b" * 1000))
    assert len(one) < 3 * LONGEST and one.endswith("…")

"""Who reads, and where a group begins."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tradewind.resources.model import Destination, KafkaSource, Metadata, NamespacedName
from tradewind.sources.kafka.memory import VERSION, Begun, Start, decode, encode, key_of, start
from tradewind.sources.kafka.share import MOST, barred, instance_of, may_read, suffix_of

NAME = NamespacedName("shop", "orders")
SUFFIX = suffix_of(NAME)


@pytest.mark.parametrize(
    ("members", "consumers", "reads", "may"),
    [
        ([], 1, False, True),
        (["a"], 1, False, False),
        (["a"], 2, False, True),
        (["b"], 1, False, True),
        (["a", "b"], 1, True, False),
        (["b", "c"], 1, True, True),
        (["a", "b", "c"], 2, True, True),
        ([], 0, True, False),
    ],
)
def test_at_most_so_many_read(members: list[str], consumers: int, reads: bool, may: bool) -> None:
    there = [instance_of(slot, NAME) for slot in members]
    there += [instance_of("a", NamespacedName("shop", "others")), "somebody"]
    assert may_read(instance_of("b", NAME), there, SUFFIX, consumers=consumers, reads=reads) is may


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, ""),
        ({"consumers": 0}, "spec.consumers is 0"),
        ({"waits": "a Secret is missing", "consumers": 0}, "a Secret is missing"),
        (
            {"consumer_group": "own"},
            "spec.consumerGroup: found 'own', which Tradewind's own processes share; expected another group",
        ),
    ],
)
def test_why_nobody_reads(changed: Mapping[str, Any], why: str) -> None:  # Any: fields of the dataclass, by name
    source = replace(KafkaSource(Metadata(NAME), Destination(), ("k",), ("orders",), "g"), **changed)
    assert barred(source, ("own", "more")) == why


def test_an_instance_is_what_kafka_takes() -> None:
    long = NamespacedName("n" * 63, "x" * 253)
    assert len(instance_of("s" * MOST, long)) == MOST
    assert instance_of("s" * MOST, long).endswith(suffix_of(long))
    assert instance_of("a", NAME) == "a_shop_orders"


@pytest.mark.parametrize("length", [1, 120, 121, 190, 253])
def test_an_instance_is_no_others_however_long_the_names_are(length: int) -> None:
    """Two of one name fence one another, again and again."""
    slots = [f"tradewind-sources-{'x' * 45}-{number}" for number in range(2)]
    names = [NamespacedName("n" * 63, end + "x" * (length - 1)) for end in "ab"]
    assert len({instance_of(slot, name) for slot in slots for name in names}) == 4


@pytest.mark.parametrize(
    ("begun", "partition", "known", "found"),
    [
        (None, 0, False, Start.INITIAL),
        (None, 1, True, Start.ADDED),
        (Begun("g", 3), 2, False, Start.MISSING),
        (Begun("g", 3), 3, True, Start.ADDED),
        (Begun("g", 0), 0, False, Start.ADDED),
    ],
)
def test_where_a_partition_begins(begun: Begun | None, partition: int, known: bool, found: Start) -> None:
    assert start(begun, partition, known=known) is found


def test_what_is_remembered_is_of_one_group() -> None:
    begun = Begun("g", 3)
    assert decode(encode(begun), "g") == begun
    assert decode(encode(begun), "other") is None
    assert decode(encode(Begun("g", 3, VERSION + 1)), "g") is None
    assert decode(b"{", "g") is decode(None, "g") is None
    assert key_of(NAME, "t") == b"group/KafkaSource/shop/orders/t"

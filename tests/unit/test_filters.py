"""Filters of every dialect: what they match, compiled and explained, and what tells one from another."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from tests import any_filter
from tests.any_filter import oracle
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.compiling import compiled
from tradewind.filters.explain import explain
from tradewind.filters.index import Index
from tradewind.filters.sample import sample
from tradewind.filters.terms import Terms, terms
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Filter, How, Not, digest, read, written

Attributes = Mapping[str, str]


@pytest.mark.parametrize(
    ("wanted", "attributes", "matches"),
    [
        ({}, {"type": "a"}, True),
        ({"type": "a"}, {"type": "a"}, True),
        ({"type": "a"}, {"type": "A"}, False),
        ({"type": "a"}, {}, False),
        ({"type": "a", "source": "s"}, {"type": "a", "source": "t"}, False),
        ({"subject": ""}, {"subject": "x"}, True),
        ({"subject": ""}, {"subject": ""}, True),
        ({"subject": ""}, {"type": "x"}, False),
        ({"flag": "true"}, {"flag": "true"}, True),
        ({"n": "5"}, {"n": "05"}, False),
    ],
)
def test_attributes(wanted: dict[str, str], attributes: dict[str, str], matches: bool) -> None:
    assert compiled(AttributesFilter(wanted))(attributes) is matches


EVENT = {
    "type": "com.example.order",
    "source": "/shop/1",
    "n": "05",
    "flag": "true",
    "empty": "",
    "quote": "it's \\ \n",
}


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ([{"exact": {"type": "com.example.order"}}], True),
        ([{"exact": {"type": "com.example.Order"}}], False),
        ([{"exact": {"type": "com.example.order", "source": "/shop/1"}}], True),
        ([{"exact": {"type": "com.example.order", "source": "/shop"}}], False),
        ([{"exact": {"quote": "it's \\ \n"}}], True),
        ([{"exact": {"absent": "x"}}], False),
        ([{"not": {"exact": {"absent": "x"}}}], True),
        ([{"prefix": {"type": "com."}}], True),
        ([{"prefix": {"type": "com.", "source": "/x"}}], False),
        ([{"prefix": {"absent": "x"}}], False),
        ([{"not": {"prefix": {"absent": "x"}}}], True),
        ([{"suffix": {"type": ".order"}}], True),
        ([{"suffix": {"empty": "x"}}], False),
        ([{"not": {"suffix": {"absent": "x"}}}], True),
        ([{"cesql": "n = 5 AND flag = TRUE"}], True),
        ([{"cesql": "absent = 'x'"}], False),
        ([{"not": {"cesql": "absent = 'x'"}}], True),
        ([{"cesql": "type"}], False),
        ([{"any": [{"exact": {"type": "x"}}, {"exact": {"type": "com.example.order"}}]}], True),
        ([{"any": [{"exact": {"type": "x"}}, {"exact": {"type": "y"}}, {"prefix": {"source": "/s"}}]}], True),
        ([{"any": [{"exact": {"type": "x"}}, {"exact": {"absent": "y"}}]}], False),
        ([{"all": [{"prefix": {"type": "com"}}, {"not": {"suffix": {"type": "x"}}}]}], True),
        ([{"all": [{"prefix": {"type": "com"}}, {"suffix": {"type": "x"}}]}], False),
        ([{"not": {"not": {"all": [{"any": [{"exact": {"flag": "true"}}]}]}}}], True),
        ([{"prefix": {"type": "com"}}, {"suffix": {"type": "x"}}], False),
        ([{"exact": {"type": "x"}, "prefix": None, "cesql": None}], False),
    ],
)
def test_dialects(filters: list[Any], matches: bool) -> None:
    tree = read(filters)
    assert compiled(tree)(EVENT) is matches
    assert explain(tree, EVENT).verdict is matches
    assert oracle(tree, EVENT) is matches


@given(any_filter.filters, any_filter.attributes)
def test_what_is_compiled_what_is_explained_and_what_is_specified_are_one(
    wanted: Filter, attributes: Attributes
) -> None:
    asked = oracle(wanted, attributes)
    assert compiled(wanted)(attributes) is asked
    assert explain(wanted, attributes).verdict is asked


@given(any_filter.dialects)
def test_a_filter_is_read_as_it_is_written(wanted: Filter) -> None:
    assert read([written(wanted)]) == AllOf((wanted,))
    assert hash(wanted) == hash(read([written(wanted)]).filters[0])


def test_in_which_order_attributes_are_named_makes_no_other_filter() -> None:
    assert read([{"exact": {"type": "a", "source": "b"}}]) == read([{"exact": {"source": "b", "type": "a"}}])


def test_the_digest_of_a_filter_is_the_same_everywhere_and_another_for_each() -> None:
    assert digest(read([{"exact": {"source": "b", "type": "a"}}]), max_data_bytes=1) == "bcca0d87271080bb"
    trees: list[Filter] = [read([{how: {"type": "a"}}]) for how in How]
    trees += [AllOf((Not(trees[0]),)), AttributesFilter({"type": "a"})]
    assert len({digest(tree, max_data_bytes=1) for tree in trees}) == 5


def test_how_many_bytes_of_data_may_be_looked_at_is_part_of_what_decides_where_data_do() -> None:
    sees, sees_not = read([{"not": {"cel": "data.a"}}]), read([{"cesql": "EXISTS a"}])
    assert digest(sees, max_data_bytes=1) != digest(sees, max_data_bytes=2)
    assert digest(sees_not, max_data_bytes=1) == digest(sees_not, max_data_bytes=2)


def test_nothing_that_is_written_in_a_filter_is_run() -> None:
    hostile = "') or __import__('os').abort() or ('"
    tree = read([{"any": [{"exact": {"type": hostile}}, {"prefix": {"type": hostile}}]}])
    assert compiled(tree)({"type": hostile}) is True
    assert compiled(tree)({"type": "x"}) is False


def test_as_many_as_may_be_are_compiled() -> None:
    wide = read([{"any": [{"prefix": {"n": str(number)}} for number in range(999)]}])
    assert compiled(wide)({"n": "998"}) is True
    deep: dict[str, Any] = {"exact": {"n": "1"}}
    for _ in range(31):
        deep = {"not": deep}
    assert compiled(read([deep]))({"n": "1"}) is False


def test_a_dialect_alone_is_a_filter_too() -> None:
    assert explain(Cesql("TRUE"), {}).path == "spec.filters.cesql"
    assert written(AttributesFilter({"type": "a"})) == {"attributes": {"type": "a"}}
    assert compiled(AnyOf(()))({}) is False
    assert terms(AnyOf(())) == Terms(frozenset(), True)
    assert Index({"a": AnyOf(())}).match({"type": "a"}) == []


@pytest.mark.parametrize(
    "filters",
    [
        [{"exact": {"type": "a"}}, {"prefix": {"source": "/b"}}],
        [{"any": [{"suffix": {"type": "b"}}, {"exact": {"type": "c"}}]}],
        [{"cesql": "type = 'a' AND source = 'b'"}],
        [{"not": {"exact": {"type": "a"}}}],
    ],
)
def test_a_sample_of_what_passes(filters: list[Any]) -> None:
    tree = read(filters)
    assert compiled(tree)({"type": "z", "source": "z"} | sample(tree)) is True
    assert sample(AttributesFilter({"type": ""})) == {"type": ""}

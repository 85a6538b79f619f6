"""Filters of every dialect: what they match, compiled and explained, and the index that must find exactly that."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import any_filter
from tradewind.filters import cesql
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.compiling import compiled
from tradewind.filters.explain import Explained, as_data, explain, nodes
from tradewind.filters.index import Index
from tradewind.filters.sample import sample
from tradewind.filters.terms import Terms, terms
from tradewind.filters.tree import AllOf, AnyOf, Cel, Cesql, Compared, Filter, How, Not, digest, read, written

Attributes = Mapping[str, str]


def oracle(wanted: Filter, attributes: Attributes) -> bool:
    """What the specification says, word for word."""
    match wanted:
        case AttributesFilter():
            return all(name in attributes and value in ("", attributes[name]) for name, value in wanted.wanted.items())
        case Compared(how, pairs):
            return all(name in attributes and held(how, attributes[name], value) for name, value in pairs)
        case AllOf(members):
            return all(oracle(one, attributes) for one in members)
        case AnyOf(members):
            return any(oracle(one, attributes) for one in members)
        case Not(member):
            return not oracle(member, attributes)
        case Cesql(text):
            value, errors = cesql.evaluate(text, attributes)
            return value is True and not errors
        case Cel():
            raise AssertionError("that of data is in test_cel.py")


def held(how: How, saw: str, value: str) -> bool:
    if how is How.EXACT:
        return saw == value
    least = len(saw) - len(value)
    return least >= 0 and (saw[: len(value)] if how is How.PREFIX else saw[least:]) == value


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


@given(st.lists(any_filter.filters, max_size=6), any_filter.attributes)
def test_the_index_finds_what_the_filters_match(wanted: list[Filter], attributes: Attributes) -> None:
    filters = dict(enumerate(wanted))
    asked = [number for number, one in filters.items() if oracle(one, attributes)]
    assert sorted(Index(filters).match(attributes)) == asked  # each once


@given(any_filter.filters, any_filter.attributes)
def test_whatever_matches_has_one_of_the_terms(wanted: Filter, attributes: Attributes) -> None:
    found = terms(wanted)
    if found is not None:
        has = any(attributes.get(name) == value for name, value in found.one_of)
        assert has or not oracle(wanted, attributes)
        assert not (found.enough and has) or oracle(wanted, attributes)


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


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([{"exact": {"type": "a"}}], Terms(frozenset({("type", "a")}), True)),
        ([{"exact": {"area": "z", "type": "a"}}], Terms(frozenset({("type", "a")}), False)),
        ([{"exact": {"area": "z"}}, {"exact": {"type": "a"}}], Terms(frozenset({("type", "a")}), False)),
        ([{"exact": {"type": "a"}}, {"exact": {"id": "1"}}], Terms(frozenset({("id", "1")}), False)),
        ([{"exact": {"zone": "z"}}, {"prefix": {"type": "a"}}], Terms(frozenset({("zone", "z")}), False)),
        ([{"prefix": {"type": "a"}}], None),
        ([{"not": {"exact": {"type": "a"}}}], None),
        (
            [{"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}],
            Terms(frozenset({("type", "a"), ("type", "b")}), True),
        ),
        ([{"any": [{"exact": {"type": "a"}}, {"suffix": {"type": "b"}}]}], None),
        (
            [{"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}, {"exact": {"source": "s"}}],
            Terms(frozenset({("source", "s")}), False),
        ),
        ([{"cesql": "type = 'a' AND n > 3"}], Terms(frozenset({("type", "a")}), False)),
        ([{"cesql": "n = 5"}], None),  # true of '05', too
    ],
)
def test_what_an_index_may_use(filters: list[Any], expected: Terms | None) -> None:
    assert terms(read(filters)) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, None),
        ({"type": ""}, None),
        ({"type": "a"}, Terms(frozenset({("type", "a")}), True)),
        ({"type": "a", "subject": ""}, Terms(frozenset({("type", "a")}), False)),
    ],
)
def test_what_an_index_may_use_of_filter_attributes(wanted: dict[str, str], expected: Terms | None) -> None:
    assert terms(AttributesFilter(wanted)) == expected


def test_what_a_term_says_whole_is_not_asked() -> None:
    asked = compiled.cache_info().currsize
    index = Index({"a": read([{"exact": {"type": "whole"}}]), "b": AttributesFilter({"type": "whole"})})
    assert index.match({"type": "whole"}) == ["a", "b"]
    assert compiled.cache_info().currsize == asked


def test_a_filter_that_is_asked_for_by_many_is_found_for_all_of_them() -> None:
    same = {name: read([{"prefix": {"type": "a"}}]) for name in "abc"} | {"d": AttributesFilter({})}
    assert sorted(Index(same).match({"type": "ab"})) == ["a", "b", "c", "d"]
    assert Index(same).match({"type": "b"}) == ["d"]


def test_a_filter_lies_under_each_of_its_terms_and_is_found_once() -> None:
    index = Index(
        {
            "both": read([{"any": [{"exact": {"type": "a"}}, {"exact": {"source": "s"}}]}]),
            "more": read([{"exact": {"type": "a"}}, {"prefix": {"subject": "x"}}]),
            "one": read([{"exact": {"type": "a"}}]),
        }
    )
    assert sorted(index.match({"type": "a", "source": "s", "subject": "xy"})) == ["both", "more", "one"]
    assert sorted(index.match({"type": "a", "source": "t", "subject": "y"})) == ["both", "one"]
    assert index.match({"type": "b", "source": "s", "subject": "xy"}) == ["both"]
    assert index.match({"id": "1"}) == []


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


def shown(tree: Explained) -> list[tuple[int, str, bool | None, str | None]]:
    return [(level, node.text, node.verdict, node.saw) for level, node in nodes(tree)]


def test_a_filter_is_explained_part_by_part() -> None:
    tree = read(
        [
            {"exact": {"type": "a", "zone": "z"}},
            {"any": [{"prefix": {"source": "/b"}}, {"not": {"suffix": {"source": "x"}}}]},
            {"all": [{"cesql": "n > 3 OR type = 'b'"}]},
        ]
    )
    found = explain(tree, {"type": "a", "source": "/x", "n": "2"})
    assert shown(found) == [
        (0, "filters", False, None),
        (1, "exact", False, None),
        (2, "exact type: a", True, "a"),
        (2, "exact zone: z", False, None),
        (1, "any", False, None),
        (2, "prefix source: /b", False, "/x"),
        (2, "not", False, None),
        (3, "suffix source: x", True, "/x"),
        (1, "all", False, None),
        (2, "cesql: n > 3 OR type = 'b'", False, None),
        (3, "n > 3", False, None),
        (4, "n", None, "'2'"),
        (3, "type = 'b'", False, None),
        (4, "type", None, "'a'"),
    ]
    paths = [node.path for _, node in nodes(found)]
    assert paths[2] == "spec.filters[0].exact.type"
    assert paths[7] == "spec.filters[1].any[1].not.suffix.source"
    assert paths[9] == "spec.filters[2].all[0].cesql"
    assert paths[12] == "spec.filters[2].all[0].cesql, character 10"  # as faults have it


def test_an_error_of_an_expression_is_told_where_it_was_met() -> None:
    found = explain(read([{"cesql": "LENGTH(type) > 3 AND level = 1"}]), {"type": "abcd"})
    told = [(node.text, node.errors) for _, node in nodes(found) if node.errors]
    assert told == [("level", ("character 22: MissingAttributeError: the event has no attribute level",))]
    assert found.verdict is False


def test_literals_of_an_expression_are_left_out() -> None:
    found = explain(read([{"cesql": "TRUE AND 'b' = type AND n IN (-5, 'x' = 'x')"}]), {"type": "b", "n": "-5"})
    assert [node.text for _, node in nodes(found)][2:] == [
        "'b' = type",
        "type",
        "n IN (-5, 'x' = 'x')",
        "n",
        "'x' = 'x'",
    ]


def test_filter_attributes_are_explained_too() -> None:
    found = explain(AttributesFilter({"type": "a", "zone": ""}), {"zone": "z"})
    assert shown(found) == [
        (0, "filter.attributes", False, None),
        (1, "type: a", False, None),
        (1, "zone: '' (any value)", True, "z"),
    ]
    assert [node.looks_at for _, node in nodes(found)] == ["", "type", "zone"]
    assert shown(explain(AttributesFilter(), {})) == [(0, "no filter: every event matches", True, None)]
    below = explain(AllOf((AttributesFilter({"type": "a"}),)), {"type": "a"})
    assert shown(below) == [(0, "filters", True, None), (1, "filter.attributes", True, None), (2, "type: a", True, "a")]


def test_a_dialect_alone_is_a_filter_too() -> None:
    assert explain(Cesql("TRUE"), {}).path == "spec.filters.cesql"
    assert written(AttributesFilter({"type": "a"})) == {"attributes": {"type": "a"}}
    assert compiled(AnyOf(()))({}) is False
    assert terms(AnyOf(())) == Terms(frozenset(), True)
    assert Index({"a": AnyOf(())}).match({"type": "a"}) == []


def test_an_explanation_as_data() -> None:
    assert as_data(explain(read([{"exact": {"type": "a"}}]), {"type": "b"})) == {
        "path": "spec.filters",
        "filter": "filters",
        "verdict": False,
        "saw": None,
        "errors": [],
        "parts": [
            {
                "path": "spec.filters[0].exact.type",
                "filter": "exact type: a",
                "verdict": False,
                "attribute": "type",
                "saw": "b",
                "errors": [],
                "parts": [],
            }
        ],
    }


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

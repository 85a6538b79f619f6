"""The index over filters: it must find exactly what they match, and ask as few as it can."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import any_filter
from tests.any_filter import oracle
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.compiling import compiled
from tradewind.filters.index import Index
from tradewind.filters.terms import Terms, terms
from tradewind.filters.tree import Filter, read

Attributes = Mapping[str, str]


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

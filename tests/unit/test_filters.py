"""Attribute filters, and the index that must find exactly what they match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.index import Index


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
    assert AttributesFilter(wanted).matches(attributes) is matches


ATTRIBUTES = st.dictionaries(st.sampled_from(["type", "source", "n", "subject"]), st.sampled_from(["", "a", "b"]))


@given(st.lists(ATTRIBUTES, max_size=12), ATTRIBUTES)
def test_the_index_finds_what_the_filters_match(wanted: list[dict[str, str]], attributes: dict[str, str]) -> None:
    filters = {number: AttributesFilter(one) for number, one in enumerate(wanted)}
    asked = sorted(number for number, one in filters.items() if one.matches(attributes))
    assert sorted(Index(filters).match(attributes)) == asked

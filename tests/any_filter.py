"""Hypothesis strategies: filters of every dialect, nested at will, and events that now and then match them."""

from hypothesis import strategies as st

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Compared, Filter, How, Not

NAMES = ("id", "type", "source", "subject", "n", "flag")
VALUES = ("a", "ab", "b", "ba", "5", "05", "true", "'", "\\", "é\n")

names = st.sampled_from(NAMES)
values = st.sampled_from(VALUES)

attributes = st.dictionaries(names, values | st.just(""))
"""Attributes of an event; some are missing, some empty."""


def _pairs(how: How, wanted: dict[str, str]) -> Compared:
    return Compared(how, tuple(sorted(wanted.items())))


compared = st.builds(_pairs, st.sampled_from(How), st.dictionaries(names, values, min_size=1, max_size=3))
plain = st.builds(AttributesFilter, st.dictionaries(names, values | st.just(""), max_size=3))
expressions = st.sampled_from(
    [
        "type = 'a'",
        "'b' = type AND source = 'a'",
        "type = 'a' OR source = 'a'",
        "n = 5",
        "EXISTS subject",
        "subject LIKE 'a%'",
        "NOT flag",
        "flag",
        "TRUE",
        "n / 0 = 0",
        "type IN ('a', 'b')",
        "n > 3 XOR flag = TRUE",
        "LENGTH(type)",
    ]
).map(Cesql)


def nested(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """Filters of filters."""
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.builds(AllOf, some) | st.builds(AnyOf, some) | st.builds(Not, inner)


dialects: st.SearchStrategy[Filter] = st.recursive(compared | expressions, nested, max_leaves=8)
"""What may stand in `filters`."""

filters: st.SearchStrategy[Filter] = plain | dialects

"""Hypothesis strategies: filters of every dialect, nested at will, and events that now and then match them.

Beside them what the specification says of a filter, word for word.
"""

from collections.abc import Mapping

from hypothesis import strategies as st

from tradewind.filters import cesql
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.tree import AllOf, AnyOf, Cel, Cesql, Compared, Filter, How, Not

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


def oracle(wanted: Filter, attributes: Mapping[str, str]) -> bool:
    """Whether it matches by the specification."""
    match wanted:
        case AttributesFilter():
            return all(name in attributes and value in ("", attributes[name]) for name, value in wanted.wanted.items())
        case Compared(how, pairs):
            return all(name in attributes and _held(how, attributes[name], value) for name, value in pairs)
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


def _held(how: How, saw: str, value: str) -> bool:
    if how is How.EXACT:
        return saw == value
    least = len(saw) - len(value)
    return least >= 0 and (saw[: len(value)] if how is How.PREFIX else saw[least:]) == value

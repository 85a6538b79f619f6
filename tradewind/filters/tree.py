"""A Trigger's filter as a tree, in the dialects of the subscriptions API (cloudevents §1.7, knative-eventing §2.4).

    filters:                         AllOf
    - exact: {type: a}               ├── Compared(exact, type = a)
    - any:                           └── AnyOf
      - prefix: {source: /b}             ├── Compared(prefix, source = /b)
      - not: {cesql: "n > 3"}            └── Not ── Cesql(n > 3)

The tree is data and nothing else: a Plan holds it, two of them may be compared and hashed.  What is done with it has a
module each: `compiling` asks it of an event, `terms` finds what an index may use, `explain` says why.  A new kind of
node is one more member of `Filter`; mypy names every place that must know it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from tradewind.filters.attributes import AttributesFilter

DIGITS = 16
"""Hexadecimal digits of a digest: 64 bits, short enough for every cursor record."""
KEPT = 10_000
"""Filters whose digest is kept."""


class How(StrEnum):
    """How an attribute's value is compared; each is a dialect of that name."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"


@dataclass(frozen=True, slots=True)
class Compared:
    """`exact`, `prefix` or `suffix`: every named attribute is there, and its value is so."""

    how: How
    wanted: tuple[tuple[str, str], ...]
    """Names and values, by name."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """`all`, and the list `filters` itself: every one of them matches."""

    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`any`: one of them matches, or more."""

    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`not`: the filter does not match; so it is true of an attribute that is not there."""

    filter: "Filter"


@dataclass(frozen=True, slots=True)
class Cesql:
    """`cesql`: the expression is TRUE, a Boolean, and meets no error."""

    text: str


@dataclass(frozen=True, slots=True)
class Cel:
    """`cel`: the CEL expression of the event's attributes and data is true, and meets no error."""

    text: str


Filter = AttributesFilter | Compared | AllOf | AnyOf | Not | Cesql | Cel
"""Anything that decides which events a Trigger wants."""


def read(filters: Sequence[Mapping[str, Any]]) -> AllOf:  # a manifest is whatever YAML holds
    """The tree of a `filters` list that was checked."""
    return AllOf(tuple(map(_read, filters)))


def _read(fields: Mapping[str, Any]) -> Filter:  # as above
    ((dialect, value),) = ((name, held) for name, held in fields.items() if held is not None)
    match dialect:
        case "all":
            return AllOf(tuple(map(_read, value)))
        case "any":
            return AnyOf(tuple(map(_read, value)))
        case "not":
            return Not(_read(value))
        case "cesql":
            return Cesql(value)
        case "cel":
            return Cel(value)
        case _:
            return Compared(How(dialect), tuple(sorted(value.items())))


def written(wanted: Filter) -> dict[str, Any]:  # as above
    """The filter as a manifest has it, in one spelling: what a Trigger's generation is computed of."""
    match wanted:
        case AttributesFilter():
            return {"attributes": dict(wanted.wanted)}
        case Compared():
            return {wanted.how.value: dict(wanted.wanted)}
        case AllOf():
            return {"all": [written(one) for one in wanted.filters]}
        case AnyOf():
            return {"any": [written(one) for one in wanted.filters]}
        case Cesql():
            return {"cesql": wanted.text}
        case Cel():
            return {"cel": wanted.text}
        case _:
            return {"not": written(wanted.filter)}


@lru_cache(KEPT)
def digest(wanted: Filter, *, max_data_bytes: int) -> str:
    """A short hash of all that decides, the same in every process: which filter decided about an event.

    That is what the filter says; and where it looks at data, how many bytes of them it may.
    """
    decides = written(wanted)
    if sees_data(wanted):
        decides["maxDataBytes"] = max_data_bytes
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]


def members(wanted: AllOf | AnyOf) -> Iterator[Filter]:
    """What must match: an `all` in an `all`, or an `any` in an `any`, is its members; so is either of one member."""
    kind = type(wanted)
    for one in wanted.filters:
        while isinstance(one, AllOf | AnyOf) and len(one.filters) == 1:
            (one,) = one.filters
        if isinstance(one, AllOf | AnyOf) and isinstance(one, kind):
            yield from members(one)
        else:
            yield one


@lru_cache(KEPT)
def sees_data(wanted: Filter) -> bool:
    """Whether somewhere in it a filter looks at data."""
    match wanted:
        case AllOf() | AnyOf():
            return any(map(sees_data, wanted.filters))
        case Not():
            return sees_data(wanted.filter)
        case _:
            return isinstance(wanted, Cel)


def by_attributes(wanted: Filter) -> Filter:
    """What attributes alone can say: every event that passes `wanted` passes this."""
    return _bound(wanted, upper=True) if sees_data(wanted) else wanted


def _bound(wanted: Filter, *, upper: bool) -> Filter:
    """The filter with each `cel` taken for true where that lets more events pass (`upper`), or fewer."""
    match wanted:
        case AllOf():
            return AllOf(tuple(_bound(one, upper=upper) for one in wanted.filters))
        case AnyOf():
            return AnyOf(tuple(_bound(one, upper=upper) for one in wanted.filters))
        case Not():
            return Not(_bound(wanted.filter, upper=not upper))
        case Cel():
            return AllOf(()) if upper else AnyOf(())
        case _:
            return wanted

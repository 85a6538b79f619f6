"""What is a valid `filters`: each dialect's rules, and the bounds of the whole tree.  Every fault has its own path.

A structural schema cannot recurse, so the CRD leaves nested filters open (as Knative's does) and what stands in them is
checked here, by the same words at every level.  The bounds are what keeps each event's cost small and known:

    MAX_DEPTH    levels, an `all` in an `all` and an `any` in an `any` being one, those of an expression counted in
    MAX_NODES    filters, and pairs of attribute and value
    cesql, cel   a bound of text, over all expressions of a Trigger together
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tradewind.errors import Fault, InvalidCel, InvalidExpression
from tradewind.filters import cel
from tradewind.filters.cesql.bounds import MAX_TEXT_BYTES
from tradewind.filters.expressions import expression
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Filter, How, Not
from tradewind.resources import checking, formats
from tradewind.resources.schema import Schema, Type, anything, listing, mapping, obj, text

MAX_DEPTH = 32
"""Levels of a filter.  People write three or four; generated Python fails at 100."""

MAX_NODES = 1000
"""Filters and attributes of a Trigger: all of them may have to be asked of every event (50 ns each)."""

MAX_NESTING = 100
"""Levels as they are written, which the checking itself descends: as many as YAML may have."""

NOT_INSTALLED = "it: `pip install 'tradewind[cel]'`"
NOT_PORTABLE = "a dialect that Knative takes, too, as --portable asks: cel is Tradewind's own"

_EXPRESSIONS = ("cesql", "cel")

_PAIRS = replace(
    mapping("Attribute and value.", Schema(Type.STRING, rule=formats.not_empty), keys=formats.attribute_name),
    rule=lambda pairs: None if pairs else "at least one attribute and its value",
)
_LIST = listing("Filters.", anything("A filter."))
_SCHEMAS: Mapping[str, Schema] = {
    **{how.value: replace(_PAIRS, description=f"The attribute's value: {how.value}.") for how in How},
    **{name: replace(_LIST, description=f"Filters of which {name} must match.") for name in ("all", "any")},
    "not": anything("A filter that must not match."),
    "cesql": text("An expression in CloudEvents SQL."),
    "cel": text("An expression in CEL over `event` and `data`: Tradewind's own, not of the subscriptions API."),
}


def schema() -> Schema:
    """`spec.filters` of a Trigger.  Knative's, which leaves the nested ones open."""
    one = replace(obj("One filter, in one dialect.", _SCHEMAS), min_properties=1, max_properties=1)
    return replace(listing("Filters that must all match; `filter` is not used then.", one), inside=faults)


def faults(value: list[Any], path: str) -> list[Fault]:  # a manifest is whatever YAML holds
    """Every fault of a `filters` list."""
    return list(_Walk(path).filters(value, path, _Place("all" if len(value) > 1 else "", int(len(value) > 1))))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the tree: what it stands in (`all` or `any`, which take up their like; `not`; nothing), and how deep."""

    within: str
    level: int
    """Levels above it, flattened."""
    nesting: int = 0
    """Levels above it, as they are written."""

    def below(self, kind: str, count: int) -> "_Place":
        """The place of the members of what stands here."""
        nesting = self.nesting + 1
        if kind != "not" and (count == 1 or kind == self.within):
            return _Place(self.within, self.level, nesting)
        return _Place(kind, self.level + 1, nesting)


class _Walk:
    """One walk through the tree, which counts."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._nodes = 0
        self._text = 0

    def filters(self, value: list[Any], path: str, place: _Place) -> Iterator[Fault]:  # as above
        """The faults of a list of filters."""
        for index, one in enumerate(value):
            yield from self._filter(one, f"{path}[{index}]", place)

    def _filter(self, value: Any, path: str, place: _Place) -> Iterator[Fault]:  # as above
        self._nodes += 1
        if self._nodes > MAX_NODES:
            yield from self._too_many()
            return
        if not isinstance(value, dict):
            yield Fault(path, checking.describe(value), f"a mapping of one dialect: {_ONE_OF}")
            return
        unknown = [name for name in value if name not in _SCHEMAS]
        yield from (checking.unknown(str(name), _SCHEMAS, path) for name in unknown)
        written = [name for name in _SCHEMAS if value.get(name) is not None]
        if len(written) != 1 and not (unknown and not written):
            found = f"{len(written)} dialects ({', '.join(written)})" if written else "no dialect"
            yield Fault(path, found, f"exactly one of {_ONE_OF}; `all` joins several")
        for name in written:
            yield from self._dialect(name, value[name], f"{path}.{name}", place)

    def _dialect(self, name: str, value: Any, path: str, place: _Place) -> Iterator[Fault]:  # as above
        if name in tuple(How) and isinstance(value, dict) and len(value) > MAX_NODES:  # however wrong each of them is
            self._nodes += len(value)
            yield from self._too_many()
            return
        flat = name in (*How, *_EXPRESSIONS)
        found = checking.check(_SCHEMAS[name], value, path) if flat else _of_type(name, value, path)
        yield from found
        if found:
            return
        if place.nesting >= MAX_NESTING:
            yield Fault(path, f"more than {MAX_NESTING} filters in one another", f"at most {MAX_NESTING}")
        elif name == "not":
            yield from self._filter(value, path, place.below(name, 1))
        elif name in ("all", "any"):
            yield from self.filters(value, path, place.below(name, len(value)))
        elif name in _EXPRESSIONS:
            yield from self._expression(name, value, path, place)
        else:
            self._nodes += len(value)
            if self._nodes > MAX_NODES:
                yield from self._too_many()
            yield from _too_deep(path, place.level, 1)

    def _too_many(self) -> Iterator[Fault]:
        """Once, however many more there are."""
        if self._path:
            yield Fault(self._path, f"more than {MAX_NODES} filters and attributes", f"at most {MAX_NODES}")
            self._path = ""

    def _expression(self, name: str, value: str, path: str, place: _Place) -> Iterator[Fault]:
        before = self._text
        self._text += len(value.encode("utf-8", "surrogatepass"))
        if before and self._text > MAX_TEXT_BYTES:
            found = f"with those before it {self._text:,} bytes of expressions"
            yield Fault(path, found, f"at most {MAX_TEXT_BYTES:,} in all expressions of a Trigger")
            return
        if name == "cel":
            yield from _cel(value, path)
            yield from _too_deep(path, place.level, 1)
            return
        try:
            read = expression(value)
        except InvalidExpression as invalid:
            yield from _placed(invalid.faults, path)
        else:
            yield from _placed(read.faults, path)
            yield from _too_deep(path, place.level, read.depth)


def _cel(value: str, path: str) -> Iterator[Fault]:
    if not cel.installed():
        yield Fault(path, "the dialect cel, whose library is not installed", NOT_INSTALLED)
        return
    try:
        cel.expression(value)
    except InvalidCel as invalid:
        yield from _placed(invalid.faults, path)


_ONE_OF = ", ".join(_SCHEMAS)


def doubts(wanted: Filter, path: str) -> Iterator[Fault]:
    """Where an expression may mean something else than its author thinks: to be told, refusing nothing."""
    match wanted:
        case Cesql():
            yield from _placed(expression(wanted.text).doubts, f"{path}.cesql")
        case Not():
            yield from doubts(wanted.filter, f"{path}.not")
        case AnyOf():
            for index, one in enumerate(wanted.filters):
                yield from doubts(one, f"{path}.any[{index}]")
        case AllOf():
            below = path if path.endswith("filters") else f"{path}.all"
            for index, one in enumerate(wanted.filters):
                yield from doubts(one, f"{below}[{index}]")


def unportable(value: Any, path: str) -> Iterator[Fault]:  # as above
    """Where a `filters` list, right or wrong otherwise, holds what Knative on Kubernetes does not take."""
    for index, one in enumerate(value if isinstance(value, list) else ()):
        yield from _unportable(one, f"{path}[{index}]", MAX_NESTING)


def _unportable(value: Any, path: str, left: int) -> Iterator[Fault]:  # as above
    for name, held in value.items() if isinstance(value, dict) and left else ():
        if name == "cel" and held is not None:
            yield Fault(f"{path}.cel", "the dialect cel", NOT_PORTABLE)
        elif name == "not":
            yield from _unportable(held, f"{path}.not", left - 1)
        elif name in ("all", "any") and isinstance(held, list):
            for index, one in enumerate(held):
                yield from _unportable(one, f"{path}.{name}[{index}]", left - 1)


def _placed(found: Sequence[Fault], path: str) -> Iterator[Fault]:
    """Faults of an expression, each with the place of the expression before its own."""
    return (replace(fault, path=f"{path}, {fault.path}") for fault in found)


def _of_type(name: str, value: Any, path: str) -> list[Fault]:  # as above
    """Faults of what holds filters: another type, or none of them."""
    if name == "not":
        return [] if isinstance(value, dict) else [Fault(path, checking.describe(value), "a mapping: one filter")]
    if isinstance(value, list) and value:
        return []
    return [Fault(path, checking.describe(value), "a list of at least one filter")]


def _too_deep(path: str, above: int, own: int) -> Iterator[Fault]:
    if above + own > MAX_DEPTH:
        how = f" ({above} of the filters, {own} of the expression)" if own > 1 else ""
        yield Fault(path, f"{above + own} levels{how}", f"at most {MAX_DEPTH}")

"""Why a filter takes an event or not: the filter as a tree, with the verdict of each node and the value it saw.

Every node is asked, also those whose verdict no longer counts, since who reads this wants to know what else is wrong.
It decides by itself, in plain recursion: a property test holds it to what `compiling` makes of the same filter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tradewind.filters import cel, cesql
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.cesql.values import shown
from tradewind.filters.expressions import expression
from tradewind.filters.tree import AllOf, AnyOf, Cel, Cesql, Compared, Filter, How

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Explained:
    """A node of a filter, asked of one event."""

    path: str
    """Where it stands in the Trigger, as faults have it: `spec.filters[0].any[1].prefix`, `….cesql, character 9`."""
    text: str
    """What stands there, in one line: `any`, `prefix source: /b`, `n > 3`."""
    verdict: bool | None
    """Whether it matches; None for a part of an expression whose value is no Boolean."""
    saw: str | None = None
    """The value of the attribute that it looks at, or of the expression; None where there is none."""
    looks_at: str = ""
    """The attribute that it looks at."""
    errors: tuple[str, ...] = ()
    """What an expression met: with any, it does not match."""
    parts: tuple["Explained", ...] = ()


def explain(wanted: Filter, attributes: Attributes, activation: cel.Activation | None = None) -> Explained:
    """Ask the filter of an event with these attributes; its data are in the activation, if it has any."""
    seen = _Seen(attributes, activation or cel.Activation(attributes))
    match wanted:
        case AttributesFilter():
            path = "spec.filter.attributes"
            pairs = tuple(_wanted(f"{path}.{n}", n, v, attributes) for n, v in sorted(wanted.wanted.items()))
            text = "filter.attributes" if pairs else "no filter: every event matches"
            return Explained(path if pairs else "spec.filter", text, all(one.verdict for one in pairs), parts=pairs)
        case AllOf():
            return _all_of(wanted, "spec.filters", seen, "filters")
        case _:
            return _explain(wanted, "spec.filters", seen)


def nodes(tree: Explained, level: int = 0) -> Iterator[tuple[int, Explained]]:
    """Every node behind its level, parents first."""
    yield level, tree
    for part in tree.parts:
        yield from nodes(part, level + 1)


def as_data(tree: Explained) -> dict[str, object]:
    """The tree as it is printed in JSON."""
    return {
        "path": tree.path,
        "filter": tree.text,
        "verdict": tree.verdict,
        **({"attribute": tree.looks_at} if tree.looks_at else {}),
        "saw": tree.saw,
        "errors": list(tree.errors),
        "parts": [as_data(part) for part in tree.parts],
    }


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is asked about."""

    attributes: Attributes
    activation: cel.Activation


def _explain(wanted: Filter, path: str, seen: _Seen) -> Explained:
    match wanted:
        case AttributesFilter():
            return explain(wanted, seen.attributes)
        case Compared():
            return _compared(wanted, f"{path}.{wanted.how.value}", seen.attributes)
        case AllOf():
            return _all_of(wanted, f"{path}.all", seen, "all")
        case AnyOf():
            parts = _members(wanted, f"{path}.any", seen)
            return Explained(f"{path}.any", "any", any(one.verdict for one in parts), parts=parts)
        case Cesql():
            return _expression(wanted.text, f"{path}.cesql", seen.attributes)
        case Cel():
            return _cel(wanted.text, f"{path}.cel", seen.activation)
        case _:
            part = _explain(wanted.filter, f"{path}.not", seen)
            return Explained(f"{path}.not", "not", not part.verdict, parts=(part,))


def _all_of(wanted: AllOf, path: str, seen: _Seen, text: str) -> Explained:
    parts = _members(wanted, path, seen)
    return Explained(path, text, all(one.verdict for one in parts), parts=parts)


def _members(wanted: AllOf | AnyOf, path: str, seen: _Seen) -> tuple[Explained, ...]:
    return tuple(_explain(one, f"{path}[{at}]", seen) for at, one in enumerate(wanted.filters))


def _compared(wanted: Compared, path: str, attributes: Attributes) -> Explained:
    parts = tuple(_pair(wanted.how, path, pair, attributes) for pair in wanted.wanted)
    if len(parts) == 1:
        return parts[0]
    return Explained(path, wanted.how.value, all(one.verdict for one in parts), parts=parts)


def _pair(how: How, path: str, pair: tuple[str, str], attributes: Attributes) -> Explained:
    name, value = pair
    saw = attributes.get(name)
    return Explained(
        f"{path}.{name}", f"{how.value} {name}: {value}", saw is not None and _is(how, saw, value), saw, name
    )


def _is(how: How, saw: str, value: str) -> bool:
    match how:
        case How.EXACT:
            return saw == value
        case How.PREFIX:
            return saw.startswith(value)
        case _:
            return saw.endswith(value)


def _wanted(path: str, name: str, value: str, attributes: Attributes) -> Explained:
    """One of `filter.attributes`: an empty value asks only that it is there."""
    saw = attributes.get(name)
    text = f"{name}: {value}" if value else f"{name}: '' (any value)"
    return Explained(path, text, saw is not None and value in ("", saw), saw, name)


def _expression(text: str, path: str, attributes: Attributes) -> Explained:
    found = expression(text).explain(attributes)
    return Explained(
        path, f"cesql: {text}", found.matches, _shown(found), errors=_errors(found), parts=_parts(found, path)
    )


def _parts(found: cesql.Explained, path: str) -> tuple[Explained, ...]:
    """What an expression is made of; literals are left out, which say what they say."""
    return tuple(_part(part, path) for part in found.parts if not part.literal)


def _part(found: cesql.Explained, path: str) -> Explained:
    """A part of an expression; one that was not evaluated has no verdict."""
    verdict = found.value if isinstance(found.value, bool) else None
    place = f"{path}, character {found.span[0] + 1}"
    return Explained(place, found.text, verdict, _shown(found), errors=_errors(found), parts=_parts(found, path))


def _shown(found: cesql.Explained) -> str | None:
    """The value as an expression would write it; nothing where the verdict says it."""
    return None if found.value is None or isinstance(found.value, bool) else shown(found.value)


def _errors(found: cesql.Explained) -> tuple[str, ...]:
    return tuple(map(str, found.raised))


def _cel(text: str, path: str, activation: cel.Activation) -> Explained:
    verdict = cel.expression(text).matches(activation)
    error = activation.errors.get(text)
    return Explained(path, f"cel: {text}", verdict, errors=() if error is None else (error,))

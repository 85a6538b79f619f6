"""Checks a manifest against its schema and names every fault.

A null counts as not written, as for the API server.  A rule of an object is asked when the properties that it looks at
are right, so that it may rely on their types.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources.schema import Rule, Schema, Type

_PYTHON: Mapping[Type, type] = {
    Type.OBJECT: dict,
    Type.ARRAY: list,
    Type.STRING: str,
    Type.INTEGER: int,
    Type.BOOLEAN: bool,
}
_NAMES: Mapping[Type, str] = {
    Type.OBJECT: "a mapping",
    Type.ARRAY: "a list",
    Type.STRING: "a string",
    Type.INTEGER: "a whole number",
    Type.BOOLEAN: "true or false",
}

UNKNOWN = 100
"""Unknown fields of a mapping that are faults of their own; to find what is meant by one takes 20 µs.  An object of
the API server may hold a hundred thousand, in fields that are kept whatever they are, and events wait meanwhile."""


def check(schema: Schema, value: Any, path: str) -> list[Fault]:  # a manifest is whatever YAML holds
    """Every fault of `value`; `path` is where it lies, and ends with ': ' where it is a whole object's."""
    if not _is(schema.type, value):
        return [Fault(path.removesuffix(": "), as_found(schema, value), _wanted(schema, value))]
    if schema.unserved:
        return [Fault(path, describe(value), schema.unserved)] if value else []
    if schema.inside is not None:
        return schema.inside(value, path)
    return [*_inside(schema, value, path), *_itself(schema, value, path)]


def describe(value: Any) -> str:  # as above
    """A wrong value as a fault shows it: a text or number itself, of anything else what it is."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"{str(value).lower()} (true or false, not text)"
        case str():
            return shown(value)
        case int() | float():
            return f"{str(value)[:40]} (a number)"
        case dict():
            return f"a mapping of {', '.join(map(str, value))[:80]}" if value else "an empty mapping"
        case list():
            return "a list" if value else "an empty list"
        case bytes():
            return "binary data (!!binary)"
        case set():
            return "a set (!!set)"
        case _:
            return f"a {type(value).__name__}"


def quoted(expected: str, value: Any) -> str:  # as above
    """What was expected where a text was; YAML reads some texts as something else."""
    return f"{expected}: put it in quotes" if isinstance(value, bool | int | float) else expected


def join(path: str, name: str) -> str:
    """The path of a property."""
    return f"{path}{name}" if path.endswith(": ") or not path else f"{path}.{name}"


def unknown(name: str, known: Iterable[str], path: str) -> Fault:
    """The fault of a field that no schema knows, with the one that was probably meant."""
    known = sorted(known)
    near = difflib.get_close_matches(name.lower(), [one.lower() for one in known], n=1)
    meant = next((f"; is {one} meant?" for one in known if one.lower() in near), "")
    return Fault(join(path, name), "an unknown field", f"one of {', '.join(known)}{meant}" if known else "nothing")


def as_found(schema: Schema, value: Any) -> str:  # as above
    """As `describe`, unless the value is a secret."""
    return "a value that is not shown" if schema.hidden else describe(value)


def _is(wanted: Type, value: Any) -> bool:  # as above
    if wanted is Type.INTEGER and isinstance(value, bool):
        return False
    return isinstance(value, _PYTHON[wanted])


def _wanted(schema: Schema, value: Any) -> str:  # as above
    name = _NAMES[schema.type]
    return quoted(name, value) if schema.type is Type.STRING else name


def _inside(schema: Schema, value: Any, path: str) -> Iterator[Fault]:  # as above
    """Faults of what a value holds."""
    match value:
        case dict():
            yield from _fields(schema, value, path)
        case list() if schema.items is not None:
            for index, item in enumerate(value):
                yield from check(schema.items, item, f"{path}[{index}]")


def _fields(schema: Schema, value: dict[Any, Any], path: str) -> Iterator[Fault]:  # as above
    strange = 0
    for name, held in value.items():
        if not isinstance(name, str):
            yield Fault(join(path, str(name)), f"the key {describe(name)}", "a key that is text: put it in quotes")
        elif schema.values is not None:
            yield from _entry(schema.keys, schema.values, name, held, f"{path}.{name}")
        elif name not in schema.properties:
            strange += not schema.open
            if not schema.open and strange <= UNKNOWN:
                yield unknown(name, schema.properties, path)
        elif held is not None:
            yield from check(schema.properties[name], held, join(path, name))
    if strange > UNKNOWN:
        more, known = f"{strange - UNKNOWN:,} more unknown fields", f"one of {', '.join(sorted(schema.properties))}"
        yield Fault(path.removesuffix(": "), more, known)
    yield from _missing(schema, value, path)


def _entry(keys: Rule | None, values: Schema, name: str, held: Any, path: str) -> Iterator[Fault]:  # as above
    """Faults of one key of a map; a null there is the empty string, as for the API server."""
    expected = keys(name) if keys else None
    if expected is not None:
        yield Fault(path, f"the key {shown(name)}", expected)
    yield from check(values, "" if held is None else held, path)


def _missing(schema: Schema, value: dict[Any, Any], path: str) -> Iterator[Fault]:  # as above
    given = {name for name, held in value.items() if held not in (None, "", {})}
    for name in schema.required:
        if value.get(name) is None:
            wanted = schema.properties[name]
            yield Fault(join(path, name), "nothing", f"{_NAMES[wanted.type]}: it is required")
    here = path.removesuffix(": ")
    if schema.any_of and not given & set(schema.any_of):
        yield Fault(here, f"neither {' nor '.join(schema.any_of)}", " or ".join(schema.any_of))
    if schema.one_of and len(given & set(schema.one_of)) != 1:
        found = "both" if given & set(schema.one_of) else "none of them"
        yield Fault(here, found, f"exactly one of {', '.join(schema.one_of)}")
    if schema.at_most_one_of and given.issuperset(schema.at_most_one_of):
        names = " or ".join(f"`{name}`" for name in schema.at_most_one_of)
        yield Fault(here, "both", f"{names}, not both")


def _itself(schema: Schema, value: Any, path: str) -> Iterator[Fault]:  # as above
    """Faults of a value as a whole."""
    here = path.removesuffix(": ")
    if schema.enum and value not in schema.enum:
        yield Fault(here, describe(value), f"one of {', '.join(schema.enum)}")
    if isinstance(value, int) and not _in_range(schema, value):
        yield Fault(here, describe(value), _range(schema))
    if schema.rule is not None and _sound(schema, value) and (expected := schema.rule(value)) is not None:
        yield Fault(here, as_found(schema, value), expected)


def _sound(schema: Schema, value: Any) -> bool:  # as above
    """Whether an object's rule may rely on what it looks at."""
    looked_at = {name: value[name] for name in schema.rule_on if value.get(name) is not None}
    return not any(check(schema.properties[name], held, name) for name, held in looked_at.items())


def _in_range(schema: Schema, value: int) -> bool:
    least = schema.minimum is None or value >= schema.minimum
    return least and (schema.maximum is None or value <= schema.maximum)


def _range(schema: Schema) -> str:
    return f"a whole number from {schema.minimum} to {schema.maximum}"

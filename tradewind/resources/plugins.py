"""Kinds of sources that other packages bring (`docs/writing-a-source.md`): known from when a process loads them, before
it reads manifests (`runtime/plugins.py`), and then read, checked and defaulted as our own are.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from tradewind.errors import Fault
from tradewind.resources import formats, shapes
from tradewind.resources.checking import as_found
from tradewind.resources.kinds import KINDS, Kind
from tradewind.resources.schema import Inside, Rule, Schema, Type, anything, obj

OWN = ("sink", "ceOverrides")
"""Properties of `spec` that every source has, and none declares itself."""

_brought: dict[tuple[str, str], Kind] = {}
_unusable: dict[str, str] = {}


def bring(api_version: str, kind: str, spec: Schema) -> None:
    """Know this kind.  Raises ValueError, in words, for what cannot be one."""
    group, _, version = api_version.partition("/")
    if not (group and version) or formats.dns_name(group) or formats.dns_label(version):
        raise ValueError(f"apiVersion {api_version!r}: expected group/version, such as example.com/v1")
    if not re.fullmatch("[A-Z][A-Za-z0-9]{0,62}", kind):
        raise ValueError(f"kind {kind!r}: expected a word as Kubernetes has it, such as LineSource")
    if spec.type is not Type.OBJECT:
        raise ValueError(f"spec: expected an object, found {spec.type}")
    if any(name == kind for _, name in known()):
        raise ValueError(f"there is a kind {kind} already, and a name tells which is meant")
    if taken := sorted(spec.properties.keys() & set(OWN)):
        raise ValueError(f"spec declares {' and '.join(taken)}, which every source has")
    spec = _guarded(spec)
    fields = {
        **spec.properties,
        "sink": shapes.destination("Where the events go."),
        "ceOverrides": shapes.ce_overrides(),
    }
    whole = replace(spec, properties=fields, required=(*spec.required, "sink"))
    manifest = obj("", {"spec": whole, "status": anything("")}, required=("spec",))
    _brought[api_version, kind] = Kind(group, version, kind, manifest, plural=f"{kind.lower()}s")


def _guarded(schema: Schema) -> Schema:
    """The same, but that a rule which fails is a fault of what it was asked about, and not the end of whoever reads."""
    return replace(
        schema,
        properties={name: _guarded(held) for name, held in schema.properties.items()},
        values=_guarded(schema.values) if schema.values is not None else None,
        items=_guarded(schema.items) if schema.items is not None else None,
        rule=_guarded_rule(schema, schema.rule) if schema.rule is not None else None,
        keys=_guarded_rule(schema, schema.keys) if schema.keys is not None else None,
        inside=_guarded_inside(schema, schema.inside) if schema.inside is not None else None,
    )


def _guarded_rule(schema: Schema, rule: Rule) -> Rule:
    def guarded(value: object) -> str | None:
        try:
            return rule(value)
        except Exception as error:  # of somebody else's code
            return _failed(schema, error)

    return guarded


def _guarded_inside(schema: Schema, inside: Inside) -> Inside:
    def guarded(value: object, path: str) -> list[Fault]:
        try:
            return inside(value, path)
        except Exception as error:  # as above
            return [Fault(path, as_found(schema, value), _failed(schema, error))]

    return guarded


def _failed(schema: Schema, error: Exception) -> str:
    """What an exception says may be the very value that is not shown."""
    said = "" if schema.hidden else f": {error}"
    return f"what its kind's rule takes ({type(error).__name__}{said})"


def refuse(kind: str, why: str) -> None:
    """Remember why the kind of this name cannot be had; a manifest that asks for it is told."""
    _unusable[kind] = why


def known() -> Mapping[tuple[str, str], Kind]:
    """Every kind that is read, by apiVersion and kind: ours, and those that were brought."""
    return {**KINDS, **_brought}


def unusable(kind: str) -> str:
    """Why a kind of this name cannot be had, in words; empty where nobody brought one."""
    return _unusable.get(kind, "")


def forget() -> None:
    """Know our own kinds alone, as a process does that has loaded nothing yet."""
    _brought.clear()
    _unusable.clear()

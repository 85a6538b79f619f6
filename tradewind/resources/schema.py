"""The schema of a resource: one tree of nodes, from which both the checking of manifests and the CRDs are made.

    Schema ──checking.check──► every fault of a manifest, with its path
           ──crds.render─────► openAPIV3Schema (structural, as Kubernetes asks)

A node says what OpenAPI can say, plus three things that it cannot: `rule`, a check in Python whose answer is what was
expected; `inside`, for what recurs; and `unserved`, for what Knative allows and this version does not serve, which is
refused here and stays in the CRD so that another controller's objects keep it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tradewind.errors import Fault

Rule = Callable[[Any], str | None]  # a rule sits behind its node's type check, so it knows what it gets
"""Given a value of the node's type: what would have been right, in words, or None where nothing is wrong."""

Inside = Callable[[Any, str], list[Fault]]  # as above
"""Given a value of the node's type and its path: every fault in it."""


class Type(StrEnum):
    """OpenAPI's word for a value's type."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Schema:
    """One node.  An object has `properties`, or `values` where its keys are free, or neither where it is `open`."""

    type: Type
    description: str = ""
    properties: Mapping[str, "Schema"] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    """Properties of which exactly one must be given (`crds` says why OpenAPI's oneOf is not used for it)."""
    at_most_one_of: tuple[str, ...] = ()
    """Two properties that must not both be given."""
    immutable: tuple[str, ...] = ()
    """Properties that stay as they were given, or not given, when the object was made (Kubernetes only)."""
    any_of: tuple[str, ...] = ()
    """Properties of which at least one must be given."""
    values: "Schema | None" = None
    """What every value of a map is."""
    keys: Rule | None = None
    """What every key of a map must be."""
    items: "Schema | None" = None
    open: bool = False
    """Whatever else it holds is neither read nor refused, and kept by the API server."""
    preserved: bool = False
    """What the CRD does not name is kept by the API server all the same; a manifest may hold nothing else."""
    enum: tuple[str, ...] = ()
    format: str = ""
    minimum: int | None = None
    maximum: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    rule: Rule | None = None
    rule_on: tuple[str, ...] = ()
    """Properties whose values an object's rule looks at: it is asked once these are right, whatever else is wrong."""
    inside: Inside | None = None
    """Checks the whole value in place of this node's own words, which say to the API server what they can."""
    hidden: bool = False
    """A secret: no message shows what was found."""
    unserved: str = ""
    """Why a value that holds anything is refused, and what to do instead."""


def obj(description: str, properties: Mapping[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """An object whose properties are these and no others."""
    return Schema(Type.OBJECT, description, properties, required)


def text(description: str, *, rule: Rule | None = None, enum: tuple[str, ...] = (), unserved: str = "") -> Schema:
    """A string."""
    return Schema(Type.STRING, description, rule=rule, enum=enum, unserved=unserved)


def mapping(description: str, values: Schema | None = None, *, keys: Rule | None = None) -> Schema:
    """A map of free keys; of strings, where nothing else is said."""
    return Schema(Type.OBJECT, description, values=values or Schema(Type.STRING), keys=keys)


def listing(description: str, items: Schema) -> Schema:
    """A list."""
    return Schema(Type.ARRAY, description, items=items)


def anything(description: str) -> Schema:
    """An object of which nothing is asked."""
    return Schema(Type.OBJECT, description, open=True)

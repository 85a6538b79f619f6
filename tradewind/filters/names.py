"""Which attributes a filter looks at: who asks it of very many records need decode no others."""

from collections.abc import Iterator

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.cesql.tree import Attribute, Exists, Node, children
from tradewind.filters.expressions import expression
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Compared, Filter, Not


def names(wanted: Filter) -> frozenset[str]:
    """Their names; of a filter that looks at data, those of its other parts."""
    match wanted:
        case AttributesFilter():
            return frozenset(wanted.wanted)
        case Compared():
            return frozenset(name for name, _ in wanted.wanted)
        case AllOf() | AnyOf():
            return frozenset().union(*map(names, wanted.filters))
        case Not():
            return names(wanted.filter)
        case Cesql():
            return frozenset(_named(expression(wanted.text).tree))
        case _:
            return frozenset()


def _named(node: Node) -> Iterator[str]:
    if isinstance(node, Attribute | Exists):
        yield node.name
    for child in children(node):
        yield from _named(child)

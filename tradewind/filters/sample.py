"""Attributes of an event that a filter would take, as far as it says so plainly: for a line that people may try."""

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.expressions import expression
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Compared, Filter, members


def sample(wanted: Filter) -> dict[str, str]:
    """Names and values; '' where any value does.  Whether an event with them passes, the filter must be asked."""
    match wanted:
        case AttributesFilter():
            return dict(wanted.wanted)
        case Compared():
            return dict(wanted.wanted)
        case AllOf():
            return {name: value for one in members(wanted) for name, value in sample(one).items()}
        case AnyOf():
            return sample(next(members(wanted)))
        case Cesql():
            return dict(expression(wanted.text).equalities)
        case _:
            return {}

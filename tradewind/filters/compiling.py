"""A filter → a Python function of an event's attributes: one expression for the whole tree.

    all: [exact: {type: a}, not: {prefix: {source: /b}}, cesql: "n > 3"]
    lambda a: a.get('type') == 'a' and not a.get('source', '').startswith('/b') and c0(a)

Only literals and names made here enter the source, so nobody's text is ever run as code.  An absent attribute is simply
false, as no wanted value is empty (admission).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.expressions import expression
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Compared, Filter, How, members

Matches = Callable[[Mapping[str, str]], bool]
"""Whether an event with these attributes passes.  Never raises."""

KEPT = 10_000
"""Filters whose function is kept: an index made anew compiles what has changed, and nothing else."""


@lru_cache(KEPT)
def compiled(wanted: Filter) -> Matches:
    """The function of a filter that was admitted."""
    writer = _Writer()
    source = f"lambda a: {writer.expression(wanted)}"
    function: Matches = eval(source, {"__builtins__": {}, **writer.names})
    return function


class _Writer:
    """Writes the source; collects what it calls."""

    def __init__(self) -> None:
        self.names: dict[str, Matches] = {}

    def expression(self, wanted: Filter) -> str:
        """A Python expression that is True or False; it binds no looser than `and`."""
        match wanted:
            case AttributesFilter():
                return _both(
                    [f"a.get({n!r}) == {v!r}" if v else f"{n!r} in a" for n, v in sorted(wanted.wanted.items())]
                )
            case Compared():
                return _both([_comparison(wanted.how, name, value) for name, value in wanted.wanted])
            case AllOf():
                return _both([self.expression(one) for one in members(wanted)])
            case AnyOf():
                return f"({' or '.join(self._alternatives(wanted)) or 'False'})"
            case Cesql():
                name = f"c{len(self.names)}"
                self.names[name] = expression(wanted.text).matches
                return f"{name}(a)"
            case _:
                return f"(not ({self.expression(wanted.filter)}))"

    def _alternatives(self, wanted: AnyOf) -> list[str]:
        """Values that are asked of one attribute are one look into a set."""
        values: dict[str, list[str]] = {}
        others = []
        for one in members(wanted):
            match one:
                case Compared(how=How.EXACT, wanted=((name, value),)):
                    values.setdefault(name, []).append(value)
                case _:
                    others.append(self.expression(one))
        sets = [f"a.get({name!r}) in {{{', '.join(map(repr, found))}}}" for name, found in values.items()]
        return sets + others


def _comparison(how: How, name: str, value: str) -> str:
    match how:
        case How.EXACT:
            return f"a.get({name!r}) == {value!r}"
        case How.PREFIX:
            return f"a.get({name!r}, '').startswith({value!r})"
        case _:
            return f"a.get({name!r}, '').endswith({value!r})"


def _both(parts: list[str]) -> str:
    return " and ".join(parts) or "True"

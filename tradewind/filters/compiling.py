"""A filter → a Python function of an event's attributes: one expression for the whole tree.

    all: [exact: {type: a}, not: {prefix: {source: /b}}, cesql: "n > 3"]
    lambda a: a.get('type') == 'a' and not a.get('source', '').startswith('/b') and c0(a)

Only literals and names made here enter the source, so nobody's text is ever run as code.  An absent attribute is simply
false, as no wanted value is empty (admission).

Where some part looks at data, the function takes the event's Activation, too, and those parts are asked last: an event
that attributes decide about is never read for them.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from tradewind.filters import cel
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.expressions import expression
from tradewind.filters.tree import AllOf, AnyOf, Cel, Cesql, Compared, Filter, How, members, sees_data

Matches = Callable[[Mapping[str, str]], bool]
"""Whether an event with these attributes passes.  Never raises."""

MatchesWithData = Callable[[Mapping[str, str], cel.Activation], bool]
"""Whether an event with these attributes and this activation passes.  Never raises."""

KEPT = 10_000
"""Filters whose function is kept: an index made anew compiles what has changed, and nothing else."""


@lru_cache(KEPT)
def compiled(wanted: Filter) -> Matches:
    """The function of a filter that was admitted, and looks at attributes alone."""
    function: Matches = _made(wanted, "a")
    return function


@lru_cache(KEPT)
def compiled_with_data(wanted: Filter) -> MatchesWithData:
    """The function of any filter that was admitted."""
    function: MatchesWithData = _made(wanted, "a, d")
    return function


def _made(wanted: Filter, parameters: str) -> Any:  # the type is that of the parameters
    writer = _Writer()
    source = f"lambda {parameters}: {writer.expression(wanted)}"
    return eval(source, {"__builtins__": {}, **writer.names})


class _Writer:
    """Writes the source; collects what it calls."""

    def __init__(self) -> None:
        self.names: dict[str, Callable[..., bool]] = {}

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
                return _both([self.expression(one) for one in sorted(members(wanted), key=sees_data)])
            case AnyOf():
                return f"({' or '.join(self._alternatives(wanted)) or 'False'})"
            case Cesql():
                name = f"c{len(self.names)}"
                self.names[name] = expression(wanted.text).matches
                return f"{name}(a)"
            case Cel():
                name = f"d{len(self.names)}"
                self.names[name] = cel.expression(wanted.text).matches
                return f"{name}(d)"
            case _:
                return f"(not ({self.expression(wanted.filter)}))"

    def _alternatives(self, wanted: AnyOf) -> list[str]:
        """Values that are asked of one attribute are one look into a set."""
        values: dict[str, list[str]] = {}
        others = []
        for one in sorted(members(wanted), key=sees_data):
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

"""What a CEL expression may not do here, since the library bounds iterations and depth, but not what is built.

    ['x'].map(s, s+s+s+s+s+s+s+s).map(…)…     twelve of these make 68 GB of 350 characters
    [[1]].exists(y, [[y,y]].exists(z, …))     what is shared is small, and comparing it is not

So inside of a macro (`all`, `exists`, `exists_one`, `filter`, `map`) nothing is built: no `+`, no `map`; and beside one
there is no list or map of anything but constants.  What an expression holds then is bounded by its text and the data.
A pattern is a literal, which is compiled once.

    data.a.all(x, data.b == data.b)           10,000 iterations, and each compares all there is: 13 s of 256 KiB

What a macro says of its own variable is said of each part of the data once.  What it says there of `data`, `event` or
the variable of a macro around it, is said of the whole again and again: it may do so a few times, of a small event; and
`map` may not, since each of its elements would be the whole.

    data.a.filter(x, x == 1).size() > 3       9,000 elements, 18 kB, and 1.3 GB: each step copies the list so far

`map` and `filter` see lists of a few hundred elements, those of the text included.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tradewind.errors import Fault
from tradewind.filters.cel.patterns import states

MAX_TEXT_BYTES = 8192
"""Bytes of an expression in UTF-8."""

MAX_PLUS = 8
"""`+` in an expression: each may build as much as both its sides are."""

MAX_REPEATED = 4
"""How often a macro may mention what is not its own."""

MAX_REPEATED_BYTES = 16 * 1024
"""Bytes of an event, attributes and data, of which it may.  The worst of it takes about a second."""

MAX_MATCHED_BYTES = MAX_REPEATED_BYTES // 8
"""The same where it also asks for a pattern there (22 s of 16 KiB); less, where that has more states than a few."""

MAX_WORK = 16 * 1024 * 1024
"""Bytes of an event times what its expression does with them: 1 for each mention of `data`, `event` or a variable,
which may be compared as a whole.  The worst of it takes about a second."""

FREE = 16
"""Work that no event is too large for."""

SEARCH = 16
"""Mentions that one `matches` or `contains` is worth, at least."""

STATES = 2
"""States of a pattern that are worth a mention: one costs up to 20 ns for each byte."""

MAX_LISTED = 500
"""Elements of any list of an event of which `map` and `filter` may be asked.  What they build costs 16 bytes for each
pair of its elements, and the library ends after 10,000 iterations in all: 80 MB and 0.2 s at worst."""

_TOKEN = re.compile(
    r"""(?P<nothing>[ \t\r\n\f]+|//[^\n]*)
    |(?P<text>[bB]?(?:[rR](?:\"{3}.*?\"{3}|'{3}.*?'{3}|\"[^\"\r\n]*\"|'[^'\r\n]*')
      |\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|\"(?:[^\"\\\r\n]|\\.)*\"|'(?:[^'\\\r\n]|\\.)*'))
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*|`[^`]*`)
    |(?P<number>0x[0-9A-Fa-f]+[uU]?|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:[eE][+-]?[0-9]+)?[uU]?)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_OPEN = frozenset("([{")
_CLOSE = frozenset(")]}")
_CONSTANT = frozenset({"true", "false", "null", ",", ":", "-", "[", "]", "{", "}"})
_MACROS = "all, exists, exists_one, filter or map"
_LISTING = frozenset({"filter", "map"})
"""Macros that build a list, element by element."""
_SEARCHES = frozenset({"matches", "contains"})


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@dataclass(slots=True)
class _Bracket:
    """One that is open."""

    macro: str = ""
    """The variable of a macro."""
    maps: bool = False
    """The macro is `map`."""
    constant: bool = False
    """A list or map beside or inside of a macro."""
    matches: bool = False
    """The arguments of `matches`."""
    commas: int = 0
    """Of a constant list or map, up to here."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known of a text before it is compiled."""

    faults: tuple[Fault, ...]
    """Every fault of what may not be.  What is no CEL at all, the library says."""
    max_bytes: int | None = None
    """Bytes of an event of which it may be asked; None where it is no matter."""
    max_listed: int | None = None
    """Elements of the longest list or map of an event of which it may be asked; None where it is no matter."""


def bounds(text: str, variables: Sequence[str] = ("event", "data")) -> Bounds:
    """Look at a text; `variables` are those that an event, or whatever it is asked of, is known by."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        return Bounds((Fault("line 1", f"an expression of {size:,} bytes", f"at most {MAX_TEXT_BYTES:,}"),))
    tokens = [_Token(str(one.lastgroup), one[0], one.start()) for one in _TOKEN.finditer(text)]
    walk = _Walk([one for one in tokens if one.kind != "nothing"], variables)
    faults = tuple(Fault(_place(text, token.at), found, expected) for token, found, expected in walk.faults())
    return Bounds(faults, walk.max_bytes, walk.max_listed)


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, character {at - text.rfind(chr(10), 0, at)}"


_Found = tuple[_Token, str, str]


class _Walk:
    """One walk along the tokens, which knows what is open."""

    def __init__(self, tokens: Sequence[_Token], given: Sequence[str]) -> None:
        self._tokens = tokens
        self._given = frozenset(given)
        self._open: list[_Bracket] = []
        macros = [at for at, one in enumerate(tokens) if one.text == "(" and self._opened(at).macro]
        self._macros = bool(macros)
        """Whether there is any macro."""
        sums = 1 + sum(one[:2] == ("sign", "+") for one in tokens)
        listing = any(self._text(at - 1) in _LISTING for at in macros)
        self.max_listed = MAX_LISTED // sums if listing else None
        """Elements of a list where `map` or `filter` may meet it; `+` may join as many lists as there are."""
        variables = {*given, *(self._text(at + 1) for at in macros)}
        mentions = sum(self._text(at) in variables and not self._is_field(at) for at in range(len(tokens)))
        self.work = mentions + SEARCH * sum(one.kind == "word" and one.text in _SEARCHES for one in tokens)
        """What it does with an event, in mentions."""
        self._matched = 0
        """States of the patterns inside of a macro."""
        self.repeated = 0
        """Mentions, inside of a macro, of what is not its own."""

    def faults(self) -> Iterator[_Found]:
        """Each with its token, what was found and what was expected."""
        added = 0
        for at, token in enumerate(self._tokens):
            if self._open and self._open[-1].constant and not _is_constant(token):
                yield token, token.text[:40], f"constants alone in a list or map beside {_MACROS}"
            if self._lists(token):
                yield token, f"a list of more than {self.max_listed} elements", "fewer, beside map and filter"
            if token.kind == "sign" and token.text in _OPEN:
                bracket = self._opened(at)
                if bracket.macro and self._inside() and self._text(at - 1) == "map":
                    yield self._tokens[at - 1], f"map inside of {_MACROS}", "all, exists, exists_one or filter"
                self._open.append(bracket)
            elif token.kind == "sign" and token.text in _CLOSE:
                closed = self._open.pop() if self._open else _Bracket()
                literal = self._tokens[at - 1].kind == "text" and self._text(at - 2) in ("(", ",")
                if closed.matches and literal:
                    self._searched(states(self._text(at - 1)))
                elif closed.matches:
                    yield token, "no literal as the pattern of matches", "a string, which is compiled once"
            elif token.kind == "word" and self._is_repeated(at):
                self.repeated += 1
                if any(one.maps for one in self._open):
                    yield token, f"{token.text} inside of map", "its own variable alone"
                if self.repeated == MAX_REPEATED + 1:
                    expected = f"at most {MAX_REPEATED}: each is looked at for every element"
                    yield (
                        token,
                        f"more than {MAX_REPEATED} times something else than its own inside of a macro",
                        expected,
                    )
            elif token == ("sign", "+", token.at):
                added += 1
                if self._inside():
                    yield token, f"+ inside of {_MACROS}", "nothing that builds values; numbers are added by `a - -b`"
                elif added == MAX_PLUS + 1:
                    yield token, f"more than {MAX_PLUS} +", f"at most {MAX_PLUS}"

    @property
    def max_bytes(self) -> int | None:
        """Bytes of an event of which the expression may be asked, once its faults are known."""
        most = MAX_WORK // self.work if self.work > FREE else None
        if self.repeated:
            few = STATES * SEARCH
            each = MAX_MATCHED_BYTES * few // max(self._matched, few) if self._matched else MAX_REPEATED_BYTES
            return min(each, most or each)
        return most

    def _opened(self, at: int) -> _Bracket:
        before, sign = self._text(at - 1), self._tokens[at].text
        if sign == "(":
            called = at > 1 and self._tokens[at - 1].kind == "word" and self._text(at - 2) == "."
            named = at + 2 < len(self._tokens) and self._tokens[at + 1].kind == "word" and self._text(at + 2) == ","
            if called and named:
                return _Bracket(self._text(at + 1), maps=before == "map")
            return _Bracket(matches=before == "matches")
        index = at > 0 and self._ends_operand(at - 1)
        return _Bracket(constant=self._macros and not (sign == "[" and index))

    def _searched(self, states: int) -> None:
        self.work += max(states // STATES - SEARCH, 0)
        self._matched += states if self._inside() else 0

    def _lists(self, token: _Token) -> bool:
        """Whether a constant list has become too long for `map` and `filter` by this."""
        if self.max_listed is None or token[:2] != ("sign", ",") or not (self._open and self._open[-1].constant):
            return False
        self._open[-1].commas += 1
        return self._open[-1].commas == self.max_listed

    def _is_repeated(self, at: int) -> bool:
        """Whether a word is what was given, or another macro's variable, and stands inside of a macro."""
        variables = [one.macro for one in self._open if one.macro]
        own = variables[-1:]
        if not variables or self._text(at) not in self._given.union({*variables} - {*own}):
            return False  # a variable of the name `data` hides nothing: `.data` is all there is
        return not self._is_field(at)

    def _is_field(self, at: int) -> bool:
        return self._text(at - 1) == "." and at > 1 and self._ends_operand(at - 2)

    def _ends_operand(self, at: int) -> bool:
        if self._tokens[at].kind == "sign":
            return self._text(at) in _CLOSE
        return self._text(at) != "in"

    def _inside(self) -> bool:
        return any(one.macro for one in self._open)

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""


def _is_constant(token: _Token) -> bool:
    return token.kind in ("text", "number") or token.text in _CONSTANT

"""What a CEL expression may not do here, since the library bounds iterations and depth, but not what is built.

    ['x'].map(s, s+s+s+s+s+s+s+s).map(…)…     twelve of these make 68 GB of 350 characters
    [[1]].exists(y, [[y,y]].exists(z, …))     what is shared is small, and comparing it is not

So inside of a macro (`all`, `exists`, `exists_one`, `filter`, `map`) nothing is built: no `+`, no list or map of
anything but constants, no `map`.  What an expression holds then is bounded by its text and the data.  A pattern is a
literal, which is compiled once.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tradewind.errors import Fault

MAX_TEXT_BYTES = 8192
"""Bytes of an expression in UTF-8."""

MAX_PLUS = 8
"""`+` in an expression: each may build as much as both its sides are."""

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


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@dataclass(slots=True)
class _Bracket:
    """One that is open."""

    macro: bool = False
    constant: bool = False
    """A list or map inside of a macro."""
    matches: bool = False
    """The arguments of `matches`."""


def faults(text: str) -> Iterator[Fault]:
    """Every fault of what may not be.  What is no CEL at all, the library says."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        yield Fault("line 1", f"an expression of {size:,} bytes", f"at most {MAX_TEXT_BYTES:,}")
        return
    tokens = [_Token(str(one.lastgroup), one[0], one.start()) for one in _TOKEN.finditer(text)]
    for token, found, expected in _Walk([one for one in tokens if one.kind != "nothing"]).faults():
        line, start = text.count("\n", 0, token.at) + 1, text.rfind("\n", 0, token.at)
        yield Fault(f"line {line}, character {token.at - start}", found, expected)


_Found = tuple[_Token, str, str]


class _Walk:
    """One walk along the tokens, which knows what is open."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._open: list[_Bracket] = []

    def faults(self) -> Iterator[_Found]:
        """Each with its token, what was found and what was expected."""
        added = 0
        for at, token in enumerate(self._tokens):
            if self._open and self._open[-1].constant and not _is_constant(token):
                yield token, token.text[:40], f"constants alone in a list or map inside of {_MACROS}"
            if token.kind == "sign" and token.text in _OPEN:
                bracket = self._opened(at)
                if bracket.macro and self._inside() and self._text(at - 1) == "map":
                    yield self._tokens[at - 1], f"map inside of {_MACROS}", "all, exists, exists_one or filter"
                self._open.append(bracket)
            elif token.kind == "sign" and token.text in _CLOSE:
                closed = self._open.pop() if self._open else _Bracket()
                literal = self._tokens[at - 1].kind == "text" and self._text(at - 2) in ("(", ",")
                if closed.matches and not literal:
                    yield token, "no literal as the pattern of matches", "a string, which is compiled once"
            elif token == ("sign", "+", token.at):
                added += 1
                if self._inside():
                    yield token, f"+ inside of {_MACROS}", "nothing that builds values; numbers are added by `a - -b`"
                elif added == MAX_PLUS + 1:
                    yield token, f"more than {MAX_PLUS} +", f"at most {MAX_PLUS}"

    def _opened(self, at: int) -> _Bracket:
        before, sign = self._text(at - 1), self._tokens[at].text
        if sign == "(":
            called = at > 1 and self._tokens[at - 1].kind == "word" and self._text(at - 2) == "."
            named = at + 2 < len(self._tokens) and self._tokens[at + 1].kind == "word" and self._text(at + 2) == ","
            return _Bracket(macro=called and named, matches=before == "matches")
        index = at > 0 and (self._tokens[at - 1].kind in ("word", "text") or before in _CLOSE) and before != "in"
        return _Bracket(constant=self._inside() and not (sign == "[" and index))

    def _inside(self) -> bool:
        return any(one.macro for one in self._open)

    def _text(self, at: int) -> str:
        return self._tokens[at].text if at >= 0 else ""


def _is_constant(token: _Token) -> bool:
    return token.kind in ("text", "number") or token.text in _CONSTANT

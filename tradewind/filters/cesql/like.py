"""LIKE: `%` is any run of characters, `_` any one, `\\%` and `\\_` themselves; all else is literal (§3.4.3).

A pattern falls into pieces at its `%`.  The first piece must stand at the beginning and the last at the end, which is
looked up; each of the others is searched from where the one before ended, which suffices, since the leftmost place
leaves the most room.  So each character of a text is looked at by one search:

    a short piece without `_`       str.find: at most its length in steps for each character
    a long one without `_`          re, which searches a literal by Knuth-Morris-Pratt (find-next took 52 ms on 8 kB)
    a piece with `_`                shift-and: bit i is set where the last i + 1 characters fit the piece's first ones;
                                    or, a short one in a short text, re
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from tradewind.errors import InvalidExpression
from tradewind.filters.cesql.bounds import MAX_SEARCHED, MAX_UNDERSCORES

SHORT = 32
"""Characters up to which a piece is searched without more ado."""

FEW = 128
"""Characters of a text that a short piece with `_` is searched in by re, as what that costs more at worst is little."""

_ITEM = re.compile(r"%|_|\\[%_]|\\|[^%_\\]++")


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two `%`."""

    length: int
    runs: tuple[tuple[int, str], ...]
    """Literal runs and where in the piece they begin; all else is `_`."""

    @property
    def underscores(self) -> int:
        """How many `_` it has."""
        return self.length - sum(len(run) for _, run in self.runs)

    def fits(self, text: str, at: int) -> bool:
        """Whether it stands at this place of a text that is long enough."""
        return all(text.startswith(run, at + offset) for offset, run in self.runs)


Search = Callable[[str, int, int], int]
"""Where in text[start:end] a piece stands first; -1 where it does not."""

Matcher = Callable[[str], bool]
"""Whether a text is like the pattern."""


def pieces(pattern: str) -> list[Piece]:
    """The pieces of a pattern: one more than it has `%`."""
    found = []
    runs: list[tuple[int, list[str]]] = []
    length = 0
    after_run = False
    for item in _ITEM.findall(pattern):
        if item == "%":
            found.append(_piece(length, runs))
            runs, length, after_run = [], 0, False
        elif item == "_":
            length, after_run = length + 1, False
        else:
            literal = item[1:] if item in (r"\%", r"\_") else item
            if not after_run:
                runs.append((length, []))
            runs[-1][1].append(literal)
            length, after_run = length + len(literal), True
    return [*found, _piece(length, runs)]


def _piece(length: int, runs: list[tuple[int, list[str]]]) -> Piece:
    return Piece(length, tuple((offset, "".join(run)) for offset, run in runs))


def checked(pattern: str, position: int, before: int) -> int:
    """How many `_` an expression has to search, with the `before` of its patterns up to this one.

    Raises InvalidExpression, at this position, where that would take too long.
    """
    searched = [piece for piece in pieces(pattern)[1:-1] if piece.underscores]
    count = before + sum(piece.underscores for piece in searched)
    if count > MAX_UNDERSCORES:
        found, most = f"{count} `_` between the `%` of patterns", MAX_UNDERSCORES
        raise InvalidExpression(position, found, f"at most {most}", "Tradewind")
    longest = max((piece.length for piece in searched), default=0)
    if longest > MAX_SEARCHED:
        found, most = f"{longest} characters with `_` between two `%`", MAX_SEARCHED
        raise InvalidExpression(position, found, f"at most {most}", "Tradewind")
    return count


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Matcher:
    """What tells whether a text is like this pattern."""
    first, *others = pieces(pattern)
    if not others:
        return lambda text: len(text) == first.length and first.fits(text, 0)
    last = others.pop()
    between = [(search(piece), piece.length) for piece in others if piece.length]
    shortest = first.length + last.length + sum(length for _, length in between)

    def matches(text: str) -> bool:
        end = len(text) - last.length
        if len(text) < shortest or not first.fits(text, 0) or not last.fits(text, end):
            return False
        at = first.length
        for find, length in between:
            at = find(text, at, end)
            if at < 0:
                return False
            at += length
        return True

    return matches


def search(piece: Piece) -> Search:
    """How this piece is searched."""
    if not piece.underscores:
        literal = piece.runs[0][1]
        if len(literal) > SHORT:
            return _compiled(piece)
        return lambda text, start, end: text.find(literal, start, end)
    if piece.length > SHORT:
        return shift_and(piece)
    quick, sure = _compiled(piece), shift_and(piece)
    return lambda text, start, end: (quick if end - start <= FEW else sure)(text, start, end)


def _compiled(piece: Piece) -> Search:
    characters = ["."] * piece.length
    for offset, run in piece.runs:
        characters[offset : offset + len(run)] = map(re.escape, run)
    compiled = re.compile("".join(characters), re.DOTALL)

    def find(text: str, start: int, end: int) -> int:
        found = compiled.search(text, start, end)
        return -1 if found is None else found.start()

    return find


def shift_and(piece: Piece) -> Search:
    """Search of a piece with `_`, one step for each character (Baeza-Yates and Gonnet)."""
    anything = (1 << piece.length) - 1
    literal: dict[str, int] = {}
    for offset, run in piece.runs:
        anything &= ~(((1 << len(run)) - 1) << offset)
        for index, character in enumerate(run, offset):
            literal[character] = literal.get(character, 0) | 1 << index
    masks = {character: bits | anything for character, bits in literal.items()}
    whole = 1 << (piece.length - 1)

    def find(text: str, start: int, end: int) -> int:
        state = 0
        for at in range(start, end):
            state = (state << 1 | 1) & masks.get(text[at], anything)
            if state & whole:
                return at + 1 - piece.length
        return -1

    return find

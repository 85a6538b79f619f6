"""Text → tokens, each with its place (§2.2, and the tokens of the published CESQLLexer.g4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tradewind.errors import InvalidExpression
from tradewind.filters.cesql.tree import Span

KEYWORDS = frozenset({"AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"})
"""Words that are no attributes, in any case."""

_TOKEN = re.compile(
    r"""(?P<word>[A-Za-z0-9_]++)
      | (?P<string>'[^'\\]*+(?:\\.[^'\\]*+)*' | "[^"\\]*+(?:\\.[^"\\]*+)*")
      | (?P<sign><=|>=|<>|!=|[=<>+\-*/%(),])
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n]*+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Token(StrEnum):
    """What a piece of text is."""

    KEYWORD = "keyword"
    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A token with its text and place."""

    token: Token
    text: str
    """What it says: a keyword in upper case, a string without quotes and escapes, all else as it was written."""
    span: Span

    def __str__(self) -> str:
        if self.token is Token.END:
            return "the end"
        return "a string" if self.token is Token.STRING else f"`{self.text}`"


def lexemes(text: str) -> Iterator[Lexeme]:
    """The tokens of this text, an END behind the last; raises InvalidExpression where there is none."""
    at = _SPACE.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unknown(text, at)
        yield _lexeme(found)
        at = _SPACE.match(text, found.end()).end()  # type: ignore[union-attr]  # see above
    yield Lexeme(Token.END, "", (at, at))


def _lexeme(found: re.Match[str]) -> Lexeme:
    text, span = found[0], found.span()
    if found["sign"]:
        return Lexeme(Token.SIGN, text, span)
    if found["string"]:
        # Only the delimiter is unescaped (§2.2); `\%` and `\_` are for LIKE, and every other backslash is one.
        quote = text[0]
        plain = _ESCAPE.sub(lambda escape: quote if escape[1] == quote else escape[0], text[1:-1])
        return Lexeme(Token.STRING, plain, span)
    if text.upper() in KEYWORDS:
        return Lexeme(Token.KEYWORD, text.upper(), span)
    return Lexeme(Token.NUMBER if text.isdigit() else Token.NAME, text, span)


def _unknown(text: str, at: int) -> InvalidExpression:
    character = text[at]
    if character in "'\"":
        return InvalidExpression(at, "a string without end", f"a closing {character}", "CESQL 2.2")
    shown = f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
    return InvalidExpression(at, shown, "an operand, an operator or a parenthesis", "CESQL 2.1")

"""CEL expressions that give an attribute of an event: of the request that the event came in.

    body (its JSON, read once, at first use), headers, query ──expression──► text, None (no attribute), or why not

An expression is a value, never a template: what a body holds stays within the one attribute that it is asked for.
What holds for filters holds here: the text is bounded before it is compiled, and the request before it is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from tradewind.errors import Fault, InvalidCel
from tradewind.filters.cel import document, library
from tradewind.filters.cel.bounds import Bounds, bounds

KEPT = 10_000
"""Expressions that are kept: some for each source."""

MAX_CHARACTERS = 4096
"""Characters of an attribute.  Attributes are read, filtered and routed by; what is longer is data."""

TYPES = frozenset({"STRING", "INT", "UINT", "BOOL", "TIMESTAMP", "NULL", "DYN"})
"""What an expression may be for all that is known before it is asked."""

EXPECTED = "a string, an integer, a boolean, a timestamp, or null for no attribute; `string(…)` makes a string"

_MISSING = 'No value with name "body"'


class NoAttribute(Exception):
    """An expression gives no attribute of this request; says why not."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An expression that may run."""

    text: str
    program: library.Program
    known: Bounds
    """Of which requests it may be asked."""


@lru_cache(KEPT)
def attribute(text: str) -> Attribute:
    """The expression of a text.  Raises InvalidCel with every fault; the extra must be there (`installed`)."""
    known = bounds(text, library.REQUEST)
    if known.faults:
        raise InvalidCel(known.faults)
    program = library.checked(text, library.REQUEST)
    if (name := program.return_type().name()) not in TYPES:
        raise InvalidCel([Fault("line 1", f"a value of type {name}", EXPECTED)])
    return Attribute(text, program, known)


class Asked:
    """One request, as every expression of its source sees it."""

    __slots__ = ("_body", "_handle", "_headers", "_longest", "_media_type", "_most", "_query", "_why", "document")

    def __init__(
        self, body: bytes, media_type: str | None, headers: Mapping[str, str], query: Mapping[str, str], *, most: int
    ) -> None:
        """`most` are the bytes of a body that may be looked at."""
        self._body = body
        self._media_type = media_type
        self._headers = headers
        self._query = query
        self._most = most
        self._handle: object = None
        self._longest = 0
        self._why = ""
        self.document: object = None
        """The body's JSON, once an expression was asked."""

    def text(self, attribute: Attribute) -> str | None:
        """The attribute in its canonical form; None where there shall be none.  Raises NoAttribute."""
        values = self._values()
        if (most := attribute.known.max_bytes) is not None and (size := self._size()) > most:
            raise NoAttribute(f"the request is {size:,} bytes, more than the {most:,} that this expression may look at")
        if (most := attribute.known.max_listed) is not None and self._longest > most:
            raise NoAttribute(f"it holds a list or map of {self._longest:,} elements, more than the {most} for map")
        kind, value = library.evaluated(attribute.program, values)
        if kind == library.ERROR:
            raise NoAttribute(self._why if _MISSING in str(value) else str(value))
        return _written(kind, value)

    def _size(self) -> int:
        pairs = (*self._headers.items(), *self._query.items())
        return len(self._body) + sum(len(name) + len(text) for name, text in pairs)

    def _values(self) -> object:
        if self._handle is None:
            values: dict[str, object] = {"headers": self._headers, "query": self._query}
            try:
                self.document = document.read(self._body or None, self._media_type, max_bytes=self._most)
                values["body"] = self.document
            except document.NoDocument as why:
                self._why = f"there is no `body`: {why}" if self._body else "there is no `body`: the request has none"
            self._longest = max(len(self._headers), len(self._query), document.longest(self.document))
            self._handle = library.activation(values, library.REQUEST)
        return self._handle


def _written(kind: str, value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case str() if len(value) > MAX_CHARACTERS:
            raise NoAttribute(f"a text of {len(value):,} characters, expected at most {MAX_CHARACTERS:,}")
        case str():
            return value
        case _:
            raise NoAttribute(f"a value of type {kind}, expected {EXPECTED}")

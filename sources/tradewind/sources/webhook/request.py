"""A request as the conversion sees it: octets as they came, and what of them may be read as text."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from urllib.parse import parse_qsl

from tradewind.events.http import RawHeaders
from tradewind.filters.cel.document import without_nul

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 200
"""Parameters of a URL, and fields of a form, that are looked at."""

MAX_IDENTITY = 256
"""Characters of an identity that a header field gives."""


class Request:
    """One request, whole; names of header fields are in lower case.  Never changed."""

    def __init__(self, headers: RawHeaders, query: bytes, body: bytes) -> None:
        self.headers = headers
        self.query = query
        self.body = body
        self._by_name: dict[str, list[bytes]] = {}
        for name, value in headers:
            self._by_name.setdefault(name.decode("latin-1"), []).append(value.strip(b" \t"))
        content_type = self.one("content-type")
        self.media_type = None if not content_type else content_type.decode("latin-1")
        """The Content-Type as it came; None where there is none, or several."""

    def values(self, name: str) -> Sequence[bytes]:
        """Of every header field of this name."""
        return self._by_name.get(name, ())

    def one(self, name: str) -> bytes | None:
        """The value of a header field that is there once; None where it is not, or not once."""
        found = self._by_name.get(name, ())
        return found[0] if len(found) == 1 else None

    def identity(self, name: str) -> str:
        """What a header field says, if it can be an identity: printable ASCII, and not too long.  Else nothing."""
        text = (self.one(name) or b"").decode("latin-1")
        return text if text.isascii() and text.isprintable() and len(text) <= MAX_IDENTITY else ""

    @property
    def is_form(self) -> bool:
        """Whether the body is a form."""
        return (self.media_type or "").partition(";")[0].strip().lower() == FORM

    @cached_property
    def parameters(self) -> Mapping[bytes, bytes]:
        """Of the URL: the first of each name."""
        return pairs(self.query)

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """Header fields as expressions see them: of several of one name, their list (RFC 9110 5.3)."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            key, text = name.decode("latin-1"), value.strip(b" \t").decode("latin-1")
            found[key] = f"{found[key]}, {text}" if key in found else text
        return found

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Parameters of the URL as expressions see them: what is no UTF-8, and NULs, are replaced."""
        return {_readable(name): _readable(text) for name, text in self.parameters.items()}


def _readable(octets: bytes) -> str:
    return without_nul(octets.decode("utf-8", "replace"))


def pairs(encoded: bytes) -> Mapping[bytes, bytes]:
    """Names and values of a query or a form, the first of each name; nothing where there are too many."""
    octets = "latin-1"  # one character for each, both ways: of bytes parse_qsl takes ASCII alone
    try:
        found = parse_qsl(encoded.decode(octets), keep_blank_values=True, max_num_fields=MAX_FIELDS, encoding=octets)
    except ValueError:
        return {}
    return {name.encode(octets): value.encode(octets) for name, value in reversed(found)}

"""Which requests the front serves itself: plain POSTs, whose head leaves no question open (DESIGN §4).

Everything else, be it unusual or wrong, is for the server behind the front (`h11_protocol`), which knows all of HTTP
and refuses in words.  So `plain` may only ever be too strict: what it takes must mean the same there.
"""

import re
from typing import NamedTuple

from tradewind.events.http import RawHeaders
from tradewind.events.remembered import remembered

END = b"\r\n\r\n"
"""What ends a head."""

_START = b"POST /"
_BLANK = re.compile(rb"\n\r?\n")
"""What h11 takes for the end of a head (RFC 9112 2.2)."""
_LENGTHS = re.compile(rb"\n(?i:content-length):([^\n]*(?:\n[ \t][^\n]*)*)")
"""Values of Content-Length, over the lines in which they are continued (RFC 9112 5.2)."""
_EMPTY = re.compile(rb"(?:\r\n)*")
_LINE = re.compile(rb"POST (/[!$&-;=@-Z_a-z~]*) HTTP/1\.1")
"""Request lines whose target is a path without escapes and query."""
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_PRINTABLE = bytes({*b"\r\n", *range(0x20, 0x7F)})
_LEGAL = bytes({*_PRINTABLE, *b"\t", *range(0x80, 0x100)})
_USUAL = bytes({*_PRINTABLE} - {*b'"%'})
_ASKING = frozenset(
    {b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"trailer", b"te", b"http2-settings"}
)
"""Fields that ask for more than a body of known length and an answer."""

_ORDINARY, _HOST, _LENGTH_OF, _CONNECTION, _SPECIAL = range(5)


class Head(NamedTuple):
    """The head of a plain request."""

    target: bytes
    headers: RawHeaders
    length: int
    """Bytes of the body that follows."""
    usual: bool
    """Values are printable ASCII without quotes and percent signs (`events.usual`)."""


def plain(head: bytes) -> Head | None:
    """A request's head, without the empty line that ends it; None where the front does not serve it."""
    lines = head.split(b"\r\n")
    line = _LINE.fullmatch(lines[0])
    breaks = len(lines) - 1
    if line is None or head.count(b"\n") != breaks or head.count(b"\r") != breaks:
        return None
    usual = not head.translate(None, _USUAL)
    if not usual and head.translate(None, _LEGAL):
        return None
    headers = []
    hosts, length = 0, -1
    for field in lines[1:]:
        name, colon, value = field.partition(b":")
        value = value.strip(b" \t")
        kind = _kind(name)
        if kind or not colon:
            if kind == _LENGTH_OF and length < 0 and _LENGTH.fullmatch(value):
                length = int(value)
            elif kind == _HOST and colon:
                hosts += 1
            elif kind != _CONNECTION or value.lower() != b"keep-alive":
                return None
        headers.append((name, value))
    return Head(line[1], headers, length, usual) if hosts == 1 and length >= 0 else None


def hopeless(part: bytes | bytearray, looked: int) -> bool:
    """Whether a head that has not come to END becomes no plain one, whatever follows; `looked` bytes were seen before.

    It goes to the fallback at once, which knows whether there is an answer to it already.
    """
    start = part[: len(_START)]
    return not _START.startswith(start) or end(part, looked) >= 0


def empty(part: bytes | bytearray) -> int:
    """Octets of the empty lines before a request, which mean nothing: some clients send one behind a body.

    RFC 9112 2.2: at least one is to be ignored.  We ignore them all, and need not count.
    """
    found = _EMPTY.match(part)
    return found.end() if found else 0


def end(part: bytes | bytearray, looked: int = 0) -> int:
    """Where a head ends as h11 reads it, without its empty line; -1 where it is not whole.

    `looked` bytes were seen before, when it was not.
    """
    blank = _BLANK.search(part, max(0, looked - len(END) + 1))
    return -1 if blank is None else blank.start()


def lengths(head: bytes) -> list[bytes]:
    """Every length that a whole head announces, in whatever form.

    The members of a list are told apart, since that is what several fields mean (RFC 9110 5.3).
    """
    return [length.strip() for value in _LENGTHS.findall(head) for length in value.split(b",")]


def fields(head: bytes) -> RawHeaders:
    """The fields of a whole head whose lines are in order, continued ones in one (RFC 9112 5.2)."""
    found: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\n")[1:]:
        name, _, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and found:
            name, value = found[-1][0], found.pop()[1] + b" " + line.strip()
        found.append((name, value.strip()))
    return found


@remembered
def _kind(name: bytes) -> int:
    """What a field's name, in its case, asks of the front."""
    lower = name.lower()
    if lower in _ASKING or not _TOKEN.fullmatch(name):
        return _SPECIAL
    return {b"host": _HOST, b"content-length": _LENGTH_OF, b"connection": _CONNECTION}.get(lower, _ORDINARY)

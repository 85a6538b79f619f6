"""How deep JSON text may nest.  Parsers recurse, so that else the stack would say, each time in another way.

short ──► is shallow: a level takes two bytes
few brackets open in it ──► is shallow
taken apart, and its parts likewise ──► short, or with few brackets: nearly always
what is left of it ──► its levels are counted
"""

from collections.abc import Iterable
from itertools import accumulate

import msgspec

from tradewind.errors import Fault

MOST = 512
"""Levels of one event in the JSON format; the event itself is the first.  Python 3.11 lets the parsers here come to
about 900; what people write has ten."""

SHORT = 2 * (MOST - 1)
"""Bytes of a member that cannot be too deep."""

_SPLITS = 3
"""How often text is taken apart: data, a list in it, the members of its elements."""

_STRUCTURE = b'[]{}"'
_REST = bytes({*range(256)} - {*_STRUCTURE})
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")


class _Name:
    """A member's name that equals no other, so that no member is lost."""


_OBJECT = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=lambda _type, _text: _Name())
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def is_within(text: bytes, most: int = MOST) -> bool:
    """Whether a JSON value, which a parser has taken, nests no deeper than `most` levels."""
    left = [text]
    for split in range(min(_SPLITS, most)):
        left = [part for part in left if _may_exceed(part, most - split)]
        if not left:
            return True
        try:
            left = [bytes(inner) for part in left for inner in _inner(part) if len(inner) > 2 * (most - split - 1)]
        except (msgspec.DecodeError, RecursionError):  # half of a surrogate pair; or far too deep
            break
    return depth(text) <= most


def depth(text: bytes) -> int:
    """The levels of JSON text, one by one; of text that is none, at least those that a parser would come to."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    bare = text.translate(None, _REST).replace(b'""', b"")  # of strings, only those that hold brackets are left
    brackets = b"".join(bare.split(b'"')[::2])
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b")), default=0)


def fault(deep: int, most: int = MOST) -> Fault:
    """The fault of text that nests deeper than it may."""
    return Fault("body", f"JSON nested {deep} levels deep", f"at most {most} levels", "RFC 8259 9")


def _may_exceed(text: bytes, most: int) -> bool:
    if len(text) <= 2 * most or text[:1] == b'"':
        return False
    opening = len(text) - len(text.replace(b"[", b"", most + 1))
    return opening > most or opening + len(text) - len(text.replace(b"{", b"", most + 1)) > most


def _inner(text: bytes) -> Iterable[msgspec.Raw]:
    return _OBJECT.decode(text).values() if text[:1] == b"{" else _ARRAY.decode(text)

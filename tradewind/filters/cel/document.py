"""An event's data as CEL sees it: JSON, bounded before the library gets it.

The library crashes on what nests some thousand levels, refuses integers beyond 64 bits and half surrogate pairs each
in its own way, and cuts a text at a NUL, so here is decided what is passed to it: at most so many bytes and levels,
UTF-8 to the letter, integers beyond int64 as doubles, which is what JavaScript's readers make of them, and U+FFFD where
a text holds a NUL.
"""

import re

import msgspec

from tradewind.events import nesting
from tradewind.events.json_format import is_json

MAX_DEPTH = 128
"""Levels of data."""

LEAST, MOST = -(2**63), 2**63 - 1
"""CEL's int."""

_LONG = re.compile(rb"[0-9]{19}")
"""Where an integer may lie beyond."""

_NUL = b"\\u0000"
"""How JSON may hold a NUL, at which the library would cut a text: `a\\0b` would be equal to `a`."""


class NoDocument(Exception):
    """There is no data that an expression may look at; says why not."""


def read(data: bytes | None, content_type: str | None, *, max_bytes: int) -> object:
    """What `data` is.  Raises NoDocument."""
    if data is None:
        raise NoDocument("the event has no data")
    if content_type is not None and not is_json(content_type):
        raise NoDocument(f"its data are {content_type[:80]}, not JSON")
    if len(data) > max_bytes:
        raise NoDocument(f"its data are {len(data):,} bytes, more than {max_bytes:,}")
    try:
        data.decode()
        found: object = msgspec.json.decode(data)
        if not nesting.is_within(data, MAX_DEPTH):
            raise NoDocument(f"its data nest more than {MAX_DEPTH} levels deep")
        return _narrowed(found) if _LONG.search(data) or _NUL in data else found
    except UnicodeDecodeError as error:
        raise NoDocument(f"its data are no UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise NoDocument(f"its data nest more than {MAX_DEPTH} levels deep") from None
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        raise NoDocument(f"its data are no JSON: {error}") from None


def _narrowed(value: object) -> object:
    match value:
        case bool():
            return value
        case int():
            return value if LEAST <= value <= MOST else float(value)
        case str():
            return without_nul(value)
        case list():
            return [_narrowed(one) for one in value]
        case dict():
            return {without_nul(name): _narrowed(one) for name, one in value.items()}
        case _:
            return value


def without_nul(text: str) -> str:
    """A text as the library may be given it."""
    return text.replace("\0", "\ufffd")


def longest(value: object) -> int:
    """Elements of the longest list or map in it."""
    found, left = 0, [value]
    while left:
        match left.pop():
            case list() | dict() as held:
                found = max(found, len(held))
                left += held.values() if isinstance(held, dict) else held
            case _:
                pass
    return found

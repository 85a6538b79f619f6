"""Reads values out of JSON that anybody may have written: what is not there, or not as expected, is nothing."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from tradewind.events.attributes import is_time
from tradewind.filters.cel.attribute import MAX_CHARACTERS

_SPACED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) (?:UTC|([+-]\d\d):?(\d\d))", re.ASCII)
_LATEST = 253402300800
"""The first second of the year 10000."""


def at(document: object, path: str) -> object:
    """What lies at a path of names (`check_run.id`); None where nothing does."""
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def text(document: object, *paths: str) -> str:
    """The first text or number at these paths, as text; nothing where there is none.  What is longer than an attribute
    may be is none."""
    for path in paths:
        match at(document, path):
            case bool():
                pass
            case int() as number:
                return str(number)
            case str() as found if found and len(found) <= MAX_CHARACTERS:
                return found
            case _:
                pass
    return ""


def time(document: object, *paths: str) -> str:
    """The first time at these paths, as RFC 3339; nothing where there is none."""
    found: Iterable[object] = (at(document, path) for path in paths)
    return next((stamp for stamp in map(timestamp, found) if stamp), "")


def timestamp(value: object) -> str:
    """RFC 3339 of a time as senders write it: RFC 3339, GitLab's `2026-01-31 12:00:00 UTC`, seconds since the epoch."""
    match value:
        case bool():
            return ""
        case int() if 0 <= value < _LATEST:
            return stamp(value)
        case str() if is_time(value):
            return value
        case str() if (spaced := _SPACED.fullmatch(value)) is not None:
            zone = f"{spaced[3]}:{spaced[4]}" if spaced[3] else "Z"
            written = f"{spaced[1]}T{spaced[2]}{zone}"
            return written if is_time(written) else ""
        case _:
            return ""


def stamp(seconds: float) -> str:
    """RFC 3339 of seconds since the epoch."""
    whole, fraction = divmod(seconds, 1)
    if not fraction:
        return f"{_second(int(whole))}Z"
    more, micros = divmod(round(fraction * 1_000_000), 1_000_000)
    return f"{_second(int(whole) + more)}.{micros // 1000:03d}Z"


@lru_cache(4)
def _second(seconds: int) -> str:
    """Many requests come in one."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")

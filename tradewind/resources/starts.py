"""Where a new Trigger starts: the annotation `tradewind.dev/start`.

    latest                  at the end of the topic, as without the annotation
    earliest                at the first record that is left
    an RFC 3339 timestamp   at the first record that is no older; one that is still to come means the end

A Trigger that is there already stays where it is, whatever the annotation says now.
"""

import re
from datetime import UTC, datetime, timedelta

from tradewind.events.attributes import is_time

LATEST = "latest"
EARLIEST = "earliest"

_SECOND = re.compile(r"^(.{16}):60")
"""A leap second, which `datetime` does not know."""


def fault(text: str) -> str | None:
    """What was expected where this is no start."""
    if text in (LATEST, EARLIEST) or (is_time(text) and _moment(text) is not None):
        return None
    return f"{LATEST}, {EARLIEST} or an RFC 3339 timestamp such as 2026-01-31T12:00:00Z"


def canonical(text: str) -> str:
    """A start, or nothing, as cursors keep it: two spellings of one moment are the same."""
    moment = None if text in ("", LATEST, EARLIEST) else _moment(text)
    return text if moment is None else moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds(start: str) -> float | None:
    """The moment of a start, in seconds since the epoch; None where it names none."""
    moment = None if start in ("", LATEST, EARLIEST) else _moment(start)
    return None if moment is None else moment.timestamp()


def _moment(text: str) -> datetime | None:
    """None before the year 1 and after 9999, as UTC counts."""
    whole, leap = _SECOND.subn(r"\1:59", text.upper())
    try:
        moment = datetime.fromisoformat(whole).astimezone(UTC)
        return moment + timedelta(seconds=1) if leap else moment
    except (ValueError, OverflowError):
        return None

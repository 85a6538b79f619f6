"""ISO 8601 durations, as `spec.delivery` writes them: `PT0.2S`, `PT1M30S`, `P1D`, `P2W` → seconds.

Years and months are refused: how many seconds they are depends on when they begin.
"""

import re

MAX_SECONDS = 366 * 86400.0
"""Longest duration that is taken: above it a retry or a timeout is surely a slip, and sums stay exact."""

_NUMBER = r"[0-9]{1,12}(?:[.,][0-9]{1,9})?"
_DURATION = re.compile(
    rf"P(?:(?P<weeks>{_NUMBER})W)?(?:(?P<days>{_NUMBER})D)?"
    rf"(?:T(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?(?:(?P<seconds>{_NUMBER})S)?)?"
)
_SECONDS = {"weeks": 7 * 86400.0, "days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def seconds(text: str) -> float:
    """The duration in seconds.  Raises ValueError whose text says what was expected."""
    match = _DURATION.fullmatch(text)
    given = {unit: part for unit, part in match.groupdict().items() if part is not None} if match else {}
    if not given or text.endswith("T") or _fraction_before_the_last(given):
        raise ValueError("an ISO 8601 duration such as PT0.2S, PT1M30S or P1D (years and months are not taken)")
    total = sum(float(part.replace(",", ".")) * _SECONDS[unit] for unit, part in given.items())
    if total > MAX_SECONDS:
        raise ValueError("an ISO 8601 duration of at most 366 days")
    return total


def _fraction_before_the_last(given: dict[str, str]) -> bool:
    """ISO 8601 allows a fraction in the smallest unit only."""
    return any(not part.isdigit() for part in list(given.values())[:-1])


def fault(text: str) -> str | None:
    """What was expected where this is not a duration of zero or more."""
    try:
        seconds(text)
    except ValueError as error:
        return str(error)
    return None


def positive_fault(text: str) -> str | None:
    """What was expected where this is not a duration above zero."""
    return fault(text) or (None if seconds(text) > 0 else "a duration longer than zero")

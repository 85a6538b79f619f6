"""What a Trigger's annotations say of its width: `tradewind.dev/maxInFlight` and `tradewind.dev/rate`.

Both read what was checked as a manifest, and whatever else stands in a resource that was not: then None.
"""

import re

MOST_IN_FLIGHT = 1000
LEAST_RATE = 1e-6
"""Deliveries a second: one in eleven days, longer than anything is kept."""
MOST_RATE = 1e6

MAX_IN_FLIGHT_EXPECTED = f"a whole number from 1 to {MOST_IN_FLIGHT}"
RATE_EXPECTED = "deliveries a second, a decimal number from 0.000001 to 1000000 such as 50, 0.5 or 50/s"

_RATE = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,9})?)(?:/s)?")


def max_in_flight(text: str) -> int | None:
    """Deliveries that may run at once; None where the text does not say."""
    right = text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= MOST_IN_FLIGHT
    return int(text) if right else None


def rate(text: str) -> float | None:
    """Deliveries a second at most; None where the text does not say."""
    match = _RATE.fullmatch(text)
    return float(match[1]) if match and LEAST_RATE <= float(match[1]) <= MOST_RATE else None

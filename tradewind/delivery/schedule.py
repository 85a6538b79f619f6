"""When the next attempt is due: back-off, jitter, cap and Retry-After (knative-eventing §2.2).

The wait before retry n (n = 1 is the first) is d·n (linear) or d·2ⁿ (exponential).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_EXPONENT = 62
"""2⁶² seconds is longer than anything waits; it keeps the arithmetic finite."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The `delivery` in force for a Trigger: its own merged over its Broker's, then the defaults."""

    retry: int = 10
    """Retries after the first attempt."""
    exponential: bool = True
    delay: float = 0.2
    """Seconds; d in d·n and d·2ⁿ."""
    timeout: float = 30.0
    """Seconds for one attempt, connection and answer together."""
    retry_after_max: float | None = None
    """Seconds that Retry-After may ask for at most; None sets no bound of its own, 0 ignores the header."""
    structured: bool = False
    """Deliver in structured JSON mode (`format: json`) instead of binary."""


def backoff(delivery: Delivery, retry: int, *, cap: float, jitter: float, chance: float) -> float:
    """Seconds to wait before the given retry (counted from 1).

    `cap` bounds the wait in seconds; `jitter` is the share of it (0–1) that is spread, and `chance` in [0, 1) says
    where in that spread this wait falls: 0 takes it whole, towards 1 shortens it by `jitter`.
    """
    factor = math.ldexp(1.0, min(retry, MAX_EXPONENT)) if delivery.exponential else float(retry)
    wait = min(delivery.delay * factor, cap)
    return wait * (1.0 - jitter * chance)


def remaining(delivery: Delivery, attempts: int, *, cap: float) -> float:
    """Seconds that the waits of an event's schedule still add up to after so many failed attempts, none shortened."""
    retry, left = attempts + 1, 0.0
    if delivery.exponential:
        while retry <= min(delivery.retry, MAX_EXPONENT):
            left += backoff(delivery, retry, cap=cap, jitter=0.0, chance=0.0)
            retry += 1
    elif delivery.delay:
        growing = int(min(delivery.retry, cap / delivery.delay))
        if retry <= growing:
            left = delivery.delay * (retry + growing) * (growing - retry + 1) / 2
            retry = growing + 1
    return left + max(0, delivery.retry - retry + 1) * backoff(delivery, retry, cap=cap, jitter=0.0, chance=0.0)


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that an answer's Retry-After asks for (RFC 9110 §10.2.3: seconds or a date), if it is usable."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 10:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now)

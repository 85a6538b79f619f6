"""What an answer means: accepted, to be retried, or refused (knative-eventing §2.2, data-plane contract).

answer                                        verdict
2xx                                           ACCEPTED
no answer (connection, TLS, timeout)          RETRY
404, 408, 409, 429, 5xx and beyond            RETRY
everything else (1xx, 3xx, other 4xx)         REFUSED
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


@dataclass(slots=True)
class Answer:
    """A subscriber answered.  Header names are lower case; of several headers of one name the last counts.

    Never changed; Final and not frozen, as an Event is.
    """

    status: Final[int]
    headers: Final[Mapping[str, str]] = field(default_factory=dict)
    body: Final[bytes] = b""
    cut: Final[bool] = False
    """The body was longer than what is read of an answer; `body` is its beginning, and never a whole reply."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came back: `reason` says why (`connection refused`, `timed out after 30 s`)."""

    reason: str


Outcome = Answer | NoAnswer


@dataclass(frozen=True, slots=True)
class Dropped:
    """No outcome: an old connection closed before the first byte of an answer, as its server may at any time.

    The request is worth one more try, on a connection made for it, and that costs no attempt.
    """

    reason: str


class Verdict(StrEnum):
    """What to do after an attempt."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    REFUSED = "refused"


RETRYABLE = frozenset({404, 408, 409, 429})
CROWDED = frozenset({429, 503})


def verdict(outcome: Outcome) -> Verdict:
    """The verdict on one attempt."""
    if isinstance(outcome, NoAnswer):
        return Verdict.RETRY
    if 200 <= outcome.status < 300:
        return Verdict.ACCEPTED
    return Verdict.RETRY if outcome.status >= 500 or outcome.status in RETRYABLE else Verdict.REFUSED


def crowded(outcome: Outcome) -> bool:
    """Whether it says that fewer deliveries at once might have been taken: 429, 503, or no answer."""
    return isinstance(outcome, NoAnswer) or outcome.status in CROWDED

"""Which offsets come near the start of the log, so that Kafka may soon delete them (DESIGN §5).

    start                                                                   end of the log
      │ near: older than `retention.ms` less the margin,                     │
      │       or with nearly `retention.bytes` behind it                     │
      ▼                                                                      ▼
      ├──────────────────────────────┬───────────────────────────────────────┤
      owed here: kept as dead letters     owed here: has time
      a Trigger's `next` here: an alarm

Kafka deletes whole segments, oldest first: one goes when all its records are older than `retention.ms`, or when what
lies behind it still holds `retention.bytes`.  So a record may go, at the earliest, when it and all before it are older,
or when that many bytes lie behind itself.  How the log is cut into segments need not be known.
"""

from bisect import bisect_right
from collections.abc import Iterable

from tradewind.ports import Retention

MOST = 0.25
"""Share of a topic's retention that the margin is at most; and all of the margin by bytes, whose count is not exact."""


def moment(retention: Retention, *, margin: float, now: float) -> float | None:
    """The time (as `now`, in seconds) of records that come near their end; None where age ends none."""
    if retention.seconds is None:
        return None
    return now - retention.seconds + min(margin, MOST * retention.seconds)


class Weights:
    """Bytes that the shared reader has taken from a partition, with marks of how many it had at which offset."""

    def __init__(self, offset: int) -> None:
        self._first = offset
        self._offsets = [offset]
        self._bytes = [0]
        self._at = offset
        self._total = 0

    def add(self, offset: int, size: int) -> None:
        """The record at this offset was taken."""
        self._at = offset + 1
        self._total += size

    def mark(self, *, enough: int) -> None:
        """Remember where the reader stands now; marks with more than `enough` bytes behind them are let go."""
        if self._at > self._offsets[-1]:
            self._offsets.append(self._at)
            self._bytes.append(self._total)
        passed = bisect_right(self._bytes, self._total - enough) - 1
        if passed > 0:
            del self._offsets[:passed], self._bytes[:passed]

    def behind(self, offset: int, *, end: int) -> float:
        """Bytes from the record at `offset` to the end of the log, rather too many than too few.

        Counted from the last mark before it; what the reader has not seen, at the average of what it has.
        """
        before = max(0, bisect_right(self._offsets, offset) - 1)
        unseen = max(0, self._offsets[before] - offset) + max(0, end - self._at)
        average = self._total / (self._at - self._first) if self._at > self._first else 0.0
        return self._total - self._bytes[before] + unseen * average


def near(offsets: Iterable[int], retention: Retention, *, young: int | None, weights: Weights, end: int) -> list[int]:
    """Those of these offsets that Kafka may soon delete, ascending.

    `young` is the first offset with a record of the time that `moment` gave, None where it gave none; `end` that of
    the log.
    """
    return [offset for offset in sorted(offsets) if _old(offset, young) or _deep(offset, retention, weights, end)]


def _old(offset: int, young: int | None) -> bool:
    return young is not None and offset < young


def _deep(offset: int, retention: Retention, weights: Weights, end: int) -> bool:
    return retention.bytes is not None and weights.behind(offset, end=end) >= (1 - MOST) * retention.bytes

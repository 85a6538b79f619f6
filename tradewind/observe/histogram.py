"""How long things took, counted in buckets: cheap enough for every event, and read when somebody asks."""

from bisect import bisect_left

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds; a count's upper bounds, each included, and one more count for all above.  From a delivery on this machine
(1 ms) to Knative's default timeout."""


class Histogram:
    """Counts of so many seconds or less; not summed up, as they are counted more often than read."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0
        """All seconds together."""

    def add(self, seconds: float) -> None:
        """Something took so long; less than nothing, where a clock was set back, adds nothing to the sum."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        if seconds > 0.0:
            self.sum += seconds

    def summed(self) -> list[tuple[float, int]]:
        """Each bound with the count of all that took no longer; the last is infinite."""
        total, found = 0, []
        for bound, count in zip((*BOUNDS, float("inf")), self.counts, strict=True):
            total += count
            found.append((bound, total))
        return found

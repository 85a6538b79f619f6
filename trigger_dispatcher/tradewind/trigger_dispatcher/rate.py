"""A token bucket: at most so many deliveries a second, and a burst of one second's worth, at least one."""

SHORTEST = 0.001
"""Seconds of the shortest wait: below it timers cost more than they bring, and what was not sent is saved up anyway."""


class Bucket:
    """Full at first.  A `rate` of None bounds nothing.  Moments are seconds of any clock, one that steps back, too."""

    def __init__(self, rate: float | None, *, now: float) -> None:
        self.rate = rate
        self._tokens = self._most()
        self._at = now

    def change(self, rate: float | None, *, now: float) -> None:
        """Another rate from now on; what was saved up stays, as far as its burst goes."""
        self._fill(now)
        fresh = self.rate is None
        self.rate = rate
        self._tokens = self._most() if fresh else min(self._tokens, self._most())

    def wait(self, now: float) -> float:
        """Seconds until a delivery may start; 0 where one may now."""
        if self.rate is None:
            return 0.0
        self._fill(now)
        missing = 1.0 - self._tokens
        return max(missing / self.rate, SHORTEST) if missing > 0 else 0.0

    def take(self) -> None:
        """A delivery starts.  Only after `wait` said 0."""
        self._tokens -= 1.0

    def _most(self) -> float:
        return max(1.0, self.rate or 0.0)

    def _fill(self, now: float) -> None:
        passed = max(0.0, now - self._at)
        self._at = now
        self._tokens = min(self._most(), self._tokens + passed * (self.rate or 0.0))

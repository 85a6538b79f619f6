"""How many deliveries may run at once: additive increase, multiplicative decrease.

    too much for the subscriber (429, 503, no answer)   the width halves, once per round trip
    an event was taken                                  after a width of them, one more

Once per round trip: what had been sent when the width was halved says nothing of the new width.
"""

import math

LEAST = 1
"""One delivery at a time: what a Trigger needs to learn that its subscriber is well again."""


class Width:
    """The width towards one address; `now` is what holds at the moment, `most` what it may come to."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = most
        self._taken = 0
        self._halved = -math.inf

    def resize(self, most: int) -> None:
        """The maximum changed; a width that had not shrunk goes with it."""
        self.now = most if self.now == self.most else min(self.now, most)
        self.most = most

    def taken(self) -> None:
        """An event was taken."""
        if self.now < self.most:
            self._taken += 1
            if self._taken >= self.now:
                self._taken = 0
                self.now += 1

    def crowded(self, *, sent: float, now: float) -> None:
        """An attempt that was sent at the moment `sent` was too much."""
        if sent > self._halved:
            self.now = max(LEAST, self.now // 2)
            self._halved = now
            self._taken = 0

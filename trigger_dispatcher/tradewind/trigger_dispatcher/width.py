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
        self._grown: float = math.inf
        """What it has come to since it was halved, whatever the maximum was meanwhile; infinite once it is back."""
        self._before = most
        """The maximum when it was halved last."""

    def resize(self, most: int) -> None:
        """The maximum changed, for good or while others have a part of it; a width that had not shrunk goes with it."""
        self.most = most
        self.now = int(min(self._grown, most))

    def taken(self) -> None:
        """An event was taken."""
        if self.now < self.most:
            self._taken += 1
            if self._taken >= self.now:
                self._taken = 0
                self.now += 1
                self._grown = self.now if self.now < self._before else math.inf

    def crowded(self, *, sent: float, now: float) -> None:
        """An attempt that was sent at the moment `sent` was too much."""
        if sent > self._halved:
            self.now = self._grown = max(LEAST, self.now // 2)
            self._before = self.most
            self._halved = now
            self._taken = 0

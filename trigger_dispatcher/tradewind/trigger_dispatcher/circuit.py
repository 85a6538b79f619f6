"""Whether an address is taken for down: then single events ask whether it is well again, and the others are held.

    closed ──`failures` different events failed, none taken in between──► open, for a pause
       ▲                                                                 │        ▲
       │                                                  the pause over │        │ failed: the pause doubles,
       │                                                                 ▼        │ up to `longest`
       └────────────────── an event was taken ◄──────────────────────── probe ────┘

Different events: one that fails again and again is no sign of more than that it fails.  A refusal (400, 413, …) counts
as taken here: somebody is there and decides.
"""

from collections.abc import Hashable

FIRST_PAUSE = 1.0
"""Seconds before the first probe: a restart of a subscriber is often over by then."""


class Circuit:
    """One address's.  Moments are wall-clock seconds."""

    def __init__(self, *, failures: int, longest: float) -> None:
        self.failures = failures
        self.longest = longest
        self.open = False
        self.since = 0.0
        """When it opened, while it is open."""
        self.why = ""
        """What the last of those that opened it came to, for whoever looks."""
        self.again = 0.0
        """When the next probe may be sent, while the circuit is open."""
        self.probe: Hashable = None
        """The event that is out as a probe."""
        self._pause = FIRST_PAUSE
        self._failed: set[Hashable] = set()

    def may_probe(self, now: float) -> bool:
        """Whether one event may be sent to see whether the address is well again."""
        return self.open and self.probe is None and now >= self.again

    def taken(self) -> bool:
        """The address took an event; whether the circuit closes by that."""
        if not self.open:
            if self._failed:
                self._failed.clear()
            return False
        self.open, self.probe = False, None
        return True

    def failed(self, event: Hashable, *, now: float, asked: float = 0.0) -> bool:
        """An event failed; whether the circuit opens by that.  `asked` are seconds of the answer's Retry-After."""
        if not self.open:
            self._failed.add(event)
            if len(self._failed) < self.failures:
                return False
            self.open, self.since = True, now
            self._pause = min(FIRST_PAUSE, self.longest)
            self.again = now + max(self._pause, asked)
            self._failed.clear()
            return True
        if self.probe == event:
            self.probe = None
            self._pause = min(self._pause * 2, self.longest)
            self.again = now + max(self._pause, asked)
        return False

    def left(self, event: Hashable) -> None:
        """An attempt ended without saying anything of the address."""
        if self.probe == event:
            self.probe = None

"""Whether this process has been there all the time, or was stopped (SIGSTOP) or asleep (a laptop) for a while.

    here ──two looks too far apart──► away ──joined the group anew──► here

A process that was away may hold partitions that are another's by now, and Kafka's client does not know yet: after 12 s
of SIGSTOP a consumer handed out 20 records of a partition that had been given away.  So whoever takes records or sends
looks first, and does neither until the group has been joined anew (DESIGN §5).
"""

AWAY = 4.0
"""Seconds between two looks above which the process was away.  With the second since the last heartbeat before it this
is still below the shortest session that Kafka allows, 6 s."""

TICK = 1.0
"""Seconds between looks, at the most, of a process that is there."""


class Presence:
    """What the looks said.  `now` is in seconds of a clock that goes on while process and machine do not."""

    def __init__(self) -> None:
        self.away = False
        self._last: float | None = None

    def look(self, now: float) -> bool:
        """Note this moment; whether the process has been there since it last joined."""
        if self._last is not None and now - self._last > AWAY:
            self.away = True
        self._last = now
        return not self.away

    def back(self, now: float) -> None:
        """The group has been joined anew, and nothing is held that was held before."""
        self.away = False
        self._last = now

"""What must be reconciled, and when: one at a time for each object, however often it changed meanwhile.

    add(key, at) ──► due ──take(now)──► running ──► done: forgotten, or again later
                      ▲                    │    └─► failed: again after a wait that doubles
                      └────────────────────┘ added while it ran: due again once it ends

Time is an argument, seconds of any clock that only goes forward.
"""

import heapq
import itertools
from typing import NamedTuple

from tradewind.api_server import GroupVersionResource
from tradewind.resources.model import NamespacedName

FIRST_WAIT = 0.25
"""Seconds before the first retry; doubled for each failure after it.  A conflict is over by then."""
LONGEST_WAIT = 60.0
"""Seconds; what a recovery may be noticed late where nothing else tells of it."""
SPREAD = 0.5
"""Share of a wait that is spread at random: hundreds of objects that failed together do not return in one instant."""


class Key(NamedTuple):
    """An object that is to be reconciled."""

    resource: GroupVersionResource
    name: NamespacedName


def wait(failures: int, chance: float) -> float:
    """Seconds before the next try after so many failures in a row; `chance` is from 0 to 1."""
    longest = FIRST_WAIT * 2.0 ** min(failures - 1, 30)
    return min(longest, LONGEST_WAIT) * (1 - SPREAD * chance)


class WorkQueue:
    """Keys by when they are due; of those that are, the one that is due longest comes first."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._order: list[tuple[float, int, Key]] = []  # of `_due`; what has changed since is passed over
        self._entered = itertools.count()
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}

    def __len__(self) -> int:
        """How many wait, due or not."""
        return len(self._due)

    def add(self, key: Key, at: float) -> None:
        """Reconcile this at `at`, or before, if that was asked for already."""
        due = self._due.get(key)
        if due is None or at < due:
            self._due[key] = at
            self._enter(key)

    def take(self, now: float) -> Key | None:
        """What is to be reconciled now, and is running from now on; None where nothing is due."""
        at = self.wakes()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._order)[2]
        del self._due[key]
        self._running.add(key)
        return key

    def wakes(self) -> float | None:
        """When the next is due; None where nothing will be unless something is added, or ends."""
        while self._order:
            at, _, key = self._order[0]
            if key not in self._running and self._due.get(key) == at:
                return at
            heapq.heappop(self._order)
        return None

    def done(self, key: Key, *, again: float | None = None) -> None:
        """It was reconciled; it is looked at again at `again`, if nothing asks for it before."""
        self._failures.pop(key, None)
        self._ended(key)
        if again is not None:
            self.add(key, again)

    def failed(self, key: Key, now: float, chance: float) -> None:
        """It could not be reconciled: again after a while, or at once where it was added meanwhile."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self._ended(key)
        self.add(key, now + wait(failures, chance))

    def _ended(self, key: Key) -> None:
        self._running.discard(key)
        if key in self._due:
            self._enter(key)

    def _enter(self, key: Key) -> None:
        heapq.heappush(self._order, (self._due[key], next(self._entered), key))

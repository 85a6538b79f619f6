"""When a Reflector asks again, and what of its troubles is worth a line.

    list ─► watch ─► ended by the server: watch again at once      410: list at once, unless that brought nothing
             │
             └─ failed: wait, twice as long each time, up to `most` (`slow` where asking sooner cannot help: what is
                missing must be granted or installed), and spread, so that many do not return in one instant.  What is
                missing after an outage is waited for from the beginning: an API server that has just started denies
                everything for a second, and serves no custom resource

Nothing counts as well again before a watch brought something or lasted a while: one that always ends at once is a
failure, too.
"""

from dataclasses import dataclass

from tradewind.adapters.kube.answers import Missing
from tradewind.errors import ApiDenied, ApiFailed

AT_ONCE = 1.0
"""Seconds that a watch lasts at least unless something is wrong; as client-go has it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a Reflector is."""

    watch: float = 40.0
    """Seconds after which the server is asked to end a watch."""
    slack: float = 10.0
    """Seconds that the end may be late before the connection is taken for frozen: with `watch` and its spread, 55."""
    first: float = 1.0
    """Seconds before the second try."""
    most: float = 10.0
    """Seconds between tries in an outage, at most: 40 tries in 5 minutes, and back within ten seconds of its end."""
    slow: float = 30.0
    """Seconds between tries, at most, where a right or a CRD is missing: somebody has to do something first."""
    spread: float = 0.25
    """Share by which a wait is longer or shorter at random; a watch is up to half of it longer."""

    def watching(self, chance: float) -> int:
        """Whole seconds for one watch, with `chance` from [0, 1)."""
        return max(1, round(self.watch * (1 + self.spread / 2 * chance)))


class Tries:
    """What became of the last tries of one Reflector."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failures = 0
        self._missing = 0
        """Of these those at the end at which a right or a CRD was missing."""
        self._said: type[ApiFailed] | None = None
        self._vain = False  # a version expired, and nothing came since

    def well(self) -> bool:
        """A watch brought something, or lasted `AT_ONCE`.  Whether that is worth a line: trouble had one before."""
        told, self._said = self._said is not None, None
        self._failures, self._missing, self._vain = 0, 0, False
        return told

    def failed(self, error: ApiFailed, chance: float) -> tuple[float, bool]:
        """A try failed: seconds to wait, with `chance` from [0, 1), and whether it is worth a line.

        Each kind of trouble is, once until all is well, and if the try before was in vain, too: whatever lies in
        between may break a watch now and then.
        """
        if isinstance(error, (ApiDenied, Missing)):
            wait = self._spread(self._pace.slow, self._missing, chance)
            self._missing += 1
            self._failures += 1
        else:
            self._missing = 0
            wait = self._wait(self._pace.most, chance)
        news = self._failures > 1 and type(error) is not self._said
        if news:
            self._said = type(error)
        return wait, news

    def expired(self, chance: float) -> float:
        """The version is gone: seconds to wait before the list.  None, unless the last one brought nothing either."""
        vain, self._vain = self._vain, True
        return self._wait(self._pace.most, chance) if vain else 0.0

    def ended(self, *, well: bool, chance: float) -> float:
        """The server ended a watch, which was `well` before or not: seconds to wait before the next."""
        return 0.0 if well else self._wait(self._pace.most, chance)

    def _wait(self, most: float, chance: float) -> float:
        wait = self._spread(most, self._failures, chance)
        self._failures += 1
        return wait

    def _spread(self, most: float, before: int, chance: float) -> float:
        wait = min(most, self._pace.first * 2.0 ** min(before, 30))
        return wait * (1 + self._pace.spread * (2 * chance - 1))

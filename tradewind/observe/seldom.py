"""Whether something that many say at once is to be said again.  Pure."""


class Seldom:
    """Each thing at most once in so many seconds, whoever says it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._said: dict[str, float] = {}

    def due(self, what: str, now: float) -> bool:
        """Whether to say it at this moment; it counts as said then.  `now`: seconds of a clock that is never set."""
        self._said = {one: at for one, at in self._said.items() if now - at < self._seconds}
        if what in self._said:
            return False
        self._said[what] = now
        return True

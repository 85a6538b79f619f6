"""When the next request to a Kafka broker leaves: soon for a lone record, and with company where many come.

    nothing is on its way     at the loop's next turn
    requests are              GATHER after the last of them; with MOST_FLYING of them, when one is answered
    the last is answered      with what came meanwhile: at once if that is ENOUGH, else with as many again as were told

Whoever is told that his record is stored often has the next one ready in a moment.  To send ahead of him is to send
half as much twice as often, and a request costs Kafka, and us, what ten records do.  A lone one is not waited for, so
that nothing waits where little comes.
"""

GATHER = 0.001
"""Seconds that records wait for requests on their way, or for company.  A Kafka that is far away gets a new request
each so often.  uvloop's clock has no finer ones."""

MOST_FLYING = 5
"""Requests on their way to a broker.  librdkafka's own number."""

ENOUGH = 16
"""Records that need no more company: Kafka had better begin with them while others come."""


class Pace:
    """That of one broker."""

    __slots__ = ("_came", "_company", "flying")

    def __init__(self) -> None:
        self.flying: list[float] = []
        """When each of the requests was sent that are not answered."""
        self._came = 0
        """Records that came since the last request."""
        self._company = 0
        """Records with which a request leaves where none is on its way."""

    def came(self) -> bool:
        """One more record; whether that ends the wait for company."""
        self._came += 1
        return self._came == self._company

    def sent(self, now: float) -> None:
        """A request has left, with all that came."""
        self.flying.append(now)
        self._came = self._company = 0

    def answered(self, count: int) -> None:
        """The first request is answered: so many records have their end."""
        del self.flying[0]
        if self._came and not self.flying:
            self._company = min(ENOUGH, self._came + count - 1)

    def wait(self, now: float) -> float | None:
        """Seconds until the next request is due, 0 for at once; None: when one is answered."""
        if not self.flying:
            return 0.0 if self._came >= self._company else GATHER
        return max(0.0, self.flying[-1] + GATHER - now) if len(self.flying) < MOST_FLYING else None

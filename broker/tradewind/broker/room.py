"""The bytes of requests that this process holds: of those that are still coming, and of those that wait for Kafka.

What is still coming gets at most half of the bound, so that whoever sends slowly, or never ends, keeps nobody out who
sends what he has.
"""

from tradewind.errors import Fault, Rejected

RETRY_AFTER = {"Retry-After": "1"}
"""Seconds, for whatever passes by itself; a leader election takes about that long."""


_RULE = "RFC 9110 15.5.14"


class Room:
    """`bound` is in bytes; `largest` are those of the largest request, which there is always room to receive."""

    def __init__(self, bound: int, largest: int) -> None:
        self._bound = bound
        self._most_coming = max(bound // 2, largest)
        self._coming = 0
        self._waiting = 0

    @property
    def held(self) -> int:
        """All of them."""
        return self._coming + self._waiting

    def come(self, size: int) -> None:
        """So many bytes have come of a request that is not whole.  Raises Rejected where there is no room for them."""
        if self._coming + size > self._most_coming or self.held + size > self._bound:
            raise _full(f"{self._coming} bytes of requests are still coming, and no more may")
        self._coming += size

    def forget(self, size: int) -> None:
        """These are no longer of a request that is still coming: it is whole, or refused."""
        self._coming -= size

    def wait(self, size: int) -> None:
        """Records of so many bytes wait for Kafka.  Raises Rejected where there is no room for them, or never is."""
        if size > self._bound:
            fault = Fault("request", f"{size} bytes as records", f"at most {self._bound} bytes (--queue-bytes)", _RULE)
            raise Rejected(413, "The request is larger than what may wait for Kafka.", faults=[fault])
        if self.held + size > self._bound:
            raise _full(f"{self._waiting} bytes are waiting for Kafka already")
        self._waiting += size

    def answered(self, size: int) -> None:
        """It waits no longer."""
        self._waiting -= size


def _full(why: str) -> Rejected:
    return Rejected(503, f"{why} (--queue-bytes).", headers=RETRY_AFTER)

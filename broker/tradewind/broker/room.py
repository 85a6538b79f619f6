"""The bytes of requests that this process holds: of those that are still coming, and of those that wait for Kafka.

What is still coming gets at most half of the bound, and where there is no room for more, who has been coming longest
gives way: so whoever sends slowly, or never ends, keeps nobody out who sends what he has.  What waits for Kafka is
whole, and gives way to nothing.
"""

from typing import Protocol

from tradewind.errors import Fault, Rejected

RETRY_AFTER = {"Retry-After": "1"}
"""Seconds, for whatever passes by itself; a leader election takes about that long."""


_RULE = "RFC 9110 15.5.14"


class Comer(Protocol):
    """Whoever holds what has come of a request that is not whole."""

    def give_way(self, rejected: Rejected) -> None:
        """Others need the room: forget what is held, which is counted no more, and refuse the request."""


class Room:
    """`bound` is in bytes; `largest` are those of the largest request, which there is always room to receive."""

    def __init__(self, bound: int, largest: int) -> None:
        self.bound = bound
        self._most_coming = max(bound // 2, largest)
        self._comers: dict[Comer, int] = {}
        """What each holds; who has been coming longest is first."""
        self._coming = 0
        """The sum of these."""
        self._waiting = 0

    @property
    def held(self) -> int:
        """All of them."""
        return self._coming + self._waiting

    def hold(self, comer: Comer, size: int) -> None:
        """So many bytes in all have come of a request that is not whole.

        Raises Rejected where there is no room for them even when all others give way; then none are held.
        """
        more = size - self._comers.get(comer, 0)
        if more > 0 and (self._coming + more > self._most_coming or self.held + more > self.bound):
            if size > min(self._most_coming, self.bound - self._waiting):
                self.forget(comer)
                raise self._full(size)
            self._make_way(max(self._coming + more - self._most_coming, self.held + more - self.bound), comer)
        self._coming += more
        if size:
            self._comers[comer] = size
        else:
            self._comers.pop(comer, None)

    def forget(self, comer: Comer) -> None:
        """What it held is no longer of a request that is still coming: that is whole, or refused."""
        self._coming -= self._comers.pop(comer, 0)

    def wait(self, size: int) -> None:
        """Records of so many bytes wait for Kafka.  Raises Rejected where there is no room for them, or never is."""
        if size > self.bound:
            fault = Fault("request", f"{size} bytes as records", f"at most {self.bound} bytes (--queue-bytes)", _RULE)
            raise Rejected(413, "The request is larger than what may wait for Kafka.", faults=[fault])
        if (lacking := self.held + size - self.bound) > 0:
            if self._waiting + size > self.bound:
                raise self._full(0)
            self._make_way(lacking)
        self._waiting += size

    def answered(self, size: int) -> None:
        """It waits no longer."""
        self._waiting -= size

    def _make_way(self, lacking: int, newcomer: Comer | None = None) -> None:
        """Free so many bytes.  Others than the newcomer hold at least as many."""
        why = f"{self._waiting} bytes wait for Kafka and {self._coming} bytes of requests are still coming"
        rejected = _unavailable(f"{why}, and this one has been coming longest")
        givers = []
        for comer, size in self._comers.items():
            if lacking <= 0:
                break
            if comer is not newcomer:
                givers.append(comer)
                lacking -= size
        for giver in givers:
            self.forget(giver)
        for giver in givers:
            giver.give_way(rejected)

    def _full(self, coming: int) -> Rejected:
        """The refusal of a request of which so many bytes are still coming."""
        if coming > self._most_coming:
            return _unavailable(f"{coming} bytes of this request are still coming, and at most {self._most_coming} may")
        return _unavailable(f"{self._waiting} bytes are waiting for Kafka already")


def _unavailable(why: str) -> Rejected:
    return Rejected(503, f"{why} (--queue-bytes).", headers=RETRY_AFTER)

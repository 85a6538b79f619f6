"""Which records of a partition are settled, and what may be committed: never past one that is not.

received   7 8 9 . 11 12        settled: 7 8 . . 11 .
committed      ▲ 9                                       the offset that a group goes on at

all settled                     ▲ where the reader stands, behind holes at the end (compaction, transactions)
"""

from collections import deque


class Ledger:
    """Of one partition, as long as it is ours without a break."""

    def __init__(self, start: int, committed: int | None = -1) -> None:
        self.committed = start if committed == -1 else committed
        """What the group knows; None where that is of no use."""
        self.read = start
        """Where the reader stands."""
        self._line: deque[int] = deque()
        """Offsets that were received and lie at or behind the first that is not settled."""
        self._settled: set[int] = set()
        self.out = 0
        """How many are on their way."""

    @property
    def owed(self) -> int:
        """How many of them are not settled."""
        return len(self._line) - len(self._settled)

    @property
    def due(self) -> int:
        """The offset that may be committed now."""
        return self._line[0] if self._line else self.read

    def receive(self, offset: int) -> None:
        """A record came, after all before."""
        self._line.append(offset)
        self.read = offset + 1

    def passed(self, read: int) -> None:
        """The reader stands here."""
        self.read = max(self.read, read)

    def settle(self, offset: int) -> None:
        """A record that was on its way is settled."""
        self.out -= 1
        line, settled = self._line, self._settled
        if not line or offset < line[0]:
            return
        if offset != line[0]:
            settled.add(offset)
            return
        line.popleft()  # as it is nearly always
        while settled and line[0] in settled:
            settled.discard(line.popleft())

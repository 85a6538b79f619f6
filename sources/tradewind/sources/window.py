"""What of a source is on its way, how much more it may give, and up to where all of it is settled.

    opened      1  2  3  4  5  6          settled: 1 2 . 4 . .
    position          ▲ that of 2: 3 is not settled, so what 4 says does not count yet

Bounds are for one source, so that one that floods takes nothing from its neighbours.  A source may always have one
emission on its way, however large.
"""

from collections import deque

BEHIND = 10
"""How many times as many emissions as may be on their way may be remembered behind one that takes its time.  They hold
nothing but their positions."""


class Ticket:
    """One emission: what it weighs, and the position behind it."""

    __slots__ = ("open", "position", "weight")

    def __init__(self, weight: int, position: object) -> None:
        self.weight = weight
        self.position = position
        self.open = True


class Window:
    """Of one life of a source; `position` is where it began."""

    def __init__(self, most: int, most_bytes: int, position: object = None) -> None:
        self.position = position
        """Everything before this is settled."""
        self.held = 0
        """Emissions that are on their way."""
        self.held_bytes = 0
        self._most = most
        self._most_bytes = most_bytes
        self._line: deque[Ticket] = deque()

    @property
    def full(self) -> bool:
        """Whether nothing more may be taken."""
        return self.held > 0 and (
            self.held >= self._most or self.held_bytes >= self._most_bytes or len(self._line) >= self._most * BEHIND
        )

    def open(self, weight: int, position: object) -> Ticket:
        """Another emission, of so many bytes; a position of None says nothing."""
        ticket = Ticket(weight, position)
        self.take(ticket)
        return ticket

    def take(self, ticket: Ticket) -> None:
        """The emission of this ticket is on its way."""
        self._line.append(ticket)
        self.held += 1
        self.held_bytes += ticket.weight

    def settle(self, ticket: Ticket) -> bool:
        """It is settled; whether the position has moved.  To say it again changes nothing."""
        if not ticket.open:
            return False
        ticket.open = False
        self.held -= 1
        self.held_bytes -= ticket.weight
        moved = False
        while self._line and not self._line[0].open:
            position = self._line.popleft().position
            if position is not None:
                self.position, moved = position, True
        return moved

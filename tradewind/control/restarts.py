"""What follows a child's death: started again after a wait, given up, or left alone (DESIGN §8).

first life ended before it was ready            → GiveUp   starting it again would show the same
third death within a minute                     → GiveUp   it does not get over it
a command that may end, and did with status 0   → Leave    it has done what it was for
any other death                                 → Again    after 0.2 s, 0.4 s
"""

import signal
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds in which deaths are counted together."""
LIMIT = 3
"""Deaths within the window that are too many."""
FIRST_WAIT = 0.2
"""Seconds before the first restart; doubled for each death in the window.  Short: events wait meanwhile."""
SETTLED = 1.0
"""Seconds after which a command that does not announce itself counts as having been ready."""


@dataclass(frozen=True, slots=True)
class Death:
    """The end of one life of a child."""

    at: float
    """Seconds, of any clock that only goes forward."""
    status: int
    """Exit status; negative: the signal."""
    lived: float
    """Seconds from its start to its end."""
    ready: bool | None
    """Whether it had announced that it was ready; None for a command that never announces."""

    @property
    def was_ready(self) -> bool:
        """Whether this life had come to something."""
        return self.lived >= SETTLED if self.ready is None else self.ready


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a child."""

    was_ready: bool = False
    """Whether any of its lives was."""
    deaths: tuple[float, ...] = ()
    """When it died, within the window before the last death."""


@dataclass(frozen=True, slots=True)
class Again:
    """Start it again in so many seconds."""

    wait: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not start it again: why, in words that follow its name."""

    why: str


@dataclass(frozen=True, slots=True)
class Leave:
    """It has ended as it may."""


Decision = Again | GiveUp | Leave


def after(record: Record, death: Death, *, may_end: bool = False) -> tuple[Record, Decision]:
    """What to do after this death, and what to remember of it."""
    recent = (*(at for at in record.deaths if at > death.at - WINDOW), death.at)
    new = Record(record.was_ready or death.was_ready, recent)
    if may_end and death.status == 0:
        return new, Leave()
    if not new.was_ready:
        return new, GiveUp(f"ended before it was ready ({ended_with(death.status)})")
    if len(recent) >= LIMIT:
        return new, GiveUp(f"died {len(recent)} times within a minute, last: {ended_with(death.status)}")
    return new, Again(FIRST_WAIT * 2 ** (len(recent) - 1))


def ended_with(status: int) -> str:
    """An exit status in words: `status 2`, or the signal's name."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"

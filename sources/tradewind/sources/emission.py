"""What every source gives and is given: the shape of all kinds.

    Given ──► run(source, given) ──► Emission, NoEvent, Mark … ──► stored ──► ack, position

A kind is an asynchronous generator.  It is asked for more while there is room for it (`window.py`), so several of its
events may be on their way at once.  For each it may say

    ack        told as soon as this one is settled: Kafka or the sink has it, or the dead letters do.  In any order
    position   where the source stands behind this one: stored once this one and all before it are settled, and handed
               back at the next start, wherever that is
    place      what identifies it within its source, for the key of a dead letter

It may fail at any time: it is made again after a wait that grows, from the last position, once what it gave before is
settled.  Closing it (`aclose`, or a cancelled `anext`) lets go of everything; what is not acknowledged by then never
is, and comes again.  A kind that needs order among some of its events waits for the `ack` of one before it yields the
next.

One that has many at hand may yield an iterator over them (`Several`) instead: each is taken from it when there is room,
as if it had been yielded, without a turn of the generator.  What is not taken when the source is closed was not given.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tradewind.config import Settings
from tradewind.events.model import Event
from tradewind.ports import Headers

if TYPE_CHECKING:
    from tradewind.sources.times import Time

Json = object
"""Whatever JSON a kind wants its positions to be; what comes back is as msgspec decodes it.  None is no position."""

Ack = Callable[[], None]
"""Told once, on the event loop, that an emission is settled.  It neither waits nor raises."""


def nobody_waits() -> None:
    """The acknowledgement of an event whose origin does not wait for one."""


class Emission(NamedTuple):
    """An event of a source."""

    event: Event
    ack: Ack = nobody_waits
    position: Json = None
    place: str = ""
    """Where there is none, the event's id."""


class NoEvent(NamedTuple):
    """Input that can never become an event: kept in the dead letters with its reason, then acknowledged."""

    reason: str
    """In words, for people: what was found, and what was expected."""
    content: bytes = b""
    """What came."""
    headers: Headers = ()
    """What came with it; names must not begin with `tradewind-`."""
    ack: Ack = nobody_waits
    position: Json = None
    place: str = ""
    """Where there is none, the position, else a digest of the content: the same input is kept once."""


class Mark(NamedTuple):
    """No event: only that all before `position` is dealt with, so that the next start does not look at it again."""

    position: Json


Several = Iterator[Emission | NoEvent | Mark]
"""What is at hand, made as it is taken; it does not wait."""

Emissions = AsyncGenerator[Emission | NoEvent | Mark | Several, None]


class Tell(Protocol):
    """Where a source says how it stands, for its status.  An emission says that it is connected, too."""

    def connected(self) -> None:
        """It gets what there is from where its events come from."""

    def lost(self, why: str) -> None:
        """It does not, and tries again by itself."""

    def alarm(self, why: str) -> None:
        """Something was lost before it came here, or may have been.  It goes on."""

    def failed(self, why: str) -> None:
        """Something of it failed, and is made again by itself."""

    def blocked(self, why: str) -> None:
        """It does nothing, until something that is declared is changed."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a source is given when it is made."""

    position: Json
    """The last one that was stored for it, whoever ran it; None where there is none."""
    tell: Tell
    time: "Time"
    settings: Settings
    slot: str
    """Which sources process this is: stable, and no other's."""
